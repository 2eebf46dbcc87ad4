use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::mpsc;

use super::marks::Board;
use super::messenger::{Listener, Posted};
use super::queues::Shelf;
use super::records::Stored;
use crate::node::NodeId;
use crate::transport::{Change, RecordKey};

/// What the nodes of one name share.
#[derive(Debug, Default)]
pub(super) struct Hub {
    state: Mutex<State>,
    pub(super) shelf: Shelf,
    pub(super) board: Board,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// The last version that was given out: versions rise over all records.
    pub(super) revision: u64,
    pub(super) records: BTreeMap<RecordKey, Stored>,
    pub(super) watchers: Vec<mpsc::UnboundedSender<Change>>,
    pub(super) inboxes: HashMap<NodeId, mpsc::Sender<Posted>>,
    pub(super) listeners: Vec<Listener>,
}

static HUBS: LazyLock<Mutex<HashMap<String, Weak<Hub>>>> = LazyLock::new(Mutex::default);

impl Hub {
    pub(super) fn named(name: &str) -> Arc<Self> {
        let mut hubs = HUBS.lock().unwrap_or_else(PoisonError::into_inner);
        hubs.retain(|_, hub| hub.strong_count() > 0);
        if let Some(hub) = hubs.get(name).and_then(Weak::upgrade) {
            return hub;
        }
        let hub = Arc::<Self>::default();
        hubs.insert(name.to_owned(), Arc::downgrade(&hub));
        hub
    }

    /// What is stored, without anyone who listens.
    pub(super) fn copy(&self) -> Self {
        let state = self.state();
        let stored = State {
            revision: state.revision,
            records: state.records.clone(),
            ..State::default()
        };
        Self {
            state: Mutex::new(stored),
            shelf: self.shelf.copy(),
            board: self.board.copy(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
