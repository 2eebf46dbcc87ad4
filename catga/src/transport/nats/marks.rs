//! Small values that nobody watches, in a bucket of their own.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::bucket::{Bucket, PutError};
use super::clock::ServerClock;
use super::error::Trouble;
use super::link::Link;
use super::names::Names;
use crate::node::epoch_now;
use crate::transport::{
    BoxFuture, Expect, Marks, Read, Record, Revision, TransportError, WriteError, Written,
};

/// The marks of one namespace.
pub(super) struct Notes {
    bucket: Bucket,
    clock: Arc<ServerClock>,
}

impl Notes {
    pub(super) fn new(names: &Names, link: Arc<Link>, clock: Arc<ServerClock>) -> Self {
        Self {
            bucket: Bucket::new(&names.seen(), link),
            clock,
        }
    }

    /// Makes what is not there.
    pub(super) async fn provision(&self) -> Result<(), Trouble> {
        self.bucket.provision().await
    }
}

impl Marks for Notes {
    fn read<'a>(
        &'a self,
        service: &'a Arc<str>,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Read, TransportError>> {
        Box::pin(async move {
            let found = self.bucket.get(&key(service, name)).await;
            let found = found.map_err(|trouble| trouble.when("read a mark"))?;
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
        service: &'a Arc<str>,
        name: &'a str,
        value: Bytes,
        expect: Expect,
        expires: Option<Duration>,
    ) -> BoxFuture<'a, Result<Written, WriteError>> {
        Box::pin(async move {
            let key = key(service, name);
            let written = match expect {
                Expect::Absent => self.bucket.create(&key, value, expires).await,
                Expect::Revision(Revision(sequence)) => {
                    self.bucket.put(&key, value, sequence, expires).await
                }
            };
            match written {
                Ok(sequence) => Ok(Written {
                    revision: Revision(sequence),
                }),
                Err(PutError::Conflict) => Err(WriteError::Conflict),
                Err(PutError::Trouble(trouble)) => {
                    Err(WriteError::Transport(trouble.when("write a mark")))
                }
            }
        })
    }

    fn remove<'a>(
        &'a self,
        service: &'a Arc<str>,
        name: &'a str,
        revision: Option<Revision>,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let key = key(service, name);
            let removed = match revision {
                None => self.bucket.clear(&key).await,
                Some(Revision(sequence)) => match self.bucket.remove(&key, sequence).await {
                    Ok(()) | Err(PutError::Conflict) => Ok(()),
                    Err(PutError::Trouble(trouble)) => Err(trouble),
                },
            };
            removed.map_err(|trouble| trouble.when("remove a mark"))
        })
    }
}

fn key(service: &str, name: &str) -> String {
    format!("{service}.{name}")
}

impl fmt::Debug for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notes").finish_non_exhaustive()
    }
}
