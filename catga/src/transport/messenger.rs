use std::fmt;
use std::time::Duration;

use super::{BoxFuture, Frame, TransportError};
use crate::node::NodeId;

/// Frames from node to node: an inbox for each, and subjects that any may subscribe to.
///
/// Nothing here is stored: a frame reaches who is there, at most once. One that a broker repeats
/// soon after, nodes know by its number.
pub trait Messenger: fmt::Debug + Send + Sync {
    /// Opens the inbox of a node. There *must* be at most one at a time.
    fn serve<'a>(
        &'a self,
        node: &'a NodeId,
    ) -> BoxFuture<'a, Result<Box<dyn Inbox>, TransportError>>;

    /// Puts a frame into a node's inbox and waits for the answer.
    ///
    /// *Must* fail with [`RequestError::NoResponder`] only if the frame was not, and will not be,
    /// delivered, and *should* do so at once where the broker can tell. Dropping the future gives
    /// up the answer, not the request.
    fn request<'a>(
        &'a self,
        to: &'a NodeId,
        frame: Frame,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Frame, RequestError>>;

    /// Puts a frame into a node's inbox, without an answer; lost if the node is not there.
    fn tell<'a>(
        &'a self,
        to: &'a NodeId,
        frame: Frame,
    ) -> BoxFuture<'a, Result<(), TransportError>>;

    /// Hands a frame to every subscription that matches the subject, once each.
    fn broadcast<'a>(
        &'a self,
        subject: &'a str,
        frame: Frame,
    ) -> BoxFuture<'a, Result<(), TransportError>>;

    /// Subscribes to a subject. `*` stands for one segment, `>` for all that follow.
    ///
    /// What is broadcast after this has returned *must* reach the subscription.
    fn subscribe<'a>(
        &'a self,
        subject: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>, TransportError>>;
}

/// The frames that come into a node's inbox.
pub trait Inbox: Send {
    /// The next frame; waits for one. `None` once the inbox has broken: open another.
    ///
    /// *Must* be cancel safe.
    fn next(&mut self) -> BoxFuture<'_, Option<Incoming>>;
}

/// The frames of one subscription, with their subjects.
pub trait Subscription: Send {
    /// The next frame; waits for one. `None` once the subscription has broken: subscribe again.
    ///
    /// *Must* be cancel safe.
    fn next(&mut self) -> BoxFuture<'_, Option<(String, Frame)>>;
}

/// A frame in an inbox.
pub struct Incoming {
    /// The frame.
    pub frame: Frame,
    age: Duration,
    reply: Option<Box<dyn FnOnce(Frame) -> BoxFuture<'static, ()> + Send>>,
}

impl Incoming {
    /// A frame that wants no answer.
    #[must_use]
    pub fn told(frame: Frame) -> Self {
        Self {
            frame,
            age: Duration::ZERO,
            reply: None,
        }
    }

    /// A frame whose sender waits for what `reply` is given.
    pub fn asked(
        frame: Frame,
        reply: impl FnOnce(Frame) -> BoxFuture<'static, ()> + Send + 'static,
    ) -> Self {
        Self {
            frame,
            age: Duration::ZERO,
            reply: Some(Box::new(reply)),
        }
    }

    /// The frame is at least this old.
    #[must_use]
    pub fn aged(mut self, age: Duration) -> Self {
        self.age = age;
        self
    }

    /// How old the frame is at least: how long it is known to have been on its way, which is
    /// taken from the time its handler has.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.age
    }

    /// Answers, if the sender waits for it.
    pub async fn reply(self, answer: Frame) {
        if let Some(reply) = self.reply {
            reply(answer).await;
        }
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("frame", &self.frame)
            .field("age", &self.age)
            .field("asked", &self.reply.is_some())
            .finish()
    }
}

/// Why a request has no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum RequestError {
    /// Nobody serves the inbox: the frame was not delivered.
    NoResponder,
    /// No answer in time. The frame may have been delivered.
    Timeout,
    /// The frame was not sent, for it is larger than the broker takes.
    TooLarge {
        /// The size of the frame, in bytes.
        size: usize,
        /// The largest that the broker takes, in bytes.
        limit: usize,
    },
    /// The frame was delivered, but its answer is larger than the broker takes.
    AnswerTooLarge {
        /// The size of the answer, in bytes.
        size: usize,
        /// The largest that the broker takes, in bytes.
        limit: usize,
    },
    /// The frame was not sent.
    Transport(TransportError),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoResponder => f.write_str("nobody serves the node's inbox"),
            Self::Timeout => f.write_str("no answer in time"),
            Self::TooLarge { size, limit } => write!(
                f,
                "the message has {size} bytes and the broker takes at most {limit}"
            ),
            Self::AnswerTooLarge { size, limit } => write!(
                f,
                "the answer has {size} bytes and the broker takes at most {limit}"
            ),
            Self::Transport(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RequestError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Transport(error) => error.source(),
            _ => None,
        }
    }
}
