//! The same guarantee by hand: a work queue, a window of publishes whose ids the server knows, and
//! one consumer for each node, which handles in order and acknowledges each message.

use std::collections::VecDeque;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::context::PublishAckFuture;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy};
use async_nats::jetstream::{self, Context};
use futures_util::StreamExt as _;
use tokio::task::JoinHandle;

use super::stream::Stream;
use crate::by_hand::{attributes, new_id, partition, share};
use crate::parcel::{Parcel, Received};
use crate::way::{Queue, Way};

/// How many publishes wait for the server.
const WINDOW: usize = 1_000;

pub(super) struct ByHand {
    name: String,
    publishers: Vec<Context>,
    consumers: Vec<JoinHandle<()>>,
    received: Received,
    queue: Stream,
}

impl ByHand {
    /// So many nodes, each with two connections of its own.
    pub(super) async fn start(url: &str, count: usize, replicas: usize) -> Self {
        let mut by_hand = Self::named(url, format!("hand-{count}"), count, replicas).await;
        for node in 0..count {
            let consumer = by_hand.consume(connect(url).await, node, count).await;
            by_hand.consumers.push(consumer);
        }
        by_hand
    }

    /// One that stores for nobody.
    pub(super) async fn publisher(url: &str) -> Self {
        Self::named(url, "hand-publish".to_owned(), 1, 1).await
    }

    async fn named(url: &str, name: String, count: usize, replicas: usize) -> Self {
        let mut publishers = Vec::new();
        for _ in 0..count {
            publishers.push(connect(url).await);
        }
        let config = Config {
            name: name.clone(),
            subjects: vec![format!("{name}.p.*")],
            retention: RetentionPolicy::WorkQueue,
            discard: DiscardPolicy::New,
            allow_direct: true,
            num_replicas: replicas,
            ..Config::default()
        };
        let made = publishers[0].create_stream(config).await;
        made.expect("a stream");
        Self {
            queue: Stream::named(url, name.clone()).await,
            name,
            publishers,
            consumers: Vec::new(),
            received: Received::default(),
        }
    }

    async fn consume(&self, context: Context, node: usize, nodes: usize) -> JoinHandle<()> {
        let subjects = match nodes {
            1 => vec![format!("{}.p.*", self.name)],
            _ => share(node, nodes)
                .map(|partition| format!("{}.p.{partition}", self.name))
                .collect(),
        };
        let config = pull::Config {
            durable_name: Some(format!("node-{node}")),
            ack_policy: AckPolicy::Explicit,
            filter_subjects: subjects,
            max_ack_pending: -1,
            ..pull::Config::default()
        };
        let stream = context.get_stream(&self.name).await.expect("a stream");
        let consumer = stream.create_consumer(config).await.expect("a consumer");
        let received = self.received.clone();
        tokio::spawn(async move {
            let messages = consumer.stream().max_messages_per_batch(1_000);
            let mut messages = messages.messages().await.expect("messages");
            while let Some(message) = messages.next().await {
                let message = message.expect("a message");
                let headers = message.headers.as_ref().expect("headers");
                let name = headers.get("ce-type").expect("a type");
                assert_eq!(name.as_str(), "Parcel");
                let parcel = serde_json::from_slice(&message.payload).expect("a parcel");
                received.note(&parcel);
                message.ack().await.expect("an acknowledgement");
            }
        })
    }
}

/// With the settings that are fastest.
async fn connect(url: &str) -> Context {
    let options = async_nats::ConnectOptions::new()
        .client_capacity(4_096)
        .subscription_capacity(1 << 20);
    let client = options.connect(url).await.expect("a connection");
    jetstream::context::ContextBuilder::new()
        .max_ack_inflight(200_000)
        .build(client)
}

async fn publish(context: &Context, name: &str, parcel: &Parcel) -> PublishAckFuture {
    let id = new_id();
    let mut headers = HeaderMap::new();
    for (name, value) in attributes(&id, &parcel.order) {
        headers.insert(name, value);
    }
    let message = PublishMessage::build()
        .headers(headers)
        .message_id(&id)
        .payload(parcel.to_json().into());
    let subject = format!("{name}.p.{}", partition(parcel));
    let sent = context.send_publish(subject, message).await;
    sent.expect("it is sent")
}

impl Way for ByHand {
    async fn store(&self, count: u64) {
        let share = count / self.publishers.len() as u64;
        let storing: Vec<_> = self
            .publishers
            .iter()
            .map(|context| {
                let (context, name) = (context.clone(), self.name.clone());
                tokio::spawn(async move {
                    let mut window = VecDeque::with_capacity(WINDOW);
                    for parcel in (0..share).map(Parcel::new) {
                        if window.len() == WINDOW
                            && let Some(oldest) = window.pop_front()
                        {
                            stored(oldest).await;
                        }
                        window.push_back(publish(&context, &name, &parcel).await);
                    }
                    for waiting in window {
                        stored(waiting).await;
                    }
                })
            })
            .collect();
        for stored in storing {
            stored.await.expect("it is stored");
        }
    }

    fn hand_over(&self, parcel: Parcel) {
        let (context, name) = (self.publishers[0].clone(), self.name.clone());
        tokio::spawn(async move { stored(publish(&context, &name, &parcel).await).await });
    }

    fn received(&self) -> &Received {
        &self.received
    }

    fn queue(&self) -> &impl Queue {
        &self.queue
    }
}

async fn stored(waiting: PublishAckFuture) {
    waiting.await.expect("it is stored");
}

impl Drop for ByHand {
    fn drop(&mut self) {
        for consumer in &self.consumers {
            consumer.abort();
        }
    }
}
