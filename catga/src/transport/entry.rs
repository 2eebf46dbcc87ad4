use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use xxhash_rust::xxh3::xxh3_128;

use crate::message::{Headers, MessageId};

/// The header that marks a message which was dead-lettered before, with the number of its letter.
pub(crate) const REPLAY: &str = "catga-replay";

/// The header that names the one handler that a replayed message is for.
pub(crate) const REPLAY_HANDLER: &str = "catga-replay-handler";

/// A stored message, as the `CloudEvents` attributes and the payload that a broker keeps.
///
/// In binary mode: every field but the payload is an attribute of its own, under the name that is
/// given here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `ce-id`. The same for all services that a message is stored for.
    pub id: MessageId,
    /// `ce-type`: the wire name of the message.
    pub name: Cow<'static, str>,
    /// `ce-source`: the service that it came from.
    pub source: Arc<str>,
    /// `ce-time`: when it was made, by the clock of who made it.
    pub time: SystemTime,
    /// `ce-partitionkey`: the routing key in canonical form; `None` for unkeyed messages.
    pub key: Option<Arc<str>>,
    /// `content-type`: the format of the payload.
    pub content_type: Cow<'static, str>,
    /// Everything else: `traceparent`, `tracestate`, what begins with `catga-`, and the user's own.
    pub headers: Headers,
    /// The encoded message.
    pub payload: Bytes,
}

impl Entry {
    /// By what [`Queues::append`] knows it in one queue when it comes again, whoever appends it: a hash
    /// of its id, its name and the header `catga-replay`.
    ///
    /// It is the same in every process. What else an entry has makes no other entry of it; a replay
    /// of a dead letter is an entry of its own.
    ///
    /// [`Queues::append`]: super::Queues::append
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use catga::transport::Entry;
    /// use catga::{Headers, MessageId};
    ///
    /// let entry = Entry {
    ///     id: MessageId::new(),
    ///     name: "OrderPlaced".into(),
    ///     source: "shop".into(),
    ///     time: SystemTime::now(),
    ///     key: None,
    ///     content_type: "application/json".into(),
    ///     headers: Headers::new(),
    ///     payload: "{}".into(),
    /// };
    /// let again = Entry { time: SystemTime::now(), payload: "{ }".into(), ..entry.clone() };
    /// assert_eq!(again.dedup_key(), entry.dedup_key());
    ///
    /// let other = Entry { id: MessageId::new(), ..entry.clone() };
    /// assert_ne!(other.dedup_key(), entry.dedup_key());
    /// let mut replay = entry.clone();
    /// replay.headers.insert("catga-replay", "17");
    /// assert_ne!(replay.dedup_key(), entry.dedup_key());
    /// ```
    #[must_use]
    pub fn dedup_key(&self) -> u128 {
        let replay = self.headers.get(REPLAY);
        let replay = replay.map_or(0, |letter| xxh3_128(letter.as_bytes()));
        let id = self.id.as_uuid().as_u128();
        id.wrapping_add(xxh3_128(self.name.as_bytes()))
            .wrapping_add(replay)
    }
}

/// What stands in a queue and is not an [`Entry`]: an attribute is missing or cannot be read.
///
/// It goes to the dead letters with everything that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong with it.
    pub error: String,
    /// All attributes, as they were found.
    pub headers: Headers,
    /// The payload, as it was found.
    pub payload: Bytes,
}
