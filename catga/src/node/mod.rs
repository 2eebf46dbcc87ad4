//! The node: how it is built, its verbs, and how it ends.

mod broker;
mod builder;
mod core;
mod gauge;
mod id;
mod layers;
mod lifecycle;
mod options;
mod remote;
mod send;
mod shutdown;
mod start_error;
mod states;
mod store;
mod strategies;
mod with;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub use broker::Broker;
pub use builder::Builder;
pub use id::NodeId;
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

pub(crate) use self::core::{Core, epoch_now};
pub(crate) use gauge::{Entered, Gauge};
pub(crate) use options::after;
pub(crate) use remote::answer_of;
pub(crate) use send::run_here;
pub(crate) use strategies::Strategies;

use tokio::sync::watch;

use crate::cluster::Members;
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

    /// The same verbs, with options for this one call.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use catga::{Headers, Node, Options, handler, query};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[query(response = String)]
    /// #[derive(Serialize, Deserialize)]
    /// struct WhoAsks;
    ///
    /// #[handler]
    /// async fn who_asks(_: WhoAsks, headers: Headers) -> String {
    ///     headers.get("tenant").unwrap_or("nobody").to_owned()
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let node = Node::builder("tenants")
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// let options = Options::new()
    ///     .timeout(Duration::from_millis(200))
    ///     .header("tenant", "acme");
    /// assert_eq!(node.with(options).send(WhoAsks).await?, "acme");
    /// assert_eq!(node.send(WhoAsks).await?, "nobody");
    /// node.shutdown().await?;
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
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::{Node, SendError, command, handler};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Debug, thiserror::Error, Serialize, Deserialize)]
    /// #[error("{0} is sold out")]
    /// struct SoldOut(String);
    ///
    /// #[command(response = u32, error = SoldOut)]
    /// #[derive(Serialize, Deserialize)]
    /// struct Order { sku: String }
    ///
    /// #[handler]
    /// async fn order(command: Order) -> Result<u32, SoldOut> {
    ///     match command.sku.as_str() {
    ///         "tea" => Ok(7),
    ///         _ => Err(SoldOut(command.sku)),
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let node = Node::builder("orders")
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// assert_eq!(node.send(Order { sku: "tea".into() }).await?, 7);
    /// match node.send(Order { sku: "gold".into() }).await {
    ///     Err(SendError::Rejected(SoldOut(sku))) => assert_eq!(sku, "gold"),
    ///     other => panic!("{other:?}"),
    /// }
    /// node.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn send<M: Request>(&self, message: M) -> SendFuture<'_, M> {
        SendFuture::new(&self.core, None, message)
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
    /// # Examples
    ///
    /// ```
    /// use catga::{Node, State, handler, query};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[query(response = String)]
    /// #[derive(Serialize, Deserialize)]
    /// struct Name;
    ///
    /// #[handler]
    /// async fn name(_: Name, State(name): State<String>) -> String {
    ///     name
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let start = |id: &'static str| {
    ///     Node::builder("names")
    ///         .broker("memory://send-to")
    ///         .id(id)
    ///         .state(id.to_owned())
    /// #       .only(move |handler| handler.module() == here)
    ///         .start()
    /// };
    /// let (one, two) = (start("one").await?, start("two").await?);
    /// assert_eq!(one.send_to(two.id(), Name).await?, "two");
    /// assert_eq!(one.send_to(one.id(), Name).await?, "one");
    /// # two.shutdown().await?;
    /// # one.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_to<M: Request>(&self, node: &NodeId, message: M) -> SendFuture<'_, M> {
        With::new(&self.core).send_to(node, message)
    }

    /// Sends many messages at once; those with the same key one after the other, in the order of
    /// the iterator. Results are in that order, too.
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops the local handlers that run and starts no others.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::{Node, handler, query};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[query(response = u32)]
    /// #[derive(Serialize, Deserialize)]
    /// struct Square(u32);
    ///
    /// #[handler]
    /// async fn square(query: Square) -> u32 {
    ///     query.0 * query.0
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let node = Node::builder("squares")
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// let replies = node.send_all((1..=3).map(Square)).await;
    /// let replies: Vec<u32> = replies.into_iter().collect::<Result<_, _>>()?;
    /// assert_eq!(replies, [1, 4, 9]);
    /// node.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use catga::{Node, State, command, handler};
    /// use serde::{Deserialize, Serialize};
    ///
    /// type Log = Arc<Mutex<Vec<u32>>>;
    ///
    /// #[command]
    /// #[route(key = "account")]
    /// #[derive(Serialize, Deserialize)]
    /// struct Pay { account: String, amount: u32 }
    ///
    /// #[handler]
    /// async fn pay(command: Pay, State(log): State<Log>) {
    ///     log.lock().unwrap().push(command.amount);
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let log = Log::default();
    /// let node = Node::builder("payments")
    ///     .state(Arc::clone(&log))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// let stored = node.enqueue(Pay { account: "a".into(), amount: 5 }).await?;
    /// assert!(!stored.is_repeated());
    /// node.shutdown().await?;                  // what is stored is handled first
    /// assert_eq!(*log.lock().unwrap(), [5]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn enqueue<M: Command>(&self, command: M) -> StoreFuture<'_, Stored> {
        With::new(&self.core).enqueue(command)
    }

    /// [`enqueue`](Self::enqueue)s many commands in the order of the iterator.
    ///
    /// One after the other, each with a timeout of its own; one that was not stored does not keep
    /// the next from being tried. The results are in the order of the iterator.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves what was stored until then; the command at which it was dropped may
    /// or may not be stored.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use catga::{Node, State, command, handler};
    /// use serde::{Deserialize, Serialize};
    ///
    /// type Log = Arc<Mutex<Vec<u32>>>;
    ///
    /// #[command]
    /// #[route(key = "account")]
    /// #[derive(Serialize, Deserialize)]
    /// struct Pay { account: String, amount: u32 }
    ///
    /// #[handler]
    /// async fn pay(command: Pay, State(log): State<Log>) {
    ///     log.lock().unwrap().push(command.amount);
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let log = Log::default();
    /// let node = Node::builder("payments")
    ///     .state(Arc::clone(&log))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// let pay = |amount| Pay { account: "a".into(), amount };
    /// let stored = node.enqueue_all((1..=3).map(pay)).await;
    /// assert!(stored.iter().all(Result::is_ok));
    /// node.shutdown().await?;
    /// assert_eq!(*log.lock().unwrap(), [1, 2, 3], "in order per key");
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use catga::{Node, State, event, handler};
    /// use serde::{Deserialize, Serialize};
    ///
    /// type Log = Arc<Mutex<Vec<u32>>>;
    ///
    /// #[event]
    /// #[route(key = "account")]
    /// #[derive(Serialize, Deserialize)]
    /// struct Paid { account: String, amount: u32 }
    ///
    /// #[handler]
    /// async fn book(event: Paid, State(log): State<Log>) {
    ///     log.lock().unwrap().push(event.amount);
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let log = Log::default();
    /// let node = Node::builder("payments")
    ///     .state(Arc::clone(&log))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// let published = node.publish(Paid { account: "a".into(), amount: 5 }).await?;
    /// assert_eq!(published.services().collect::<Vec<_>>(), ["payments"]);
    /// node.shutdown().await?;                  // what is stored is handled first
    /// assert_eq!(*log.lock().unwrap(), [5]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish<M: Event>(&self, event: M) -> StoreFuture<'_, Published> {
        With::new(&self.core).publish(event)
    }

    /// [`publish`](Self::publish)es many events in the order of the iterator.
    ///
    /// One after the other, each with a timeout of its own; one that was not stored does not keep
    /// the next from being tried. The results are in the order of the iterator.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves what was stored until then; the event at which it was dropped may
    /// or may not be stored.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use catga::{Node, State, event, handler};
    /// use serde::{Deserialize, Serialize};
    ///
    /// type Log = Arc<Mutex<Vec<u32>>>;
    ///
    /// #[event]
    /// #[route(key = "account")]
    /// #[derive(Serialize, Deserialize)]
    /// struct Paid { account: String, amount: u32 }
    ///
    /// #[handler]
    /// async fn book(event: Paid, State(log): State<Log>) {
    ///     log.lock().unwrap().push(event.amount);
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let log = Log::default();
    /// let node = Node::builder("payments")
    ///     .state(Arc::clone(&log))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// let paid = |amount| Paid { account: "a".into(), amount };
    /// let published = node.publish_all((1..=3).map(paid)).await;
    /// assert!(published.iter().all(Result::is_ok));
    /// node.shutdown().await?;
    /// assert_eq!(*log.lock().unwrap(), [1, 2, 3], "in order per key");
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// # Cancellation
    ///
    /// A future that is dropped before it is ready may or may not have handed the event over.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use catga::{Node, State, event, handler};
    /// use serde::{Deserialize, Serialize};
    /// use tokio::sync::Semaphore;
    ///
    /// #[event]
    /// #[derive(Serialize, Deserialize)]
    /// struct PricesChanged;
    ///
    /// #[handler(broadcast)]
    /// async fn forget(_: PricesChanged, State(heard): State<Arc<Semaphore>>) {
    ///     heard.add_permits(1);
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let heard = Arc::new(Semaphore::new(0));
    /// let node = Node::builder("prices")
    ///     .state(Arc::clone(&heard))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// node.broadcast(PricesChanged).await?;
    /// heard.acquire().await?.forget();
    /// assert_eq!(node.dropped_broadcasts(), 0);
    /// node.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn broadcast<M: Event>(&self, event: M) -> StoreFuture<'_, Broadcast> {
        With::new(&self.core).broadcast(event)
    }

    /// [`broadcast`](Self::broadcast)s many events in the order of the iterator.
    ///
    /// One after the other; one that was not handed over does not keep the next from being tried.
    /// The results are in the order of the iterator. Handlers run at once, in no order.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves what was handed over until then; the event at which it was
    /// dropped may or may not be.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use catga::{Node, State, event, handler};
    /// use serde::{Deserialize, Serialize};
    /// use tokio::sync::Semaphore;
    ///
    /// #[event]
    /// #[derive(Serialize, Deserialize)]
    /// struct PricesChanged;
    ///
    /// #[handler(broadcast)]
    /// async fn forget(_: PricesChanged, State(heard): State<Arc<Semaphore>>) {
    ///     heard.add_permits(1);
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let heard = Arc::new(Semaphore::new(0));
    /// let node = Node::builder("prices")
    ///     .state(Arc::clone(&heard))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// let sent = node.broadcast_all((0..3).map(|_| PricesChanged)).await;
    /// assert!(sent.iter().all(Result::is_ok));
    /// heard.acquire_many(3).await?.forget();
    /// node.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
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

    /// The live nodes of the cluster, this one included; without a cluster there are none.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use catga::Node;
    ///
    /// let start = |id| {
    ///     let node = Node::builder("orders").broker("memory://members").id(id);
    ///     node.metadata("zone", "eu").only(|_| false).start()
    /// };
    /// let (one, two) = (start("one").await?, start("two").await?);
    /// let mut members = one.watch();
    /// members.wait_for(|members| members.len() == 2).await?;
    /// let members = one.members();
    /// let member = members.get("two").unwrap();
    /// assert_eq!((member.id(), member.service()), (two.id(), "orders"));
    /// assert_eq!(member.metadata()["zone"], "eu");
    /// # two.shutdown().await?;
    /// # one.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn members(&self) -> Members {
        self.core
            .cluster
            .as_ref()
            .map(|cluster| cluster.members())
            .unwrap_or_default()
    }

    /// Follows the live nodes of the cluster. The value changes when a node comes, goes, begins to
    /// drain or comes back; without a cluster it never does.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Members> {
        match &self.core.cluster {
            Some(cluster) => cluster.watch_members(),
            None => watch::Sender::new(Members::default()).subscribe(),
        }
    }

    /// The partitions of its service that this node owns now, with the epoch of each.
    ///
    /// Empty without a cluster, and while no heartbeat of this node is confirmed.
    #[must_use]
    pub fn partitions(&self) -> BTreeMap<u32, u64> {
        self.core
            .cluster
            .as_ref()
            .map(|cluster| cluster.partitions())
            .unwrap_or_default()
    }

    /// How many answers of other nodes came after their callers had given up.
    #[must_use]
    pub fn late_answers(&self) -> u64 {
        self.core.late_answers.load(Ordering::Relaxed)
    }

    /// How many broadcast events this node had no room for.
    #[must_use]
    pub fn dropped_broadcasts(&self) -> u64 {
        self.core.queue.dropped_broadcasts()
    }

    /// The messages whose attempts are used up, oldest first.
    ///
    /// Without a broker they are in the memory of this process: any number of them, each with its
    /// payload, until it is replayed or discarded or the process ends.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// use catga::{Node, State, event, handler};
    /// use catga::delivery::retry::Policy;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[event]
    /// #[derive(Serialize, Deserialize)]
    /// struct ParcelSent;
    ///
    /// #[handler]
    /// async fn deliver(_: ParcelSent, State(open): State<Arc<AtomicBool>>) -> Result<(), String> {
    ///     if !open.load(Ordering::Relaxed) {
    ///         return Err("the street is closed".into());
    ///     }
    ///     Ok(())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let open = Arc::new(AtomicBool::new(false));
    /// let node = Node::builder("parcels")
    ///     .state(Arc::clone(&open))
    ///     .retry(Policy::new(1, std::time::Duration::ZERO))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// node.publish(ParcelSent).await?;
    /// node.shutdown().await?;                  // after the one attempt that the policy grants
    /// let letters = node.dead_letters();
    /// assert_eq!(letters.len(), 1);
    /// assert_eq!(letters[0].handler().name(), "deliver");
    /// assert_eq!(letters[0].attempts().get(), 1);
    /// assert!(letters[0].error_chain().concat().contains("the street is closed"));
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// # Cancellation
    ///
    /// A future that is dropped before it is ready may or may not have replayed the letter; it is
    /// still there if it has not.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// use catga::{Node, State, event, handler};
    /// use catga::delivery::retry::Policy;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[event]
    /// #[derive(Serialize, Deserialize)]
    /// struct ParcelSent;
    ///
    /// #[handler]
    /// async fn deliver(_: ParcelSent, State(open): State<Arc<AtomicBool>>) -> Result<(), String> {
    ///     if !open.load(Ordering::Relaxed) {
    ///         return Err("the street is closed".into());
    ///     }
    ///     Ok(())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let open = Arc::new(AtomicBool::new(false));
    /// let node = Node::builder("parcels")
    ///     .state(Arc::clone(&open))
    ///     .retry(Policy::new(1, std::time::Duration::ZERO))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// node.publish(ParcelSent).await?;
    /// while node.dead_letters().is_empty() {
    ///     tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    /// }
    /// open.store(true, Ordering::Relaxed);
    /// for letter in node.dead_letters() {
    ///     assert!(node.replay(&letter).await?.is_some());
    ///     assert!(node.replay(&letter).await?.is_none(), "only once");
    /// }
    /// node.shutdown().await?;
    /// assert!(node.dead_letters().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn replay(&self, letter: &DeadLetter) -> Result<Option<Stored>, StoreError> {
        store::replay(&self.core, letter).await
    }

    /// Drops a dead letter for good. `false` if it was replayed or discarded before.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// use catga::{Node, State, event, handler};
    /// use catga::delivery::retry::Policy;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[event]
    /// #[derive(Serialize, Deserialize)]
    /// struct ParcelSent;
    ///
    /// #[handler]
    /// async fn deliver(_: ParcelSent, State(open): State<Arc<AtomicBool>>) -> Result<(), String> {
    ///     if !open.load(Ordering::Relaxed) {
    ///         return Err("the street is closed".into());
    ///     }
    ///     Ok(())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let open = Arc::new(AtomicBool::new(false));
    /// let node = Node::builder("parcels")
    ///     .state(Arc::clone(&open))
    ///     .retry(Policy::new(1, std::time::Duration::ZERO))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// node.publish(ParcelSent).await?;
    /// node.shutdown().await?;
    /// for letter in node.dead_letters() {
    ///     assert!(node.discard(&letter));
    ///     assert!(!node.discard(&letter), "only once");
    /// }
    /// assert!(node.dead_letters().is_empty());
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use catga::{Node, SendError, command, handler};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[command]
    /// #[derive(Serialize, Deserialize)]
    /// struct Work { millis: u64 }
    ///
    /// #[handler]
    /// async fn work(command: Work) {
    ///     tokio::time::sleep(Duration::from_millis(command.millis)).await;
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let node = Node::builder("workers")
    ///     .drain_timeout(Duration::from_millis(50))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// node.enqueue(Work { millis: 1 }).await?;
    /// node.enqueue(Work { millis: 60_000 }).await?;
    /// let unfinished = node.shutdown().await.unwrap_err();
    /// assert_eq!(unfinished.deliveries(), 1);
    /// let refused = node.send(Work { millis: 1 }).await;
    /// assert!(matches!(refused, Err(SendError::Refused(_))));
    /// # Ok(())
    /// # }
    /// ```
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
