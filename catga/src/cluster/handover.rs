use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

/// What a node holds of its service, by partition.
pub(crate) type Tenures = Arc<BTreeMap<u32, Tenure>>;

/// One partition in the hands of this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tenure {
    /// Which owner this is: it rises with each.
    pub(crate) epoch: u64,
    /// Whether the owner before died with it.
    pub(crate) after_crash: bool,
}

/// Between those who decide who owns what and those who handle what is owned.
///
/// A partition is given away in two steps: first nothing of it runs here any more, then the record
/// says so. What this node holds is told here, and taken away here the moment the lease ends.
#[derive(Debug)]
pub(crate) struct Handover {
    tenures: watch::Sender<Tenures>,
    state: Mutex<State>,
    /// Told when something else is to be given away than before.
    wanted: Notify,
    /// Whether nothing of what is stored may start for now: the service is paused, or this node has no
    /// lease.
    paused: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether anybody handles what is owned; otherwise nothing has to be stopped.
    attended: bool,
    /// What is to be given away.
    wanted: BTreeSet<u32>,
    /// What of it has been stopped.
    stopped: BTreeSet<u32>,
    /// How many messages wait for a node that handles their type, by partition and type.
    lacks: BTreeMap<(u32, String), usize>,
}

/// A message waits for a node that handles its type, until this is dropped.
#[derive(Debug)]
pub(crate) struct Lack<'a> {
    handover: &'a Handover,
    of: (u32, String),
}

impl Drop for Lack<'_> {
    fn drop(&mut self) {
        let lacks = &mut self.handover.state().lacks;
        if let Some(count) = lacks.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                lacks.remove(&self.of);
            }
        }
    }
}

impl Handover {
    pub(super) fn new() -> Self {
        Self {
            tenures: watch::Sender::new(Tenures::default()),
            state: Mutex::default(),
            wanted: Notify::new(),
            paused: watch::Sender::new(false),
        }
    }

    /// Tells what this node holds now.
    pub(super) fn hold(&self, tenures: BTreeMap<u32, Tenure>) {
        self.tenures.send_if_modified(|known| {
            let changed = **known != tenures;
            if changed {
                *known = Arc::new(tenures);
            }
            changed
        });
    }

    /// The epoch of a partition that this node holds.
    pub(super) fn epoch(&self, partition: u32) -> Option<u64> {
        let tenures = self.tenures.borrow();
        tenures.get(&partition).map(|tenure| tenure.epoch)
    }

    pub(super) fn pause(&self, paused: bool) {
        self.paused.send_if_modified(|known| {
            let changed = *known != paused;
            *known = paused;
            changed
        });
    }

    /// Whether nothing of what is stored may start for now.
    pub(crate) fn paused(&self) -> watch::Receiver<bool> {
        self.paused.subscribe()
    }

    pub(crate) fn is_paused(&self) -> bool {
        *self.paused.borrow()
    }

    /// Says what is to be given away. Returns what of it has been stopped.
    pub(super) fn want(&self, partitions: BTreeSet<u32>) -> BTreeSet<u32> {
        let mut state = self.state();
        if !state.attended {
            return partitions;
        }
        if state.wanted != partitions {
            state
                .stopped
                .retain(|partition| partitions.contains(partition));
            state.wanted = partitions;
            self.wanted.notify_one();
        }
        state.stopped.clone()
    }

    /// From now on what is given away is stopped before.
    pub(crate) fn attend(&self) -> watch::Receiver<Tenures> {
        self.state().attended = true;
        self.tenures.subscribe()
    }

    pub(crate) fn wanted(&self) -> BTreeSet<u32> {
        self.state().wanted.clone()
    }

    /// Completes when something else is wanted.
    ///
    /// Cancel safe.
    pub(crate) async fn changed(&self) {
        self.wanted.notified().await;
    }

    /// A message of a partition waits for a node that handles its type: the partition should go to
    /// one.
    pub(crate) fn lacks(&self, partition: u32, name: &str) -> Lack<'_> {
        let of = (partition, name.to_owned());
        *self.state().lacks.entry(of.clone()).or_default() += 1;
        Lack { handover: self, of }
    }

    /// What this node lacks, by partition.
    pub(super) fn lacking(&self) -> BTreeSet<(u32, String)> {
        self.state().lacks.keys().cloned().collect()
    }

    /// Nothing of these runs here any more.
    pub(crate) fn stopped(&self, partitions: impl IntoIterator<Item = u32>) {
        let mut state = self.state();
        let State {
            wanted, stopped, ..
        } = &mut *state;
        stopped.extend(
            partitions
                .into_iter()
                .filter(|partition| wanted.contains(partition)),
        );
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
