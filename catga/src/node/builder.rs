use std::any::type_name;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tower_layer::Layer;
use tower_service::Service;

use super::broker::{Broker, Kind, without_credentials};
use super::core::epoch_now;
use super::gauge::Gauge;
use super::id::is_name;
use super::layers::{Layers, Next, Wrap, wrap};
use super::lifecycle::Lifecycle;
use super::remote::{self, Latency};
use super::states::States;
use super::{Core, Node, NodeId, StartError, Strategies};
use crate::BoxError;
use crate::cluster::{self, Joining, Settings};
use crate::delivery::{self, Delivery, Outcome, Queue, retry};
use crate::handler::HandlerInfo;
use crate::message::Message;
use crate::routing::Strategy;
use crate::wiring::{Around, Problem, Problems, Table, Wiring};

type Select = Box<dyn Fn(&HandlerInfo) -> bool + Send + Sync>;

/// Describes a node before it starts; made by [`Node::builder`].
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use catga::Node;
///
/// let node = Node::builder("orders")
///     .id("orders-1")
///     .drain_timeout(Duration::from_secs(5))
/// #   .only(|_| false)
///     .start()
///     .await?;
/// assert_eq!(node.id().as_str(), "orders-1");
/// node.shutdown().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until `start` is awaited"]
pub struct Builder {
    service: String,
    id: Option<String>,
    broker: Broker,
    states: States,
    select: Select,
    layers: Vec<Wrap>,
    retry: retry::Policy,
    settings: Settings,
    metadata: BTreeMap<String, String>,
    strategies: Strategies,
    queue_capacity: usize,
    max_in_flight: usize,
    drain_timeout: Duration,
    problems: Vec<Problem>,
}

impl Builder {
    pub(super) fn new(service: String) -> Self {
        Self {
            service,
            id: None,
            broker: Broker(Kind::None),
            settings: Settings::DEFAULT,
            metadata: BTreeMap::new(),
            strategies: Strategies::default(),
            states: States::default(),
            select: Box::new(|_| true),
            layers: Vec::new(),
            retry: retry::Policy::DEFAULT,
            queue_capacity: 100_000,
            max_in_flight: 1_024,
            drain_timeout: Duration::from_secs(30),
            problems: Vec::new(),
        }
    }

    /// The broker: a URL, or a transport that was made before.
    ///
    /// Without one, and with `memory://`, the node is alone in its process. With `memory://NAME`
    /// it is in a cluster with all nodes of this process that have the same name. In a cluster
    /// only [`send`](Node::send) and [`broadcast`](Node::broadcast) reach other nodes for now:
    /// `enqueue` and `publish` are for a node without one.
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
    /// let server = Node::builder("names")
    ///     .broker("memory://names")
    ///     .state("server".to_owned())
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// let client = Node::builder("clients")
    ///     .broker("memory://names")
    ///     .only(|_| false)
    ///     .start()
    ///     .await?;
    /// assert_eq!(client.send(Name).await?, "server");
    /// client.shutdown().await?;
    /// server.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn broker(mut self, broker: impl Into<Broker>) -> Self {
        self.broker = broker.into();
        self
    }

    /// How often the node says that it lives; 3 seconds by default, at most a third of
    /// [`node_timeout`](Self::node_timeout).
    pub fn heartbeat(mut self, every: Duration) -> Self {
        self.settings.heartbeat = every;
        self
    }

    /// How long a node without a heartbeat is taken to be alive; 10 seconds by default, and the
    /// same on all nodes.
    pub fn node_timeout(mut self, timeout: Duration) -> Self {
        self.settings.node_timeout = timeout;
        self
    }

    /// How many partitions the keys of the service are divided into; 32 by default, at least 1.
    ///
    /// Recorded with the first node of the service: a node that disagrees does not start.
    pub fn partitions(mut self, partitions: u32) -> Self {
        self.settings.partitions = partitions.max(1);
        self
    }

    /// Says something of the node that other nodes and strategies can read.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// Routes the messages of a type by a strategy of your own.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::routing::{Key, Nodes, Reason, Strategy, Target};
    /// use catga::{Node, State, handler, query};
    /// use serde::{Deserialize, Serialize};
    ///
    /// /// Everything goes to one node.
    /// struct To(&'static str);
    ///
    /// impl Strategy for To {
    ///     fn pick(&self, _: &Key<'_>, nodes: &Nodes) -> Target {
    ///         let mut candidates = nodes.candidates().iter();
    ///         match candidates.position(|node| node.id().as_str() == self.0) {
    ///             Some(place) => nodes.target(place),
    ///             None => Target::Nobody(Reason::Other("the one node is away")),
    ///         }
    ///     }
    /// }
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
    ///         .broker("memory://strategy")
    ///         .strategy::<Name>(To("two"))
    ///         .id(id)
    ///         .state(id.to_owned())
    /// #       .only(move |handler| handler.module() == here)
    ///         .start()
    /// };
    /// let (one, two) = (start("one").await?, start("two").await?);
    /// assert_eq!(one.send(Name).await?, "two");
    /// # two.shutdown().await?;
    /// # one.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn strategy<M: Message>(mut self, strategy: impl Strategy) -> Self {
        self.strategies.insert(M::info(), strategy);
        self
    }

    /// The node's name, in place of one made from the service's name and chance.
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
    /// let node = Node::builder("orders").id("blue").only(|_| false).start().await?;
    /// assert_eq!(node.id().as_str(), "blue");
    /// # node.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Gives the node a state, which handlers take as [`State<T>`](crate::State).
    ///
    /// A second one of the same type is a [`Problem::TwoStates`].
    ///
    /// Do not give a node its own [`Node`], nor anything that holds one: it would keep itself
    /// alive, and dropping the last handle would not stop it. Handlers have the verbs of their
    /// node on their [`Context`](crate::Context).
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
    /// let node = Node::builder("names")
    ///     .state("one".to_owned())
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// assert_eq!(node.send(Name).await?, "one");
    /// node.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn state<T: Clone + Send + Sync + 'static>(mut self, state: T) -> Self {
        if !self.states.insert(state) {
            self.problems.push(Problem::TwoStates {
                type_name: type_name::<T>(),
                at: Location::caller(),
            });
        }
        self
    }

    /// Selects the handlers that the node runs, by their module, crate or message; all by default.
    ///
    /// Called again, it selects anew.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::{Node, SendError, handler, query};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[query(response = ())]
    /// #[derive(Serialize, Deserialize)]
    /// struct One;
    ///
    /// #[query(response = ())]
    /// #[derive(Serialize, Deserialize)]
    /// struct Other;
    ///
    /// #[handler]
    /// async fn one(_: One) {}
    ///
    /// #[handler]
    /// async fn other(_: Other) {}
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let node = Node::builder("some")
    ///     .only(move |handler| handler.module() == here && handler.message().name() == "One")
    ///     .start()
    ///     .await?;
    /// assert_eq!(node.wiring().messages().len(), 1);
    /// node.send(One).await?;
    /// assert!(matches!(node.send(Other).await, Err(SendError::NoRoute(_))));
    /// node.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn only(mut self, select: impl Fn(&HandlerInfo) -> bool + Send + Sync + 'static) -> Self {
        self.select = Box::new(select);
        self
    }

    /// Adds a `tower` layer around every handler, for `send` and durable deliveries alike.
    ///
    /// The first one added is the outermost. An error of the layer's own is
    /// [`SendError::Failed`](crate::SendError::Failed) for `send`, and a failure that is tried
    /// again for a durable delivery. A node without layers pays nothing for them.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use catga::{Node, SendError, command, handler};
    /// use serde::{Deserialize, Serialize};
    /// use tower::timeout::TimeoutLayer;
    ///
    /// #[command]
    /// #[derive(Serialize, Deserialize)]
    /// struct Sleep;
    ///
    /// #[handler]
    /// async fn sleep(_: Sleep) {
    ///     std::future::pending::<()>().await;
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let node = Node::builder("sleeper")
    ///     .layer(TimeoutLayer::new(Duration::from_millis(5)))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// assert!(matches!(node.send(Sleep).await, Err(SendError::Failed(_))));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A layer of your own sees each [`Delivery`] before the handler and its [`Outcome`] after:
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use std::task::{Context, Poll};
    /// use catga::delivery::{Delivery, Outcome};
    /// use catga::node::Next;
    /// use catga::{BoxError, Node, handler, query};
    /// use serde::{Deserialize, Serialize};
    /// use tower::{Service, layer::layer_fn};
    ///
    /// #[query(response = ())]
    /// #[derive(Serialize, Deserialize)]
    /// struct Ask { fails: bool }
    ///
    /// #[handler]
    /// async fn ask(query: Ask) -> Result<(), &'static str> {
    ///     if query.fails { Err("no") } else { Ok(()) }
    /// }
    ///
    /// /// Notes what each handler came to.
    /// #[derive(Clone)]
    /// struct Audit { next: Next, log: Arc<Mutex<Vec<String>>> }
    ///
    /// impl Service<Delivery> for Audit {
    ///     type Response = Outcome;
    ///     type Error = BoxError;
    ///     type Future = std::pin::Pin<Box<dyn Future<Output = Result<Outcome, BoxError>> + Send>>;
    ///
    ///     fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
    ///         self.next.poll_ready(cx)
    ///     }
    ///
    ///     fn call(&mut self, delivery: Delivery) -> Self::Future {
    ///         let (name, log) = (delivery.handler().name(), Arc::clone(&self.log));
    ///         let handled = self.next.call(delivery);
    ///         Box::pin(async move {
    ///             let outcome = handled.await?;
    ///             log.lock().unwrap().push(format!("{name}: {}", outcome.is_success()));
    ///             Ok(outcome)
    ///         })
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let log = Arc::new(Mutex::new(Vec::new()));
    /// let audited = Arc::clone(&log);
    /// let node = Node::builder("audited")
    ///     .layer(layer_fn(move |next| Audit { next, log: Arc::clone(&audited) }))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// node.send(Ask { fails: false }).await?;
    /// node.send(Ask { fails: true }).await.unwrap_err();
    /// assert_eq!(*log.lock().unwrap(), ["ask: true", "ask: false"]);
    /// # node.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<Next> + Send + 'static,
        L::Service: Service<Delivery, Response = Outcome> + Clone + Send + Sync + 'static,
        <L::Service as Service<Delivery>>::Error: Into<BoxError>,
        <L::Service as Service<Delivery>>::Future: Send + 'static,
    {
        self.layers.push(wrap(layer));
        self
    }

    /// How failed deliveries are repeated where the handler does not say.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use catga::delivery::retry::Policy;
    /// use catga::{Node, event, handler};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[event]
    /// #[derive(Serialize, Deserialize)]
    /// struct Paid;
    ///
    /// #[handler]
    /// async fn book(_: Paid) -> Result<(), &'static str> {
    ///     Err("the books are closed")
    /// }
    ///
    /// #[handler(retry(max = 3))]
    /// async fn thank(_: Paid) -> Result<(), &'static str> {
    ///     Err("no stamps")
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let node = Node::builder("books")
    ///     .retry(Policy::new(2, Duration::from_millis(1)))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// node.publish(Paid).await?;
    /// node.shutdown().await?;
    /// let mut attempts: Vec<_> = node
    ///     .dead_letters()
    ///     .iter()
    ///     .map(|letter| (letter.handler().name(), letter.attempts().get()))
    ///     .collect();
    /// attempts.sort();
    /// assert_eq!(attempts, [("book", 2), ("thank", 3)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn retry(mut self, policy: retry::Policy) -> Self {
        self.retry = policy;
        self
    }

    /// How many stored messages the in-memory queue holds; 100,000 by default, and 0 means 1.
    ///
    /// When it is full, `enqueue` and `publish` wait until their deadline.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use catga::node::StoreError;
    /// use catga::{Node, Options, command, handler};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[command]
    /// #[derive(Serialize, Deserialize)]
    /// struct Work;
    ///
    /// #[handler]
    /// async fn work(_: Work) {
    ///     tokio::time::sleep(Duration::from_millis(20)).await;
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let node = Node::builder("workers")
    ///     .queue_capacity(1)
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// node.enqueue(Work).await?;
    /// let hasty = Options::new().timeout(Duration::from_millis(1));
    /// let refused = node.with(hasty).enqueue(Work).await;
    /// assert!(matches!(refused, Err(StoreError::Full { .. })));
    /// node.enqueue(Work).await?;               // waits for room
    /// node.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn queue_capacity(mut self, messages: usize) -> Self {
        self.queue_capacity = messages.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How many durable attempts and broadcasts run at once; 1,024 by default, and 0 means 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    /// use catga::{Node, State, command, handler};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[command]
    /// #[derive(Serialize, Deserialize)]
    /// struct Work;
    ///
    /// #[handler]
    /// async fn work(_: Work, State(running): State<Arc<AtomicUsize>>) {
    ///     assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0);
    ///     tokio::task::yield_now().await;
    ///     running.fetch_sub(1, Ordering::SeqCst);
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let node = Node::builder("workers")
    ///     .max_in_flight(1)
    ///     .state(Arc::new(AtomicUsize::new(0)))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// node.enqueue_all((0..10).map(|_| Work)).await;
    /// node.shutdown().await?;
    /// assert!(node.dead_letters().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_in_flight(mut self, attempts: usize) -> Self {
        self.max_in_flight = attempts.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How long [`Node::shutdown`] waits for handlers; 30 seconds by default.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use catga::{Node, command, handler};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[command]
    /// #[derive(Serialize, Deserialize)]
    /// struct Forever;
    ///
    /// #[handler]
    /// async fn forever(_: Forever) {
    ///     std::future::pending::<()>().await;
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let here = module_path!();
    /// let node = Node::builder("workers")
    ///     .drain_timeout(Duration::from_millis(10))
    /// #   .only(move |handler| handler.module() == here)
    ///     .start()
    ///     .await?;
    /// node.enqueue(Forever).await?;
    /// let unfinished = node.shutdown().await.unwrap_err();
    /// assert_eq!(unfinished.deliveries(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Checks the wiring without starting.
    ///
    /// # Errors
    ///
    /// All [`Problems`] that would stop [`start`](Self::start).
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::{Node, State, handler, query};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[query(response = u32)]
    /// #[derive(Serialize, Deserialize)]
    /// struct Limit;
    ///
    /// #[handler]
    /// async fn limit(_: Limit, State(limit): State<u32>) -> u32 {
    ///     limit
    /// }
    ///
    /// # let here = module_path!();
    /// let builder = Node::builder("limits");
    /// # let builder = builder.only(move |handler| handler.module() == here);
    /// let problems = builder.check().unwrap_err();
    /// assert!(problems.to_string().contains("takes `State<u32>`"));
    /// assert_eq!(builder.state(7_u32).check()?.messages().len(), 1);
    /// # Ok::<(), catga::wiring::Problems>(())
    /// ```
    pub fn check(&self) -> Result<Wiring, Problems> {
        let (wiring, mut problems) = Wiring::collect(&self.select);
        problems.extend(self.problems.iter().cloned());
        for handler in wiring.handlers() {
            for (id, type_name) in handler.requirements().states {
                if !self.states.contains(id) {
                    problems.push(Problem::MissingState { type_name, handler });
                }
            }
        }
        for (of, name) in [("service", Some(&self.service)), ("node", self.id.as_ref())] {
            if let Some(name) = name.filter(|name| !is_name(name)) {
                problems.push(Problem::InvalidName {
                    of,
                    name: name.clone(),
                });
            }
        }
        if let Kind::Unknown(url) = &self.broker.0 {
            problems.push(Problem::Broker {
                url: without_credentials(url),
            });
        }
        let Settings {
            heartbeat,
            node_timeout,
            ..
        } = self.settings;
        if heartbeat.is_zero() || heartbeat > node_timeout / 3 {
            problems.push(Problem::Heartbeat {
                heartbeat,
                node_timeout,
            });
        }
        Problems::none_of(problems)?;
        Ok(wiring)
    }

    /// Starts the node on the current tokio runtime, whose time driver must be enabled.
    ///
    /// # Errors
    ///
    /// [`StartError::Wiring`] with everything that is wrong with the wiring;
    /// [`StartError::NoRuntime`] outside of a tokio runtime; [`StartError::Join`] if the cluster
    /// does not take the node.
    ///
    /// # Panics
    ///
    /// Without the runtime's time driver the first use of a timer panics: build the runtime with
    /// `enable_time` or `enable_all`, as `#[tokio::main]` does.
    pub async fn start(self) -> Result<Node, StartError> {
        let wiring = self.check().map_err(StartError::Wiring)?;
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let id = self
            .id
            .map_or_else(|| NodeId::random(&self.service), |id| NodeId::new(&id));
        if cfg!(panic = "abort") {
            tracing::warn!(
                target: "catga",
                node = %id,
                "this program is built with `panic = \"abort\"`: a handler that panics ends the whole process"
            );
        }
        let service: Arc<str> = self.service.into();
        let cluster = match self.broker.0 {
            // The latter is a problem that was reported above.
            Kind::None | Kind::Unknown(_) => None,
            Kind::Transport(transport) => Some(
                cluster::join(Joining {
                    transport,
                    settings: self.settings,
                    id: id.clone(),
                    service: Arc::clone(&service),
                    metadata: self.metadata,
                    wiring: &wiring,
                })
                .await
                .map_err(StartError::Join)?,
            ),
        };
        let (queue, intakes) = Queue::new(self.queue_capacity, self.max_in_flight);
        let around = Around {
            retry: self.retry,
            layers: !self.layers.is_empty(),
            cluster: cluster.is_some(),
            strategies: &self.strategies,
        };
        let core = Arc::new(Core {
            table: Table::new(&wiring, &around),
            id,
            service,
            wiring,
            states: self.states,
            layers: Layers::stack(self.layers),
            queue,
            lifecycle: Lifecycle::new(),
            sends: Gauge::default(),
            executing: Gauge::default(),
            outcome: OnceLock::new(),
            cluster,
            strategies: self.strategies,
            calls: Gauge::default(),
            max_in_flight: self.max_in_flight,
            late_answers: AtomicU64::new(0),
            latency: Latency::default(),
            drain_timeout: self.drain_timeout,
            runtime,
            epoch: epoch_now(),
        });
        delivery::start(&core, intakes);
        if let Some(cluster) = &core.cluster {
            let (runtime, task) = (&core.runtime, || (Arc::clone(&core), Arc::clone(cluster)));
            let (of, at) = task();
            runtime.spawn(remote::serve(of, at));
            let (of, at) = task();
            // There before `start` returns: what is broadcast from then on is heard.
            let events = remote::subscribe(cluster).await.ok();
            runtime.spawn(remote::listen(of, at, events));
            let (of, at) = task();
            runtime.spawn(remote::exchange(of, at));
        }
        Ok(Node::new(core))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("service", &self.service)
            .field("id", &self.id)
            .field("broker", &self.broker)
            .field("states", &self.states)
            .field("layers", &self.layers.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_never_shown() {
        assert_eq!(
            without_credentials("nats://me:secret@host:1"),
            "nats://…@host:1"
        );
        assert_eq!(without_credentials("nats://host"), "nats://host");
        let builder = Builder::new("a".into()).broker("redis://:secret@host");
        assert!(!format!("{builder:?}").contains("secret"));
    }
}
