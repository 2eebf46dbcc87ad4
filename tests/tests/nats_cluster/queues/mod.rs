//! Queues in streams: what `JetStream` makes of them, beyond the contract of every transport.

mod appending;
mod door;
mod generations;
mod letters;
mod outages;
mod setup;
mod shared;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use catga::transport::{
    Ack, Append, AppendError, Appended, Entry, Generation, Intake, Nats, Opened, Part, Position,
    Queue, Queues, Received, Taken, Transport as _,
};
use catga::{Headers, MessageId};
use catga_tests::servers::nats::NatsServer;
use tokio::time::timeout;

use crate::site::fresh_namespace;

const PATIENCE: Duration = Duration::from_secs(10);

/// The queues of one service in a namespace of its own, and the server past them.
struct Stock {
    nats: Nats,
    namespace: String,
    service: Arc<str>,
    server: async_nats::Client,
}

impl Stock {
    /// With four partitions.
    async fn on(server: &NatsServer) -> Self {
        let namespace = fresh_namespace();
        let stock = Self {
            nats: Nats::url(&server.url()).namespace(&namespace),
            namespace,
            service: "shop".into(),
            server: async_nats::connect(server.url()).await.unwrap(),
        };
        stock.queues().provision(&stock.service, 4).await.unwrap();
        stock
    }

    fn queues(&self) -> &dyn Queues {
        self.nats.queues()
    }

    fn queue(&self, part: Part) -> Queue {
        Queue {
            service: Arc::clone(&self.service),
            part,
        }
    }

    fn stream(&self) -> String {
        format!("{}_q_shop", self.namespace)
    }

    /// Asks `JetStream`.
    async fn api(&self, what: &str, question: serde_json::Value) -> serde_json::Value {
        let subject = format!("$JS.API.{what}");
        let question = Bytes::from(question.to_string());
        let answer = self.server.request(subject, question).await.unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&answer.payload).unwrap();
        assert!(answer["error"].is_null(), "{what}: {answer}");
        answer
    }

    /// Appends these texts, numbered from `first`.
    async fn append(
        &self,
        part: Part,
        first: u64,
        texts: &[&str],
    ) -> Vec<Result<Appended, AppendError>> {
        let numbered = (first..).zip(texts);
        let appends: Vec<_> = numbered.map(|(number, text)| plain(number, text)).collect();
        self.queues().append(&self.queue(part), 7, &appends).await
    }

    /// The same, which must be new.
    async fn store(&self, partition: u32, first: u64, texts: &[&str]) {
        let part = Part::Partition(partition);
        for stored in self.append(part, first, texts).await {
            assert_eq!(stored.unwrap(), Appended::New);
        }
    }

    fn generation(&self, name: &str) -> Generation {
        Generation {
            service: Arc::clone(&self.service),
            name: name.to_owned(),
        }
    }

    async fn open(&self, name: &str, partitions: &[u32]) -> Opened {
        let generation = self.generation(name);
        self.queues().open(&generation, partitions).await.unwrap()
    }

    async fn ack(&self, name: &str, entries: &[&Received]) {
        let acks: Vec<_> = entries.iter().map(|entry| ack_of(entry)).collect();
        let generation = self.generation(name);
        self.queues().ack(&generation, &acks).await.unwrap();
    }
}

fn ack_of(entry: &Received) -> Ack {
    Ack {
        partition: entry.partition,
        position: entry.position,
        number: entry.number,
    }
}

fn entry(text: &str) -> Entry {
    Entry {
        id: MessageId::new(),
        name: "Placed".into(),
        source: "shop".into(),
        time: SystemTime::now(),
        key: None,
        content_type: "application/json".into(),
        headers: Headers::new(),
        payload: Bytes::copy_from_slice(text.as_bytes()),
    }
}

fn plain(number: u64, text: &str) -> Append {
    Append {
        number,
        given: false,
        entry: Arc::new(entry(text)),
    }
}

/// The next entries: as many as are told, in time.
async fn take(intake: &mut Box<dyn Intake>, count: usize) -> Vec<Received> {
    let mut entries = Vec::new();
    while entries.len() < count {
        let next = intake.next(count - entries.len());
        match timeout(PATIENCE, next).await.expect("nothing comes") {
            Some(Taken::Entries(more)) => entries.extend(more),
            Some(Taken::Idle { .. }) => {}
            None => panic!("it broke"),
        }
    }
    entries
}

/// The highest number of all that was sent, once nothing more comes.
async fn idle(intake: &mut Box<dyn Intake>) -> u64 {
    match timeout(PATIENCE, intake.next(100)).await.unwrap() {
        Some(Taken::Idle { last }) => last,
        other => panic!("{other:?}"),
    }
}

/// Waits until it has ended.
async fn ends(intake: &mut Box<dyn Intake>) {
    let end = async { while intake.next(100).await.is_some() {} };
    timeout(PATIENCE, end).await.expect("it goes on");
}

fn text(entry: &Received) -> &str {
    std::str::from_utf8(&entry.entry.as_ref().unwrap().payload).unwrap()
}

fn texts(entries: &[Received]) -> Vec<&str> {
    entries.iter().map(text).collect()
}
