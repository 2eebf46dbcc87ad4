use std::any::Any;
use std::error::Error;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::fault::sources;
use super::{Fault, Held};
use crate::handler::{Deadline, Facts, HandlerInfo, Input, Pick, Reply};
use crate::message::{ContentType, Headers, Message, MessageId, MessageInfo};
use crate::node::{Core, NodeId, SendError};

/// A message on its way to a handler, as the layers of a node see it.
///
/// The request type of the [`Service`](tower_service::Service)s that
/// [`Builder::layer`](crate::node::Builder::layer) stacks, for `send` and for each attempt of a
/// durable delivery alike.
pub struct Delivery {
    pub(crate) core: Arc<Core>,
    pub(crate) pick: Pick,
    handler: &'static HandlerInfo,
    id: MessageId,
    key: Option<Arc<str>>,
    attempt: NonZeroU32,
    timeout: Duration,
    deadline: Instant,
    headers: Headers,
    held: Option<Arc<Held>>,
    #[cfg(feature = "testing")]
    stored: bool,
    #[cfg(feature = "testing")]
    fence: u64,
    /// Behind a lock that is never waited for, so that a delivery is `Sync` for any message.
    payload: Mutex<Payload>,
}

enum Payload {
    Typed(Box<dyn Any + Send>),
    Encoded(ContentType, Bytes),
}

impl Delivery {
    pub(crate) fn of<M: Message>(
        core: Arc<Core>,
        pick: Pick,
        handler: &'static HandlerInfo,
        facts: &Facts,
        input: Input<M>,
    ) -> Self {
        let payload = match input {
            Input::Typed(message) => Payload::Typed(Box::new(message)),
            Input::Encoded(content_type, bytes) => Payload::Encoded(content_type, bytes),
        };
        Self::new(core, pick, handler, facts, payload)
    }

    pub(crate) fn encoded(
        core: Arc<Core>,
        pick: Pick,
        handler: &'static HandlerInfo,
        facts: &Facts,
        content_type: ContentType,
        bytes: Bytes,
    ) -> Self {
        let payload = Payload::Encoded(content_type, bytes);
        Self::new(core, pick, handler, facts, payload)
    }

    fn new(
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

    /// Takes it apart; `None` if it is not of type `M`, which never happens inside this crate.
    pub(crate) fn into_parts<M: Message>(self) -> Option<(Arc<Core>, Pick, Facts, Input<M>)> {
        let input = match self
            .payload
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
        {
            Payload::Typed(message) => Input::Typed(*message.downcast().ok()?),
            Payload::Encoded(content_type, bytes) => Input::Encoded(content_type, bytes),
        };
        let facts = Facts::of(self.timeout, Some(self.id), self.key, self.headers)
            .with_deadline(self.deadline)
            .with_attempt(self.attempt)
            .with_held(self.held);
        Some((self.core, self.pick, facts, input))
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

/// What a handler came to, as the layers of a node see it.
pub struct Outcome {
    reply: Box<dyn Any + Send>,
    error: fn(&(dyn Any + Send)) -> Option<&(dyn Error + 'static)>,
    settle: fn(Box<dyn Any + Send>) -> Result<(), Failure>,
}

impl Outcome {
    pub(crate) fn new<M: Message>(reply: Reply<M>) -> Self {
        Self {
            reply: Box::new(reply),
            error: |reply| {
                reply
                    .downcast_ref::<Reply<M>>()
                    .and_then(|reply| reply.as_ref().err())
                    .map(|error| error as &(dyn Error + 'static))
            },
            settle: |reply| match reply.downcast::<Reply<M>>() {
                Ok(reply) => reply.map(drop).map_err(Failure::of),
                Err(_) => Err(Failure::replaced()),
            },
        }
    }

    /// Whether the handler succeeded.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.error().is_none()
    }

    /// The handler's error, as a [`SendError`].
    #[must_use]
    pub fn error(&self) -> Option<&(dyn Error + 'static)> {
        (self.error)(&*self.reply)
    }

    pub(crate) fn into_reply<M: Message>(self) -> Option<Reply<M>> {
        self.reply.downcast().ok().map(|reply| *reply)
    }

    pub(crate) fn settle(self) -> Result<(), Failure> {
        (self.settle)(self.reply)
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome")
            .field("error", &self.error())
            .finish_non_exhaustive()
    }
}

/// Why an attempt of a durable delivery failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) fault: Fault,
    /// The error and its sources, outermost first.
    pub(crate) chain: Vec<String>,
}

impl Failure {
    pub(crate) fn of<E: Error + 'static>(error: SendError<E>) -> Self {
        // What the message and the node were is beside the chain: it begins with the handler's own
        // error where there is one.
        let (fault, first): (_, &(dyn Error + 'static)) = match &error {
            SendError::Rejected(declared) => (Fault::of(declared), declared),
            SendError::Failed(failed) => {
                let source = failed.source().unwrap_or(failed);
                (failed.fault(), source)
            }
            // No later attempt reads these bytes differently.
            SendError::Decode(_) => (Fault::Permanent, &error),
            other => (Fault::of(other), other),
        };
        Self {
            fault,
            chain: chain(first),
        }
    }

    /// A layer answered with the outcome of another message.
    fn replaced() -> Self {
        Self {
            fault: Fault::UNDECLARED,
            chain: vec!["a layer changed the type of the outcome".to_owned()],
        }
    }

    /// Something around the handler panicked.
    pub(crate) fn panicked(text: &str) -> Self {
        Self {
            fault: Fault::UNDECLARED,
            chain: vec![format!("a layer or an error panicked: {text}")],
        }
    }

    /// The message's id could not be claimed: it is tried again until it can.
    pub(crate) fn unclaimed(error: &(dyn Error + 'static)) -> Self {
        Self {
            fault: Fault::Transient {
                after: Some(Duration::from_secs(1)),
                max: Some(NonZeroU32::MAX),
            },
            chain: chain(error),
        }
    }

    /// A layer's own error: transient.
    pub(crate) fn layer(error: &(dyn Error + 'static)) -> Self {
        let mut texts = vec!["a layer failed".to_owned()];
        texts.extend(chain(error));
        Self {
            fault: Fault::UNDECLARED,
            chain: texts,
        }
    }
}

/// The texts of an error and of its sources, outermost first.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    sources(error).map(ToString::to_string).collect()
}
