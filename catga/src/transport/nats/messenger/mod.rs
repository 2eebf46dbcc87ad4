//! Frames from node to node, over plain subjects. Nothing is stored.
//!
//! | subject | who listens |
//! |---|---|
//! | `<ns>.node.<id>` | the node's inbox |
//! | `<ns>.<subject>` | the subscriptions to a broadcast |
//!
//! The headers of a frame are [`headers`](super::headers) of the message, beside these:
//!
//! | header | what |
//! |---|---|
//! | `catga-sent` | in a request: the server's time when it was sent, in µs, if it was known |
//! | `catga-inbox` | what two inboxes of one node say to each other; see `handover` |
//! | `catga-filler` | nothing; counts as a message |
//! | `catga-undelivered` | in an answer: the request was not handled, and will not be |
//! | `catga-too-large` | in an answer: it was larger than the server takes; its size and the limit |

mod handover;
mod inbox;
mod subscription;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Message;
use bytes::Bytes;

use super::clock::ServerClock;
use super::error::Trouble;
use super::headers::{self, Outgoing};
use super::link::Link;
use super::names::Names;
use crate::node::NodeId;
use crate::transport::{
    BoxFuture, Frame, Inbox, Messenger, RequestError, Subscription, TransportError,
};
use subscription::Frames;

const SENT: &str = "catga-sent";
const HANDOVER: &str = "catga-inbox";
const FILLER: &str = "catga-filler";
const UNDELIVERED: &str = "catga-undelivered";
const TOO_LARGE: &str = "catga-too-large";

/// What is not part of a frame.
const OWN: [&str; 5] = [SENT, HANDOVER, FILLER, UNDELIVERED, TOO_LARGE];

/// The frames of one namespace.
#[derive(Clone)]
pub(super) struct Post {
    names: Names,
    link: Arc<Link>,
    clock: Arc<ServerClock>,
}

impl Post {
    pub(super) fn new(names: Names, link: Arc<Link>, clock: Arc<ServerClock>) -> Self {
        Self { names, link, clock }
    }

    async fn send(&self, subject: String, frame: Frame) -> Result<(), Trouble> {
        let headers = Outgoing::of(&frame.headers);
        self.link.publish(subject, headers, frame.payload).await
    }
}

fn frame(message: Message) -> Frame {
    headers::frame(message, &OWN)
}

/// What an answer says of its request.
fn outcome(answer: Message) -> Result<Frame, RequestError> {
    if headers::value(&answer, UNDELIVERED).is_some() {
        return Err(RequestError::NoResponder);
    }
    if let Some(sizes) = headers::value(&answer, TOO_LARGE) {
        let (size, limit) = sizes.split_once(' ').unwrap_or_default();
        return Err(RequestError::AnswerTooLarge {
            size: size.parse().unwrap_or_default(),
            limit: limit.parse().unwrap_or_default(),
        });
    }
    Ok(frame(answer))
}

impl Messenger for Post {
    fn serve<'a>(
        &'a self,
        node: &'a NodeId,
    ) -> BoxFuture<'a, Result<Box<dyn Inbox>, TransportError>> {
        Box::pin(async move {
            let inbox = self.open(node).await;
            let inbox = inbox.map_err(|trouble| trouble.when("open an inbox"))?;
            Ok(Box::new(inbox) as Box<dyn Inbox>)
        })
    }

    fn request<'a>(
        &'a self,
        to: &'a NodeId,
        frame: Frame,
        within: Duration,
    ) -> BoxFuture<'a, Result<Frame, RequestError>> {
        Box::pin(async move {
            let mut headers = Outgoing::of(&frame.headers);
            if let Some(time) = self.clock.latest() {
                headers.set(SENT, &time.to_string());
            }
            let subject = self.names.inbox(to.as_str());
            let asked = self.link.request(subject, headers, frame.payload, within);
            match asked.await {
                Ok(Some(answer)) => outcome(answer),
                Ok(None) => Err(RequestError::Timeout),
                Err(Trouble::NoResponder) => Err(RequestError::NoResponder),
                Err(Trouble::TooLarge { size, limit }) => {
                    Err(RequestError::TooLarge { size, limit })
                }
                Err(trouble) => {
                    let error = trouble.when("send a request to a node");
                    Err(RequestError::Transport(error))
                }
            }
        })
    }

    fn tell<'a>(
        &'a self,
        to: &'a NodeId,
        frame: Frame,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let told = self.send(self.names.inbox(to.as_str()), frame).await;
            told.map_err(|trouble| trouble.when("send to a node"))
        })
    }

    fn broadcast<'a>(
        &'a self,
        subject: &'a str,
        frame: Frame,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let told = self.send(self.names.subject(subject), frame).await;
            told.map_err(|trouble| trouble.when("broadcast"))
        })
    }

    fn subscribe<'a>(
        &'a self,
        subject: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>, TransportError>> {
        Box::pin(async move {
            let prefix = self.names.subject("").len();
            let messages = self.link.subscribe(self.names.subject(subject)).await;
            let messages = messages.map_err(|trouble| trouble.when("subscribe"))?;
            Ok(Box::new(Frames { messages, prefix }) as Box<dyn Subscription>)
        })
    }
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").finish_non_exhaustive()
    }
}

/// A message without a frame.
fn note(name: &'static str, value: &str) -> (Outgoing, Bytes) {
    (Outgoing::default().with(name, value), Bytes::new())
}
