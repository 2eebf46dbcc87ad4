//! What a node is made from, one option at a time.

mod check;
mod cluster;
mod limits;
mod start;

use std::any::type_name;
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::panic::Location;
use std::time::Duration;

use tower_layer::Layer;
use tower_service::Service;

use super::Strategies;
use super::broker::{Broker, Kind};
use super::layers::{Next, Wrap, wrap};
use super::states::States;
use crate::BoxError;
use crate::cluster::Settings;
use crate::delivery::{Delivery, Outcome, retry};
use crate::handler::HandlerInfo;
use crate::message::{ContentType, Message};
use crate::routing::Strategy;
use crate::wiring::Problem;

/// In how many crashes a message may have been running, unless the builder says more.
const CRASHES: NonZeroU32 = NonZeroU32::new(3).unwrap();

type Select = Box<dyn Fn(&HandlerInfo) -> bool + Send + Sync>;

/// Describes a node before it starts; made by [`Node::builder`](crate::Node::builder).
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
    /// Whether the application said which.
    selects: bool,
    layers: Vec<Wrap>,
    retry: retry::Policy,
    settings: Settings,
    /// In place of what the broker needs.
    node_timeout: Option<Duration>,
    metadata: BTreeMap<String, String>,
    strategies: Strategies,
    queue_capacity: usize,
    max_in_flight: usize,
    crashes: NonZeroU32,
    tap: bool,
    content_type: ContentType,
    front_door: bool,
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
            node_timeout: None,
            metadata: BTreeMap::new(),
            strategies: Strategies::default(),
            states: States::default(),
            select: Box::new(|_| true),
            selects: false,
            layers: Vec::new(),
            retry: retry::Policy::DEFAULT,
            queue_capacity: 100_000,
            max_in_flight: 1_024,
            crashes: CRASHES,
            tap: false,
            content_type: ContentType::default(),
            front_door: true,
            drain_timeout: Duration::from_secs(30),
            problems: Vec::new(),
        }
    }

    /// Gives the node a state, which handlers take as [`State<T>`](crate::State).
    ///
    /// A second one of the same type is a [`Problem::TwoStates`].
    ///
    /// Do not give a node its own [`Node`](crate::Node), nor anything that holds one: it would keep itself
    /// alive, and dropping the last handle would not stop it. Handlers have the verbs of their
    /// node on their [`Context`](crate::Context).
    ///
    #[doc = include_str!("docs/state.md")]
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
    #[doc = include_str!("docs/only.md")]
    pub fn only(mut self, select: impl Fn(&HandlerInfo) -> bool + Send + Sync + 'static) -> Self {
        self.select = Box::new(select);
        self.selects = true;
        self
    }

    /// Adds a `tower` layer around every handler, for `send` and durable deliveries alike.
    ///
    /// The first one added is the outermost. An error of the layer's own is
    /// [`SendError::Failed`](crate::SendError::Failed) for `send`, and a failure that is tried
    /// again for a durable delivery. A node without layers pays nothing for them.
    ///
    #[doc = include_str!("docs/layer.md")]
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

    /// The format of the payloads that this node writes; [`ContentType::default`] where it is not set.
    ///
    /// It reads whatever it is built for, so the nodes of a cluster may differ, for example while the
    /// format is changed. A reply comes in the format of its call.
    ///
    #[doc = include_str!("docs/content_type.md")]
    pub fn content_type(mut self, content_type: ContentType) -> Self {
        self.content_type = content_type;
        self
    }

    /// Routes the messages of a type by a strategy of your own.
    ///
    #[doc = include_str!("docs/strategy.md")]
    pub fn strategy<M: Message>(mut self, strategy: impl Strategy) -> Self {
        self.strategies.insert(M::info(), strategy);
        self
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
