use std::fmt;
use std::time::Duration;

/// What a broker promises of what it has stored, as it is set up: what the receipt of an
/// [`enqueue`](crate::Node::enqueue) is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Guarantees {
    /// The broker and its version, as in `nats-server 2.15.1`.
    pub broker: String,
    /// What a message survives once it is acknowledged.
    pub durability: Durability,
    /// How many servers have it by then.
    pub replicas: usize,
    /// What else to know of this set-up, one sentence each.
    pub notes: Vec<String>,
}

impl Guarantees {
    /// What a transport tells.
    #[must_use]
    pub fn new(broker: impl Into<String>, durability: Durability, replicas: usize) -> Self {
        Self {
            broker: broker.into(),
            durability,
            replicas,
            notes: Vec::new(),
        }
    }

    /// Adds a sentence.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// What an acknowledged message survives on one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// Nothing: it is in memory, and gone when the process ends.
    Memory,
    /// The end of the process. When the machine fails, what was acknowledged within this time
    /// before may be lost.
    Process(Duration),
    /// The end of the process. When the machine fails, the operating system decides.
    Unsynced,
    /// The failure of the machine: it is on disk before it is acknowledged.
    Machine,
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("in memory: gone when the process that keeps it ends"),
            Self::Process(window) => write!(
                f,
                "on disk within {window:?}: when the machine fails, the last {window:?} may be lost"
            ),
            Self::Unsynced => {
                f.write_str("written, and on disk when the operating system sees fit")
            }
            Self::Machine => f.write_str("on disk before it is acknowledged"),
        }
    }
}

impl fmt::Display for Guarantees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {} {}: {}",
            self.broker,
            self.replicas,
            if self.replicas == 1 {
                "replica"
            } else {
                "replicas"
            },
            self.durability
        )?;
        for note in &self.notes {
            write!(f, "; {note}")?;
        }
        Ok(())
    }
}
