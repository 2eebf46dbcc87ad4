//! A transport whose faults are chosen by the test: each node has its own line to the broker.

mod ghosts;
mod intake;
mod lies;
mod line;
mod marks;
mod messenger;
mod queues;
mod records;
mod sequences;
mod store;
mod stored;

use std::time::Duration;

pub use lies::Lie;
pub use line::Line;
pub use store::{Faults, Snapshot};

/// What happens to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// It fails at once and is not done.
    Fail,
    /// It waits until the fault is gone.
    Hang,
    /// It is done this much later.
    Delay(Duration),
    /// It is done, but its reply is lost.
    LoseReply,
    /// It is done at once, and its reply comes this much later.
    SlowReply(Duration),
    /// It fails at once and is done this much later.
    Late(Duration),
    /// Of what the node receives: it comes twice.
    Twice,
    /// The transport panics.
    Panic,
}

/// The faults of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// Of records and marks.
    pub reads: Fault,
    /// Of records and marks.
    pub writes: Fault,
    /// `Fail` breaks watches, and no other can be started.
    pub watch: Fault,
    /// What the node sends and receives.
    pub frames: Fault,
    /// `Fail` breaks the node's inbox, and no other can be opened.
    pub inbox: Fault,
    /// What is done with queues. `Fail` breaks intakes, and `Hang` holds what they bring.
    pub queues: Fault,
    /// Of what is done with queues: what is written as a dead letter.
    pub letters: Fault,
    /// The broker's clock is wrong by this many microseconds.
    pub clock: i64,
}

impl Rules {
    /// Nothing gets through, and nobody is told.
    pub const CUT: Self = Self::all(Fault::Hang);
    /// Everything fails at once.
    pub const DOWN: Self = Self::all(Fault::Fail);

    const fn all(fault: Fault) -> Self {
        Self {
            reads: fault,
            writes: fault,
            watch: fault,
            frames: fault,
            inbox: Fault::None,
            queues: fault,
            letters: Fault::None,
            clock: 0,
        }
    }
}
