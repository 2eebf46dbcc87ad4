use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::Line;
use crate::testing::fate::Fate;
use crate::testing::faults::Disturbance;
use crate::testing::flow::{Flow, Next};
use crate::transport::{
    BoxFuture, Change, Expect, Identity, Read, RecordKey, Records, Revision, Transport,
    TransportError, Watch, WriteError, Written,
};

impl Records for Line {
    fn read<'a>(&'a self, key: &'a RecordKey) -> BoxFuture<'a, Result<Read, TransportError>> {
        Box::pin(self.carry_once("read a record", async move {
            let store = self.broker.records();
            store.records().read(key).await
        }))
    }

    fn write<'a>(
        &'a self,
        key: &'a RecordKey,
        value: Bytes,
        expect: Expect,
        expires: Option<Duration>,
    ) -> BoxFuture<'a, Result<Written, WriteError>> {
        let sent = Instant::now();
        Box::pin(
            self.carry("write a record", WriteError::Transport, move || {
                let (line, key, value) = (self.clone(), key.clone(), value.clone());
                Box::pin(async move {
                    let store = line.broker.records();
                    let written = store.records().write(&key, value, expect, expires).await?;
                    if matches!(key, RecordKey::Owners(_)) {
                        let history = &line.broker.history;
                        history.note(format_args!("{} wrote {key}", line.process));
                    }
                    if let (RecordKey::Member(_), Some(timeout)) = (&key, expires) {
                        line.process.beat(sent, timeout);
                    }
                    Ok(written)
                })
            }),
        )
    }

    fn remove<'a>(
        &'a self,
        key: &'a RecordKey,
        revision: Revision,
    ) -> BoxFuture<'a, Result<(), WriteError>> {
        Box::pin(
            self.carry("remove a record", WriteError::Transport, move || {
                let (line, key) = (self.clone(), key.clone());
                Box::pin(async move {
                    let store = line.broker.records();
                    store.records().remove(&key, revision).await?;
                    let history = &line.broker.history;
                    history.note(format_args!("{} removed {key}", line.process));
                    if let RecordKey::Member(node) = &key {
                        history.left(node.as_str());
                    }
                    Ok(())
                })
            }),
        )
    }

    fn watch(&self) -> BoxFuture<'_, Result<Box<dyn Watch>, TransportError>> {
        Box::pin(async move {
            let flow = Flow::new(&self.broker, &self.process);
            let watch = async {
                let store = self.broker.records();
                store.records().watch().await
            };
            let inner = self.carry_once("watch", watch).await?;
            Ok(Box::new(Watched { flow, inner }) as Box<dyn Watch>)
        })
    }

    fn identity(&self) -> BoxFuture<'_, Result<Identity, TransportError>> {
        Box::pin(self.carry_once("tell which it is", async {
            Ok(Identity(format!("simulated-{}", self.broker.identity())))
        }))
    }
}

struct Watched {
    flow: Flow<Change>,
    inner: Box<dyn Watch>,
}

impl Watch for Watched {
    fn next(&mut self) -> BoxFuture<'_, Option<Change>> {
        Box::pin(async {
            let Self { flow, inner } = self;
            loop {
                let change = match flow.next(inner.next()).await? {
                    Next::Late(change) => return Some(change),
                    Next::New(change) => change,
                };
                match flow.fate(Disturbance::Flows, Fate::of_flow) {
                    Fate::Failed | Fate::Lost => return None,
                    Fate::Slow(by) => flow.delay(change, by),
                    _ => return Some(change),
                }
            }
        })
    }
}
