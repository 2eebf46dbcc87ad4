//! The node: how it is built, its verbs, and how it ends.

mod builder;
mod core;
mod gauge;
mod id;
mod layers;
mod lifecycle;
mod options;
mod send;
mod shutdown;
mod start_error;
mod states;
mod store;
mod with;

use std::fmt;
use std::sync::Arc;

pub use builder::Builder;
pub use id::NodeId;
pub use layers::Next;
pub use lifecycle::Phase;
pub use options::Options;
pub use send::{Failed, NoRoute, Panicked, Refused, SendError, SendFuture, Timeout, Undecodable};
pub use shutdown::ShutdownError;
pub use start_error::StartError;
pub use store::{Broadcast, Published, StoreError, StoreFuture, Stored};
pub use with::With;

pub(crate) use self::core::Core;
pub(crate) use gauge::Gauge;

use crate::delivery::DeadLetter;
use crate::message::{Command, Event, Request};
use crate::wiring::Wiring;
use shutdown::Last;

/// A running program that handles messages and sends them; a cheap clone.
///
/// Stop it with [`shutdown`](Self::shutdown). Dropping the last clone stops it at once, with a
/// warning: what was stored and not handled is lost then.
///
/// # Examples
///
/// ```
/// use catga::{Node, handler, query};
/// use serde::{Deserialize, Serialize};
///
/// #[query(response = usize)]
/// #[derive(Serialize, Deserialize)]
/// struct Length { text: String }
///
/// #[handler]
/// async fn length(query: Length) -> usize {
///     query.text.len()
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let here = module_path!();
/// let node = Node::builder("texts")
/// #   .only(move |handler| handler.module() == here)
///     .start()
///     .await?;
/// assert_eq!(node.send(Length { text: "four".into() }).await?, 4);
/// node.shutdown().await?;
/// # Ok(())
/// # }
/// ```
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
    pub fn builder(service: impl Into<String>) -> Builder {
        Builder::new(service.into())
    }

    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self {
            _last: Arc::new(Last::new(Arc::clone(&core))),
            core,
        }
    }

    /// The same verbs, with options for this one call.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use catga::{Node, Options, query};
    /// # use serde::{Deserialize, Serialize};
    /// # #[query(response = u64)]
    /// # #[derive(Serialize, Deserialize)]
    /// # struct CountStock;
    /// # async fn example(node: Node) -> Result<(), catga::SendError> {
    /// let options = Options::new().timeout(Duration::from_millis(200));
    /// let count = node.with(options).send(CountStock).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with(&self, options: Options) -> With<'_> {
        With::new(&self.core).with(options)
    }

    /// Sends a command or a query to its handler and waits for the answer.
    ///
    /// Where this node handles the message, this is a direct call: nothing is encoded and nothing
    /// is allocated, unless the handler's future is larger than 256 bytes. The handler is executed
    /// at most once; nothing is ever sent again behind your back.
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    ///
    /// # Cancellation
    ///
    /// The future is lazy. Dropping it stops a local handler at the await where it is.
    #[inline]
    pub fn send<M: Request>(&self, message: M) -> SendFuture<'_, M> {
        SendFuture::new(&self.core, None, message)
    }

    /// Sends many messages at once; those with the same key one after the other, in the order of
    /// the iterator. Results are in that order, too.
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops the local handlers that run and starts no others.
    pub async fn send_all<M: Request>(
        &self,
        messages: impl IntoIterator<Item = M, IntoIter: Send> + Send,
    ) -> Vec<Result<M::Response, SendError<M::Error>>> {
        With::new(&self.core).send_all(messages).await
    }

    /// Stores a command for its service, which handles it at least once, in order per key.
    ///
    /// Without a broker it is stored in the memory of this process: it outlives the caller and
    /// every failure of a handler, but not the process.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    ///
    /// # Cancellation
    ///
    /// A future that is dropped before it is ready may or may not have stored the message.
    pub fn enqueue<M: Command>(&self, command: M) -> StoreFuture<'_, Stored> {
        With::new(&self.core).enqueue(command)
    }

    /// [`enqueue`](Self::enqueue)s many commands in the order of the iterator.
    pub async fn enqueue_all<M: Command>(
        &self,
        commands: impl IntoIterator<Item = M, IntoIter: Send> + Send,
    ) -> Vec<Result<Stored, StoreError>> {
        With::new(&self.core).enqueue_all(commands).await
    }

    /// Stores an event for each service that subscribes to it, which handles it at least once, in
    /// order per key.
    ///
    /// Without a broker it is stored in the memory of this process: it outlives the caller and
    /// every failure of a handler, but not the process. That nobody subscribes is no error; the
    /// receipt says it.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    ///
    /// # Cancellation
    ///
    /// A future that is dropped before it is ready may or may not have stored the event.
    pub fn publish<M: Event>(&self, event: M) -> StoreFuture<'_, Published> {
        With::new(&self.core).publish(event)
    }

    /// [`publish`](Self::publish)es many events in the order of the iterator.
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
    /// See [`StoreError`].
    pub fn broadcast<M: Event>(&self, event: M) -> StoreFuture<'_, Broadcast> {
        With::new(&self.core).broadcast(event)
    }

    /// [`broadcast`](Self::broadcast)s many events in the order of the iterator.
    pub async fn broadcast_all<M: Event>(
        &self,
        events: impl IntoIterator<Item = M, IntoIter: Send> + Send,
    ) -> Vec<Result<Broadcast, StoreError>> {
        With::new(&self.core).broadcast_all(events).await
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
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.core.lifecycle.phase()
    }

    /// How many broadcast events this node had no room for.
    #[must_use]
    pub fn dropped_broadcasts(&self) -> u64 {
        self.core.queue.dropped_broadcasts()
    }

    /// The messages whose attempts are used up, oldest first.
    ///
    /// Without a broker they are in the memory of this process.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.core.queue.dead.list()
    }

    /// Delivers a dead letter again, behind everything that is stored now, to the handler that
    /// failed, with the header `catga-replay`.
    ///
    /// `None` if it was replayed or discarded before.
    ///
    /// # Errors
    ///
    /// See [`StoreError`]; the dead letter is still there then.
    pub async fn replay(&self, letter: &DeadLetter) -> Result<Option<Stored>, StoreError> {
        store::replay(&self.core, letter).await
    }

    /// Drops a dead letter for good. `false` if it was replayed or discarded before.
    pub fn discard(&self, letter: &DeadLetter) -> bool {
        self.core.queue.dead.take(letter.number()).is_some()
    }

    /// Stops the node: takes nothing new, finishes what runs and what is stored, leaves.
    ///
    /// Handlers may still send, enqueue and publish through their [`Context`](crate::Context).
    /// After [`Builder::drain_timeout`] the futures of durable deliveries that still run are
    /// dropped. Safe to call again, and from several places.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`] if something was not finished in time.
    ///
    /// # Cancellation
    ///
    /// A future that is dropped leaves the node draining; call it again to go on.
    pub async fn shutdown(&self) -> Result<(), ShutdownError> {
        shutdown::shutdown(&self.core).await
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
