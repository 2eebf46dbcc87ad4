use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::hub::{Hub, State};
use crate::node::epoch_now;
use crate::transport::{
    BoxFuture, Change, Expect, Identity, Read, Record, RecordKey, Records, Revision,
    TransportError, Watch, WriteError, Written,
};

/// A record and when it runs out.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    record: Record,
    expires: Option<Instant>,
}

impl Records for Hub {
    fn read<'a>(&'a self, key: &'a RecordKey) -> BoxFuture<'a, Result<Read, TransportError>> {
        Box::pin(async move {
            Ok(Read {
                record: self.state().current(key),
                time: epoch_now(),
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
            let mut state = self.state();
            state.check(key, expect)?;
            state.revision += 1;
            let record = Record {
                value,
                revision: Revision(state.revision),
            };
            state.tell(&Change::Put(key.clone(), record.clone()));
            let revision = record.revision;
            state.records.insert(
                key.clone(),
                Stored {
                    record,
                    expires: expires.map(|expires| Instant::now() + expires),
                },
            );
            Ok(Written { revision })
        })
    }

    fn remove<'a>(
        &'a self,
        key: &'a RecordKey,
        revision: Revision,
    ) -> BoxFuture<'a, Result<(), WriteError>> {
        Box::pin(async move {
            let mut state = self.state();
            state.check(key, Expect::Revision(revision))?;
            state.records.remove(key);
            state.tell(&Change::Removed(key.clone()));
            Ok(())
        })
    }

    fn watch(&self) -> BoxFuture<'_, Result<Box<dyn Watch>, TransportError>> {
        Box::pin(async move {
            let (told, changes) = mpsc::unbounded_channel();
            let mut state = self.state();
            state.expire();
            for (key, stored) in &state.records {
                // The other end is below, in this function.
                let _ = told.send(Change::Put(key.clone(), stored.record.clone()));
            }
            let _ = told.send(Change::Current);
            state.watchers.push(told);
            Ok(Box::new(Changes(changes)) as Box<dyn Watch>)
        })
    }

    fn identity(&self) -> BoxFuture<'_, Result<Identity, TransportError>> {
        // It lives as long as its nodes, so there is only ever one.
        Box::pin(async { Ok(Identity("memory".to_owned())) })
    }
}

impl State {
    fn current(&mut self, key: &RecordKey) -> Option<Record> {
        self.expire();
        self.records.get(key).map(|stored| stored.record.clone())
    }

    fn check(&mut self, key: &RecordKey, expect: Expect) -> Result<(), WriteError> {
        let met = match (self.current(key), expect) {
            (None, Expect::Absent) => true,
            (Some(record), Expect::Revision(revision)) => record.revision == revision,
            (Some(_), Expect::Absent) | (None, Expect::Revision(_)) => false,
        };
        if met {
            Ok(())
        } else {
            Err(WriteError::Conflict)
        }
    }

    /// Removes what has run out. Whoever looks does it: there is no clock of the store's own.
    fn expire(&mut self) {
        let now = Instant::now();
        let gone: Vec<_> = self
            .records
            .iter()
            .filter(|(_, stored)| stored.expires.is_some_and(|at| at <= now))
            .map(|(key, _)| key.clone())
            .collect();
        for key in gone {
            self.records.remove(&key);
            self.tell(&Change::Removed(key));
        }
    }

    fn tell(&mut self, change: &Change) {
        self.watchers
            .retain(|watcher| watcher.send(change.clone()).is_ok());
    }
}

struct Changes(mpsc::UnboundedReceiver<Change>);

impl Watch for Changes {
    fn next(&mut self) -> BoxFuture<'_, Option<Change>> {
        Box::pin(self.0.recv())
    }
}
