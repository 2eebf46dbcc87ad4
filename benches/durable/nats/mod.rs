//! JetStream: catga beside async-nats by hand.

mod by_hand;
mod called;
mod stream;

use std::error::Error;
use std::time::Duration;

use catga::node::Broker;
use catga::transport::{Nats, Transport as _};
use catga_tests::servers::nats::{NatsServer, cluster};
use catga_tests::servers::process::free_port;

use self::by_hand::ByHand;
use self::stream::{Stream, messages_in};
use crate::contest::{Latency, ROUNDS, end_to_end, publish};
use crate::idle;
use crate::nodes::Nodes;
use crate::report::{Pair, table};

const VERSION: &str = "2.15";

const PARCELS: u64 = 30_000;
const REPLICATED: u64 = 10_000;

/// All contests, or one of `publish`, `1`, `2` or `4` nodes, `send` and `replicated`.
pub(crate) async fn compare(only: Option<&str>) -> Result<(), Box<dyn Error>> {
    let wanted = |contest: &str| only.is_none_or(|only| only == contest);
    let monitor = free_port();
    let mut server = NatsServer::with(VERSION, &format!("http: \"127.0.0.1:{monitor}\"\n"));
    let (url, process) = (server.url(), server.process().id());
    let mut pairs = Vec::new();

    if wanted("publish") {
        let stored = Stream::of_nodes(&url, "publish").await;
        let catga = Nodes::publisher(|| broker(&url, "publish"), stored).await;
        let by_hand = ByHand::publisher(&url).await;
        pairs.push(publish(PARCELS, &catga, &by_hand).await);
        catga.shutdown().await;
    }

    let mut latency = Latency::new();
    let mut resting = None;
    for count in [1, 2, 4] {
        if !wanted(&count.to_string()) {
            continue;
        }
        let namespace = format!("nodes-{count}");
        let stored = Stream::of_nodes(&url, &namespace).await;
        let catga = Nodes::start(count, || broker(&url, &namespace), stored).await;
        let by_hand = ByHand::start(&url, count, 1).await;
        pairs.extend(end_to_end(count, process, PARCELS, &catga, &by_hand).await);
        if count == 1 {
            for _ in 0..3 {
                latency.round(&catga, &by_hand).await;
            }
        }
        drop(by_hand);
        if count == 1 {
            resting = Some(idle::measure(async || messages_in(monitor).await).await);
        }
        catga.shutdown().await;
    }
    if wanted("1") {
        pairs.extend(latency.pairs());
    }
    if wanted("send") {
        pairs.push(called::measure(&url).await);
    }
    if wanted("replicated") {
        pairs.extend(replicated().await);
    }

    println!("{}", table(&pairs));
    if let Some(idle) = resting {
        println!(
            "idle, a node with all partitions: {:.2} s of a processor per minute, {:.1} messages to the server per second\n",
            idle.processor, idle.commands
        );
    }
    println!("nats {VERSION}, {PARCELS} parcels, {ROUNDS} rounds");
    for pair in &pairs {
        println!("{}", pair.line());
    }
    Ok(())
}

/// End to end where three servers have each message.
async fn replicated() -> [Pair; 2] {
    let mut servers = cluster(VERSION);
    let (url, process) = (servers[0].url(), servers[0].process().id());
    let broker = || Nats::url(&url).namespace("replicated").replicas(3);
    // Until they have elected a leader.
    while broker().connect().await.is_err() {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let stored = Stream::of_nodes(&url, "replicated").await;
    let catga = Nodes::start(1, || broker().into(), stored).await;
    let by_hand = ByHand::start(&url, 1, 3).await;
    let measured = end_to_end(1, process, REPLICATED, &catga, &by_hand).await;
    catga.shutdown().await;
    // The third is of one server alone.
    let [rate, program, _] = measured.map(|pair| pair.with("3 replicas"));
    [rate, program]
}

fn broker(url: &str, namespace: &str) -> Broker {
    Nats::url(url).namespace(namespace).into()
}
