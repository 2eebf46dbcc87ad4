use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::Builder;
use crate::cluster::{self, Joining};
use crate::delivery::{self, Engine, Limits, Queue};
use crate::node::broker::Kind;
use crate::node::epoch_now;
use crate::node::gauge::Gauge;
use crate::node::layers::Layers;
use crate::node::lifecycle::Lifecycle;
use crate::node::remote::{self, Latency};
use crate::node::{Core, Node, NodeId, StartError};
use crate::transport::Memory;
use crate::wiring::{Around, Table};

/// How many messages a node in a cluster holds for each that it may run at once.
const HELD: usize = 8;

impl Builder {
    /// Starts the node on the current tokio runtime, whose time driver must be enabled.
    ///
    /// In a cluster it is a member then, and owns nothing yet: the first nodes wait one
    /// [`heartbeat`](Self::heartbeat) before they share the partitions, since others may be starting,
    /// too. What is stored meanwhile waits; calls are answered at once.
    ///
    /// # Errors
    ///
    /// [`StartError::Wiring`] with everything that is wrong with the wiring;
    /// [`StartError::NoRuntime`] outside of a tokio runtime; [`StartError::Join`] if the cluster
    /// does not take the node.
    ///
    /// # Cancellation
    ///
    /// A future that is dropped before it is ready leaves no node behind. If it had joined its
    /// cluster, the others take it for dead after [`node_timeout`](Self::node_timeout).
    ///
    /// # Panics
    ///
    /// Without the runtime's time driver the first use of a timer panics: build the runtime with
    /// `enable_time` or `enable_all`, as `#[tokio::main]` does.
    pub async fn start(self) -> Result<Node, StartError> {
        let wiring = self.check().map_err(StartError::Wiring)?;
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let settings = self.settings();
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
        if !self.selects && wiring.messages().is_empty() {
            tracing::warn!(
                target: "catga",
                node = %id,
                "no handler is linked into this program: name the crates that have them in `catga::use_crates!`, or say `.only(|_| false)` if this node only sends"
            );
        }
        let service: Arc<str> = self.service.into();
        let (cluster, lines) = match self.broker.0 {
            // The latter is a problem that was reported above.
            Kind::None | Kind::Unknown(_) => (None, None),
            Kind::Transport(transport) => {
                let joined = cluster::join(Joining {
                    transport,
                    settings,
                    id: id.clone(),
                    service: Arc::clone(&service),
                    metadata: self.metadata,
                    wiring: &wiring,
                    strategies: self.strategies.own(),
                })
                .await
                .map_err(StartError::Join)?;
                (Some(joined.cluster), Some(joined.lines))
            }
        };
        let queue = Queue::new(self.queue_capacity);
        let around = Around {
            retry: self.retry,
            layers: !self.layers.is_empty(),
            cluster: cluster.is_some(),
            strategies: &self.strategies,
        };
        let epoch = epoch_now();
        let engine = cluster.as_ref().map(|cluster| {
            let limits = Limits {
                held: self.queue_capacity.min(HELD * self.max_in_flight),
                crashes: self.crashes,
            };
            Engine::new(cluster, limits, epoch)
        });
        let core = Arc::new(Core {
            table: Table::new(&wiring, &around),
            id,
            service,
            wiring,
            states: self.states,
            layers: Layers::stack(self.layers),
            queue,
            lifecycle: Lifecycle::new(),
            unfinished: Gauge::default(),
            in_flight: Arc::new(Semaphore::new(self.max_in_flight)),
            dropped_broadcasts: AtomicU64::new(0),
            sends: Gauge::default(),
            executing: Gauge::default(),
            outcome: OnceLock::new(),
            claims: Memory::private(),
            engine,
            cluster,
            tap: self.tap,
            content_type: self.content_type,
            strategies: self.strategies,
            calls: Gauge::default(),
            max_in_flight: self.max_in_flight,
            late_answers: AtomicU64::new(0),
            latency: Latency::default(),
            drain_timeout: self.drain_timeout,
            runtime,
            epoch,
        });
        // From here on it stops if this future is dropped, as with every last handle.
        let node = Node::new(Arc::clone(&core));
        delivery::start(&core);
        if let (Some(cluster), Some(lines)) = (&core.cluster, lines) {
            remote::attend(&core, cluster, lines);
        }
        if let Some(engine) = &core.engine
            && core.table.handles_stored()
        {
            engine.start(&core, self.front_door);
        }
        Ok(node)
    }
}
