use std::sync::Arc;

use super::{Claimant, Envelope, execute};
use crate::handler::{Facts, HandlerInfo, Pick};
use crate::node::Core;
use crate::routing::topic_matches;
use crate::telemetry;

/// Hands an event to the broadcast handlers of this node that take its topic: once, now, or not at
/// all. Ids are not compared: what is broadcast again under the same id runs again.
pub(crate) fn broadcast(core: &Arc<Core>, envelope: Envelope, topic: Option<&str>) {
    let Some(row) = core.table.row(envelope.info) else {
        return;
    };
    row.pass_over(core, envelope.info, "broadcast");
    let envelope = Arc::new(envelope);
    for (index, handler) in row.broadcast.iter().enumerate() {
        if !takes(handler.info, topic) {
            continue;
        }
        let Ok(place) = Arc::clone(&core.in_flight).try_acquire_owned() else {
            core.drop_broadcast();
            continue;
        };
        let (of, envelope) = (Arc::clone(core), Arc::clone(&envelope));
        core.spawn(Box::pin(async move {
            let _place = place;
            let pick = Pick::Broadcast(index);
            let Some(local) = of.table.row(envelope.info).and_then(|row| pick.of(row)) else {
                return;
            };
            let _permit = local.permit().await;
            let facts = Facts::broadcast(Arc::clone(&envelope));
            let mut claimant = Claimant::default();
            let claimant = &mut claimant;
            let run = execute::run(&of, &envelope, pick, local, facts, claimant, &|| true);
            if let Err(failure) = run.await {
                telemetry::broadcast_failed(&of, local.info, &envelope, &failure);
            }
        }));
    }
}

fn takes(handler: &HandlerInfo, topic: Option<&str>) -> bool {
    handler
        .topic()
        .is_none_or(|pattern| topic.is_some_and(|topic| topic_matches(pattern, topic)))
}
