use std::time::{Duration, SystemTime, UNIX_EPOCH};

use xxhash_rust::xxh3::xxh3_128;

use crate::message::MessageId;
use crate::transport::redis::queues::stream_id::StreamId;

/// Where an entry of the front door stands: what its program left out follows from it.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Door<'a> {
    /// The identity of the queue.
    pub(in super::super) stream: &'a str,
    pub(in super::super) id: StreamId,
}

impl Door<'_> {
    /// An id for an entry without one.
    pub(super) fn id(self) -> MessageId {
        hashed(&[self.stream, &self.id.to_string()])
    }

    pub(super) fn time(self) -> SystemTime {
        let stored = Duration::from_millis(self.id.milliseconds);
        UNIX_EPOCH.checked_add(stored).unwrap_or(UNIX_EPOCH)
    }
}

/// The id of an entry whose program gave it one that is no UUID: the same each time it comes from
/// there.
pub(super) fn foreign(source: &str, id: &str) -> MessageId {
    hashed(&[source, id])
}

fn hashed(parts: &[&str]) -> MessageId {
    MessageId::from_hash(xxh3_128(parts.join("\u{1f}").as_bytes()))
}
