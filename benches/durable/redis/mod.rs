//! Streams: catga beside scripts by hand, and beside the loop that most people write first.

mod by_hand;
mod connection;
mod naive;
mod streams;

use std::error::Error;

use catga::node::Broker;
use catga::transport::Redis;
use catga_benches::figure::median;
use catga_tests::servers::redis::RedisServer;

use self::by_hand::ByHand;
use self::naive::Naive;
use self::streams::{Streams, commands};
use crate::contest::{Latency, ROUNDS, TIMED, end_to_end, publish};
use crate::nodes::Nodes;
use crate::report::table;
use crate::{idle, way};

const VERSION: &str = "8.2";

const PARCELS: u64 = 50_000;

/// What can be measured alone: how fast parcels are stored, and what so many nodes do with them.
const CONTESTS: [&str; 4] = ["publish", "1", "2", "4"];

pub(crate) async fn compare(contest: Option<&str>) -> Result<(), Box<dyn Error>> {
    if let Some(other) = contest.filter(|contest| !CONTESTS.contains(contest)) {
        let there_are = CONTESTS.join(", ");
        return Err(format!("there is no contest `{other}`; there are: {there_are}").into());
    }
    let wanted = |name: &str| contest.is_none_or(|contest| contest == name);
    let mut server = RedisServer::start(VERSION);
    let (url, process) = (server.url(), server.process().id());
    let mut pairs = Vec::new();

    if wanted("publish") {
        let stored = Streams::of_nodes(&url, "publish").await;
        let catga = Nodes::publisher(|| broker(&url, "publish"), stored).await;
        let by_hand = ByHand::publisher(&url).await;
        pairs.push(publish(PARCELS, &catga, &by_hand).await);
        catga.shutdown().await;
    }

    let mut latency = Latency::new();
    let (mut naive_rate, mut naive_median, mut naive_high) = (Vec::new(), Vec::new(), Vec::new());
    let mut resting = None;
    for count in [1, 2, 4] {
        if !wanted(&count.to_string()) {
            continue;
        }
        let namespace = format!("nodes-{count}");
        let stored = Streams::of_nodes(&url, &namespace).await;
        let catga = Nodes::start(count, || broker(&url, &namespace), stored).await;
        let by_hand = ByHand::start(&url, count).await;
        pairs.extend(end_to_end(count, process, PARCELS, &catga, &by_hand).await);
        if count == 1 {
            let naive = Naive::start(&url).await;
            for _ in 0..3 {
                latency.round(&catga, &by_hand).await;
                naive_rate.push(way::end_to_end(&naive, PARCELS / 10).await);
                let naive = way::latency(&naive, TIMED).await;
                naive_median.push(naive.0);
                naive_high.push(naive.1);
            }
        }
        drop(by_hand);
        if count == 1 {
            let observer = connection::connect(&url).await;
            resting = Some(idle::measure(async || commands(&observer).await).await);
        }
        catga.shutdown().await;
    }
    if wanted("1") {
        pairs.extend(latency.pairs());
    }

    println!("{}", table(&pairs));
    if wanted("1") {
        println!(
            "naive loop, 1 node: {:.0} msg/s, latency p50 {:.0} µs, p99 {:.0} µs",
            median(&mut naive_rate),
            median(&mut naive_median),
            median(&mut naive_high)
        );
    }
    if let Some(idle) = resting {
        println!(
            "idle, a node with all partitions: {:.2} s of a processor per minute, {:.1} commands of the server per second\n",
            idle.processor, idle.commands
        );
    }
    println!("redis {VERSION}, {PARCELS} parcels, {ROUNDS} rounds");
    for pair in &pairs {
        println!("{}", pair.line());
    }
    Ok(())
}

fn broker(url: &str, namespace: &str) -> Broker {
    Redis::url(url).namespace(namespace).into()
}
