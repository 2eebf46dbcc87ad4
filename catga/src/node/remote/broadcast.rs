use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::sleep;

use super::request::{Call, Received};
use crate::cluster::Cluster;
use crate::delivery::{self, Envelope};
use crate::message::MessageId;
use crate::node::{Core, Phase};
use crate::transport::{Subscription, TransportError};

/// The subject of an event for all nodes of a service.
fn subject(service: &str, name: &str) -> String {
    format!("all.{service}.{name}")
}

/// Hands an event to every live node of each service that takes broadcasts of it.
pub(crate) async fn broadcast(
    core: &Core,
    cluster: &Cluster,
    envelope: Envelope,
    timeout: Duration,
) -> Result<(), TransportError> {
    let frame = Call {
        from: &core.id,
        number: 0,
        info: envelope.info,
        id: envelope.id,
        key: envelope.key.as_deref(),
        timeout,
        headers: &envelope.headers,
        payload: envelope.payload,
    }
    .into_frame();
    for service in cluster.broadcast_services(envelope.info.name()) {
        let subject = subject(&service, envelope.info.name());
        let messenger = cluster.transport.messenger();
        messenger.broadcast(&subject, frame.clone()).await?;
    }
    Ok(())
}

/// The subscription to what is broadcast to this node's service.
pub(crate) async fn subscribe(cluster: &Cluster) -> Result<Box<dyn Subscription>, TransportError> {
    let pattern = subject(&cluster.service, ">");
    cluster.transport.messenger().subscribe(&pattern).await
}

/// Runs the broadcast handlers of this node for what comes, until it has stopped.
pub(crate) async fn listen(
    core: Arc<Core>,
    cluster: Arc<Cluster>,
    mut first: Option<Box<dyn Subscription>>,
) {
    let mut failures: u32 = 0;
    while core.lifecycle.phase() != Phase::Stopped {
        let events = match first.take() {
            Some(events) => Ok(events),
            None => subscribe(&cluster).await,
        };
        if let Ok(mut events) = events {
            failures = 0;
            loop {
                let stopped = std::pin::pin!(core.lifecycle.stopped());
                match select(stopped, events.next()).await {
                    Either::Left(_) => return,
                    Either::Right((None, _)) => break,
                    Either::Right((Some((_, frame)), _)) => take(&core, frame),
                }
            }
        }
        failures = failures.saturating_add(1);
        sleep(Duration::from_millis(20) * 2_u32.pow(failures.min(7))).await;
    }
}

fn take(core: &Arc<Core>, frame: crate::transport::Frame) {
    let request = match Received::parse(frame) {
        Ok(Received::Call(request)) => request,
        Ok(Received::Cancel(_)) => return,
        Err(error) => {
            tracing::warn!(target: "catga", node = %core.id, error, "a broadcast cannot be read");
            return;
        }
    };
    let Some(message) = core.wiring.message(&request.name) else {
        return;
    };
    delivery::broadcast(
        core,
        Envelope {
            id: request.id.unwrap_or_else(MessageId::new),
            info: message.info(),
            key: request.key,
            headers: request.headers,
            content_type: request.content_type,
            payload: request.payload,
            only: None,
        },
    );
}
