use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_128;

use super::{Call, Cancellation, Deadline, FromContext};
use crate::BoxError;
use crate::handler::{HandlerInfo, Key};
use crate::message::{Command, ContentType, Event, Headers, Message, MessageId, Request};
use crate::node::{Broadcast, Core, Options, Published, SendFuture, StoreFuture, Stored, With};

/// What a handler knows of its call, and the verbs for messages that follow from it; a cheap
/// clone.
///
/// The id of such a child message is a hash of what it follows from: the parent's id, the
/// service, the handler, the verb, the type, the key and the payload, and its number among equal
/// children. So what a handler stores again when it runs again is stored once, if that is within
/// two minutes, while other content is another message. `send` and `broadcast` reach their
/// handlers each time, with the same id. [`send`](Self::send) encodes the message for that hash,
/// which [`Node::send`](crate::Node::send) does not.
///
/// # Examples
///
/// ```
/// use catga::{Context, Node, command, event, handler};
/// use serde::{Deserialize, Serialize};
///
/// #[command(response = u32, error = Oops)]
/// #[derive(Serialize, Deserialize)]
/// struct Order { sku: String }
///
/// #[derive(Debug, thiserror::Error, Serialize, Deserialize)]
/// #[error("oops")]
/// struct Oops;
///
/// #[event]
/// #[derive(Serialize, Deserialize)]
/// struct Ordered { sku: String }
///
/// #[handler]
/// async fn order(command: Order, cx: Context) -> Result<u32, Oops> {
///     cx.publish(Ordered { sku: command.sku }).await.map_err(|_| Oops)?;
///     Ok(cx.attempt().get())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let here = module_path!();
/// let node = Node::builder("orders")
/// #   .only(move |handler| handler.module() == here)
///     .start()
///     .await?;
/// assert_eq!(node.send(Order { sku: "a-1".into() }).await?, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

struct Inner {
    core: Arc<Core>,
    attempt: NonZeroU32,
    headers: Headers,
    cancellation: Cancellation,
    parent: Parent,
}

impl Context {
    /// The id of the message.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.inner.parent.id
    }

    /// The routing key in canonical form; `None` for unkeyed messages.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.inner.parent.key.as_deref()
    }

    /// Which attempt this is, counted from 1; always 1 for `send`.
    #[must_use]
    pub fn attempt(&self) -> NonZeroU32 {
        self.inner.attempt
    }

    /// When the caller stops waiting, or the attempt ends.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        Deadline::at(self.inner.parent.deadline)
    }

    /// The headers of the message.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.inner.headers
    }

    /// Tells tasks that this handler spawned when the execution was cancelled.
    #[must_use]
    pub fn cancellation(&self) -> Cancellation {
        self.inner.cancellation.clone()
    }

    /// A number that rises with each new owner of the key, for conditional writes to a database:
    /// a write whose fence is lower than the one it finds comes from an owner of the past.
    ///
    /// Without a broker the node owns every key, and the number is the time of its start in
    /// microseconds.
    #[must_use]
    pub fn fence(&self) -> u64 {
        self.inner.core.epoch
    }

    /// The verbs below, with options for one call.
    pub fn with(&self, options: Options) -> With<'_> {
        self.child().with(options)
    }

    /// Sends a child message; see [`Node::send`](crate::Node::send).
    ///
    /// Its deadline is this call's own, if that comes first.
    pub fn send<M: Request>(&self, message: M) -> SendFuture<'_, M> {
        self.child().send(message)
    }

    /// Stores a child command; see [`Node::enqueue`](crate::Node::enqueue).
    pub fn enqueue<M: Command>(&self, command: M) -> StoreFuture<'_, Stored> {
        self.child().enqueue(command)
    }

    /// Stores a child event; see [`Node::publish`](crate::Node::publish).
    pub fn publish<M: Event>(&self, event: M) -> StoreFuture<'_, Published> {
        self.child().publish(event)
    }

    /// Broadcasts a child event; see [`Node::broadcast`](crate::Node::broadcast).
    pub fn broadcast<M: Event>(&self, event: M) -> StoreFuture<'_, Broadcast> {
        self.child().broadcast(event)
    }

    fn child(&self) -> With<'_> {
        With::child(&self.inner.core, &self.inner.parent)
    }
}

impl FromContext for Context {
    fn from_context(call: &Call<'_>) -> Result<Self, BoxError> {
        let facts = call.facts;
        // The handler and its extractors share one: equal children are counted once for all.
        let context = facts.context_or(|| Self {
            inner: Arc::new(Inner {
                core: Arc::clone(call.core),
                attempt: facts.attempt,
                headers: facts.headers().clone(),
                cancellation: facts.cancellation().cancellation(),
                parent: Parent {
                    id: call.id(),
                    key: call.shared_key().cloned(),
                    service: Arc::clone(&call.core.service),
                    handler: call.handler,
                    deadline: facts.deadline(),
                    children: Mutex::default(),
                },
            }),
        });
        Ok(context.clone())
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("id", &self.id())
            .field("key", &self.key())
            .field("attempt", &self.attempt())
            .finish_non_exhaustive()
    }
}

/// What child messages follow from.
pub(crate) struct Parent {
    id: MessageId,
    key: Option<Arc<str>>,
    service: Arc<str>,
    handler: &'static HandlerInfo,
    deadline: Instant,
    /// How many children with the same hash there were.
    children: Mutex<HashMap<u128, u64>>,
}

impl Parent {
    /// The options of a child: the parent's deadline, and an id that follows from its content.
    pub(crate) fn child_options<M: Message>(
        &self,
        mut options: Options,
        verb: &'static str,
        message: &M,
    ) -> Options {
        options.parent = Some(self.deadline);
        if options.id.is_none() {
            options.id = self.child_id(verb, message);
        }
        options
    }

    /// `None` for a message that cannot be encoded: its verb will say so.
    fn child_id<M: Message>(&self, verb: &'static str, message: &M) -> Option<MessageId> {
        let payload = (M::CODEC.encode)(ContentType::default(), message).ok()?;
        let key = message.text();
        let mut cause = Vec::with_capacity(payload.len() + 128);
        for part in [
            &self.id.as_uuid().as_bytes()[..],
            self.service.as_bytes(),
            self.handler.module().as_bytes(),
            self.handler.name().as_bytes(),
            verb.as_bytes(),
            M::info().name().as_bytes(),
            key.as_deref().unwrap_or_default().as_bytes(),
            &payload,
        ] {
            // The length keeps the parts apart.
            cause.extend_from_slice(&(part.len() as u64).to_be_bytes());
            cause.extend_from_slice(part);
        }
        let hash = xxh3_128(&cause);
        let ordinal = {
            let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
            let count = children.entry(hash).or_default();
            *count += 1;
            *count
        };
        cause.extend_from_slice(&ordinal.to_be_bytes());
        Some(MessageId::from_hash(xxh3_128(&cause)))
    }
}
