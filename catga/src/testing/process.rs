use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::history::Running;
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
    /// Handlers that stand still.
    asleep: Vec<Waker>,
    /// Executions that ended while the process stood still.
    late: Vec<Running>,
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
                late: Vec::new(),
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

    /// It goes on. What its handlers were about to write when it stopped, they write now.
    pub(super) fn resume(&self) {
        self.enter(Run::Running);
    }

    /// It is gone for ever.
    pub(super) fn kill(&self) {
        self.enter(Run::Dead);
    }

    fn enter(&self, run: Run) {
        let (asleep, late) = {
            let mut state = self.state();
            if state.run == Run::Dead || state.run == run {
                return;
            }
            state.run = run;
            let late = std::mem::take(&mut state.late);
            (std::mem::take(&mut state.asleep), late)
        };
        for running in late {
            if run == Run::Running {
                running.write_late();
            }
        }
        for waker in asleep {
            waker.wake();
        }
        self.changed.notify_waiters();
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

    /// Runs a future only while the process runs.
    pub(super) async fn within<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| match self.poll_running(cx) {
            Poll::Ready(()) => future.as_mut().poll(cx),
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

    /// Keeps an execution that was dropped while the process stood still; gives it back otherwise.
    pub(super) fn keep_late(&self, running: Running) -> Option<Running> {
        let mut state = self.state();
        if state.run == Run::Paused {
            state.late.push(running);
            return None;
        }
        Some(running)
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
