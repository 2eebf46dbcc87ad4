//! The shared records, all in the slot of `<ns>:{cluster}`.
//!
//! | key | what |
//! |---|---|
//! | `…:members` | sorted set: node → when it was written last, by the server's clock, in seconds |
//! | `…:member`, `…:services`, `…:owners` | hashes: name → `VERSION VALUE` |
//! | `…:version` | the last version that was given to any of them |
//! | `…:born` | a mark that is another one after everything was lost |
//!
//! A write is one script: it compares the version, writes, and tells `<ns>:<database>:changes`.
//! Scripts pass also when the server is out of memory. Nothing expires: who has not beaten for too
//! long is removed by the nodes that saw that.

mod version;
mod watch;

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use redis::FromRedisValue;

pub(super) use version::Version;

use super::Shared;
use super::call::{Call, Script};
use super::check::Info;
use super::error::Trouble;
use super::names::Names;
use crate::message::chance;
use crate::transport::{
    BoxFuture, Expect, Identity, Read, Record, RecordKey, Records, Revision, TransportError, Watch,
    WriteError, Written,
};

static READ: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/read.lua")));
static BORN: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/born.lua")));
static ALL: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/all.lua")));
static WRITE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/write.lua")));
static REMOVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/remove.lua")));

/// Which hash a record is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Member,
    Service,
    Owners,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Member, Self::Service, Self::Owners];

    fn hash(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Service => "services",
            Self::Owners => "owners",
        }
    }

    fn of(key: &RecordKey) -> (Self, &str) {
        match key {
            RecordKey::Member(node) => (Self::Member, node.as_str()),
            RecordKey::Service(service) => (Self::Service, service),
            RecordKey::Owners(service) => (Self::Owners, service),
        }
    }

    fn key(self, name: &str) -> RecordKey {
        match self {
            Self::Member => RecordKey::Member(crate::node::NodeId::new(name)),
            Self::Service => RecordKey::Service(name.into()),
            Self::Owners => RecordKey::Owners(name.into()),
        }
    }
}

/// What every script answers.
struct Answer<T> {
    /// The server's clock, in microseconds since 1970.
    time: u64,
    /// The last version that was given to any record.
    version: u64,
    rest: T,
}

impl Shared {
    async fn ask<T: FromRedisValue>(&self, call: &Call) -> Result<Answer<T>, Trouble> {
        let asked = Instant::now();
        let answer: (u64, u64, u64, T) = self.commands.call(call).await?;
        let (seconds, micros, version, rest) = answer;
        let time = seconds * 1_000_000 + micros;
        self.clock.told(asked, time);
        self.version.seen(version);
        Ok(Answer {
            time,
            version,
            rest,
        })
    }

    /// The server's run, its place in a replication, and the mark of the namespace: everything may
    /// have been deleted while the server went on.
    async fn who(&self) -> Result<Identity, Trouble> {
        let mut call = Call::new(&BORN, &[self.names.cluster("born")]);
        call.arg(chance::draw(|chance| format!("{:016x}", chance.u64(..))));
        // Of a cluster, the server that has the records now: one answer tells all of it.
        let (born, info): (String, String) = self.commands.call(&call).await?;
        let info = Info::of(info);
        let run = info.get("run_id").unwrap_or_default();
        let replication = info.get("master_replid").unwrap_or_default();
        Ok(Identity(format!("{run}/{replication}/{born}")))
    }

    /// The keys of a script that changes one record.
    fn changed(&self, kind: Kind) -> Vec<String> {
        let mut keys = vec![
            self.names.cluster(kind.hash()),
            self.names.cluster("version"),
        ];
        if kind == Kind::Member {
            keys.push(self.names.cluster("members"));
        }
        keys
    }

    /// Runs it; the record's version, or `None` if it was not as expected.
    async fn change(&self, call: &Call) -> Result<Option<u64>, Trouble> {
        Ok(self.ask(call).await?.rest)
    }
}

impl Records for Shared {
    fn read<'a>(&'a self, key: &'a RecordKey) -> BoxFuture<'a, Result<Read, TransportError>> {
        Box::pin(async move {
            let (kind, name) = Kind::of(key);
            let keys = [
                self.names.cluster(kind.hash()),
                self.names.cluster("version"),
            ];
            let mut call = Call::new(&READ, &keys);
            call.arg(name);
            let answer: Result<Answer<Option<Vec<u8>>>, _> = self.ask(&call).await;
            let found = answer.map_err(|error| error.when("read a record"))?;
            let record = match found.rest {
                Some(stored) => Some(parse(stored.into()).ok_or_else(unreadable)?),
                None => None,
            };
            Ok(Read {
                record,
                time: found.time,
            })
        })
    }

    fn write<'a>(
        &'a self,
        key: &'a RecordKey,
        value: Bytes,
        expect: Expect,
        // Members are removed by the nodes; what expired here would be gone before anyone judged.
        _expires: Option<Duration>,
    ) -> BoxFuture<'a, Result<Written, WriteError>> {
        Box::pin(async move {
            let (kind, name) = Kind::of(key);
            let expected = match expect {
                Expect::Absent => String::new(),
                Expect::Revision(revision) => revision.0.to_string(),
            };
            let mut call = Call::new(&WRITE, &self.changed(kind));
            call.arg(name).arg(expected).arg(&*value);
            call.arg(self.names.changes()).arg(kind.hash());
            match self.change(&call).await {
                Ok(Some(version)) => Ok(Written {
                    revision: Revision(version),
                }),
                Ok(None) => Err(WriteError::Conflict),
                Err(error) => Err(WriteError::Transport(error.when("write a record"))),
            }
        })
    }

    fn remove<'a>(
        &'a self,
        key: &'a RecordKey,
        revision: Revision,
    ) -> BoxFuture<'a, Result<(), WriteError>> {
        Box::pin(async move {
            let (kind, name) = Kind::of(key);
            let mut call = Call::new(&REMOVE, &self.changed(kind));
            call.arg(name).arg(revision.0);
            call.arg(self.names.changes()).arg(kind.hash());
            match self.change(&call).await {
                Ok(Some(_)) => Ok(()),
                Ok(None) => Err(WriteError::Conflict),
                Err(error) => Err(WriteError::Transport(error.when("remove a record"))),
            }
        })
    }

    fn watch(&self) -> BoxFuture<'_, Result<Box<dyn Watch>, TransportError>> {
        Box::pin(async move {
            let changes = self.changes().await;
            let changes = changes.map_err(|error| error.when("watch the records"))?;
            Ok(Box::new(changes) as Box<dyn Watch>)
        })
    }

    fn identity(&self) -> BoxFuture<'_, Result<Identity, TransportError>> {
        Box::pin(async move {
            let identity = self.who().await;
            identity.map_err(|error| error.when("say which store it is"))
        })
    }
}

impl Names {
    fn hashes(&self) -> [(Kind, String); 3] {
        Kind::ALL.map(|kind| (kind, self.cluster(kind.hash())))
    }
}

/// A record as it is stored: `VERSION VALUE`.
pub(super) fn parse(mut stored: Bytes) -> Option<Record> {
    let digits = stored.iter().position(|byte| *byte == b' ')?;
    let version = number(&stored.split_to(digits))?;
    Some(Record {
        value: stored.split_off(1),
        revision: Revision(version),
    })
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn unreadable() -> TransportError {
    TransportError::new("read a record", "it is not one that catga wrote")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_its_version_and_its_value() {
        let record = parse(Bytes::from_static(b"12 {\"a\": 1}")).unwrap();
        assert_eq!(record.revision, Revision(12));
        assert_eq!(&record.value[..], b"{\"a\": 1}");
        assert_eq!(&parse(Bytes::from_static(b"1 ")).unwrap().value[..], b"");
        for nonsense in ["", "12", "x y", "-1 a"] {
            assert_eq!(parse(nonsense.as_bytes().to_vec().into()), None);
        }
    }
}
