use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

use crate::transport::TransportError;

/// One life of a node as the world sees it: the process it runs in, and its connection.
pub(super) struct Process {
    pub(super) id: Arc<str>,
    pub(super) service: Arc<str>,
    /// Tells the lives of one name apart.
    pub(super) life: u64,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    run: Run,
    link: Link,
    /// How often the connection broke.
    breaks: u64,
    /// Tasks that stand still.
    asleep: Vec<Waker>,
    /// Until when the broker's word is that its node lives.
    lives_until: Option<Instant>,
    /// When it was last heard of again after that had run out.
    returned: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    Running,
    Paused,
    Dead,
}

/// The connection of a process to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Open,
    /// Nothing gets through, and nobody is told.
    Hung,
    /// It is refused.
    Refused,
}

impl Process {
    pub(super) fn new(service: &Arc<str>, id: &Arc<str>, life: u64) -> Arc<Self> {
        Arc::new(Self {
            id: Arc::clone(id),
            service: Arc::clone(service),
            life,
            state: Mutex::new(State {
                run: Run::Running,
                link: Link::Open,
                breaks: 0,
                asleep: Vec::new(),
                lives_until: None,
                returned: None,
            }),
            changed: Notify::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It stands still from here on.
    pub(super) fn pause(&self) {
        self.enter(Run::Paused);
    }

    /// It goes on.
    pub(super) fn resume(&self) {
        self.enter(Run::Running);
    }

    /// It is gone for ever.
    pub(super) fn kill(&self) {
        self.enter(Run::Dead);
    }

    fn enter(&self, run: Run) {
        let asleep = {
            let mut state = self.state();
            if state.run == Run::Dead || state.run == run {
                return;
            }
            state.run = run;
            std::mem::take(&mut state.asleep)
        };
        for waker in asleep {
            waker.wake();
        }
        self.changed.notify_waiters();
    }

    /// The broker has a heartbeat that was sent at this time.
    pub(super) fn beat(&self, sent: Instant, timeout: Duration) {
        let mut state = self.state();
        let now = Instant::now();
        if state.lives_until.is_some_and(|until| until <= now) {
            state.returned = Some(now);
        }
        state.lives_until = state.lives_until.max(Some(sent + timeout));
    }

    /// Whether others may take over what its node owns.
    pub(super) fn is_overdue(&self) -> bool {
        let until = self.state().lives_until;
        until.is_some_and(|until| until <= Instant::now())
    }

    /// Whether others may have taken it for dead at some time since.
    pub(super) fn was_overdue(&self, since: Instant) -> bool {
        let returned = self.state().returned;
        self.is_overdue() || returned.is_some_and(|returned| returned >= since)
    }

    pub(super) fn set_link(&self, link: Link) {
        {
            let mut state = self.state();
            state.link = link;
            if link == Link::Refused {
                state.breaks += 1;
            }
        }
        self.changed.notify_waiters();
    }

    /// Everything that is read over the connection ends; it can be read anew at once.
    pub(super) fn break_flows(&self) {
        self.state().breaks += 1;
        self.changed.notify_waiters();
    }

    pub(super) fn breaks(&self) -> u64 {
        self.state().breaks
    }

    pub(super) fn is_running(&self) -> bool {
        self.state().run == Run::Running
    }

    pub(super) fn is_dead(&self) -> bool {
        self.state().run == Run::Dead
    }

    pub(super) fn is_reachable(&self) -> bool {
        let state = self.state();
        state.run == Run::Running && state.link == Link::Open
    }

    /// Completes at the next change.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Waits until something can get through; fails where it is refused.
    pub(super) async fn reachable(&self) -> Result<(), TransportError> {
        loop {
            let changed = self.changed();
            let (run, link) = {
                let state = self.state();
                (state.run, state.link)
            };
            match (run, link) {
                (Run::Running, Link::Open) => return Ok(()),
                (Run::Running, Link::Refused) => {
                    return Err(TransportError::new(
                        "be reached",
                        "the simulation refuses it",
                    ));
                }
                _ => changed.await,
            }
        }
    }

    /// Completes when the process is gone.
    pub(super) async fn died(&self) {
        loop {
            let changed = self.changed();
            if self.is_dead() {
                return;
            }
            changed.await;
        }
    }

    /// Runs a future, and every task that it spawns, only while the process runs.
    pub(super) async fn within<F: Future>(self: &Arc<Self>, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| match self.poll_running(cx) {
            Poll::Ready(()) => {
                let _entered = Entered::enter(self);
                future.as_mut().poll(cx)
            }
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    fn poll_running(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.run == Run::Running {
            return Poll::Ready(());
        }
        state.asleep.push(cx.waker().clone());
        Poll::Pending
    }
}

thread_local! {
    /// The process that runs at this moment.
    static CURRENT: RefCell<Option<Arc<Process>>> = const { RefCell::new(None) };
}

/// While this is there, a process is the one that runs.
struct Entered {
    before: Option<Arc<Process>>,
}

impl Entered {
    fn enter(process: &Arc<Process>) -> Self {
        let before = CURRENT.replace(Some(Arc::clone(process)));
        Self { before }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before.take());
    }
}

/// A task that belongs to the process that spawns it, if there is one: it stands still with it, and
/// is dropped when that is gone.
pub(crate) fn inherited<F: Future>(task: F) -> impl Future<Output = Option<F::Output>> {
    let process = CURRENT.with_borrow(Clone::clone);
    async move {
        let Some(process) = process else {
            return Some(task.await);
        };
        let mut task = Box::pin(task);
        let within = process.within(task.as_mut());
        let ended = match select(pin!(within), pin!(process.died())).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(_) => None,
        };
        // What it spawns on its way out is of this process, too.
        let _entered = Entered::enter(&process);
        drop(task);
        ended
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.id, self.life)
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.id, self.life)
    }
}
