use std::pin::pin;
use std::sync::Arc;

use futures_util::future::select;
use tokio::time::sleep;

use super::Engine;
use super::item::Item;
use super::letters::{BurialCause, bury_whole};
use super::refetch::payload_of;
use super::run::End;
use crate::node::Core;

/// Handles a message of a type that this node does not know.
///
/// While a live node of the service knows it, as in a rolling deployment, its lane waits for that
/// node, and asks for the partition to go there; what came from the shared queue is given back to
/// it. What nobody knows is a dead letter, once everybody had the time to be heard of.
pub(super) async fn foreign(
    core: &Arc<Core>,
    engine: &Arc<Engine>,
    item: &Item,
    name: &str,
) -> End {
    let mut lack = None;
    let mut was_unknown = false;
    loop {
        let is_known = engine.cluster.is_known_elsewhere(name);
        let is_unknown = !is_known && engine.cluster.has_heard_all();
        if is_unknown && was_unknown {
            break;
        }
        was_unknown = is_unknown;
        if is_unknown {
            // To a process that stood still for a moment everybody else seems dead, until it has read
            // what they wrote meanwhile.
            sleep(engine.cluster.settings.heartbeat / 4).await;
            continue;
        }
        // Quite normal while two versions of a service run side by side.
        if is_known && let Some(times) = engine.cluster.complaints.times(name) {
            tracing::info!(
                target: "catga",
                node = %core.id,
                message_type = name,
                times,
                "messages of a type that this node does not know wait for a node that does"
            );
        }
        let moment = sleep(engine.cluster.settings.heartbeat);
        if item.ticket.is_some() {
            // Whoever takes it has it from the broker: here it takes no room from what this node
            // handles, unless there are very many. It is kept for a moment, so that it does not come
            // round at once.
            let few = engine.strangers.try_acquire();
            if few.is_ok() {
                item.let_go();
            }
            select(pin!(moment), pin!(item.term.stopped())).await;
            return End::Elsewhere;
        }
        engine.block(item);
        item.lighten();
        moment.await;
        // Not before: where whole partitions move to such a node, this one does, too.
        if lack.is_none() {
            let handover = &engine.cluster.handover;
            lack = Some(handover.lacks(item.term.partition, name));
            engine.cluster.owners_changed();
        }
    }
    match payload_of(core, engine, item).await {
        Some(payload) => {
            bury_whole(
                core,
                engine,
                item,
                &payload.content,
                &BurialCause::UnknownType,
            )
            .await
        }
        None => End::Gone,
    }
}
