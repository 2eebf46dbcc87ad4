use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;

use super::Engine;
use super::acks::prove_one;
use super::partition::Tail;
use crate::message::ContentType;
use crate::telemetry::Chain;
use crate::transport::{Expect, TransportError, WriteError};

/// Writes down what the next owner of a partition has to know. Nothing of the partition is read or
/// runs any more.
pub(super) async fn write_tail(engine: &Engine, partition: u32) -> Result<(), TransportError> {
    prove_one(engine, partition).await;
    let tail = {
        let known = engine.partition(partition);
        let tail = known.tail();
        if !known.needs_tail(&tail) {
            return Ok(());
        }
        tail
    };
    let (name, marks) = (name(partition), engine.cluster.transport.marks());
    if tail.is_empty() {
        let remove = marks.remove(&engine.service, &name, None);
        engine.cluster.limited("remove a tail", remove).await?;
        engine.partition(partition).wrote_tail(false);
        return Ok(());
    }
    let value = ContentType::Json
        .encode(&tail)
        .map_err(|error| TransportError::new("encode a tail", error))?;
    loop {
        let read = marks.read(&engine.service, &name);
        let found = engine.cluster.limited("read a tail", read).await?.record;
        let expect = found.map_or(Expect::Absent, |found| Expect::Revision(found.revision));
        let write = marks.write(&engine.service, &name, value.clone(), expect, None);
        match engine.cluster.limited_write("write a tail", write).await {
            Ok(_) => {
                engine.partition(partition).wrote_tail(true);
                return Ok(());
            }
            Err(WriteError::Conflict) => {}
            Err(WriteError::Transport(error)) => return Err(error),
        }
    }
}

/// What the owner before left behind.
pub(super) async fn read_tail(
    engine: &Engine,
    partition: u32,
) -> Result<Option<Tail>, TransportError> {
    let name = name(partition);
    let read = engine
        .cluster
        .transport
        .marks()
        .read(&engine.service, &name);
    let found = engine.cluster.limited("read a tail", read).await?.record;
    let Some(found) = found else {
        return Ok(None);
    };
    let tail = ContentType::Json.decode(&found.value).unwrap_or_else(|error| {
        // Without it some messages may run twice; none is lost.
        tracing::warn!(target: "catga", node = %engine.cluster.me, partition, error = %Chain(&error), "what the owner before left behind cannot be read");
        Tail::default()
    });
    Ok(Some(tail))
}

/// The same, until the broker answers or it is given up.
pub(super) async fn write_tails(engine: &Engine, partitions: &[u32]) {
    let each = partitions.iter().map(async |partition| {
        for wait in [0, 50, 200] {
            sleep(Duration::from_millis(wait)).await;
            match write_tail(engine, *partition).await {
                Ok(()) => break,
                Err(error) => {
                    tracing::warn!(target: "catga", node = %engine.cluster.me, partition, error = %Chain(&error), "what the next owner has to know could not be written down");
                }
            }
        }
    });
    join_all(each).await;
}

fn name(partition: u32) -> String {
    format!("tail-{partition}")
}
