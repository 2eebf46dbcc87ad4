//! An attempt that goes through the layers of its node.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use super::attempt::caught;
use super::{Delivery, Envelope, Failure, Payload};
use crate::handler::{Facts, Pick};
use crate::node::{Core, Layers, SendError};
use crate::transport::BoxFuture;
use crate::wiring::Local;

/// One attempt through the layers. Its deadline is theirs, too: a layer that never answers would
/// hold its key for ever. A panic of a layer is a failed attempt.
pub(super) async fn run(
    core: &Arc<Core>,
    layers: &Layers,
    envelope: &Envelope,
    pick: Pick,
    local: &Local,
    facts: Facts,
) -> Result<(), Failure> {
    let timeout = facts.timeout();
    let mut deadline = pin!(core.sleep_until(facts.deadline()));
    let payload = Payload::Encoded(envelope.content_type, envelope.payload.clone());
    let delivery = Delivery::new(Arc::clone(core), pick, local.info, &facts, payload);
    drop(facts);
    // `None` once it has ended or panicked: its drop, which may panic as well, is guarded, too.
    let mut running: Option<BoxFuture<'_, _>> = Some(Box::pin(async move {
        match layers.call(delivery).await {
            Ok(outcome) => outcome.settle(),
            Err(error) => Err(Failure::layer(&*error)),
        }
    }));
    poll_fn(|cx| {
        let polled = caught(|| {
            let mut polled = running
                .as_mut()
                .map_or(Poll::Pending, |running| running.as_mut().poll(cx));
            if polled.is_pending() && deadline.as_mut().poll(cx).is_ready() {
                let error = SendError::timeout(envelope.info, timeout);
                polled = Poll::Ready(Err(Failure::of::<std::convert::Infallible>(error)));
            }
            if polled.is_ready() {
                running = None;
            }
            polled
        });
        polled.unwrap_or_else(|failure| {
            if let Some(running) = running.take() {
                // A second panic, in the drop of what panicked, has nothing to add.
                let _ = caught(|| drop(running));
            }
            Poll::Ready(Err(failure))
        })
    })
    .await
}
