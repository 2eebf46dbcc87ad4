use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::OwnedSemaphorePermit;

use super::Stored;
use super::handlers::{Rest, finish, first_polls, handle};
use crate::delivery::attempt::Attempts;
use crate::delivery::lanes::{Lanes, Resume};
use crate::node::Core;

/// Most envelopes that a worker handles before others on its thread have a turn.
const BATCH: usize = 128;

/// Starts the workers of a node.
pub(crate) fn start(core: &Arc<Core>) {
    for (number, worker) in core.queue.workers.iter().enumerate() {
        let working = Working {
            core: Arc::clone(core),
            lanes: Arc::clone(&worker.lanes),
            attempts: Attempts::default(),
            place: None,
            done: 0,
        };
        crate::node::spawn(&core.runtime, work(working, number));
    }
}

async fn work(mut working: Working, number: usize) {
    let core = Arc::clone(&working.core);
    let mailbox = &core.queue.workers[number].mailbox;
    let mut stopped = pin!(core.lifecycle.stopped());
    let mut taken = VecDeque::new();
    poll_fn(|cx| {
        if stopped.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut left = BATCH;
        while left > 0 {
            if core.queue.is_paused() {
                working.give_back();
                mailbox.wait(cx);
                // It may go on since that was looked at.
                if core.queue.is_paused() {
                    return Poll::Pending;
                }
            }
            let Some(envelope) = taken.pop_front() else {
                working.give_back();
                ready!(mailbox.poll_take(cx, &mut taken));
                continue;
            };
            // What is taken when the node stops is not started any more.
            if core.queue.is_closed() {
                return Poll::Ready(());
            }
            working.take(cx, envelope);
            left -= 1;
        }
        working.give_back();
        // Others on this thread, such as those who store, have their turn.
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A worker, with what it keeps from one message to the next.
struct Working {
    core: Arc<Core>,
    lanes: Arc<Lanes<Stored>>,
    attempts: Attempts,
    /// Its place among those that run at once, kept through a batch.
    place: Option<OwnedSemaphorePermit>,
    /// Messages that are handled and whose room is not given back yet.
    done: usize,
}

impl Working {
    /// Handles a message as far as it goes without waiting; the rest becomes a task.
    #[inline]
    fn take(&mut self, cx: &mut Context<'_>, envelope: Stored) {
        let mut next = match &envelope.key {
            None => Some(envelope),
            Some(key) => {
                let key = Arc::clone(key);
                self.lanes.enter(&key, envelope)
            }
        };
        while let Some(envelope) = next.take() {
            next = self.run(cx, envelope);
        }
    }

    /// The next one in the lane, if this one is at its end.
    #[inline]
    fn run(&mut self, cx: &mut Context<'_>, envelope: Stored) -> Option<Stored> {
        let core = &self.core;
        if self.place.is_none() {
            self.place = Arc::clone(&core.in_flight).try_acquire_owned().ok();
        }
        let key = envelope.key.clone();
        let (envelope, rest) = if self.place.is_some() {
            let first = || first_polls(core, envelope, &mut self.attempts, cx);
            // Nothing of a handler panics here. Whatever does must not end the worker, and the
            // others of its key must not wait for ever.
            catch_unwind(AssertUnwindSafe(first)).unwrap_or_default()
        } else {
            let rest = Rest::all(core, &envelope);
            (Some(envelope), rest)
        };
        match envelope {
            Some(envelope) if !rest.is_empty() => {
                let place = self.place.take();
                let run = LaneRun::new(core, &self.lanes, key);
                core.spawn(Box::pin(go_on(run, envelope, rest, place)));
                None
            }
            ended => {
                drop(ended);
                self.done += 1;
                core.unfinished.leave();
                self.lanes
                    .leave(key.as_ref()?, || resume(core, &self.lanes))
            }
        }
    }

    fn give_back(&mut self) {
        self.place = None;
        if self.done > 0 {
            self.core.queue.room.give(std::mem::take(&mut self.done));
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        // Without its worker the queue takes nothing more: the node has stopped, or its runtime has.
        self.core.queue.close();
    }
}

/// Handles the rest of a message, then what has come into its lane since.
async fn go_on(
    mut run: LaneRun,
    envelope: Stored,
    rest: Rest,
    place: Option<OwnedSemaphorePermit>,
) {
    run.begun = true;
    let core = Arc::clone(&run.core);
    finish(&core, &envelope, rest, place).await;
    drop(envelope);
    let mut attempts = Attempts::default();
    while let Some(envelope) = run.leave() {
        run.enter(envelope.key.clone());
        handle(&core, envelope, &mut attempts).await;
        tokio::task::consume_budget().await;
    }
}

/// Handles a delivery that was waiting in its lane.
pub(super) fn resume(core: &Arc<Core>, lanes: &Arc<Lanes<Stored>>) -> Resume<Stored> {
    let (core, lanes) = (Arc::clone(core), Arc::clone(lanes));
    Arc::new(move |key, envelope| {
        let run = LaneRun::new(&core, &lanes, Some(Arc::clone(key)));
        let rest = Rest::all(&core, &envelope);
        core.spawn(Box::pin(go_on(run, envelope, rest, None)));
    })
}

/// An envelope that is being handled: its room and its lane are given back, whatever happens.
struct LaneRun {
    core: Arc<Core>,
    lanes: Arc<Lanes<Stored>>,
    key: Option<Arc<str>>,
    inside: bool,
    /// Whether its task has run at all.
    begun: bool,
}

impl LaneRun {
    fn new(core: &Arc<Core>, lanes: &Arc<Lanes<Stored>>, key: Option<Arc<str>>) -> Self {
        Self {
            core: Arc::clone(core),
            lanes: Arc::clone(lanes),
            key,
            inside: true,
            begun: false,
        }
    }

    fn enter(&mut self, key: Option<Arc<str>>) {
        self.key = key;
        self.inside = true;
    }

    /// The next one in the lane.
    fn leave(&mut self) -> Option<Stored> {
        self.inside = false;
        self.core.queue.room.give(1);
        self.core.unfinished.leave();
        let key = self.key.take()?;
        self.lanes.leave(&key, || resume(&self.core, &self.lanes))
    }
}

impl Drop for LaneRun {
    fn drop(&mut self) {
        // Dropped with its node, nothing goes on. Otherwise its task panicked where no handler
        // was at work, and the others of its key must not wait for ever.
        if !self.inside || self.core.queue.is_closed() {
            return;
        }
        if !self.begun {
            // Its runtime has ended, and takes no task any more: whoever is next would come here, too.
            self.core.queue.close();
            return;
        }
        let key = self.key.clone();
        if let (Some(envelope), Some(key)) = (self.leave(), key) {
            resume(&self.core, &self.lanes)(&key, envelope);
        }
    }
}
