use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::Stored;

/// What is stored for one worker and not taken by it yet.
///
/// A worker takes everything at once, so the lock is held for a push or a swap and nothing else.
#[derive(Default)]
pub(super) struct Mailbox {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    stored: VecDeque<Stored>,
    /// The worker, while it waits for something.
    waiting: Option<Waker>,
    closed: bool,
}

impl Mailbox {
    /// Gives the message back if nobody will take it.
    #[inline]
    pub(super) fn push(&self, envelope: Stored) -> Result<(), Stored> {
        let waiting = {
            let mut state = self.state();
            if state.closed {
                return Err(envelope);
            }
            state.stored.push_back(envelope);
            state.waiting.take()
        };
        if let Some(worker) = waiting {
            worker.wake();
        }
        Ok(())
    }

    /// Takes everything that is stored, in order; `taken` is empty before.
    pub(super) fn poll_take(&self, cx: &mut Context<'_>, taken: &mut VecDeque<Stored>) -> Poll<()> {
        let mut state = self.state();
        if state.stored.is_empty() {
            state.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        }
        std::mem::swap(&mut state.stored, taken);
        Poll::Ready(())
    }

    /// The worker is woken by [`wake`](Self::wake), or when something is stored.
    pub(super) fn wait(&self, cx: &mut Context<'_>) {
        self.state().waiting = Some(cx.waker().clone());
    }

    /// Lets the worker look again.
    pub(super) fn wake(&self) {
        let waiting = self.state().waiting.take();
        if let Some(worker) = waiting {
            worker.wake();
        }
    }

    /// Takes nothing more; what is stored is dropped.
    pub(super) fn close(&self) {
        let stored = {
            let mut state = self.state();
            state.closed = true;
            std::mem::take(&mut state.stored)
        };
        // Not under the lock.
        drop(stored);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox")
            .field("stored", &self.state().stored.len())
            .finish()
    }
}
