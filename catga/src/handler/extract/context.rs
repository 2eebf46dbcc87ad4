use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::{Call, Cancellation, Deadline, FromContext, Parent};
use crate::BoxError;
use crate::handler::HandlerInfo;
use crate::message::{Command, Event, Headers, MessageId, MessageInfo, Request};
use crate::node::{
    Broadcast, Core, NodeId, Options, Published, SendError, SendFuture, StoreError, StoreFuture,
    Stored, With,
};

/// What a handler knows of its call, and the verbs for messages that follow from it; a cheap
/// clone.
///
/// The id of such a child message is a hash of what it follows from: the parent's id, the
/// service, the handler and its message, the verb, the type, the key and the payload, and its number
/// among equal children. So what a handler stores again when it runs again is stored once, if that is within
/// two minutes, while other content is another message. `send` and `broadcast` reach their
/// handlers each time, with the same id. [`send`](Self::send) encodes the message for that hash,
/// which [`Node::send`](crate::Node::send) does not.
///
/// A child belongs to the trace of its parent: it has the parent's `traceparent` and `tracestate`,
/// unless [`with`](Self::with) sets a `traceparent` for it.
///
/// A unit test of a handler takes one from a [`TestCall`](super::TestCall).
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
///     assert_eq!((cx.message().name(), cx.handler().name()), ("Order", "order"));
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
    cancellation: Cancellation,
    fence: u64,
    parent: Parent,
}

impl Context {
    /// The type of the message.
    #[must_use]
    pub fn message(&self) -> &'static MessageInfo {
        self.handler().message()
    }

    /// The handler that runs.
    #[must_use]
    pub fn handler(&self) -> &'static HandlerInfo {
        self.inner.parent.handler()
    }

    /// The id of the message.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.inner.parent.id()
    }

    /// The routing key in canonical form; `None` for unkeyed messages.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.inner.parent.key()
    }

    /// The node it runs on.
    #[must_use]
    pub fn node(&self) -> &NodeId {
        &self.inner.core.id
    }

    /// Which attempt this is, counted from 1; always 1 for `send`.
    #[must_use]
    pub fn attempt(&self) -> NonZeroU32 {
        self.inner.attempt
    }

    /// When the caller stops waiting, or the attempt ends.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        Deadline::at(self.inner.parent.deadline())
    }

    /// The headers of the message.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        self.inner.parent.headers()
    }

    /// Tells tasks that this handler spawned when the execution was cancelled.
    #[must_use]
    pub fn cancellation(&self) -> Cancellation {
        self.inner.cancellation.clone()
    }

    /// A number that rises with each new owner of the key, for conditional writes to a database:
    /// a write whose fence is lower than the one it finds comes from an owner of the past.
    ///
    /// It is the epoch of the key's partition. Where there is none, without a broker and for
    /// messages without a key, it is the time of the node's start in microseconds.
    #[must_use]
    pub fn fence(&self) -> u64 {
        self.inner.fence
    }

    /// The verbs below, with options for one call.
    pub fn with(&self, options: Options) -> With<'_> {
        self.child().with(options)
    }

    /// Sends a child message; see [`Node::send`](crate::Node::send).
    ///
    /// Its deadline is this call's own, if that comes first.
    pub fn send<M: Request>(&self, message: M) -> SendFuture<'_, M::Itself> {
        self.child().send(message)
    }

    /// Sends a child message to one node; see [`Node::send_to`](crate::Node::send_to).
    pub fn send_to<M: Request>(&self, node: &NodeId, message: M) -> SendFuture<'_, M::Itself> {
        self.child().send_to(node, message)
    }

    /// Sends many child messages at once; see [`Node::send_all`](crate::Node::send_all).
    pub async fn send_all<M: Request>(
        &self,
        messages: impl IntoIterator<Item = M, IntoIter: Send> + Send,
    ) -> Vec<Result<M::Response, SendError<M::Error>>> {
        self.child().send_all(messages).await
    }

    /// Stores a child command; see [`Node::enqueue`](crate::Node::enqueue).
    pub fn enqueue<M: Command>(&self, command: M) -> StoreFuture<'_, Stored> {
        self.child().enqueue(command)
    }

    /// Stores many child commands; see [`Node::enqueue_all`](crate::Node::enqueue_all).
    pub async fn enqueue_all<M: Command>(
        &self,
        commands: impl IntoIterator<Item = M, IntoIter: Send> + Send,
    ) -> Vec<Result<Stored, StoreError>> {
        self.child().enqueue_all(commands).await
    }

    /// Stores a child event; see [`Node::publish`](crate::Node::publish).
    pub fn publish<M: Event>(&self, event: M) -> StoreFuture<'_, Published> {
        self.child().publish(event)
    }

    /// Stores many child events; see [`Node::publish_all`](crate::Node::publish_all).
    pub async fn publish_all<M: Event>(
        &self,
        events: impl IntoIterator<Item = M, IntoIter: Send> + Send,
    ) -> Vec<Result<Published, StoreError>> {
        self.child().publish_all(events).await
    }

    /// Broadcasts a child event; see [`Node::broadcast`](crate::Node::broadcast).
    pub fn broadcast<M: Event>(&self, event: M) -> StoreFuture<'_, Broadcast> {
        self.child().broadcast(event)
    }

    /// Broadcasts many child events; see [`Node::broadcast_all`](crate::Node::broadcast_all).
    pub async fn broadcast_all<M: Event>(
        &self,
        events: impl IntoIterator<Item = M, IntoIter: Send> + Send,
    ) -> Vec<Result<Broadcast, StoreError>> {
        self.child().broadcast_all(events).await
    }

    /// The handler and its extractors share one: equal children are counted once for all.
    pub(super) fn of(call: &Call<'_>) -> Self {
        let facts = call.facts;
        let make = || Self {
            inner: Arc::new(Inner {
                core: Arc::clone(call.core),
                attempt: facts.attempt,
                cancellation: facts.cancellation().cancellation(),
                fence: facts.fence(call.core, call.shared_key()),
                parent: Parent::of(call),
            }),
        };
        facts.context_or(make).clone()
    }

    fn child(&self) -> With<'_> {
        With::child(&self.inner.core, &self.inner.parent)
    }
}

impl FromContext for Context {
    fn from_context(call: &Call<'_>) -> Result<Self, BoxError> {
        Ok(Self::of(call))
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
