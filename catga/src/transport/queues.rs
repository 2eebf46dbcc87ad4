use std::fmt;
use std::sync::Arc;

use super::{BoxFuture, Entry, Intake, Malformed, SharedIntake, TransportError};

/// The service of the front door: its one partition, 0, holds what programs append that know
/// nothing of catga. No service can have this name.
pub const DOOR: &str = "_in";

/// One queue of a service.
///
/// A queue belongs to one service. What is in it stays until it is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Queue {
    /// The service.
    pub service: Arc<str>,
    /// Which of its queues.
    pub part: Part,
}

/// Which queue of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Keyed messages, in order: one queue for each partition, read by its owner alone.
    Partition(u32),
    /// Unkeyed messages, without order: read by all nodes of the service as competing consumers.
    Shared,
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Part::Partition(partition) => write!(f, "{}/{partition}", self.service),
            Part::Shared => write!(f, "{}/shared", self.service),
        }
    }
}

/// An entry to be appended.
#[derive(Debug, Clone)]
pub struct Append {
    /// Its number among everything that this writer appends to this queue: it rises.
    pub number: u64,
    /// Whether somebody chose its id, so that the same message may have been appended before, by
    /// whomever. Other ids come from chance.
    pub given: bool,
    /// The entry.
    pub entry: Arc<Entry>,
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is stored.
    New,
    /// It had been stored before; nothing was stored now.
    Repeated,
}

/// Why an entry is not known to be stored.
#[derive(Debug)]
#[non_exhaustive]
pub enum AppendError {
    /// The queue is full: it was not stored.
    Full,
    /// It is larger than the broker takes: it was not stored.
    TooLarge {
        /// The size of the entry, in bytes.
        size: usize,
        /// The largest that the broker takes, in bytes.
        limit: usize,
    },
    /// Unknown: it may have been stored. The writer appends it again, with the same number.
    Transport(TransportError),
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the queue is full"),
            Self::TooLarge { size, limit } => {
                write!(
                    f,
                    "it has {size} bytes and the broker takes at most {limit}"
                )
            }
            Self::Transport(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AppendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Transport(error) => error.source(),
            Self::Full | Self::TooLarge { .. } => None,
        }
    }
}

/// A name under which a node reads partitions of its service, never used before or after.
///
/// It is the fence: once a generation is destroyed, nothing that is done in its name has an
/// effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation {
    /// The service.
    pub service: Arc<str>,
    /// `<node>-<incarnation>-<number>`: of `[A-Za-z0-9_-]`.
    pub name: String,
}

/// An opened generation.
pub struct Opened {
    /// What it reads.
    pub intake: Box<dyn Intake>,
    /// The identity of the stored queues: another one after they were recreated, since they count
    /// their positions from 1 again then.
    pub stream: Arc<str>,
    /// For each partition that was read by a generation which was destroyed by this: the sequence
    /// up to which that one had received entries. What had been received may have been running.
    pub received: Vec<(u32, u64)>,
    /// For each partition that may hold entries: a sequence that none of them is above.
    pub stored: Vec<(u32, u64)>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("stream", &self.stream)
            .field("received", &self.received)
            .field("stored", &self.stored)
            .finish_non_exhaustive()
    }
}

/// The place of an entry in its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Rises within a queue, with gaps. From 1.
    pub sequence: u64,
    /// When it was stored, by the broker's clock; with the sequence it tells one entry from
    /// another. In a unit of the transport's own.
    pub stored: u64,
}

/// What a fetch found at a position; `None` if the entry is not there any more.
pub type Fetched = Option<Result<Arc<Entry>, Malformed>>;

/// Says that an entry was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// The partition.
    pub partition: u32,
    /// Where it stands.
    pub position: Position,
    /// The number under which its generation received it.
    pub number: u64,
}

/// Whether acknowledgements have taken effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acked {
    /// All of them: none of the entries comes again.
    Done,
    /// They are on their way: what they are for may come again.
    Sent,
}

/// An entry of a shared queue that this node took.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// Where it stands.
    pub position: Position,
    /// What the transport needs to recognise this very delivery.
    pub token: Arc<str>,
}

/// A dead letter in the broker.
#[derive(Debug, Clone)]
pub struct StoredLetter {
    /// Its place among the dead letters of its service: it rises.
    pub number: u64,
    /// The message, with what is known of its death in headers.
    pub letter: Result<Arc<Entry>, Malformed>,
}

/// What frees a message once its dead letter is written.
#[derive(Debug, Clone)]
pub enum Release<'a> {
    /// An entry of a partition, read by this generation.
    Partition(&'a Generation, Ack),
    /// An entry of the shared queue of this service.
    Shared(Ticket),
}

/// The queues and dead letters of all services, and the front door.
///
/// The front door is the queue of partition 0 of the service [`DOOR`]: read, acknowledged and
/// buried from like any other, and appended to by programs that know nothing of catga. What they
/// leave out of an entry gets a default: an id that follows from the identity of the queue and the
/// position of the entry, the time at which it was stored, JSON as the content type, an empty
/// source. Only an entry without a type is [`Malformed`].
///
/// All futures are cancel safe; what was dropped may have been done.
pub trait Queues: fmt::Debug + Send + Sync {
    /// Makes the queues of a service, if they are not there. Idempotent, also against other nodes
    /// that do the same at the same time.
    ///
    /// *Must* fail where they exist with settings that do not fit; the error says which.
    fn provision<'a>(
        &'a self,
        service: &'a Arc<str>,
        partitions: u32,
    ) -> BoxFuture<'a, Result<(), TransportError>>;

    /// Appends entries to one queue, in their order: one answer for each.
    ///
    /// What was appended *must* be stored as durably as the broker is configured. An entry that
    /// was stored before *must not* be stored again if the writer appended it under the same
    /// number, or, for entries whose id was given, if an entry with the same
    /// [`dedup_key`](Entry::dedup_key) was appended to this queue within the last two minutes.
    ///
    /// A writer is one connection of one process, `writer` a number of its own. It has at most one
    /// call under way for each queue. Once an entry is in doubt ([`AppendError::Transport`]), those
    /// behind it *should* not be stored; if they are, they are recognised when they are repeated.
    fn append<'a>(
        &'a self,
        queue: &'a Queue,
        writer: u64,
        entries: &'a [Append],
    ) -> BoxFuture<'a, Vec<Result<Appended, AppendError>>>;

    /// Opens a generation on partitions of its service, and destroys every other generation that
    /// reads one of them, in one step for each partition.
    ///
    /// Once this has returned, acknowledgements and reads of the destroyed generations *must*
    /// have no effect. The new one *must* get exactly what is stored and not acknowledged, in the
    /// order of each queue, from the oldest. `partitions` is not empty, and the caller owns them.
    fn open<'a>(
        &'a self,
        generation: &'a Generation,
        partitions: &'a [u32],
    ) -> BoxFuture<'a, Result<Opened, TransportError>>;

    /// Destroys a generation; one that is gone is no error.
    fn close<'a>(&'a self, generation: &'a Generation)
    -> BoxFuture<'a, Result<(), TransportError>>;

    /// Acknowledges entries: they leave their queues.
    ///
    /// *Must* have no effect if the generation was destroyed, and *should* fail then. It *may*
    /// return before the broker has done it: see [`Acked`].
    fn ack<'a>(
        &'a self,
        generation: &'a Generation,
        acks: &'a [Ack],
    ) -> BoxFuture<'a, Result<Acked, TransportError>>;

    /// Reads stored entries of a partition again: one answer for each position, in their order, and
    /// `None` where that entry is not there any more, also if another one has its sequence.
    fn fetch<'a>(
        &'a self,
        service: &'a Arc<str>,
        partition: u32,
        positions: &'a [Position],
    ) -> BoxFuture<'a, Result<Vec<Fetched>, TransportError>>;

    /// The sequence of the oldest entry that a partition holds; `None` if it is empty.
    fn oldest<'a>(
        &'a self,
        service: &'a Arc<str>,
        partition: u32,
    ) -> BoxFuture<'a, Result<Option<u64>, TransportError>>;

    /// Reads the shared queue of a service, as one of its consumers.
    fn share<'a>(
        &'a self,
        service: &'a Arc<str>,
        node: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn SharedIntake>, TransportError>>;

    /// Says that the handlers of entries of a shared queue are still at work: they are hidden from
    /// the other consumers for [`VISIBILITY`](super::VISIBILITY) from now on. A ticket whose entry
    /// another consumer has by now *should* do nothing, and is no error.
    fn extend<'a>(
        &'a self,
        service: &'a Arc<str>,
        tickets: &'a [Ticket],
    ) -> BoxFuture<'a, Result<(), TransportError>>;

    /// Acknowledges entries of a shared queue: they leave it, also if another consumer has them by
    /// now. Those that are not there any more are no error.
    fn settle<'a>(
        &'a self,
        service: &'a Arc<str>,
        tickets: &'a [Ticket],
    ) -> BoxFuture<'a, Result<(), TransportError>>;

    /// Gives entries of a shared queue back: another consumer gets them at once. This one *should*
    /// get them only if nobody else wants them for [`GIVE_BACK_DELAY`](super::GIVE_BACK_DELAY).
    fn give_back<'a>(
        &'a self,
        service: &'a Arc<str>,
        tickets: &'a [Ticket],
    ) -> BoxFuture<'a, Result<(), TransportError>>;

    /// Writes a dead letter, and then acknowledges the message that it is made of.
    ///
    /// The letter *must* be stored before the message leaves its queue. A letter with the same
    /// `id`, which is of `[A-Za-z0-9-]`, *must not* be stored twice within two minutes. Dead
    /// letters are never trimmed and have no limit of age. *Must* work while appends are refused
    /// because the broker is full, as far as the broker lets it.
    fn bury<'a>(
        &'a self,
        service: &'a Arc<str>,
        id: &'a str,
        letter: &'a Entry,
        release: Option<Release<'a>>,
    ) -> BoxFuture<'a, Result<(), TransportError>>;

    /// The dead letters of a service behind a number, oldest first, at most `limit` of them.
    fn letters<'a>(
        &'a self,
        service: &'a Arc<str>,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredLetter>, TransportError>>;

    /// Removes a dead letter; `false` if it is not there.
    fn discard<'a>(
        &'a self,
        service: &'a Arc<str>,
        number: u64,
    ) -> BoxFuture<'a, Result<bool, TransportError>>;

    /// Lets programs that know nothing of catga see a published event: at most once, or kept for a
    /// while, as the broker has it. `topic` is that of the event, if it has one.
    fn tap<'a>(
        &'a self,
        topic: Option<&'a str>,
        entry: &'a Entry,
    ) -> BoxFuture<'a, Result<(), TransportError>>;
}
