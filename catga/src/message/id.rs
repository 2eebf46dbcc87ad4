use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

use super::{KeySink, KeyText, KeyWriter, chance};
use crate::node::epoch_now;

/// Identifies one message: a UUID, fixed when the message is created.
///
/// Ids are version 7 (they sort by creation time, in milliseconds); the id of a message that a
/// handler sent through its [`Context`](crate::Context) is version 8, a hash of what caused it.
/// In a payload and in a key it is its text.
///
/// # Examples
///
/// ```
/// use catga::MessageId;
///
/// let id = MessageId::new();
/// assert_eq!(id.to_string().parse::<MessageId>()?, id);
/// # Ok::<(), catga::message::InvalidId>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(Uuid);

impl MessageId {
    /// A new id.
    #[must_use]
    #[allow(
        clippy::new_without_default,
        reason = "two defaults would not be equal"
    )]
    pub fn new() -> Self {
        Self::made_at(epoch_now())
    }

    /// A new id of a message that is made now, in microseconds since 1970.
    pub(crate) fn made_at(micros: u64) -> Self {
        let millis = micros / 1_000;
        let mut random = [0; 10];
        chance::draw(|chance| chance.fill(&mut random));
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// An id made from a hash: the same bytes give the same id.
    pub(crate) fn from_hash(hash: u128) -> Self {
        Self(uuid::Builder::from_custom_bytes(hash.to_be_bytes()).into_uuid())
    }

    /// The id of the n-th message of a batch whose first one has this id: the same each time.
    pub(crate) fn nth(self, n: usize) -> Self {
        if n == 0 {
            return self;
        }
        let mut cause = [0; 24];
        cause[..16].copy_from_slice(self.0.as_bytes());
        cause[16..].copy_from_slice(&(n as u64).to_be_bytes());
        Self::from_hash(xxh3_128(&cause))
    }

    /// The id as a UUID.
    #[must_use]
    pub const fn as_uuid(&self) -> &Uuid {
        &self.0
    }
}

impl From<Uuid> for MessageId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl From<MessageId> for Uuid {
    fn from(id: MessageId) -> Self {
        id.0
    }
}

impl FromStr for MessageId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Uuid::try_parse(text).map(Self).map_err(|_| InvalidId {
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl KeyText for MessageId {
    fn write_key<S: KeySink>(&self, key: &mut KeyWriter<S>) {
        self.0.write_key(key);
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A text that is not a [`MessageId`].
///
/// # Examples
///
/// ```
/// use catga::MessageId;
///
/// let error = "order-7".parse::<MessageId>().unwrap_err();
/// assert!(error.to_string().contains("`order-7`"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidId {
    text: String,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a message id: expected a UUID", self.text)
    }
}

impl std::error::Error for InvalidId {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_ids_are_version_7_and_distinct() {
        let ids: std::collections::HashSet<_> = (0..10_000).map(|_| MessageId::new()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.as_uuid().get_version_num() == 7));
    }

    #[test]
    fn hashed_ids_are_version_8_and_repeatable() {
        assert_eq!(MessageId::from_hash(42), MessageId::from_hash(42));
        assert_ne!(MessageId::from_hash(42), MessageId::from_hash(43));
        assert_eq!(
            MessageId::from_hash(u128::MAX).as_uuid().get_version_num(),
            8
        );
    }

    #[test]
    fn the_ids_of_a_batch_are_repeatable_and_distinct() {
        let first = MessageId::from_hash(42);
        assert_eq!(first.nth(0), first);
        let batch = |count| (0..count).map(|n| first.nth(n)).collect::<Vec<_>>();
        assert_eq!(batch(100), batch(100));
        let distinct: std::collections::HashSet<_> = batch(100).into_iter().collect();
        assert_eq!(distinct.len(), 100);
        assert_ne!(MessageId::from_hash(43).nth(1), first.nth(1));
    }

    #[test]
    fn an_id_is_its_uuid_and_its_text() {
        let text = "00000000-0000-0000-0000-00000000002a";
        let id = MessageId::from(Uuid::from_u128(42));
        assert_eq!(Uuid::from(id), Uuid::from_u128(42));
        assert_eq!(id.to_string(), text);
        let encoded = serde_json::to_string(&id).unwrap();
        assert_eq!(encoded, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<MessageId>(&encoded).unwrap(), id);
        let error = serde_json::from_str::<MessageId>("\"a\"").unwrap_err();
        assert!(error.to_string().contains("`a` is not a message id"));
    }

    #[test]
    fn an_invalid_text_is_shown() {
        let error = "order-7".parse::<MessageId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`order-7` is not a message id: expected a UUID"
        );
    }
}
