use std::sync::Arc;

use futures_util::future::join_all;

use super::{Delivery, Envelope, Failure};
use crate::handler::{Facts, Pick};
use crate::node::Core;
use crate::telemetry;
use crate::wiring::Local;

/// Handles an envelope: each of its handlers until it succeeds or its attempts are used up.
pub(super) async fn handle(core: &Arc<Core>, envelope: Envelope) {
    let handlers = core
        .table
        .row(envelope.info)
        .map_or(&[][..], |row| &row.handlers);
    let wanted = |index: &usize| envelope.only.is_none_or(|only| only == *index);
    match handlers {
        [local] => deliver(core, &envelope, 0, local).await,
        handlers => {
            let envelope = &envelope;
            join_all(
                handlers
                    .iter()
                    .enumerate()
                    .filter(|(index, _)| wanted(index))
                    .map(|(index, local)| deliver(core, envelope, index, local)),
            )
            .await;
        }
    }
}

/// One handler's attempts.
async fn deliver(core: &Arc<Core>, envelope: &Envelope, index: usize, local: &Local) {
    let mut facts = facts(envelope);
    loop {
        let attempt = facts.attempt;
        let result = {
            // Never closed, so this waits and nothing else.
            let _permit = core.queue.in_flight.acquire().await.ok();
            once(core, envelope, Pick::Handler(index), local, facts).await
        };
        let Err(failure) = result else { return };
        let Some(delay) = local.retry.next(attempt.get(), failure.fault) else {
            telemetry::dead_lettered(core, local.info, envelope, attempt, &failure);
            core.queue
                .dead
                .push(envelope, index, local.info, attempt, failure);
            return;
        };
        telemetry::retrying(core, local.info, envelope, attempt, &failure, delay);
        tokio::time::sleep(delay).await;
        facts = self::facts(envelope).with_attempt(attempt.saturating_add(1));
    }
}

pub(super) fn facts(envelope: &Envelope) -> Facts {
    Facts::of(
        envelope.info.timeout(),
        Some(envelope.id),
        envelope.key.clone(),
        envelope.headers.clone(),
    )
}

pub(super) async fn once(
    core: &Arc<Core>,
    envelope: &Envelope,
    pick: Pick,
    local: &Local,
    facts: Facts,
) -> Result<(), Failure> {
    let Some(layers) = &core.layers else {
        let attempt = envelope.info.operations.attempt;
        return attempt(Arc::clone(core), pick, envelope, facts).await;
    };
    let delivery = Delivery::encoded(
        Arc::clone(core),
        pick,
        local.info,
        &facts,
        envelope.content_type,
        envelope.payload.clone(),
    );
    match layers.call(delivery).await {
        Ok(outcome) => outcome.settle(),
        Err(error) => Err(Failure::layer(&error)),
    }
}
