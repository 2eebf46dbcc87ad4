//! What only Redis has of queues: its keys, its memory, its restarts.

mod door;
mod fault;
mod full;
mod keys;
mod scripts;
mod shared;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use catga::transport::{
    Ack, Append, AppendError, Appended, Entry, Generation, Intake, Opened, Part, Queue, Received,
    Redis, Release, Taken, Transport,
};
use catga::{Headers, MessageId};
use catga_tests::servers::redis::{RedisServer, connection};
use redis::aio::MultiplexedConnection;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(5);

/// A service of its own on a server, and a connection past the transport.
struct Shop {
    redis: Redis,
    namespace: String,
    service: Arc<str>,
    past: MultiplexedConnection,
}

fn entry(text: impl ToString) -> Entry {
    Entry {
        id: MessageId::new(),
        name: "shop.Placed".into(),
        source: "shop".into(),
        time: SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_354_220_123),
        key: Some("k".into()),
        content_type: "application/json".into(),
        headers: Headers::from_iter([("tenant", "acme")]),
        payload: Bytes::from(text.to_string()),
    }
}

fn append_of(entry: Entry, given: bool) -> Append {
    static NUMBERS: AtomicU64 = AtomicU64::new(1);
    Append {
        number: NUMBERS.fetch_add(1, Ordering::Relaxed),
        given,
        entry: Arc::new(entry),
    }
}

impl Shop {
    async fn on(server: &RedisServer) -> Self {
        Self::named(server, "shop").await
    }

    async fn named(server: &RedisServer, service: &str) -> Self {
        let namespace = crate::site::fresh_namespace();
        let redis = Redis::url(&server.url()).namespace(&namespace);
        redis.connect().await.unwrap();
        let service = service.into();
        redis.queues().provision(&service, 4).await.unwrap();
        let client = redis::Client::open(server.url()).unwrap();
        Self {
            redis,
            namespace,
            service,
            past: connection(&client).await,
        }
    }

    fn queue(&self, part: Part) -> Queue {
        Queue {
            service: Arc::clone(&self.service),
            part,
        }
    }

    async fn append(
        &self,
        part: Part,
        texts: impl IntoIterator<Item = u32>,
    ) -> Result<(), AppendError> {
        let entries: Vec<_> = texts
            .into_iter()
            .map(|text| append_of(entry(text), false))
            .collect();
        let queue = self.queue(part);
        for stored in self.redis.queues().append(&queue, 1, &entries).await {
            assert_eq!(stored?, Appended::New);
        }
        Ok(())
    }

    fn generation(&self, name: &str) -> Generation {
        Generation {
            service: Arc::clone(&self.service),
            name: name.to_owned(),
        }
    }

    async fn open(&self, name: &str, partitions: &[u32]) -> Opened {
        let generation = self.generation(name);
        self.redis
            .queues()
            .open(&generation, partitions)
            .await
            .unwrap()
    }

    async fn ack(
        &self,
        name: &str,
        received: &[&Received],
    ) -> Result<(), catga::transport::TransportError> {
        let acks: Vec<_> = received.iter().map(|received| ack(received)).collect();
        let generation = self.generation(name);
        self.redis.queues().ack(&generation, &acks).await.map(drop)
    }

    async fn bury(&self, id: &str, letter: &Entry, release: Option<Release<'_>>) {
        let buried = self.redis.queues().bury(&self.service, id, letter, release);
        buried.await.unwrap();
    }

    /// A command past the transport.
    async fn past<T: redis::FromRedisValue>(&self, command: &str) -> T {
        self.try_past(command).await.unwrap()
    }

    async fn try_past<T: redis::FromRedisValue>(&self, command: &str) -> redis::RedisResult<T> {
        let mut words = command.split(' ');
        let mut sent = redis::cmd(words.next().unwrap());
        for word in words {
            sent.arg(word);
        }
        sent.query_async(&mut self.past.clone()).await
    }
}

fn ack(received: &Received) -> Ack {
    Ack {
        partition: received.partition,
        position: received.position,
        number: received.number,
    }
}

/// What comes within a short time, at least this many; `None` once it ends.
async fn read(intake: &mut Box<dyn Intake>, count: usize) -> Option<Vec<Received>> {
    let mut all = Vec::new();
    while all.len() < count {
        let next = timeout(SOON, intake.next(count - all.len())).await;
        match next.expect("nothing comes")? {
            Taken::Entries(entries) => all.extend(entries),
            Taken::Idle { .. } => panic!("Redis tells of no idle flow"),
        }
    }
    Some(all)
}

fn texts(received: &[Received]) -> Vec<u32> {
    let text = |received: &Received| {
        let entry = received.entry.as_ref().unwrap();
        std::str::from_utf8(&entry.payload)
            .unwrap()
            .parse()
            .unwrap()
    };
    received.iter().map(text).collect()
}
