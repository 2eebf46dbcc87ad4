use std::sync::Arc;
use std::time::Duration;

use super::repeats::Repeats;
use super::request::{Call, Received, next_number};
use crate::cluster::{Cluster, Reopened, broadcast_subject, keep_open};
use crate::delivery::{self, Envelope};
use crate::node::Core;
use crate::transport::{Frame, Subscription, TransportError};

/// Hands an event to every live node of each service that takes broadcasts of its type.
pub(crate) async fn broadcast(
    core: &Core,
    cluster: &Cluster,
    envelope: Envelope,
    topic: Option<&str>,
    timeout: Duration,
) -> Result<(), TransportError> {
    let name = envelope.info.name();
    let frame = Call {
        from: &core.id,
        number: next_number(),
        info: envelope.info,
        id: envelope.id,
        key: envelope.key.as_deref(),
        timeout,
        headers: &envelope.headers,
        content_type: envelope.content_type,
        payload: envelope.payload,
    }
    .into_frame();
    let all = async {
        for service in cluster.broadcast_services(name) {
            let subject = broadcast_subject(&service, topic.unwrap_or(name));
            let messenger = cluster.transport.messenger();
            messenger.broadcast(&subject, frame.clone()).await?;
        }
        Ok(())
    };
    match tokio::time::timeout(timeout, all).await {
        Ok(handed_over) => handed_over,
        Err(elapsed) => Err(TransportError::new("take a broadcast", elapsed)),
    }
}

/// Runs the broadcast handlers of this node for what comes, until it has stopped.
pub(super) async fn listen(core: Arc<Core>, cluster: Arc<Cluster>, first: Box<dyn Subscription>) {
    let listener = Listener {
        core: &core,
        cluster: &cluster,
        repeats: Repeats::default(),
    };
    keep_open(&cluster, listener, Some(first)).await;
}

struct Listener<'a> {
    core: &'a Arc<Core>,
    cluster: &'a Cluster,
    repeats: Repeats,
}

impl Reopened for Listener<'_> {
    const WHAT: &'static str = "subscribe to broadcasts";

    type Open = Box<dyn Subscription>;

    async fn open(&mut self) -> Result<Self::Open, TransportError> {
        self.cluster.subscribe().await
    }

    async fn follow(&mut self, mut events: Self::Open) {
        while let Some((subject, frame)) = events.next().await {
            self.take(&subject, frame);
        }
    }
}

impl Listener<'_> {
    fn take(&mut self, subject: &str, frame: Frame) {
        let core = self.core;
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
        if self.repeats.has(&request.call) {
            return;
        }
        let info = message.info();
        let prefix = broadcast_subject(&self.cluster.service, "");
        let topic = (info.route().topic()).and_then(|_| subject.strip_prefix(&prefix));
        delivery::broadcast(core, request.into_envelope(info), topic);
    }
}
