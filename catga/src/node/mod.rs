//! The node: how it is built, its verbs, and how it ends.

mod broker;
mod builder;
mod clock;
mod core;
mod gauge;
mod id;
mod layers;
mod letters;
mod lifecycle;
mod members;
mod options;
mod pause;
mod remote;
mod send;
mod shutdown;
mod start_error;
mod states;
mod store;
mod strategies;
mod task;
mod with;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub use broker::Broker;
pub use builder::Builder;
pub use id::{InvalidNodeId, NodeId};
pub use layers::Next;
pub use lifecycle::Phase;
pub use options::Options;
pub use remote::{Refusal, RemoteError};
pub use send::{
    Failed, NoRoute, Panicked, Refused, SendError, SendFuture, Timeout, Undecodable, Untransported,
};
pub use shutdown::ShutdownError;
pub use start_error::StartError;
pub use store::{Broadcast, Published, StoreError, StoreFuture, Stored};
pub use with::With;

pub(crate) use self::core::Core;
#[cfg(any(feature = "nats", feature = "redis"))]
pub(crate) use broker::without_credentials;
pub(crate) use clock::{coarse_now, epoch_now, time_now, time_of};
pub(crate) use gauge::{Entered, Gauge};
#[cfg(any(feature = "nats", feature = "redis"))]
pub(crate) use id::is_name;
pub(crate) use layers::Layers;
pub(crate) use options::after;
pub(crate) use send::{Answer, run_here};
pub(crate) use strategies::{OwnStrategies, Strategies};
pub(crate) use task::spawn;

use crate::message::{Command, Event, Request};
use crate::wiring::Wiring;
use shutdown::Last;

/// A running program that handles messages and sends them; a cheap clone.
///
/// Stop it with [`shutdown`](Self::shutdown), on Ctrl-C for example: the
/// [guide](crate::guide::shutdown) shows how. Dropping the last clone stops it at once, with a
/// warning. Without a broker what was stored and not handled is lost then; with one, the other
/// nodes of the service take it over, as after a crash.
///
#[doc = include_str!("docs/node.md")]
#[derive(Clone)]
pub struct Node {
    core: Arc<Core>,
    /// Stops the node with its last handle; tasks and handlers hold only `core`.
    _last: Arc<Last>,
}

impl Node {
    /// Describes a node of a service: the name that all nodes with the same handlers share.
    ///
    /// Letters `a` to `z`, digits and `-`.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use catga::Node;
    ///
    /// let node = Node::builder("orders").only(|_| false).start().await?;
    /// assert_eq!(node.service(), "orders");
    /// assert!(node.id().as_str().starts_with("orders-"));
    /// node.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(service: impl Into<String>) -> Builder {
        Builder::new(service.into())
    }

    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self {
            _last: Arc::new(Last::new(Arc::clone(&core))),
            core,
        }
    }

    pub(crate) fn core(&self) -> Arc<Core> {
        Arc::clone(&self.core)
    }

    /// The same verbs, with options for this one call.
    ///
    #[doc = include_str!("docs/with.md")]
    pub fn with(&self, options: Options) -> With<'_> {
        With::new(&self.core).with(options)
    }

    /// Sends a command or a query to its handler and waits for the answer.
    ///
    /// Where this node handles the message, this is a direct call: nothing is encoded and nothing
    /// is allocated, unless the handler's future is larger than 256 bytes.
    ///
    /// The handler is executed at most once. A node that refuses the call has not run it: the call
    /// then goes to the next node that routing picks, until its timeout. After anything else, such as
    /// an error of the handler or a timeout, nothing is sent again.
    ///
    /// A key gives a call its place, and no more: a process that stood still for longer than
    /// [`node_timeout`](crate::node::Builder::node_timeout) may for some milliseconds handle its own calls with
    /// keys that are another node's by now. A handler that is `serial` asks the clock first, as does
    /// everything that is stored, and calls of other nodes.
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    ///
    /// # Cancellation
    ///
    /// The future is lazy. Dropping it stops a local handler at the await where it is.
    ///
    #[doc = include_str!("docs/send.md")]
    #[inline]
    pub fn send<M: Request>(&self, message: M) -> SendFuture<'_, M::Itself> {
        SendFuture::new(&self.core, None, message.into())
    }

    /// Sends a command or a query to one node, whatever routing says.
    ///
    /// It is sent once: where that node refuses it, the error says so.
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    ///
    /// # Cancellation
    ///
    /// As for [`send`](Self::send).
    ///
    #[doc = include_str!("docs/send_to.md")]
    pub fn send_to<M: Request>(&self, node: &NodeId, message: M) -> SendFuture<'_, M::Itself> {
        With::new(&self.core).send_to(node, message)
    }

    /// Sends many messages at once; those with the same key one after the other, in the order of
    /// the iterator. Results are in that order, too.
    ///
    /// The iterator is read to its end before the first of them is sent.
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops the local handlers that run and starts no others.
    ///
    #[doc = include_str!("docs/send_all.md")]
    pub async fn send_all<M: Request>(
        &self,
        messages: impl IntoIterator<Item = M, IntoIter: Send> + Send,
    ) -> Vec<Result<M::Response, SendError<M::Error>>> {
        With::new(&self.core).send_all(messages).await
    }

    /// Stores a command for its service, which handles it at least once, in order per key.
    ///
    /// The order is that of all stored messages of the service with the same text as their key,
    /// whatever their types: see the [guide](crate::guide::delivery).
    ///
    /// With a broker it is in the service's queue once this returns, and any node may store it: a key
    /// is handled by the node that owns it, a message without one by any node of the service, also if
    /// none of them runs at this moment. [`guarantees`](Self::guarantees) says what the broker makes
    /// of it. Without a broker it is stored in the memory of this process: it outlives the caller and
    /// every failure of a handler, but not the process.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    ///
    /// # Cancellation
    ///
    /// A future that is dropped before it is ready may or may not have stored the message.
    ///
    #[doc = include_str!("docs/enqueue.md")]
    pub fn enqueue<M: Command>(&self, command: M) -> StoreFuture<'_, Stored> {
        With::new(&self.core).enqueue(command)
    }

    /// [`enqueue`](Self::enqueue)s many commands in the order of the iterator.
    ///
    /// Each has a timeout of its own; one that was not stored does not keep the next from being
    /// tried. With a broker up to 1,000 of them are on their way at once. The results are in the order
    /// of the iterator.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves what was stored until then; those that were on their way may or may
    /// not be stored.
    ///
    #[doc = include_str!("docs/enqueue_all.md")]
    pub async fn enqueue_all<M: Command>(
        &self,
        commands: impl IntoIterator<Item = M, IntoIter: Send> + Send,
    ) -> Vec<Result<Stored, StoreError>> {
        With::new(&self.core).enqueue_all(commands).await
    }

    /// Stores an event for each service that subscribes to it, which handles it at least once, in
    /// order per key.
    ///
    /// The handlers of a service run at once, each with its own attempts. The next message with the
    /// key waits until all of them are done: see the [guide](crate::guide::delivery).
    ///
    /// A service subscribes by having a handler, from the start of its first node until
    /// [`unsubscribe`](Self::unsubscribe), also while none of its nodes runs. What was published before
    /// is not told to it. That nobody subscribes is no error; the receipt says it.
    ///
    /// With a broker the event is in the queue of each service once this returns. Without one it is
    /// stored in the memory of this process: it outlives the caller and every failure of a handler,
    /// but not the process.
    ///
    /// # Errors
    ///
    /// See [`StoreError`]. [`StoreError::Partly`] says which services have it.
    ///
    /// # Cancellation
    ///
    /// A future that is dropped before it is ready may or may not have stored the event.
    ///
    #[doc = include_str!("docs/publish.md")]
    pub fn publish<M: Event>(&self, event: M) -> StoreFuture<'_, Published> {
        With::new(&self.core).publish(event)
    }

    /// [`publish`](Self::publish)es many events in the order of the iterator.
    ///
    /// Each has a timeout of its own; one that was not stored does not keep the next from being
    /// tried. With a broker up to 1,000 of them are on their way at once. The results are in the order
    /// of the iterator.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves what was stored until then; those that were on their way may or may
    /// not be stored.
    ///
    #[doc = include_str!("docs/publish_all.md")]
    pub async fn publish_all<M: Event>(
        &self,
        events: impl IntoIterator<Item = M, IntoIter: Send> + Send,
    ) -> Vec<Result<Published, StoreError>> {
        With::new(&self.core).publish_all(events).await
    }

    /// Hands an event to every live node now, at most once each: to the handlers that are marked
    /// `#[handler(broadcast)]`.
    ///
    /// Nothing is stored and nothing is tried again. An event that finds a node with all its
    /// executions taken is dropped there and counted:
    /// [`dropped_broadcasts`](Self::dropped_broadcasts).
    ///
    /// # Errors
    ///
    /// See [`StoreError`]. After [`StoreError::NotBroadcast`] any of the nodes may have heard the
    /// event; broadcasting it again runs their handlers again.
    ///
    /// # Cancellation
    ///
    /// A future that is dropped before it is ready may or may not have handed the event over.
    ///
    #[doc = include_str!("docs/broadcast.md")]
    pub fn broadcast<M: Event>(&self, event: M) -> StoreFuture<'_, Broadcast> {
        With::new(&self.core).broadcast(event)
    }

    /// [`broadcast`](Self::broadcast)s many events in the order of the iterator.
    ///
    /// One that was not handed over does not keep the next from being tried. With a broker up to
    /// 1,000 of them are on their way at once. The results are in the order of the iterator. Handlers
    /// run at once, in no order.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves what was handed over until then; those that were on their way may
    /// or may not be.
    ///
    #[doc = include_str!("docs/broadcast_all.md")]
    pub async fn broadcast_all<M: Event>(
        &self,
        events: impl IntoIterator<Item = M, IntoIter: Send> + Send,
    ) -> Vec<Result<Broadcast, StoreError>> {
        With::new(&self.core).broadcast_all(events).await
    }

    /// How many broadcast events this node had no room for.
    #[must_use]
    pub fn dropped_broadcasts(&self) -> u64 {
        self.core.dropped_broadcasts.load(Ordering::Relaxed)
    }

    /// The name of this node.
    #[must_use]
    pub fn id(&self) -> &NodeId {
        &self.core.id
    }

    /// The service this node belongs to.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.core.service
    }

    /// What this node handles; its `Display` is the whole table.
    #[must_use]
    pub fn wiring(&self) -> &Wiring {
        &self.core.wiring
    }

    /// What this node is doing.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use catga::Node;
    /// use catga::node::Phase;
    ///
    /// let node = Node::builder("orders").only(|_| false).start().await?;
    /// assert_eq!(node.phase(), Phase::Running);
    /// node.shutdown().await?;
    /// assert_eq!(node.phase(), Phase::Stopped);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.core.lifecycle.phase()
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("id", self.id())
            .field("service", &self.service())
            .field("phase", &self.phase())
            .finish_non_exhaustive()
    }
}
