use std::sync::Arc;
use std::time::Duration;

use super::{BoxFuture, Entry, Malformed, Position, Ticket};

/// How long an entry of a shared queue is hidden from the other consumers after it was taken or
/// extended.
pub const VISIBILITY: Duration = Duration::from_secs(30);

/// How long whoever gave an entry back to a shared queue leaves it to the others, before it takes it
/// again: it may be of a type that this node does not know.
pub const GIVE_BACK_DELAY: Duration = Duration::from_millis(500);

/// The flow of entries to one generation: all of its partitions, each in its order.
pub trait Intake: Send {
    /// What comes next; waits for it. At most `room` entries.
    ///
    /// `None` once the flow has broken, or the generation was destroyed: open another one. *Must*
    /// be cancel safe: what a dropped future had taken comes with the next call.
    fn next(&mut self, room: usize) -> BoxFuture<'_, Option<Taken>>;
}

/// What an [`Intake`] brings.
#[derive(Debug)]
pub enum Taken {
    /// Entries, in order.
    Entries(Vec<Received>),
    /// Nothing came for a while. The broker has sent everything up to this number: if it is higher
    /// than that of the last entry, entries were lost on the way.
    Idle {
        /// The number of the last entry that was sent.
        last: u64,
    },
}

/// An entry that a generation received.
#[derive(Debug)]
pub struct Received {
    /// The partition.
    pub partition: u32,
    /// Where it stands there.
    pub position: Position,
    /// Counts what the generation was sent, over all its partitions, from 1: a number that is left
    /// out is an entry that was lost on the way.
    pub number: u64,
    /// The entry.
    pub entry: Result<Arc<Entry>, Malformed>,
}

/// The flow of entries from a shared queue to one consumer.
pub trait SharedIntake: Send {
    /// What comes next; waits for it. At most `room` entries.
    ///
    /// `None` once the flow has broken: start another one. *Must* be cancel safe, but what a
    /// dropped future had taken *may* be hidden until its visibility ends.
    fn next(&mut self, room: usize) -> BoxFuture<'_, Option<Vec<Shared>>>;

    /// Asks for nothing more, and returns what was taken and not handed out, as far as it is known:
    /// it can be given back.
    fn close(self: Box<Self>) -> BoxFuture<'static, Vec<Shared>>;
}

/// An entry that was taken from a shared queue.
#[derive(Debug)]
pub struct Shared {
    /// Recognises this delivery.
    pub ticket: Ticket,
    /// How often it was taken, this time included: more than once if a consumer died with it.
    pub taken: u32,
    /// The entry.
    pub entry: Result<Arc<Entry>, Malformed>,
}
