use crate::message::{Headers, MessageId};
use crate::transport::REPLAY;

/// A message as a queue has it: each replay of a dead letter is an entry of its own.
///
/// In order of the replays: what became of one of them became of those before, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Enqueued {
    pub(super) id: MessageId,
    /// The number of the letter that it was.
    pub(super) replay: Option<u64>,
}

impl Enqueued {
    pub(super) fn of(id: MessageId, headers: &Headers) -> Self {
        let replay = headers.get(REPLAY).and_then(|number| number.parse().ok());
        Self { id, replay }
    }

    #[cfg(test)]
    pub(super) const fn first(id: MessageId) -> Self {
        Self { id, replay: None }
    }
}
