use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use xxhash_rust::xxh3::Xxh3;

use super::enqueued::Enqueued;
use super::operations::Operations;
use super::process::Process;
use super::remembered::Remembered;
use super::report::{Rule, Violation};
use super::versions::Versions;
use crate::message::MessageId;

/// For how long an id is known to the queue that stored it.
const KNOWN: Duration = Duration::from_secs(120);

/// All messages of one key in one service: they run one after the other.
pub(super) type Lane = (Arc<str>, Arc<str>);

/// Everything that happened in a simulation, in order.
///
/// It stands for a database outside of the cluster, too: each start and each end of a handler is a
/// write to it, on condition that no higher fence was seen before.
#[derive(Debug)]
pub(super) struct History {
    started: Instant,
    record: Mutex<Record>,
}

pub(super) struct Record {
    started: Instant,
    /// Counts what happened.
    sequence: u64,
    hash: Xxh3,
    log: Vec<Line>,
    pub(super) executions: Vec<Execution>,
    pub(super) lanes: BTreeMap<Lane, Vec<usize>>,
    pub(super) fences: BTreeMap<Lane, u64>,
    /// The partition and the first position of what was read from the queues of services.
    pub(super) places: BTreeMap<(Arc<str>, Enqueued), (u32, u64)>,
    /// When a queue of a service stored a message last.
    pub(super) stored: BTreeMap<(Arc<str>, Enqueued), Duration>,
    /// What was stored again when its id was not known any more.
    pub(super) stored_again: BTreeSet<(Arc<str>, Enqueued)>,
    pub(super) calls: BTreeMap<MessageId, Call>,
    /// The messages that handlers were seen with that others had sent, by their causes.
    pub(super) children: BTreeMap<String, MessageId>,
    pub(super) operations: Operations,
    pub(super) versions: Versions,
    pub(super) memory: Remembered,
    pub(super) violations: Vec<Violation>,
    pub(super) disturbances: usize,
    /// How many acknowledgements the users' calls had.
    pub(super) acknowledged: usize,
}

/// One line of the log.
struct Line {
    at: Duration,
    id: Option<MessageId>,
    key: Option<Arc<str>>,
    text: String,
}

/// One attempt of one handler.
#[derive(Debug)]
pub(super) struct Execution {
    pub(super) process: Arc<Process>,
    pub(super) id: MessageId,
    /// The number of the letter that it was.
    pub(super) replay: Option<u64>,
    pub(super) handler: &'static str,
    pub(super) key: Option<Arc<str>>,
    pub(super) fence: u64,
    pub(super) started: u64,
    pub(super) end: Option<End>,
    /// When its process went on that had stood still, with a fence that is old by now.
    pub(super) woke: Option<Instant>,
}

/// How an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Whether its last write was accepted.
    Succeeded(bool),
    Failed,
    /// It was dropped on its way.
    Interrupted,
}

/// What became of a durable verb that a user called, under one id.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) message: &'static str,
    /// When it was called first.
    pub(super) called: u64,
    /// When it was acknowledged first, and for which services; `None` stands for the one that
    /// takes it.
    pub(super) acknowledged: Option<(u64, Option<Vec<String>>)>,
}

/// An execution that has not ended.
#[derive(Debug)]
pub(super) struct Running {
    history: Arc<History>,
    index: usize,
}

impl History {
    pub(super) fn new() -> Arc<Self> {
        let started = Instant::now();
        Arc::new(Self {
            started,
            record: Mutex::new(Record {
                started,
                sequence: 0,
                hash: Xxh3::new(),
                log: Vec::new(),
                executions: Vec::new(),
                lanes: BTreeMap::new(),
                fences: BTreeMap::new(),
                places: BTreeMap::new(),
                stored: BTreeMap::new(),
                stored_again: BTreeSet::new(),
                calls: BTreeMap::new(),
                children: BTreeMap::new(),
                operations: Operations::default(),
                versions: Versions::default(),
                memory: Remembered::default(),
                violations: Vec::new(),
                disturbances: 0,
                acknowledged: 0,
            }),
        })
    }

    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Something that concerns no message.
    pub(super) fn note(&self, text: impl fmt::Display) {
        self.record().note(None, None, text.to_string());
    }

    /// Something that goes wrong from here on.
    pub(super) fn disturb(&self, text: impl fmt::Display) {
        let mut record = self.record();
        record.disturbances += 1;
        record.note(None, None, text.to_string());
    }

    /// Something that is not shown, but that two runs of one seed must have in common.
    pub(super) fn mix(&self, what: &str, fate: &dyn fmt::Debug) {
        let mut record = self.record();
        let at = record.started.elapsed().as_micros();
        record
            .hash
            .update(format!("{at} {what} {fate:?}").as_bytes());
    }

    pub(super) fn violation(&self, rule: Rule, text: impl fmt::Display) {
        self.record().violation(rule, None, None, text.to_string());
    }

    /// A queue of a service stored a message as new.
    pub(super) fn stored(&self, service: &Arc<str>, entry: Enqueued, key: Option<&Arc<str>>) {
        let mut record = self.record();
        let at = record.started.elapsed();
        let place = (Arc::clone(service), entry);
        let Some(before) = record.stored.insert(place.clone(), at) else {
            return;
        };
        if at - before > KNOWN {
            record.stored_again.insert(place);
        } else {
            let id = entry.id;
            let text = format!(
                "{id} was stored for {service} and stored again after {:?}",
                at - before
            );
            record.violation(Rule::Repeated, Some(id), key, text);
        }
    }

    /// A node got a message from a queue.
    pub(super) fn received(
        &self,
        process: &Process,
        entry: Enqueued,
        key: Option<&Arc<str>>,
        place: Option<(u32, u64)>,
    ) {
        let mut record = self.record();
        if let Some(place) = place {
            record
                .places
                .entry((Arc::clone(&process.service), entry))
                .and_modify(|known| *known = (*known).min(place))
                .or_insert(place);
        }
        let at = place.map_or_else(
            || "shared".to_owned(),
            |(p, sequence)| format!("{p}/{sequence}"),
        );
        record.note(
            Some(entry.id),
            key.cloned(),
            format!("{process} received it from {at}"),
        );
    }

    /// A user calls a durable verb. Returns when.
    pub(super) fn called(&self) -> u64 {
        self.record().tick()
    }

    /// A call came to its end; it is known by its id from then on.
    pub(super) fn answered(
        &self,
        id: MessageId,
        message: &'static str,
        called: u64,
        outcome: Result<Option<Vec<String>>, String>,
    ) {
        let mut record = self.record();
        let at = record.tick();
        let call = record.calls.entry(id).or_insert(Call {
            message,
            called,
            acknowledged: None,
        });
        call.called = call.called.min(called);
        let text = match outcome {
            Ok(services) => {
                let text = format!("{message} was acknowledged, for {services:?}");
                call.acknowledged.get_or_insert((at, services));
                record.acknowledged += 1;
                text
            }
            Err(error) => format!("{message} was not acknowledged: {error}"),
        };
        record.note(Some(id), None, text);
    }

    /// A handler has a message that another handler sent because of `cause`.
    pub(super) fn caused(&self, id: MessageId, key: Option<&str>, cause: String) {
        self.record().check_child(id, key.map(Arc::from), cause);
    }

    /// A handler starts.
    pub(super) fn begin(
        self: &Arc<Self>,
        process: &Arc<Process>,
        entry: Enqueued,
        handler: &'static str,
        key: Option<Arc<str>>,
        attempt: NonZeroU32,
        fence: u64,
    ) -> Running {
        let mut record = self.record();
        let Enqueued { id, replay } = entry;
        let text = format!("{handler} starts on {process}, attempt {attempt}, fence {fence}");
        record.note(Some(id), key.clone(), text);
        let started = record.tick();
        let index = record.executions.len();
        record.executions.push(Execution {
            process: Arc::clone(process),
            id,
            replay,
            handler,
            key,
            fence,
            started,
            end: None,
            woke: None,
        });
        record.check_start(index);
        record.check_pause(index);
        record.check_remembered(index);
        drop(record);
        Running {
            history: Arc::clone(self),
            index,
        }
    }

    /// A process stood still, and goes on: what its handlers were about to write when it stopped,
    /// they write now, before anything tells them what happened meanwhile.
    pub(super) fn write_late(&self, process: &Process) {
        let mut record = self.record();
        for index in 0..record.executions.len() {
            let execution = &record.executions[index];
            if execution.end.is_some() || !std::ptr::eq(&raw const *execution.process, process) {
                continue;
            }
            let (id, key, handler) = (execution.id, execution.key.clone(), execution.handler);
            let accepted = record.write(index);
            if !accepted {
                record.executions[index].woke = Some(Instant::now());
            }
            let text = format!(
                "{handler} stood still on {process}; a write of it is accepted: {accepted}"
            );
            record.note(Some(id), key, text);
        }
    }

    /// Of two runs of one seed it is the same.
    pub(super) fn hash(&self) -> u64 {
        self.record().hash.digest()
    }
}

impl Running {
    /// A handler came to its end. `false` if its last write was refused.
    pub(super) fn end(self, result: Result<(), String>) -> bool {
        let mut record = self.history.record();
        let accepted = record.write(self.index);
        let (end, text) = match result {
            Ok(()) if accepted => (End::Succeeded(true), "succeeded".to_owned()),
            Ok(()) => (
                End::Succeeded(false),
                "succeeded, too late: its fence is old".to_owned(),
            ),
            Err(error) => (End::Failed, format!("failed: {error}")),
        };
        record.finish(self.index, end, &text);
        end != End::Succeeded(false)
    }

    /// A handler was dropped on its way.
    pub(super) fn interrupt(self) {
        let mut record = self.history.record();
        record.finish(self.index, End::Interrupted, "was dropped");
    }
}

impl Record {
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn tick(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    pub(super) fn note(&mut self, id: Option<MessageId>, key: Option<Arc<str>>, text: String) {
        let at = self.started.elapsed();
        self.hash.update(&at.as_micros().to_le_bytes());
        self.hash.update(text.as_bytes());
        if let Some(id) = id {
            self.hash.update(id.as_uuid().as_bytes());
        }
        let line = Line { at, id, key, text };
        tracing::debug!(target: "catga::testing", "{line}");
        self.log.push(line);
    }

    pub(super) fn violation(
        &mut self,
        rule: Rule,
        id: Option<MessageId>,
        key: Option<&Arc<str>>,
        text: String,
    ) {
        let at = self.started.elapsed();
        self.note(id, key.cloned(), format!("VIOLATION {rule}: {text}"));
        self.violations
            .push(Violation::new(rule, at, text, id, key.cloned()));
    }

    /// The processes in which handlers run, by their lives.
    pub(super) fn busy(&self) -> BTreeSet<u64> {
        let running = self.executions.iter().filter(|one| one.end.is_none());
        running.map(|one| one.process.life).collect()
    }

    fn finish(&mut self, index: usize, end: End, text: &str) {
        let Some(execution) = self.executions.get_mut(index) else {
            return;
        };
        execution.end = Some(end);
        let (id, key) = (execution.id, execution.key.clone());
        let text = format!("{} on {} {text}", execution.handler, execution.process);
        self.note(Some(id), key, text);
    }

    /// What the log has of a message, of its key, and of what disturbed them.
    pub(super) fn excerpt(&self, id: Option<MessageId>, key: Option<&Arc<str>>) -> Vec<String> {
        let concerns = |line: &&Line| match (&line.id, &line.key) {
            (None, None) => true,
            (line_id, line_key) => {
                (id.is_some() && *line_id == id) || (key.is_some() && line_key.as_ref() == key)
            }
        };
        let lines = self.log.iter().filter(concerns);
        lines.map(ToString::to_string).collect()
    }
}

impl Execution {
    pub(super) fn lane(&self) -> Option<Lane> {
        let key = self.key.as_ref()?;
        Some((Arc::clone(&self.process.service), Arc::clone(key)))
    }

    pub(super) const fn entry(&self) -> Enqueued {
        Enqueued {
            id: self.id,
            replay: self.replay,
        }
    }

    pub(super) fn is_success(&self) -> bool {
        self.end == Some(End::Succeeded(true))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:9.3}s ", self.at.as_secs_f64())?;
        if let Some(id) = self.id {
            write!(f, "{id} ")?;
        }
        if let Some(key) = &self.key {
            write!(f, "[{key}] ")?;
        }
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("lines", &self.log.len())
            .field("executions", &self.executions.len())
            .field("violations", &self.violations)
            .finish_non_exhaustive()
    }
}
