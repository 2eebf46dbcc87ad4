use std::any::Any;
use std::fmt;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::Wiring;
use crate::delivery::retry;
use crate::handler::{HandlerInfo, Start};
use crate::message::{Kind, Message, MessageInfo};

/// The wiring as the hot path reads it: a row for each message type, found by its slot.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Box<[Option<Row>]>,
}

impl Table {
    /// The table of a node. `layers` says whether calls go through layers.
    pub(crate) fn new(wiring: &Wiring, retry: retry::Policy, layers: bool) -> Self {
        let mut rows = Vec::new();
        for message in wiring.messages() {
            let slot = message.info().slot().assign();
            if rows.len() <= slot {
                rows.resize_with(slot + 1, || None);
            }
            rows[slot] = Some(Row::new(message, retry, layers));
        }
        Self { rows: rows.into() }
    }

    /// The row of a message type; `None` if this node has no handler for it.
    #[inline]
    pub(crate) fn row(&self, info: &MessageInfo) -> Option<&Row> {
        // Slot 0 is nobody's, and its row is always `None`.
        self.rows.get(info.slot().get())?.as_ref()
    }
}

/// The handlers of one message type on this node.
#[derive(Debug)]
pub(crate) struct Row {
    /// The one handler of a command or query; the durable handlers of an event.
    pub(crate) handlers: Box<[Local]>,
    /// The handlers of broadcast events.
    pub(crate) broadcast: Box<[Local]>,
}

impl Row {
    fn new(message: &super::WiredMessage, retry: retry::Policy, layers: bool) -> Self {
        let is_event = message.info().kind() == Kind::Event;
        let (broadcast, handlers): (Vec<_>, Vec<_>) = message
            .handlers()
            .iter()
            .partition(|handler| is_event && handler.is_broadcast());
        let locals = |handlers: Vec<&'static HandlerInfo>| {
            handlers
                .into_iter()
                .map(|handler| Local::new(handler, retry, layers))
                .collect()
        };
        Self {
            handlers: locals(handlers),
            broadcast: locals(broadcast),
        }
    }
}

/// A handler of this node.
pub(crate) struct Local {
    pub(crate) info: &'static HandlerInfo,
    pub(crate) retry: retry::Policy,
    /// At most this many executions at once.
    pub(crate) limit: Option<Arc<Semaphore>>,
    start: &'static (dyn Any + Send + Sync),
    /// Whether `send` may call the handler with nothing in between.
    pub(crate) direct: bool,
}

impl Local {
    fn new(info: &'static HandlerInfo, retry: retry::Policy, layers: bool) -> Self {
        Self {
            info,
            direct: !layers && info.concurrency().is_none() && !info.is_serial(),
            retry: info.retry().copied().unwrap_or(retry),
            limit: info
                .concurrency()
                .map(|limit| Arc::new(Semaphore::new(limit.get().min(Semaphore::MAX_PERMITS)))),
            start: info.erased_start(),
        }
    }

    /// The typed start function; `None` where `M` is not the handler's message.
    #[inline]
    pub(crate) fn start<M: Message>(&self) -> Option<&'static Start<M>> {
        self.start.downcast_ref()
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
