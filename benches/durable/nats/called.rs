//! `send` to another node beside a request by hand with the same headers and payload, which is
//! answered by a task of its own, so that a slow one keeps no other waiting.

use std::time::Instant;

use async_nats::HeaderMap;
use catga::transport::Nats;
use catga::{Node, command, handler};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};

use crate::by_hand::new_id;
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
            let server = server.clone();
            tokio::spawn(async move {
                let headers = message.headers.as_ref().expect("headers");
                let name = headers.get("ce-type").expect("a type");
                assert_eq!(name.as_str(), "Ask");
                let ask: Ask = serde_json::from_slice(&message.payload).expect("a question");
                let answer = serde_json::to_vec(&ask.text.len()).expect("an answer");
                let headers = headers_of([
                    ("catga-status", "ok".to_owned()),
                    ("content-type", "application/json".to_owned()),
                ]);
                let reply = message.reply.expect("a reply subject");
                let sent = server.publish_with_headers(reply, headers, answer.into());
                sent.await.expect("it is sent");
            });
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
        let asked = client.request_with_headers(SUBJECT, headers(), question.into());
        let answer = asked.await.expect("an answer");
        let headers = answer.headers.as_ref().expect("headers");
        let status = headers.get("catga-status").expect("a status");
        assert_eq!(status.as_str(), "ok");
        let length: usize = serde_json::from_slice(&answer.payload).expect("an answer");
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

/// What catga sends beside a question.
fn headers() -> HeaderMap {
    headers_of([
        ("ce-id", new_id()),
        ("ce-type", "Ask".to_owned()),
        ("ce-source", "callers-7f3a90c2".to_owned()),
        ("ce-specversion", "1.0".to_owned()),
        ("content-type", "application/json".to_owned()),
        ("catga-call", "a1b2c3d4e5f60718-1234".to_owned()),
        ("catga-timeout", "30000".to_owned()),
        ("catga-sent", "1795509491569887".to_owned()),
    ])
}

fn headers_of<const COUNT: usize>(headers: [(&'static str, String); COUNT]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(name, value);
    }
    map
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
