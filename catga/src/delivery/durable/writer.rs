use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use crate::cluster::Cluster;
use crate::message::chance;
use crate::node::spawn;
use crate::telemetry::Chain;
use crate::transport::{Append, AppendError, Appended, Entry, Queue, TransportError};

/// How many entries of a queue are appended at once.
const BATCH: usize = 1_000;
/// The longest wait after an append in doubt.
const LONGEST: Duration = Duration::from_secs(1);

/// Appends the messages of this node, to each queue in order.
///
/// After a doubt nothing new is appended to that queue before everything unanswered was repeated, in
/// order. Where a queue has no room, all that waits for it is refused: what is behind must not be
/// stored before what is repeated. A caller that gives up takes its message out, if it has not left.
#[derive(Debug)]
pub(super) struct Writer {
    number: u64,
    cluster: Arc<Cluster>,
    lines: Mutex<HashMap<Queue, Line>>,
}

/// How a message is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How {
    /// Whether its id did not come from chance.
    pub(crate) given: bool,
    /// Whether it is never on its way together with another one of its key.
    pub(crate) strict: bool,
    pub(crate) deadline: Instant,
}

impl How {
    /// With an id that may have been stored before.
    pub(super) const fn given(deadline: Instant) -> Self {
        Self {
            given: true,
            strict: false,
            deadline,
        }
    }
}

/// What waits for one queue.
#[derive(Debug, Default)]
struct Line {
    /// The number of the last entry.
    last: u64,
    waiting: VecDeque<Pending>,
    /// Whether somebody is appending.
    busy: bool,
}

#[derive(Debug)]
struct Pending {
    append: Append,
    strict: bool,
    deadline: Instant,
    done: oneshot::Sender<Result<Appended, AppendError>>,
}

/// An append that was handed over.
pub(super) type Handed = oneshot::Receiver<Result<Appended, AppendError>>;

impl Writer {
    pub(super) fn new(cluster: Arc<Cluster>) -> Arc<Self> {
        Arc::new(Self {
            // Of 63 bits: some stores know no greater number.
            number: chance::draw(|chance| chance.u64(..)) >> 1,
            cluster,
            lines: Mutex::default(),
        })
    }

    /// Hands an entry over. In the order of these calls the entries of a queue are stored.
    pub(super) fn append(
        self: &Arc<Self>,
        runtime: &tokio::runtime::Handle,
        queue: Queue,
        entry: Arc<Entry>,
        how: How,
    ) -> Handed {
        let (done, handed) = oneshot::channel();
        let idle = {
            let mut lines = self.lines();
            let line = match lines.get_mut(&queue) {
                Some(line) => line,
                None => lines.entry(queue.clone()).or_default(),
            };
            line.last += 1;
            line.waiting.push_back(Pending {
                append: Append {
                    number: line.last,
                    given: how.given,
                    entry,
                },
                strict: how.strict,
                deadline: how.deadline,
                done,
            });
            !std::mem::replace(&mut line.busy, true)
        };
        if idle {
            spawn(runtime, Arc::clone(self).work(queue));
        }
        handed
    }

    /// Appends what waits for a queue until nothing does.
    async fn work(self: Arc<Self>, queue: Queue) {
        let mut doubtful: VecDeque<Pending> = VecDeque::new();
        let mut wait = Duration::from_millis(10);
        loop {
            let batch = self.batch(&queue, std::mem::take(&mut doubtful));
            if batch.is_empty() {
                return;
            }
            let answers = self.append_all(&queue, &batch).await;
            let mut doubt = None;
            if answers
                .iter()
                .any(|answer| matches!(answer, Err(AppendError::Full)))
            {
                self.refuse(&queue);
            }
            for (pending, answer) in batch.into_iter().zip(answers) {
                match answer {
                    Err(AppendError::Transport(error)) if Instant::now() < pending.deadline => {
                        doubt = Some(error);
                        doubtful.push_back(pending);
                    }
                    answer => {
                        // Whoever has gone does not hear it.
                        let _ = pending.done.send(answer);
                    }
                }
            }
            let Some(error) = doubt else {
                wait = Duration::from_millis(10);
                continue;
            };
            if let Some(times) = self.cluster.complaints.times("append messages") {
                tracing::warn!(target: "catga", node = %self.cluster.me, %queue, times, error = %Chain(&error), "messages may not be stored; they are stored again");
            }
            sleep(wait).await;
            wait = (2 * wait).min(LONGEST);
        }
    }

    /// Refuses all that waits for a queue that is full.
    fn refuse(&self, queue: &Queue) {
        let mut lines = self.lines();
        let waiting = lines
            .get_mut(queue)
            .map(|line| std::mem::take(&mut line.waiting));
        drop(lines);
        for pending in waiting.into_iter().flatten() {
            // Whoever has gone does not hear it.
            let _ = pending.done.send(Err(AppendError::Full));
        }
    }

    /// What is appended next: what is in doubt, and what waits. Without any, nobody is at work any
    /// more.
    fn batch(&self, queue: &Queue, doubtful: VecDeque<Pending>) -> Vec<Pending> {
        let now = Instant::now();
        let mut lines = self.lines();
        let Some(line) = lines.get_mut(queue) else {
            return Vec::new();
        };
        let mut batch: Vec<Pending> = Vec::new();
        // In doubt alone first: what is behind must not be stored before.
        let alone = !doubtful.is_empty();
        let mut strict = false;
        for pending in doubtful {
            if let Some(pending) = awaited(pending, now) {
                batch.push(pending);
            }
        }
        while !alone && batch.len() < BATCH {
            let Some(pending) = line.waiting.pop_front() else {
                break;
            };
            let Some(pending) = awaited(pending, now) else {
                continue;
            };
            strict |= pending.strict;
            // Looked for only where somebody asks for it.
            if strict && batch.iter().any(|other| pending.excludes(other)) {
                line.waiting.push_front(pending);
                break;
            }
            batch.push(pending);
        }
        if batch.is_empty() && alone {
            drop(lines);
            return self.batch(queue, VecDeque::new());
        }
        line.busy = !batch.is_empty();
        batch
    }

    async fn append_all(
        &self,
        queue: &Queue,
        batch: &[Pending],
    ) -> Vec<Result<Appended, AppendError>> {
        let appends: Vec<Append> = batch.iter().map(|pending| pending.append.clone()).collect();
        let queues = self.cluster.transport.queues();
        let mut append = queues.append(queue, self.number, &appends);
        // A transport that panics leaves them in doubt; without a writer nothing would ever be
        // appended to this queue again.
        let append = poll_fn(|cx| {
            let polled = catch_unwind(AssertUnwindSafe(|| append.as_mut().poll(cx)));
            polled.unwrap_or_else(|_| Poll::Ready(Vec::new()))
        });
        let mut answers = timeout(self.cluster.limit(), append)
            .await
            .unwrap_or_default();
        answers.resize_with(batch.len(), || Err(unanswered()));
        answers
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Queue, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    /// Whether it must not be on its way together with another one.
    fn excludes(&self, other: &Self) -> bool {
        (self.strict || other.strict) && self.append.entry.key == other.append.entry.key
    }
}

/// An entry that somebody still waits for.
fn awaited(pending: Pending, now: Instant) -> Option<Pending> {
    if pending.done.is_closed() {
        return None;
    }
    if now < pending.deadline {
        return Some(pending);
    }
    let _ = pending.done.send(Err(unanswered()));
    None
}

/// Nobody said in time whether a message is stored.
pub(super) fn unanswered() -> AppendError {
    let error = TransportError::new("store a message", "it did not answer in time");
    AppendError::Transport(error)
}
