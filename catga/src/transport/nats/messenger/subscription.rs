use async_nats::Subscriber;
use futures_util::StreamExt as _;

use super::frame;
use crate::transport::{BoxFuture, Frame, Subscription};

/// What is broadcast. Goes on by itself after the connection broke.
pub(super) struct Frames {
    pub(super) messages: Subscriber,
    /// How much of a subject is the namespace.
    pub(super) prefix: usize,
}

impl Subscription for Frames {
    fn next(&mut self) -> BoxFuture<'_, Option<(String, Frame)>> {
        Box::pin(async {
            let message = self.messages.next().await?;
            let subject = message.subject.get(self.prefix..).unwrap_or_default();
            Some((subject.to_owned(), frame(message)))
        })
    }
}
