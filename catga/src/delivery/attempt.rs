use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::join_all;

use super::{BoxFuture, Delivery, Envelope, Failure};
use crate::handler::{Facts, Panic, Pick};
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
            // The handler's own limit first: what waits for it takes nothing from the others.
            let _permit = local.permit().await;
            // Never closed, so this waits and nothing else.
            let _place = core.queue.in_flight.acquire().await.ok();
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

/// One attempt of one handler, through the layers if there are any. A panic outside of the handler,
/// in a layer or in the text of an error, is a failed attempt, too.
pub(super) async fn once(
    core: &Arc<Core>,
    envelope: &Envelope,
    pick: Pick,
    local: &Local,
    facts: Facts,
) -> Result<(), Failure> {
    let running: BoxFuture<'_, _> = match &core.layers {
        None => (envelope.info.operations.attempt)(Arc::clone(core), pick, envelope, facts),
        Some(layers) => {
            let delivery = Delivery::encoded(
                Arc::clone(core),
                pick,
                local.info,
                &facts,
                envelope.content_type,
                envelope.payload.clone(),
            );
            Box::pin(async move {
                match layers.call(delivery).await {
                    Ok(outcome) => outcome.settle(),
                    Err(error) => Err(Failure::layer(&error)),
                }
            })
        }
    };
    // `None` once it has ended or panicked: its drop, which may panic as well, is in here, too.
    let mut running = Some(running);
    poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| {
            let Some(polled) = running.as_mut().map(|running| running.as_mut().poll(cx)) else {
                return Poll::Pending;
            };
            if polled.is_ready() {
                running = None;
            }
            polled
        }))
        .unwrap_or_else(|payload| {
            let panic = Panic::new(&*payload);
            if let Some(running) = running.take() {
                // A second panic, in the drop of what panicked, has nothing to add.
                drop(catch_unwind(AssertUnwindSafe(|| drop(running))));
            }
            Poll::Ready(Err(Failure::panicked(&panic.text)))
        })
    })
    .await
}
