use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{BoxFuture, TransportError};
use crate::node::NodeId;

/// Which record.
///
/// Its text is `member.`, `service.` or `owners.` with the name behind it, and is read as it is
/// written.
///
/// # Examples
///
/// ```
/// use catga::transport::RecordKey;
///
/// let key = RecordKey::Owners("shop".into());
/// assert_eq!(key.to_string(), "owners.shop");
/// assert_eq!("owners.shop".parse::<RecordKey>()?, key);
/// # Ok::<(), catga::transport::InvalidRecordKey>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RecordKey {
    /// A node: its incarnation, its beat and what it handles.
    Member(NodeId),
    /// A service: the types it takes, their key paths and its partitions.
    Service(Arc<str>),
    /// Who owns the partitions of a service.
    Owners(Arc<str>),
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(node) => write!(f, "member.{node}"),
            Self::Service(service) => write!(f, "service.{service}"),
            Self::Owners(service) => write!(f, "owners.{service}"),
        }
    }
}

impl FromStr for RecordKey {
    type Err = InvalidRecordKey;

    fn from_str(text: &str) -> Result<Self, InvalidRecordKey> {
        let parse = || {
            let (kind, name) = text.split_once('.').filter(|(_, name)| !name.is_empty())?;
            match kind {
                "member" => name.parse().ok().map(Self::Member),
                "service" => Some(Self::Service(name.into())),
                "owners" => Some(Self::Owners(name.into())),
                _ => None,
            }
        };
        parse().ok_or_else(|| InvalidRecordKey {
            text: text.to_owned(),
        })
    }
}

/// A text that is not a [`RecordKey`].
///
/// # Examples
///
/// ```
/// use catga::transport::RecordKey;
///
/// let error = "tail.shop".parse::<RecordKey>().unwrap_err();
/// assert!(error.to_string().contains("`tail.shop`"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidRecordKey {
    text: String,
}

impl fmt::Display for InvalidRecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not the key of a record: expected `member.`, `service.` or `owners.` and a name",
            self.text
        )
    }
}

impl std::error::Error for InvalidRecordKey {}

/// The version of one record. A later version of the same record is greater; a record that was
/// removed and made again never has an old one.
///
/// Versions of different records are never compared. A store *may* count over all of its records,
/// or over each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Revision(pub u64);

/// A stored value and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The bytes that were written.
    pub value: Bytes,
    /// Their version.
    pub revision: Revision,
}

/// What a write takes for granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// There is no such record.
    Absent,
    /// The record has this version.
    Revision(Revision),
}

/// The answer to a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The record; `None` if there is none.
    pub record: Option<Record>,
    /// The store's clock, in microseconds since 1970. A hint: it may jump.
    pub time: u64,
}

/// The answer to a write that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The new version.
    pub revision: Revision,
}

/// Why a write was not done.
#[derive(Debug)]
#[non_exhaustive]
pub enum WriteError {
    /// The record is not what the write expected; nothing was written.
    Conflict,
    /// Unknown: it may have been written.
    Transport(TransportError),
}

impl From<TransportError> for WriteError {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict => f.write_str("the record was changed by another node"),
            Self::Transport(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Conflict => None,
            Self::Transport(error) => error.source(),
        }
    }
}

/// Which store it is: another value after it was recreated or replaced.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity(pub String);

/// Small records that all nodes of a namespace share.
///
/// Reads and writes *must* be linearizable: a read that starts after a write was answered sees
/// that write or a later one, whichever node asks. Writes are conditional and *must* be atomic.
/// Futures are cancel safe, but a dropped write may have been done.
pub trait Records: fmt::Debug + Send + Sync {
    /// Reads a record from the store itself, never from a cache or a replica that lags.
    fn read<'a>(&'a self, key: &'a RecordKey) -> BoxFuture<'a, Result<Read, TransportError>>;

    /// Writes a record if it is what `expect` says.
    ///
    /// A record with `expires` *may* be removed by the store when it was not written for that
    /// long; watchers are told. It is a hint and garbage collection, not how nodes are judged.
    fn write<'a>(
        &'a self,
        key: &'a RecordKey,
        value: Bytes,
        expect: Expect,
        expires: Option<Duration>,
    ) -> BoxFuture<'a, Result<Written, WriteError>>;

    /// Removes a record if it has this version.
    fn remove<'a>(
        &'a self,
        key: &'a RecordKey,
        revision: Revision,
    ) -> BoxFuture<'a, Result<(), WriteError>>;

    /// Watches all records: first everything there is, then [`Change::Current`], then what
    /// changes, in the order of each record's versions.
    fn watch(&self) -> BoxFuture<'_, Result<Box<dyn Watch>, TransportError>>;

    /// Which store this is now.
    fn identity(&self) -> BoxFuture<'_, Result<Identity, TransportError>>;
}

/// The changes of all records.
pub trait Watch: Send {
    /// The next change; waits for one. `None` once the watch has broken: start another.
    ///
    /// *Must* be cancel safe. Versions in between *may* be left out, the last one never.
    fn next(&mut self) -> BoxFuture<'_, Option<Change>>;
}

/// Something a [`Watch`] saw.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A record was written.
    Put(RecordKey, Record),
    /// A record was removed, or ran out.
    Removed(RecordKey),
    /// Everything that was there when the watch began has been told.
    Current,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        for key in [
            RecordKey::Member(NodeId::new("shop-a")),
            RecordKey::Service("shop".into()),
            RecordKey::Owners("shop".into()),
            RecordKey::Owners(crate::transport::DOOR.into()),
        ] {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        for text in ["tail.shop.3", "member", "service.", "member.Shop", ""] {
            let error = text.parse::<RecordKey>().unwrap_err();
            assert!(error.to_string().contains(&format!("`{text}`")), "{error}");
        }
    }
}
