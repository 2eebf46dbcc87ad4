use std::fmt;

/// Why a node did not run a call. Nothing ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The node is shutting down.
    Draining,
    /// The node does not own the key's partition.
    NotOwner,
    /// The node has no handler for the message.
    NoHandler,
    /// The node runs as much as it may.
    Overloaded,
    /// The deadline had passed when the call arrived.
    Expired,
    /// Nobody serves the node's inbox.
    Absent,
    /// The key's partition has no owner now.
    NoOwner,
}

const NAMES: [(Refusal, &str); 7] = [
    (Refusal::Draining, "draining"),
    (Refusal::NotOwner, "not_owner"),
    (Refusal::NoHandler, "no_handler"),
    (Refusal::Overloaded, "overloaded"),
    (Refusal::Expired, "expired"),
    (Refusal::Absent, "absent"),
    (Refusal::NoOwner, "no_owner"),
];

impl Refusal {
    pub(super) fn as_str(self) -> &'static str {
        NAMES
            .iter()
            .find(|(refusal, _)| *refusal == self)
            .map_or("", |(_, name)| name)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        NAMES
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(refusal, _)| *refusal)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Draining => "the node is shutting down",
            Self::NotOwner => "the node does not own the key",
            Self::NoHandler => "the node has no handler for it",
            Self::Overloaded => "the node runs as much as it may",
            Self::Expired => "the deadline had passed when it arrived",
            Self::Absent => "the node does not answer",
            Self::NoOwner => "no node owns the key now",
        })
    }
}
