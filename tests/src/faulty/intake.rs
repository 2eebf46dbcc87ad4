use std::collections::VecDeque;
use std::time::Duration;

use catga::transport::{Ack, BoxFuture, Generation, Intake, Received, Shared, SharedIntake, Taken};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::ghosts::copy;
use super::{Fault, Lie, Line, Rules};

/// How long nothing comes before a broker says what it had sent.
const IDLE: Duration = Duration::from_secs(1);

/// The flow to one generation, with the faults of a line and the lies of a broker.
pub(super) struct Flow {
    pub(super) inner: Box<dyn Intake>,
    pub(super) generation: Generation,
    pub(super) gate: Gate,
    /// What comes once the generation is destroyed, where brokers ignore that.
    pub(super) haunted: Option<mpsc::UnboundedReceiver<Received>>,
    pub(super) sent: Sent,
}

/// What was sent to a generation.
#[derive(Default)]
pub(super) struct Sent {
    /// The last number, lost ones included.
    last: u64,
    /// By how much numbers are higher than the broker's own.
    ahead: u64,
    /// What comes twice.
    again: VecDeque<Received>,
    /// When it is told that more was sent than arrived.
    untold: Option<Instant>,
}

impl Intake for Flow {
    fn next(&mut self, room: usize) -> BoxFuture<'_, Option<Taken>> {
        Box::pin(async move {
            loop {
                self.gate.open().await?;
                if room > 0 && !self.sent.again.is_empty() {
                    let count = room.min(self.sent.again.len());
                    let again = self.sent.again.drain(..count).collect();
                    return Some(Taken::Entries(again));
                }
                let untold = self.sent.untold;
                let idle = async {
                    match untold {
                        Some(until) => sleep_until(until).await,
                        None => std::future::pending().await,
                    }
                };
                let taken = tokio::select! {
                    biased;
                    changed = self.gate.changed() => {
                        changed?;
                        continue;
                    }
                    taken = self.inner.next(room) => taken,
                    () = idle => {
                        self.sent.untold = None;
                        return Some(Taken::Idle { last: self.sent.last });
                    }
                };
                let taken = match taken {
                    Some(taken) => taken,
                    None => Taken::Entries(vec![self.haunted().await?]),
                };
                match taken {
                    Taken::Idle { last } => {
                        let last = last + self.sent.ahead;
                        self.sent.last = last;
                        return Some(Taken::Idle { last });
                    }
                    Taken::Entries(entries) => {
                        if !entries.is_empty() && self.gate.line.faults.tell(Lie::AckedBeforeRun) {
                            self.acknowledge(&entries).await;
                        }
                        let entries = self.falsify(entries);
                        if !entries.is_empty() {
                            self.gate.passed();
                            return Some(Taken::Entries(entries));
                        }
                    }
                }
            }
        })
    }
}

impl Flow {
    async fn haunted(&mut self) -> Option<Received> {
        let haunted = self.haunted.as_mut()?;
        let mut received = tokio::select! {
            biased;
            received = haunted.recv() => received?,
            broken = self.gate.broken() => return broken,
        };
        received.number = self.sent.last + 1 - self.sent.ahead;
        Some(received)
    }

    fn acknowledge(&self, entries: &[Received]) -> impl Future<Output = ()> + Send + use<> {
        let ack = |received: &Received| Ack {
            partition: received.partition,
            position: received.position,
            number: received.number,
        };
        let acks: Vec<_> = entries.iter().map(ack).collect();
        let (inner, generation) = (self.gate.line.faults.queues(), self.generation.clone());
        async move {
            // One that is destroyed has acknowledged what it could.
            let _ = inner.queues().ack(&generation, &acks).await;
        }
    }

    /// Does to a batch what is to be done to it.
    fn falsify(&mut self, mut entries: Vec<Received>) -> Vec<Received> {
        let faults = self.gate.line.faults.clone();
        if faults.has(Lie::GenerationsIgnored) {
            for received in &entries {
                faults.receive(&self.generation, received);
            }
        }
        for received in &mut entries {
            let (service, partition) = (&self.generation.service, received.partition);
            let sequence = &mut received.position.sequence;
            *sequence = faults.sequences().tell(service, partition, *sequence);
            self.number(received);
        }
        if faults.tell(Lie::BatchLost) {
            entries.clear();
            self.sent.untold = Some(Instant::now() + IDLE);
        }
        if !entries.is_empty() && faults.tell(Lie::TailLost) {
            entries.truncate(entries.len() / 2);
            self.sent.untold = Some(Instant::now() + IDLE);
        }
        if entries.len() > 2 && faults.tell(Lie::MiddleLost) {
            entries.remove(1);
        }
        if let Some((first, second)) = neighbours(&entries)
            && faults.tell(Lie::ReadsSwapped)
        {
            let number = entries[first].number;
            entries[first].number = entries[second].number;
            entries[second].number = number;
            entries.swap(first, second);
        }
        if !entries.is_empty() && faults.tell(Lie::ReadTwice) {
            for received in &entries {
                let mut again = copy(received);
                let original = faults.original(&self.generation, received.number);
                self.sent.ahead += 1;
                self.sent.last += 1;
                again.number = self.sent.last;
                faults.renumber(&self.generation, again.number, original);
                self.sent.again.push_back(again);
            }
        }
        entries
    }

    /// Gives an entry its number, which is another one behind what came twice.
    fn number(&mut self, received: &mut Received) {
        let original = received.number;
        received.number += self.sent.ahead;
        self.sent.last = received.number;
        if self.sent.ahead > 0 {
            let faults = &self.gate.line.faults;
            faults.renumber(&self.generation, received.number, original);
        }
    }
}

/// The first two entries of one partition.
fn neighbours(entries: &[Received]) -> Option<(usize, usize)> {
    (0..entries.len()).find_map(|first| {
        let partition = entries[first].partition;
        let rest = entries.iter().enumerate().skip(first + 1);
        let mut rest = rest.filter(|(_, received)| received.partition == partition);
        rest.next().map(|(second, _)| (first, second))
    })
}

/// The flow from a shared queue, with the faults of a line.
pub(super) struct SharedFlow {
    pub(super) inner: Box<dyn SharedIntake>,
    pub(super) gate: Gate,
}

impl SharedIntake for SharedFlow {
    fn next(&mut self, room: usize) -> BoxFuture<'_, Option<Vec<Shared>>> {
        Box::pin(async move {
            loop {
                self.gate.open().await?;
                tokio::select! {
                    biased;
                    changed = self.gate.changed() => changed?,
                    taken = self.inner.next(room) => {
                        self.gate.passed();
                        return taken;
                    }
                }
            }
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Vec<Shared>> {
        self.inner.close()
    }
}

/// What a line lets through to a reader.
pub(super) struct Gate {
    line: Line,
    rules: watch::Receiver<Rules>,
    breaks: watch::Receiver<u64>,
    /// Until when what comes is delayed.
    until: Option<Instant>,
}

impl Gate {
    pub(super) fn of(line: &Line) -> Self {
        Self {
            line: line.clone(),
            rules: line.rules.subscribe(),
            breaks: line.faults.flows.subscribe(),
            until: None,
        }
    }

    /// Waits until the line lets something through; `None` once it is broken.
    async fn open(&mut self) -> Option<()> {
        loop {
            if self.breaks.has_changed().unwrap_or(true) {
                return None;
            }
            let fault = self.rules.borrow_and_update().queues;
            let by = match fault {
                Fault::Fail => return None,
                Fault::Hang => {
                    self.changed().await?;
                    continue;
                }
                Fault::Delay(by) | Fault::SlowReply(by) => by,
                _ => return Some(()),
            };
            let until = *self.until.get_or_insert_with(|| Instant::now() + by);
            tokio::select! {
                biased;
                changed = self.changed() => changed?,
                () = sleep_until(until) => return Some(()),
            }
        }
    }

    /// What comes next is delayed again.
    fn passed(&mut self) {
        self.until = None;
    }

    /// Waits until the faults are others; `None` once the line is broken.
    async fn changed(&mut self) -> Option<()> {
        tokio::select! {
            biased;
            _ = self.breaks.changed() => None,
            changed = self.rules.changed() => changed.ok(),
        }
    }

    /// Waits until the line is broken.
    async fn broken<T>(&mut self) -> Option<T> {
        loop {
            let fault = self.rules.borrow_and_update().queues;
            if fault == Fault::Fail {
                return None;
            }
            self.changed().await?;
        }
    }
}
