use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::sleep;

use super::Line;
use crate::testing::enqueued::Enqueued;
use crate::testing::fate::Fate;
use crate::testing::faults::Disturbance;
use crate::testing::flow::{Flow, Next};
use crate::transport::{BoxFuture, Intake, Received, Shared, SharedIntake, Taken};

/// How long after a loss the broker says what it has sent, if nothing else comes.
const IDLE: Duration = Duration::from_secs(2);

impl Line {
    pub(super) fn flow<T>(&self) -> Flow<T> {
        Flow::new(&self.broker, &self.process)
    }

    /// How many entries at the end of a batch do not get through.
    pub(super) fn cut(&self, entries: usize) -> usize {
        let fate = self
            .broker
            .fate(Disturbance::Replies, Fate::of_operation, "batch");
        match fate {
            Fate::Done => 0,
            _ => self.broker.below(entries),
        }
    }
}

/// What a generation reads.
pub(super) struct Entries {
    flow: Flow<Taken>,
    inner: Box<dyn Intake>,
    /// The number of the last entry that was lost, while nothing has told of it.
    lost: Option<u64>,
}

impl Entries {
    pub(super) fn new(flow: Flow<Taken>, inner: Box<dyn Intake>) -> Self {
        Self {
            flow,
            inner,
            lost: None,
        }
    }

    fn arrived(&self, entries: &[Received]) {
        for received in entries {
            if let Ok(entry) = &received.entry {
                let place = (received.partition, received.position.sequence);
                let history = &self.flow.broker.history;
                history.received(
                    &self.flow.process,
                    Enqueued::of(entry.id, &entry.headers),
                    entry.key.as_ref(),
                    Some(place),
                );
            }
        }
    }

    /// Gives what there is room for, and keeps the rest.
    fn within(&mut self, taken: Taken, room: usize) -> Taken {
        match taken {
            Taken::Entries(mut entries) => {
                if entries.len() > room {
                    let rest = entries.split_off(room);
                    self.flow.keep(Taken::Entries(rest));
                }
                self.arrived(&entries);
                Taken::Entries(entries)
            }
            idle @ Taken::Idle { .. } => idle,
        }
    }
}

impl Intake for Entries {
    fn next(&mut self, room: usize) -> BoxFuture<'_, Option<Taken>> {
        Box::pin(async move {
            loop {
                let (inner, lost) = (&mut self.inner, self.lost);
                let next = self.flow.next(async move {
                    let Some(last) = lost else {
                        return inner.next(room).await;
                    };
                    match select(inner.next(room), pin!(sleep(IDLE))).await {
                        Either::Left((taken, _)) => taken,
                        Either::Right(_) => Some(Taken::Idle { last }),
                    }
                });
                let taken = match next.await? {
                    Next::Late(taken) => return Some(self.within(taken, room)),
                    Next::New(taken) => taken,
                };
                let lost = self.lost.take();
                let Taken::Entries(entries) = taken else {
                    return Some(taken);
                };
                match self.flow.fate(Disturbance::Flows, Fate::of_flow) {
                    Fate::Failed => return None,
                    Fate::Lost => self.lost = entries.last().map(|last| last.number).or(lost),
                    Fate::Slow(by) => self.flow.delay(Taken::Entries(entries), by),
                    _ => return Some(self.within(Taken::Entries(entries), room)),
                }
            }
        })
    }
}

/// What a consumer of a shared queue reads.
pub(super) struct SharedEntries {
    pub(super) flow: Flow<Vec<Shared>>,
    pub(super) inner: Box<dyn SharedIntake>,
}

impl SharedEntries {
    fn within(&mut self, mut entries: Vec<Shared>, room: usize) -> Vec<Shared> {
        if entries.len() > room {
            let rest = entries.split_off(room);
            self.flow.keep(rest);
        }
        for shared in &entries {
            if let Ok(entry) = &shared.entry {
                let history = &self.flow.broker.history;
                let found = Enqueued::of(entry.id, &entry.headers);
                history.received(&self.flow.process, found, entry.key.as_ref(), None);
            }
        }
        entries
    }
}

impl SharedIntake for SharedEntries {
    fn next(&mut self, room: usize) -> BoxFuture<'_, Option<Vec<Shared>>> {
        Box::pin(async move {
            loop {
                let Self { flow, inner } = self;
                let entries = match flow.next(inner.next(room)).await? {
                    Next::Late(entries) => return Some(self.within(entries, room)),
                    Next::New(entries) => entries,
                };
                match flow.fate(Disturbance::Flows, Fate::of_flow) {
                    Fate::Failed => return None,
                    // They come again once they are visible again.
                    Fate::Lost => {}
                    Fate::Slow(by) => flow.delay(entries, by),
                    _ => return Some(self.within(entries, room)),
                }
            }
        })
    }

    // What is late comes again once it is visible again.
    fn close(self: Box<Self>) -> BoxFuture<'static, Vec<Shared>> {
        self.inner.close()
    }
}
