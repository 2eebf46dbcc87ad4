use std::pin::pin;
use std::time::Duration;

use async_nats::{Message, Subject};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use tokio::runtime::Handle;

use super::handover::Open;
use super::{FILLER, HANDOVER, Post, SENT, TOO_LARGE, frame, note};
use crate::node::NodeId;
use crate::transport::nats::error::Trouble;
use crate::transport::nats::headers::{self, Outgoing};
use crate::transport::{BoxFuture, Frame, Inbox, Incoming};

/// A node's inbox: ends when its connection breaks, or when the node opens another one.
pub(super) struct Mailbox {
    post: Post,
    /// `None` once it has ended.
    open: Option<Open>,
}

impl Post {
    pub(super) async fn open(&self, node: &NodeId) -> Result<Mailbox, Trouble> {
        let subject = self.names.inbox(node.as_str());
        self.take_over(&subject).await?;
        Ok(Mailbox {
            open: Some(self.subscribed(subject).await?),
            post: self.clone(),
        })
    }

    fn incoming(&self, message: Message) -> Incoming {
        let Some(reply) = message.reply.clone() else {
            return Incoming::told(frame(message));
        };
        let sent = headers::value(&message, SENT).and_then(|sent| sent.parse::<u64>().ok());
        let age = match (sent, self.clock.earliest()) {
            (Some(sent), Some(now)) => Duration::from_micros(now.saturating_sub(sent)),
            _ => Duration::ZERO,
        };
        let post = self.clone();
        Incoming::asked(frame(message), move |answer| {
            Box::pin(async move { post.answer(reply, answer).await })
        })
        .aged(age)
    }

    async fn answer(&self, to: Subject, answer: Frame) {
        let headers = Outgoing::of(&answer.headers);
        let sent = self.link.publish(to.clone(), headers, answer.payload).await;
        match sent {
            Ok(()) => {}
            Err(Trouble::TooLarge { size, limit }) => {
                self.reply(to, note(TOO_LARGE, &format!("{size} {limit}")))
                    .await;
            }
            // Whoever asked waits until its deadline.
            Err(error) => tracing::debug!(target: "catga", %error, "an answer was not sent"),
        }
    }

    pub(super) async fn reply(&self, to: Subject, (headers, payload): (Outgoing, Bytes)) {
        if let Err(error) = self.link.publish(to, headers, payload).await {
            tracing::debug!(target: "catga", %error, "an answer was not sent");
        }
    }
}

impl Inbox for Mailbox {
    fn next(&mut self) -> BoxFuture<'_, Option<Incoming>> {
        Box::pin(async {
            loop {
                let open = self.open.as_mut()?;
                let message = {
                    let broken = pin!(open.breaks.changed());
                    // What came before it broke is taken first.
                    match select(open.messages.next(), broken).await {
                        Either::Left((message, _)) => message?,
                        Either::Right(_) => {
                            open.intact = false;
                            return None;
                        }
                    }
                };
                open.taken += 1;
                if headers::value(&message, HANDOVER).is_some() {
                    // What comes behind it may be for the other one.
                    if let (Some(open), Some(reply)) = (self.open.take(), message.reply) {
                        tokio::spawn(self.post.clone().hand_over(open, reply));
                    }
                    return None;
                }
                if headers::value(&message, FILLER).is_none() {
                    return Some(self.post.incoming(message));
                }
            }
        })
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        // Without a runtime the process is about to end.
        if let (Some(open), Ok(runtime)) = (self.open.take(), Handle::try_current()) {
            runtime.spawn(self.post.clone().close(open));
        }
    }
}
