//! The records that all nodes of a namespace share, in one bucket.
//!
//! A version is the sequence of its message in the bucket's stream, so versions rise over all
//! records.

mod watch;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::bucket::{Bucket, PutError};
use super::clock::ServerClock;
use super::error::Trouble;
use super::link::Link;
use super::names::Names;
use crate::node::epoch_now;
use crate::transport::{
    BoxFuture, Expect, Identity, Read, Record, RecordKey, Records, Revision, TransportError, Watch,
    WriteError, Written,
};

/// The records of one namespace.
pub(super) struct Store {
    bucket: Arc<Bucket>,
    link: Arc<Link>,
    clock: Arc<ServerClock>,
}

impl Store {
    pub(super) fn new(names: &Names, link: Arc<Link>, clock: Arc<ServerClock>) -> Self {
        Self {
            bucket: Arc::new(Bucket::new(&names.cluster(), Arc::clone(&link))),
            link,
            clock,
        }
    }

    /// Makes what is not there.
    pub(super) async fn provision(&self) -> Result<(), Trouble> {
        self.bucket.provision().await
    }
}

impl Records for Store {
    fn read<'a>(&'a self, key: &'a RecordKey) -> BoxFuture<'a, Result<Read, TransportError>> {
        Box::pin(async move {
            let found = self.bucket.get(&key.to_string()).await;
            let found = found.map_err(|trouble| trouble.when("read a record"))?;
            Ok(Read {
                record: found.map(|(value, sequence)| Record {
                    value,
                    revision: Revision(sequence),
                }),
                time: self.clock.earliest().unwrap_or_else(epoch_now),
            })
        })
    }

    fn write<'a>(
        &'a self,
        key: &'a RecordKey,
        value: Bytes,
        expect: Expect,
        expires: Option<Duration>,
    ) -> BoxFuture<'a, Result<Written, WriteError>> {
        Box::pin(async move {
            let key = key.to_string();
            let sent = Instant::now();
            let written = match expect {
                Expect::Absent => self.bucket.create(&key, value, expires).await,
                Expect::Revision(Revision(sequence)) => {
                    self.bucket.put(&key, value, sequence, expires).await
                }
            };
            let sequence = written.map_err(|error| not_done(error, "write a record"))?;
            self.clock.wrote(sequence, sent);
            Ok(Written {
                revision: Revision(sequence),
            })
        })
    }

    fn remove<'a>(
        &'a self,
        key: &'a RecordKey,
        revision: Revision,
    ) -> BoxFuture<'a, Result<(), WriteError>> {
        Box::pin(async move {
            let removed = self.bucket.remove(&key.to_string(), revision.0).await;
            removed.map_err(|error| not_done(error, "remove a record"))
        })
    }

    fn watch(&self) -> BoxFuture<'_, Result<Box<dyn Watch>, TransportError>> {
        Box::pin(async move {
            let changes = self.changes().await;
            let changes = changes.map_err(|trouble| trouble.when("watch the records"))?;
            Ok(Box::new(changes) as Box<dyn Watch>)
        })
    }

    fn identity(&self) -> BoxFuture<'_, Result<Identity, TransportError>> {
        Box::pin(async move {
            let identity = self.bucket.identity().await;
            let identity = identity.map_err(|trouble| trouble.when("say which store it is"))?;
            Ok(Identity(identity))
        })
    }
}

fn not_done(error: PutError, what: &'static str) -> WriteError {
    match error {
        PutError::Conflict => WriteError::Conflict,
        PutError::Trouble(trouble) => WriteError::Transport(trouble.when(what)),
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}
