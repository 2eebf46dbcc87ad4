use std::fmt;
use std::sync::Once;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::Wiring;
use crate::delivery::retry;
use crate::handler::{AnyStart, HandlerInfo, StartFn};
use crate::message::{Kind, Message, MessageInfo};
use crate::node::{Core, Strategies};
use crate::routing::{Key, StrategyKind};
use crate::telemetry;

/// The wiring as the hot path reads it: a row for each message type, found by its slot.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Box<[Option<Row>]>,
}

impl Table {
    /// The table of a node.
    pub(crate) fn new(wiring: &Wiring, around: &Around<'_>) -> Self {
        let mut rows = Vec::new();
        for message in wiring.messages() {
            let slot = message.info().slot().assign();
            if rows.len() <= slot {
                rows.resize_with(slot + 1, || None);
            }
            rows[slot] = Some(Row::new(message, around));
        }
        Self { rows: rows.into() }
    }

    /// Whether this node handles stored messages at all.
    pub(crate) fn handles_stored(&self) -> bool {
        self.rows.iter().flatten().any(Row::handles_stored)
    }

    /// The row of a message type; `None` if this node has no handler for it.
    #[inline]
    pub(crate) fn row(&self, info: &MessageInfo) -> Option<&Row> {
        // Slot 0 is nobody's, and its row is always `None`.
        self.rows.get(info.slot().get())?.as_ref()
    }
}

/// What is around the handlers of a node.
pub(crate) struct Around<'a> {
    pub(crate) retry: retry::Policy,
    /// Whether calls go through layers.
    pub(crate) layers: bool,
    /// Whether there may be other nodes.
    pub(crate) cluster: bool,
    /// Whether a type has a strategy of the user's own.
    pub(crate) strategies: &'a Strategies,
}

impl Around<'_> {
    fn here(&self, message: &MessageInfo) -> HandledHere {
        match message.route().strategy() {
            _ if !self.cluster => HandledHere::Always,
            _ if self.strategies.has_own(message) => HandledHere::ByStrategy,
            StrategyKind::LocalFirst => HandledHere::Always,
            StrategyKind::ConsistentHash => HandledHere::ByPartition,
            _ => HandledHere::ByStrategy,
        }
    }
}

/// The handlers of one message type on this node.
#[derive(Debug)]
pub(crate) struct Row {
    /// The one handler of a command or query; the durable handlers of an event.
    pub(crate) handlers: Box<[Local]>,
    /// The handlers of broadcast events.
    pub(crate) broadcast: Box<[Local]>,
    /// A verb that passes the handlers over is a mistake that is told once.
    passed_over: Once,
}

impl Row {
    /// Whether stored messages of the type are handled: a query is only asked.
    pub(crate) fn handles_stored(&self) -> bool {
        let mut kinds = self
            .handlers
            .iter()
            .map(|local| local.info.message().kind());
        kinds.any(|kind| kind != Kind::Query)
    }

    /// Tells that an event had handlers here, but none for its verb.
    pub(crate) fn pass_over(&self, core: &Core, event: &MessageInfo, verb: &str) {
        let (wanted, others, advice) = match verb {
            "broadcast" => (
                &self.broadcast,
                &self.handlers,
                "none of them is a `#[handler(broadcast)]`; `publish` it for them",
            ),
            _ => (
                &self.handlers,
                &self.broadcast,
                "each is a `#[handler(broadcast)]`; `broadcast` it for them",
            ),
        };
        if wanted.is_empty() && !others.is_empty() {
            self.passed_over
                .call_once(|| telemetry::passed_over(core, event, verb, advice));
        }
    }

    fn new(message: &super::WiredMessage, around: &Around<'_>) -> Self {
        let is_event = message.info().kind() == Kind::Event;
        let (broadcast, handlers): (Vec<_>, Vec<_>) = message
            .handlers()
            .iter()
            .partition(|handler| is_event && handler.is_broadcast());
        let locals = |handlers: Vec<&'static HandlerInfo>| {
            handlers
                .into_iter()
                .map(|handler| Local::new(handler, around))
                .collect()
        };
        Self {
            handlers: locals(handlers),
            broadcast: locals(broadcast),
            passed_over: Once::new(),
        }
    }
}

/// A handler of this node.
pub(crate) struct Local {
    pub(crate) info: &'static HandlerInfo,
    pub(crate) retry: retry::Policy,
    /// At most this many executions at once.
    limit: Option<Semaphore>,
    start: AnyStart,
    /// Whether `send` may call the handler with nothing in between.
    pub(crate) direct: bool,
    /// When `send` is handled by this node.
    pub(crate) here: HandledHere,
}

/// When a message that this node handles is handled by this node, and not by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandledHere {
    /// Always: there are no other nodes, or the message goes to the nearest.
    Always,
    /// When this node owns the key's partition.
    ByPartition,
    /// When the strategy says so.
    ByStrategy,
}

impl HandledHere {
    /// Whether this message is handled here.
    #[inline]
    pub(crate) fn is_here<M: Message>(self, core: &Core, message: &M) -> bool {
        match (self, &core.cluster) {
            (Self::Always, _) | (_, None) => true,
            (Self::ByPartition, Some(cluster)) => {
                cluster.is_alone() || cluster.is_here(Key::of(message).fnv1a32())
            }
            // Asked again, with the same view, where the call is on its way.
            (Self::ByStrategy, Some(_)) => false,
        }
    }
}

impl Local {
    fn new(info: &'static HandlerInfo, around: &Around<'_>) -> Self {
        Self {
            info,
            here: around.here(info.message()),
            direct: !around.layers
                && info.concurrency().is_none()
                && info.dedup().is_none()
                && !info.is_serial(),
            retry: info
                .retry()
                .map_or(around.retry, |overrides| overrides.on(around.retry)),
            limit: info
                .concurrency()
                .map(|limit| Semaphore::new(limit.get().min(Semaphore::MAX_PERMITS))),
            start: info.start(),
        }
    }

    /// Waits for a turn under `concurrency`. The time does not count as an attempt's.
    ///
    /// Cancel safe.
    pub(crate) async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        match &self.limit {
            // Never closed, so this waits and nothing else.
            Some(limit) => limit.acquire().await.ok(),
            None => None,
        }
    }

    /// The typed start function; `None` where `M` is not the handler's message.
    #[inline]
    pub(crate) fn start<M: Message>(&self) -> Option<StartFn<M>> {
        self.start.of()
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local")
            .field("info", &self.info)
            .field("retry", &self.retry)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
