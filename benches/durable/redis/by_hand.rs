//! The same guarantee by hand: one script per batch and partition that appends what its writer has
//! not appended yet, and keeps the ids for whoever repeats one by hand; one read for all streams;
//! and one script that acknowledges and deletes what a read brought, while the next read is under
//! way. The group is the generation: what it acknowledges after it was destroyed has no effect.
//!
//! The names of fields, and what all parcels have in common, stand in the script: the server takes
//! half as long as with all of them as arguments.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt as _;
use futures_util::stream;
use redis::Script;
use redis::aio::MultiplexedConnection;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::connection::connect;
use super::streams::Streams;
use crate::by_hand::{TIME, new_id, partition, share};
use crate::parcel::{Parcel, Received};
use crate::way::{Queue, Way};

/// Parcels of one pipeline, and pipelines on their way.
const BATCH: u64 = 500;
const BATCHES: usize = 2;

/// The generation that reads.
const GROUP: &str = "one-1-1";

/// KEYS: the stream, the last numbers of its writers, the latest ids, those before them. ARGV: the
/// writer; for each entry its number, id, time, key and data.
static APPEND: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local last = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0')
        local ids = {}
        for at = 2, #ARGV, 5 do
            local number = tonumber(ARGV[at])
            if number > last then
                redis.call('XADD', KEYS[1], '*', 'ce-id', ARGV[at + 1], 'ce-type', 'Parcel',
                    'ce-source', 'parcels', 'ce-specversion', '1.0', 'ce-time', ARGV[at + 2],
                    'ce-partitionkey', ARGV[at + 3], 'content-type', 'application/json',
                    'data', ARGV[at + 4])
                ids[#ids + 1] = ARGV[at + 1]
                last = number
            end
        end
        redis.call('HSET', KEYS[2], ARGV[1], last)
        if #ids > 0 then
            redis.call('SADD', KEYS[3], unpack(ids))
            redis.call('PEXPIRE', KEYS[3], 120000)
            if redis.call('SCARD', KEYS[3]) >= 16384 then
                redis.call('UNLINK', KEYS[4])
                redis.call('RENAME', KEYS[3], KEYS[4])
            end
        end",
    )
});

/// KEYS: the streams. ARGV: the group; for each stream how many ids follow, and the ids.
static ACK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local at = 2
        for _, stream in ipairs(KEYS) do
            local last = at + tonumber(ARGV[at])
            if redis.call('XACK', stream, ARGV[1], unpack(ARGV, at + 1, last)) > 0 then
                redis.call('XDEL', stream, unpack(ARGV, at + 1, last))
            end
            at = last + 1
        end",
    )
});

/// The entries of a stream: each an id, and names and values in turn.
type Entries = Vec<(String, Vec<Vec<u8>>)>;

pub(super) struct ByHand {
    writers: Vec<MultiplexedConnection>,
    tasks: Vec<JoinHandle<()>>,
    received: Received,
    queue: Streams,
    next: AtomicU64,
    /// Single parcels, which are stored in their order.
    singles: mpsc::UnboundedSender<(u64, Parcel)>,
}

impl ByHand {
    /// So many nodes, each with three connections of its own.
    pub(super) async fn start(url: &str, count: usize) -> Self {
        let mut by_hand = Self::named(url, &format!("hand-{count}"), count).await;
        for stream in &by_hand.queue.names {
            let made: Result<(), _> = redis::cmd("XGROUP")
                .arg("CREATE")
                .arg(stream)
                .arg(GROUP)
                .arg("0")
                .arg("MKSTREAM")
                .query_async(&mut by_hand.writers[0].clone())
                .await;
            made.expect("a group");
        }
        for node in 0..count {
            let streams = share(node, count)
                .map(|partition| by_hand.queue.names[partition as usize].clone())
                .collect();
            let (handled, acks) = mpsc::unbounded_channel();
            let reader = read(
                connect(url).await,
                streams,
                by_hand.received.clone(),
                handled,
            );
            by_hand.tasks.push(tokio::spawn(reader));
            let acknowledging = acknowledge(connect(url).await, acks);
            by_hand.tasks.push(tokio::spawn(acknowledging));
        }
        by_hand
    }

    /// One that stores for nobody.
    pub(super) async fn publisher(url: &str) -> Self {
        Self::named(url, "hand-publish", 1).await
    }

    async fn named(url: &str, name: &str, count: usize) -> Self {
        let mut writers = Vec::new();
        for _ in 0..count {
            writers.push(connect(url).await);
        }
        for script in [&*APPEND, &*ACK] {
            let loaded = script.load_async(&mut writers[0].clone()).await;
            loaded.expect("a script");
        }
        let queue = Streams::named(url, &format!("{{{name}}}:q")).await;
        let (singles, handed) = mpsc::unbounded_channel();
        let storing = store_each(writers[0].clone(), queue.names.clone(), handed);
        Self {
            tasks: vec![tokio::spawn(storing)],
            writers,
            received: Received::default(),
            queue,
            next: AtomicU64::new(0),
            singles,
        }
    }

    /// Numbers that no entry of a writer has had.
    fn numbers(&self, count: u64) -> u64 {
        let next = &self.next;
        next.fetch_add(count, Ordering::Relaxed) + 1
    }
}

async fn read(
    mut connection: MultiplexedConnection,
    streams: Vec<String>,
    received: Received,
    handled: mpsc::UnboundedSender<(String, Vec<String>)>,
) {
    let mut command = redis::cmd("XREADGROUP");
    command.arg("GROUP").arg(GROUP).arg("one");
    command.arg("COUNT").arg(500).arg("BLOCK").arg(1_000);
    command.arg("STREAMS").arg(&streams);
    for _ in &streams {
        command.arg(">");
    }
    loop {
        let read: Option<Vec<(String, Entries)>> =
            command.query_async(&mut connection).await.expect("entries");
        for (stream, entries) in read.into_iter().flatten() {
            let mut ids = Vec::with_capacity(entries.len());
            for (id, values) in entries {
                let value = |wanted: &[u8]| {
                    let mut fields = values.chunks_exact(2);
                    let field = fields.find(|field| field[0] == wanted);
                    &field.expect("a field")[1]
                };
                assert_eq!(value(b"ce-type"), b"Parcel");
                let parcel = serde_json::from_slice(value(b"data")).expect("a parcel");
                received.note(&parcel);
                ids.push(id);
            }
            if handled.send((stream, ids)).is_err() {
                return;
            }
        }
    }
}

async fn acknowledge(
    mut connection: MultiplexedConnection,
    mut handled: mpsc::UnboundedReceiver<(String, Vec<String>)>,
) {
    while let Some((stream, ids)) = handled.recv().await {
        let mut streams = BTreeMap::from([(stream, ids)]);
        while let Ok((stream, ids)) = handled.try_recv() {
            streams.entry(stream).or_default().extend(ids);
        }
        let mut command = redis::cmd("EVALSHA");
        command.arg(ACK.get_hash()).arg(streams.len());
        for stream in streams.keys() {
            command.arg(stream);
        }
        command.arg(GROUP);
        for ids in streams.values() {
            command.arg(ids.len()).arg(ids);
        }
        let acknowledged: Result<(), _> = command.query_async(&mut connection).await;
        acknowledged.expect("an acknowledgement");
    }
}

/// A call of the script for each partition, of parcels and their numbers.
fn batch(
    streams: &[String],
    writer: usize,
    parcels: impl Iterator<Item = (u64, Parcel)>,
) -> redis::Pipeline {
    let mut partitions = BTreeMap::<u32, Vec<(u64, Parcel)>>::new();
    for (number, parcel) in parcels {
        let entries = partitions.entry(partition(&parcel)).or_default();
        entries.push((number, parcel));
    }
    let mut pipeline = redis::pipe();
    for (partition, entries) in partitions {
        let stream = &streams[partition as usize];
        pipeline.cmd("EVALSHA").arg(APPEND.get_hash()).arg(4);
        pipeline.arg(stream);
        for rest in ["writers", "recent", "before"] {
            pipeline.arg(format!("{stream}:{rest}"));
        }
        pipeline.arg(writer);
        for (number, parcel) in entries {
            pipeline.arg(number).arg(new_id()).arg(TIME);
            pipeline.arg(&parcel.order).arg(parcel.to_json());
        }
        pipeline.ignore();
    }
    pipeline
}

async fn send(mut connection: MultiplexedConnection, batch: redis::Pipeline) {
    let stored: Result<(), _> = batch.query_async(&mut connection).await;
    stored.expect("it is stored");
}

/// Stores what has come meanwhile, over and over.
async fn store_each(
    connection: MultiplexedConnection,
    streams: Vec<String>,
    mut handed: mpsc::UnboundedReceiver<(u64, Parcel)>,
) {
    let mut parcels = Vec::new();
    while handed.recv_many(&mut parcels, 500).await > 0 {
        send(connection.clone(), batch(&streams, 0, parcels.drain(..))).await;
    }
}

impl Way for ByHand {
    async fn store(&self, count: u64) {
        let share = count / self.writers.len() as u64;
        let storing: Vec<_> = self
            .writers
            .iter()
            .enumerate()
            .map(|(writer, connection)| {
                let (connection, streams) = (connection.clone(), self.queue.names.clone());
                let first = self.numbers(share);
                tokio::spawn(async move {
                    let batches = (0..share.div_ceil(BATCH)).map(|number| {
                        let end = share.min((number + 1) * BATCH);
                        let numbers = number * BATCH..end;
                        let parcels = numbers.map(|number| (first + number, Parcel::new(number)));
                        send(connection.clone(), batch(&streams, writer, parcels))
                    });
                    let mut stored = stream::iter(batches).buffered(BATCHES);
                    while stored.next().await.is_some() {}
                })
            })
            .collect();
        for stored in storing {
            stored.await.expect("it is stored");
        }
    }

    fn hand_over(&self, parcel: Parcel) {
        let handed = self.singles.send((self.numbers(1), parcel));
        handed.expect("a writer");
    }

    fn received(&self) -> &Received {
        &self.received
    }

    fn queue(&self) -> &impl Queue {
        &self.queue
    }
}

impl Drop for ByHand {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
