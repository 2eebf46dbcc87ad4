use std::mem::take;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::time::{Instant, timeout};

use super::Engine;
use super::acks::prove_one;
use super::partition::Tail;
use crate::message::ContentType;
use crate::telemetry::Chain;
use crate::transport::{Expect, Revision, TransportError, WriteError};

/// The most bytes that the next owner is told: NATS takes 1 MiB, unless it is set otherwise.
const LARGEST: usize = 768 * 1024;
/// How long the broker may take to say what it has removed already.
const PROOF: Duration = Duration::from_millis(500);

/// Writes down what the next owner of a partition has to know. Nothing of the partition is read or
/// runs any more.
pub(super) async fn write_tail(engine: &Engine, partition: u32) -> Result<(), TransportError> {
    // It only makes the tail shorter.
    let _ = timeout(PROOF, prove_one(engine, partition)).await;
    let mut tail = {
        let known = engine.partition(partition);
        let tail = known.tail();
        if !known.needs_tail(&tail) {
            return Ok(());
        }
        tail
    };
    let (name, marks) = (name(partition), engine.cluster.transport.marks());
    if tail.is_empty() {
        if let Some((_, found)) = find(engine, partition).await?
            && found.is_newer_than(&tail)
        {
            return Ok(());
        }
        let remove = marks.remove(&engine.service, &name, None);
        engine.cluster.limited("remove a tail", remove).await?;
        engine.partition(partition).wrote_tail(false);
        return Ok(());
    }
    let (value, whole) = encode(&mut tail)?;
    if !whole {
        tracing::warn!(target: "catga", node = %engine.cluster.me, partition, limit = LARGEST, "there is too much to tell the next owner of what was handled or tried: some of it may run twice");
    }
    loop {
        let expect = match find(engine, partition).await? {
            // It is somebody else's by now: this node was stopped for long.
            Some((_, found)) if found.is_newer_than(&tail) => return Ok(()),
            Some((revision, _)) => Expect::Revision(revision),
            None => Expect::Absent,
        };
        let write = marks.write(&engine.service, &name, value.clone(), expect, None);
        match engine.cluster.limited("write a tail", write).await {
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
    let found = find(engine, partition).await?;
    Ok(found.map(|(_, tail)| tail))
}

/// The tail that the broker has.
async fn find(engine: &Engine, partition: u32) -> Result<Option<(Revision, Tail)>, TransportError> {
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
    Ok(Some((found.revision, tail)))
}

/// A tail as it is stored, and whether it is whole. What is too large to be stored is cut: a
/// partition that cannot be given away is worse than messages that may run twice.
fn encode(tail: &mut Tail) -> Result<(Bytes, bool), TransportError> {
    let mut whole = true;
    loop {
        let value = ContentType::Json
            .encode(tail)
            .map_err(|error| TransportError::new("encode a tail", error))?;
        if value.len() <= LARGEST {
            return Ok((value, whole));
        }
        whole = false;
        tail.shorten();
    }
}

/// The same for several of them, until the broker has it or the time is up. Whether it has.
pub(super) async fn write_tails(engine: &Engine, partitions: Vec<u32>, until: Instant) -> bool {
    // All that are left in one attempt: where the broker is away, it is so for each.
    let left = Mutex::new(partitions);
    let lock = || left.lock().unwrap_or_else(PoisonError::into_inner);
    let write = || async {
        let partitions = take(&mut *lock());
        let each = partitions.into_iter().map(async |partition| {
            let written = write_tail(engine, partition).await;
            if written.is_err() {
                lock().push(partition);
            }
            written
        });
        join_all(each).await.into_iter().collect()
    };
    let what = "tell the next owners what was handled";
    engine.cluster.owe(what, until, write).await
}

fn name(partition: u32) -> String {
    format!("tail-{partition}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_that_is_too_large_is_cut() {
        let mut tail = Tail::of_many(10_000);
        let all = ContentType::Json.encode(&tail).unwrap();
        assert!(all.len() > LARGEST);
        let (value, whole) = encode(&mut tail).unwrap();
        assert!(value.len() <= LARGEST && value.len() > LARGEST / 3 && !whole);
        let (_, whole) = encode(&mut Tail::of_many(10)).unwrap();
        assert!(whole);
    }
}
