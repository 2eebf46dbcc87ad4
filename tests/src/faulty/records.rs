use std::time::Duration;

use bytes::Bytes;
use catga::transport::{
    BoxFuture, Change, Expect, Identity, Read, RecordKey, Records, Revision, TransportError, Watch,
    WriteError, Written,
};
use tokio::sync::watch;

use super::{Fault, Line, Rules};

impl Records for Line {
    fn read<'a>(&'a self, key: &'a RecordKey) -> BoxFuture<'a, Result<Read, TransportError>> {
        Box::pin(async move {
            self.pass(|rules| rules.reads).await?;
            let mut read = self.faults.store().records().read(key).await?;
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
                let written = store.records().write(&key, value, expect, expires).await?;
                line.faults.wrote(&line.name, key);
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
                store.records().remove(&key, revision).await
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

struct Watched {
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
                    change = self.inner.next() => return change,
                }
            }
        })
    }
}
