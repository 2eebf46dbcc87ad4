use std::any::Any;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::HeldKeys;
use crate::handler::{Deadline, Facts, HandlerInfo, Input, Pick};
use crate::message::{AnyMessage, ContentType, Headers, Message, MessageId, MessageInfo};
use crate::node::{Core, NodeId};

/// A message on its way to a handler, as the layers of a node see it.
///
/// The request type of the [`Service`](tower_service::Service)s that
/// [`Builder::layer`](crate::node::Builder::layer) stacks, for `send` and for each attempt of a
/// durable delivery alike.
pub struct Delivery {
    core: Arc<Core>,
    pick: Pick,
    handler: &'static HandlerInfo,
    id: MessageId,
    key: Option<Arc<str>>,
    attempt: NonZeroU32,
    timeout: Duration,
    deadline: Instant,
    headers: Headers,
    held: Option<Arc<HeldKeys>>,
    #[cfg(feature = "testing")]
    stored: bool,
    #[cfg(feature = "testing")]
    fence: u64,
    /// Behind a lock that is never waited for, so that a delivery is `Sync` for any message.
    payload: Mutex<Payload>,
}

/// The message of an execution: as the caller gave it, or as it was stored.
pub(crate) enum Payload {
    Typed(AnyMessage),
    Encoded(ContentType, Bytes),
}

impl Payload {
    /// The key of a message that was not encoded.
    pub(crate) fn key_text(&self) -> Option<Arc<str>> {
        match self {
            Self::Typed(message) => message.key_text(),
            Self::Encoded(..) => None,
        }
    }

    /// `None` if it is not of type `M`, which never happens inside this crate.
    pub(crate) fn into_input<M: Message>(self) -> Option<Input<M>> {
        Some(match self {
            Self::Typed(message) => Input::Typed(*(message as Box<dyn Any>).downcast().ok()?),
            Self::Encoded(content_type, bytes) => Input::Encoded(content_type, bytes),
        })
    }
}

impl Delivery {
    pub(crate) fn new(
        core: Arc<Core>,
        pick: Pick,
        handler: &'static HandlerInfo,
        facts: &Facts,
        payload: Payload,
    ) -> Self {
        #[cfg(feature = "testing")]
        let fence = facts.fence(&core, facts.key_or(|| None));
        Self {
            core,
            pick,
            handler,
            id: facts.id(),
            key: facts.key_or(|| None).cloned(),
            attempt: facts.attempt,
            timeout: facts.timeout(),
            deadline: facts.deadline(),
            headers: facts.headers().clone(),
            held: facts.held(),
            #[cfg(feature = "testing")]
            stored: facts.envelope().is_some(),
            #[cfg(feature = "testing")]
            fence,
            payload: Mutex::new(payload),
        }
    }

    /// The type of the message.
    #[must_use]
    pub fn message(&self) -> &'static MessageInfo {
        self.handler.message()
    }

    /// The handler it is for.
    #[must_use]
    pub const fn handler(&self) -> &'static HandlerInfo {
        self.handler
    }

    /// The node it is on.
    #[must_use]
    pub fn node(&self) -> &NodeId {
        &self.core.id
    }

    /// The id of the message.
    #[must_use]
    pub const fn id(&self) -> MessageId {
        self.id
    }

    /// The routing key in canonical form; `None` for unkeyed messages.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Which attempt this is, counted from 1.
    #[must_use]
    pub const fn attempt(&self) -> NonZeroU32 {
        self.attempt
    }

    /// When the caller stops waiting, or the attempt ends.
    #[must_use]
    pub const fn deadline(&self) -> Deadline {
        Deadline::at(self.deadline)
    }

    /// The headers of the message.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Sets a header, which the handler will see.
    pub fn set_header(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.headers.insert(name, value);
    }

    /// Whether the message was stored, rather than sent.
    #[cfg(feature = "testing")]
    pub(crate) const fn is_stored(&self) -> bool {
        self.stored
    }

    /// What the handler sees as its [`fence`](crate::Context::fence).
    #[cfg(feature = "testing")]
    pub(crate) const fn fence(&self) -> u64 {
        self.fence
    }

    /// Takes it apart for its handler.
    pub(crate) fn into_parts(self) -> (Arc<Core>, Pick, Facts, Payload) {
        let facts = Facts::of(self.timeout, Some(self.id), self.key, self.headers)
            .with_deadline(self.deadline)
            .with_attempt(self.attempt)
            .with_held(self.held);
        let payload = self.payload.into_inner();
        let payload = payload.unwrap_or_else(PoisonError::into_inner);
        (self.core, self.pick, facts, payload)
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("handler", &self.handler)
            .field("id", &self.id)
            .field("key", &self.key)
            .field("attempt", &self.attempt)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}
