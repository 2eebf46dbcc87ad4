use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use crate::cluster::{Cluster, Tenure};
use crate::node::Gauge;

/// How long to wait for the word that the lease has ended.
pub(super) const MOMENT: Duration = Duration::from_millis(10);

/// The time for which this node owns a partition.
///
/// Whatever runs of the partition belongs to its term: it starts only while the term runs, and is
/// dropped when the term ends.
#[derive(Debug)]
pub(crate) struct Term {
    pub(super) partition: u32,
    /// See [`Context::fence`](crate::Context::fence).
    pub(super) epoch: u64,
    /// Whether the owner before died with what it had running.
    after_crash: bool,
    /// What the dead owner had received, up to this sequence, may have been running.
    suspect_through: AtomicU64,
    /// How often it was tried to open a first reader.
    openings: AtomicU32,
    state: watch::Sender<State>,
    /// Attempts that run.
    running: Gauge,
    /// Told when the last attempt of a stopped term has ended.
    due: Arc<Notify>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    /// Nothing starts; what runs goes on.
    Stopping,
    Ended,
}

impl Term {
    pub(super) fn new(partition: u32, tenure: Tenure, due: &Arc<Notify>) -> Self {
        Self {
            partition,
            epoch: tenure.epoch,
            after_crash: tenure.after_crash,
            suspect_through: AtomicU64::new(0),
            openings: AtomicU32::new(0),
            state: watch::Sender::new(State::Running),
            running: Gauge::default(),
            due: Arc::clone(due),
        }
    }

    /// The term of what nobody owns: the shared queue.
    pub(super) fn shared(epoch: u64, due: &Arc<Notify>) -> Self {
        let tenure = Tenure {
            epoch,
            after_crash: false,
        };
        Self::new(u32::MAX, tenure, due)
    }

    /// Whether it is the same hold on the partition.
    pub(super) const fn is(&self, tenure: Tenure) -> bool {
        self.epoch == tenure.epoch
    }

    /// A first reader of the partition is about to be opened.
    pub(super) fn opens(&self) {
        self.openings.fetch_add(1, Ordering::Relaxed);
    }

    /// It was opened: how far a reader had come that was destroyed with that, and what is stored.
    ///
    /// Only the first one to destroy the reader of a dead owner hears how far that had come: the
    /// node that takes over another of its partitions does not, nor who did it and did not get the
    /// answer. To them everything that is stored may have been running.
    pub(super) fn opened(&self, received: Option<u64>, stored: Option<u64>) {
        let known = received.filter(|_| self.openings.load(Ordering::Relaxed) == 1);
        if self.after_crash
            && let Some(through) = known.or(stored)
        {
            self.suspect_through.fetch_max(through, Ordering::Relaxed);
        }
    }

    /// Whether an entry may have been running when the owner before died.
    pub(super) fn suspects(&self, sequence: u64) -> bool {
        sequence <= self.suspect_through.load(Ordering::Relaxed)
    }

    /// Completes when something may start, which is never once it has ended: whoever runs what waits
    /// here drops it then.
    pub(super) async fn open(&self) {
        // Nearly always, and without a subscription.
        if self.is_running() {
            return;
        }
        let mut state = self.state.subscribe();
        // The sender is a field of `self`, so it cannot be gone.
        let _ = state.wait_for(|state| *state == State::Running).await;
    }

    /// Starts an attempt, unless the term does not run. Every start asks the lease's own clock.
    pub(super) fn start(self: &Arc<Self>, cluster: &Cluster) -> Option<Running> {
        // Counted before the state is looked at, so that whoever stops the term sees it.
        self.running.enter();
        let running = Running(Arc::clone(self));
        self.may_start(cluster).then_some(running)
    }

    /// Starts something as soon as the term lets it; see [`open`](Self::open).
    pub(super) async fn begin(self: &Arc<Self>, cluster: &Cluster) -> Running {
        loop {
            self.open().await;
            if let Some(running) = self.start(cluster) {
                return running;
            }
            sleep(MOMENT).await;
        }
    }

    /// Whether something may start at this moment.
    pub(super) fn may_start(&self, cluster: &Cluster) -> bool {
        self.is_running() && cluster.lease.is_valid() && !cluster.handover.is_paused()
    }

    /// Nothing more starts.
    pub(super) fn stop(&self) {
        self.state.send_if_modified(|state| {
            let runs = *state == State::Running;
            if runs {
                *state = State::Stopping;
            }
            runs
        });
    }

    /// Goes on after a stop.
    pub(super) fn resume(&self) {
        self.state.send_if_modified(|state| {
            let stops = *state == State::Stopping;
            if stops {
                *state = State::Running;
            }
            stops
        });
    }

    /// Nothing starts any more, and what runs is dropped.
    pub(super) fn end(&self) {
        self.state.send_replace(State::Ended);
    }

    pub(super) fn is_running(&self) -> bool {
        *self.state.borrow() == State::Running
    }

    pub(super) fn is_stopping(&self) -> bool {
        *self.state.borrow() == State::Stopping
    }

    pub(super) fn has_ended(&self) -> bool {
        *self.state.borrow() == State::Ended
    }

    /// Completes while it is stopped, or once it has ended.
    pub(super) async fn stopped(&self) {
        let mut state = self.state.subscribe();
        let _ = state.wait_for(|state| *state != State::Running).await;
    }

    /// Completes once it has ended.
    pub(super) async fn ended(&self) {
        let mut state = self.state.subscribe();
        let _ = state.wait_for(|state| *state == State::Ended).await;
    }

    /// How many attempts run.
    pub(super) fn count(&self) -> usize {
        self.running.count()
    }

    /// Completes once no attempt runs.
    pub(super) async fn idle(&self) {
        self.running.idle().await;
    }
}

/// An attempt that runs.
#[derive(Debug)]
pub(super) struct Running(Arc<Term>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.leave();
        if self.0.running.count() == 0 && !self.0.is_running() {
            self.0.due.notify_one();
        }
    }
}
