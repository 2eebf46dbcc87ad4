use std::time::Duration;

use bytes::Bytes;
use catga::transport::{
    BoxFuture, Change, Expect, Identity, Read, RecordKey, Records, Revision, TransportError, Watch,
    WriteError, Written,
};
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Fault, Lie, Line, Rules};

impl Records for Line {
    fn read<'a>(&'a self, key: &'a RecordKey) -> BoxFuture<'a, Result<Read, TransportError>> {
        Box::pin(async move {
            self.pass(|rules| rules.reads).await?;
            let mut read = self.faults.store().records().read(&self.place(key)).await?;
            read.time = read.time.saturating_add_signed(self.rules.borrow().clock);
            Ok(read)
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
            let passed = self.pass(|rules| rules.writes).await;
            let fault = passed.map_err(WriteError::Transport)?;
            let (line, key) = (self.clone(), key.clone());
            self.done(fault, WriteError::Transport, async move {
                let store = line.faults.store();
                let (records, place) = (store.records(), line.place(&key));
                let mut expect = expect;
                if line.faults.tell(Lie::ConditionsIgnored) {
                    expect = met(records.read(&place).await?);
                }
                let expires = expires.filter(|_| !line.faults.has(Lie::RemovalsLost));
                let sent = Instant::now();
                let written = records.write(&place, value, expect, expires).await?;
                let is_claim = matches!(key, RecordKey::Owners(_));
                line.faults.wrote(&line.name, key, sent);
                if is_claim && line.faults.tell(Lie::RecordsFellBack) {
                    line.faults.fall_back().await;
                }
                Ok(written)
            })
            .await
        })
    }

    fn remove<'a>(
        &'a self,
        key: &'a RecordKey,
        revision: Revision,
    ) -> BoxFuture<'a, Result<(), WriteError>> {
        Box::pin(async move {
            let passed = self.pass(|rules| rules.writes).await;
            let fault = passed.map_err(WriteError::Transport)?;
            let (line, key) = (self.clone(), key.clone());
            self.done(fault, WriteError::Transport, async move {
                let store = line.faults.store();
                if line.faults.tell(Lie::RemovalsLost) {
                    return Ok(());
                }
                store.records().remove(&line.place(&key), revision).await
            })
            .await
        })
    }

    fn watch(&self) -> BoxFuture<'_, Result<Box<dyn Watch>, TransportError>> {
        Box::pin(async move {
            self.pass(|rules| rules.watch).await?;
            let breaks = self.faults.breaks.subscribe();
            let inner = self.faults.store().records().watch().await?;
            let rules = self.rules.subscribe();
            Ok(Box::new(Watched {
                line: self.clone(),
                inner,
                rules,
                breaks,
            }) as Box<dyn Watch>)
        })
    }

    fn identity(&self) -> BoxFuture<'_, Result<Identity, TransportError>> {
        Box::pin(async move {
            self.pass(|rules| rules.reads).await?;
            let store = self.faults.store().records().identity().await?;
            Ok(Identity(format!(
                "{}/{}",
                self.faults.identity().0,
                store.0
            )))
        })
    }
}

/// What is expected of a record that was found as this.
pub(super) fn met(read: Read) -> Expect {
    let found = read.record;
    found.map_or(Expect::Absent, |found| Expect::Revision(found.revision))
}

impl Line {
    /// Where the store has a record of this line.
    fn place(&self, key: &RecordKey) -> RecordKey {
        match key {
            RecordKey::Owners(service) if self.faults.has(Lie::OwnersSplit) => {
                RecordKey::Owners(format!("{service}@{}", self.name).into())
            }
            key => key.clone(),
        }
    }

    /// What a change is to this line; nothing if it concerns another one.
    fn told(&self, change: Change) -> Option<Change> {
        let key = |key: RecordKey| match &key {
            RecordKey::Owners(place) => match place.split_once('@') {
                Some((service, line)) => {
                    (line == self.name).then(|| RecordKey::Owners(service.into()))
                }
                None => Some(key),
            },
            _ => Some(key),
        };
        match change {
            Change::Put(of, record) => Some(Change::Put(key(of)?, record)),
            Change::Removed(of) => Some(Change::Removed(key(of)?)),
            change => Some(change),
        }
    }
}

struct Watched {
    line: Line,
    inner: Box<dyn Watch>,
    rules: watch::Receiver<Rules>,
    breaks: watch::Receiver<u64>,
}

impl Watch for Watched {
    fn next(&mut self) -> BoxFuture<'_, Option<Change>> {
        Box::pin(async {
            loop {
                let fault = self.rules.borrow_and_update().watch;
                match fault {
                    Fault::Fail => return None,
                    Fault::Hang => {
                        self.rules.changed().await.ok()?;
                        continue;
                    }
                    _ => {}
                }
                tokio::select! {
                    biased;
                    _ = self.breaks.changed() => return None,
                    changed = self.rules.changed() => changed.ok()?,
                    change = self.inner.next() => match self.line.told(change?) {
                        None => {}
                        told => return told,
                    },
                }
            }
        })
    }
}
