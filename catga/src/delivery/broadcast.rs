use std::sync::Arc;

use super::{Envelope, attempt, queue};
use crate::handler::Pick;
use crate::node::Core;
use crate::telemetry;

/// Hands an event to the broadcast handlers of this node: once, now, or not at all.
pub(crate) fn broadcast(core: &Arc<Core>, envelope: Envelope) {
    let handlers = core
        .table
        .row(envelope.info)
        .map_or(0, |row| row.broadcast.len());
    let envelope = Arc::new(envelope);
    for index in 0..handlers {
        let Ok(permit) = core.queue.in_flight.try_acquire() else {
            core.queue.drop_broadcast();
            continue;
        };
        permit.forget();
        let taken = Taken(Arc::clone(core));
        let envelope = Arc::clone(&envelope);
        queue::spawn(
            core,
            Box::pin(async move {
                let core = &taken.0;
                let pick = Pick::Broadcast(index);
                let facts = attempt::facts(&envelope);
                let Some(local) = core.table.row(envelope.info).and_then(|row| pick.of(row)) else {
                    return;
                };
                let _permit = local.permit().await;
                if let Err(failure) = attempt::once(core, &envelope, pick, local, facts).await {
                    telemetry::broadcast_failed(core, local.info, &envelope, &failure);
                }
            }),
        );
    }
}

/// One place of those that run at once, given back on drop.
struct Taken(Arc<Core>);

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.queue.in_flight.add_permits(1);
    }
}
