use std::any::type_name;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tower_layer::Layer;
use tower_service::Service;

use super::core::epoch_now;
use super::gauge::Gauge;
use super::id::is_name;
use super::layers::{Layers, Next, Wrap, wrap};
use super::lifecycle::Lifecycle;
use super::states::States;
use super::{Core, Node, NodeId, StartError};
use crate::BoxError;
use crate::delivery::{self, Delivery, Outcome, Queue, retry};
use crate::handler::HandlerInfo;
use crate::wiring::{Problem, Problems, Table, Wiring};

type Select = Box<dyn Fn(&HandlerInfo) -> bool + Send + Sync>;

/// Describes a node before it starts; made by [`Node::builder`].
#[must_use = "a builder does nothing until `start` is awaited"]
pub struct Builder {
    service: String,
    id: Option<String>,
    broker: Option<String>,
    states: States,
    select: Select,
    layers: Vec<Wrap>,
    retry: retry::Policy,
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
            broker: None,
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

    /// The broker's URL. `memory://`, the default, needs no server: messages stay in this process.
    pub fn broker(mut self, url: impl Into<String>) -> Self {
        self.broker = Some(url.into());
        self
    }

    /// The node's name, in place of one made from the service's name and chance.
    ///
    /// Letters `a` to `z`, digits and `-`.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Gives the node a state, which handlers take as [`State<T>`](crate::State).
    ///
    /// A second one of the same type is a [`Problem::TwoStates`].
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
    pub fn retry(mut self, policy: retry::Policy) -> Self {
        self.retry = policy;
        self
    }

    /// How many stored messages the in-memory queue holds; 100,000 by default.
    ///
    /// When it is full, `enqueue` and `publish` wait until their deadline.
    pub fn queue_capacity(mut self, messages: usize) -> Self {
        self.queue_capacity = messages.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How many durable attempts and broadcasts run at once; 1,024 by default.
    pub fn max_in_flight(mut self, attempts: usize) -> Self {
        self.max_in_flight = attempts.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How long [`Node::shutdown`] waits for handlers; 30 seconds by default.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Checks the wiring without starting.
    ///
    /// # Errors
    ///
    /// All [`Problems`] that would stop [`start`](Self::start).
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
        if let Some(url) = self.broker.as_ref().filter(|url| *url != "memory://") {
            problems.push(Problem::Broker {
                url: without_credentials(url),
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
    /// [`StartError::NoRuntime`] outside of a tokio runtime.
    pub async fn start(self) -> Result<Node, StartError> {
        let wiring = self.check().map_err(StartError::Wiring)?;
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let id = self
            .id
            .map_or_else(|| NodeId::random(&self.service), |id| NodeId::new(&id));
        if cfg!(panic = "abort") {
            tracing::warn!(
                node = %id,
                "this program is built with `panic = \"abort\"`: a handler that panics ends the whole process"
            );
        }
        let (queue, intakes) = Queue::new(self.queue_capacity, self.max_in_flight);
        let core = Arc::new(Core {
            table: Table::new(&wiring, self.retry, !self.layers.is_empty()),
            id,
            service: self.service.into(),
            wiring,
            states: self.states,
            layers: Layers::stack(self.layers),
            queue,
            lifecycle: Lifecycle::new(),
            waiting: Gauge::default(),

            drain_timeout: self.drain_timeout,
            runtime,
            epoch: epoch_now(),
        });
        delivery::start(&core, intakes);
        Ok(Node::new(core))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("service", &self.service)
            .field("id", &self.id)
            .field("broker", &self.broker.as_deref().map(without_credentials))
            .field("states", &self.states)
            .field("layers", &self.layers.len())
            .finish_non_exhaustive()
    }
}

/// The URL as it may be shown: without user and password.
fn without_credentials(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 <= at => {
            format!("{}…{}", &url[..scheme + 3], &url[at..])
        }
        _ => url.to_owned(),
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
