//! `send` to another node beside a request by hand of the same size.

use std::time::Instant;

use catga::transport::Nats;
use catga::{Node, command, handler};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};

use crate::report::Pair;
use crate::way::percentiles;

const ROUNDS: usize = 11;
const CALLS: usize = 500;
const SUBJECT: &str = "ask-by-hand";

#[command(response = usize)]
#[derive(Debug, Serialize, Deserialize)]
struct Ask {
    text: String,
}

impl Ask {
    fn new() -> Self {
        Self {
            text: "x".repeat(245),
        }
    }
}

#[handler]
async fn answer(ask: Ask) -> usize {
    ask.text.len()
}

/// One call after the other.
pub(super) async fn measure(url: &str) -> Pair {
    let broker = || Nats::url(url).namespace("calls");
    let desk = Node::builder("desk")
        .broker(broker())
        .only(|handler| handler.module() == module_path!())
        .start()
        .await
        .expect("a node");
    let caller = Node::builder("callers")
        .broker(broker())
        .only(|_| false)
        .start()
        .await
        .expect("a node");
    let server = async_nats::connect(url).await.expect("a connection");
    let mut asked = server.subscribe(SUBJECT).await.expect("a subscription");
    server.flush().await.expect("a subscription");
    let answering = tokio::spawn(async move {
        while let Some(message) = asked.next().await {
            let ask: Ask = serde_json::from_slice(&message.payload).expect("a question");
            let answer = serde_json::to_vec(&ask.text.len()).expect("an answer");
            let reply = message.reply.expect("a reply subject");
            let sent = server.publish(reply, answer.into()).await;
            sent.expect("it is sent");
        }
    });
    let client = async_nats::connect(url).await.expect("a connection");

    let mut pair = Pair::new("send to another node, p50", "µs");
    let catga = async || {
        let answer = caller.send(Ask::new()).await;
        assert_eq!(answer.expect("an answer"), 245);
    };
    let by_hand = async || {
        let question = serde_json::to_vec(&Ask::new()).expect("a question");
        let answer = client.request(SUBJECT, question.into()).await;
        let answer = answer.expect("an answer").payload;
        let length: usize = serde_json::from_slice(&answer).expect("an answer");
        assert_eq!(length, 245);
    };
    for _ in 0..ROUNDS {
        pair.add(time(&catga).await, time(&by_hand).await);
    }
    answering.abort();
    caller.shutdown().await.expect("an end");
    desk.shutdown().await.expect("an end");
    pair
}

/// The median of some calls, in microseconds.
async fn time(call: &impl AsyncFn()) -> f64 {
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let started = Instant::now();
        call().await;
        times.push(started.elapsed().as_nanos() as f64);
    }
    percentiles(times).0
}
