use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Either, select};
use tokio::time::{Instant, sleep_until};

use super::broker::Broker;
use super::fate::Fate;
use super::faults::Disturbance;
use super::process::Process;

/// Something that a node reads from over its connection, and what is on its way to it.
pub(super) struct Flow<T> {
    pub(super) broker: Arc<Broker>,
    pub(super) process: Arc<Process>,
    /// How often the connection had broken when this began.
    breaks: u64,
    late: Option<(Instant, T)>,
}

/// What comes out of a [`Flow`].
pub(super) enum Next<T> {
    /// Something new.
    New(T),
    /// Something that was late.
    Late(T),
}

impl<T> Flow<T> {
    pub(super) fn new(broker: &Arc<Broker>, process: &Arc<Process>) -> Self {
        Self {
            broker: Arc::clone(broker),
            process: Arc::clone(process),
            breaks: process.breaks(),
            late: None,
        }
    }

    /// What comes next; `None` once the connection has broken or nothing comes any more. Cancel
    /// safe where `next` is.
    pub(super) async fn next(&mut self, next: impl Future<Output = Option<T>>) -> Option<Next<T>> {
        if let Some((due, _)) = &self.late {
            let due = *due;
            self.through(sleep_until(due).map(Some)).await?;
            return self.late.take().map(|(_, late)| Next::Late(late));
        }
        self.through(next).await.map(Next::New)
    }

    /// Lets something come later.
    pub(super) fn delay(&mut self, item: T, by: Duration) {
        self.late = Some((Instant::now() + by, item));
    }

    /// Gives back what there was no room for: it is the next.
    pub(super) fn keep(&mut self, item: T) {
        self.late = Some((Instant::now(), item));
    }

    pub(super) fn fate(&self, kind: Disturbance, draw: fn(&mut fastrand::Rng) -> Fate) -> Fate {
        self.broker.fate(kind, draw, "flow")
    }

    /// Runs a future while something can get through.
    pub(super) async fn through<R>(&mut self, next: impl Future<Output = Option<R>>) -> Option<R> {
        let mut next = pin!(next);
        loop {
            let changed = pin!(self.process.changed());
            if self.process.breaks() != self.breaks {
                return None;
            }
            if !self.process.is_reachable() {
                changed.await;
                continue;
            }
            match select(next.as_mut(), changed).await {
                Either::Left((item, _)) => return item,
                Either::Right(_) => {}
            }
        }
    }
}
