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
use crate::nodes::Nodes;
use crate::processor::per_parcel;
use crate::report::{Pair, rounds, table};
use crate::{idle, way};

const VERSION: &str = "8.2";

const ROUNDS: usize = 5;
const PARCELS: u64 = 50_000;
/// Three seconds.
const TIMED: u64 = 3_000;

pub(crate) async fn compare() -> Result<(), Box<dyn Error>> {
    let mut server = RedisServer::start(VERSION);
    let (url, process) = (server.url(), server.process().id());
    let mut pairs = Vec::new();

    let mut publish = [Pair::new("publish", "msg/s")];
    {
        let stored = Streams::of_nodes(&url, "publish").await;
        let catga = Nodes::publisher(|| broker(&url, "publish"), stored).await;
        let by_hand = ByHand::publisher(&url).await;
        let catga_rate = async || [way::publish(&catga, PARCELS).await];
        let by_hand_rate = async || [way::publish(&by_hand, PARCELS).await];
        rounds(&mut publish, ROUNDS, catga_rate, by_hand_rate).await;
        catga.shutdown().await;
    }
    pairs.extend(publish);

    let mut median_time = Pair::new("latency at 1,000/s, p50", "µs");
    let mut high = Pair::new("latency at 1,000/s, p99", "µs");
    let (mut naive_rate, mut naive_median, mut naive_high) = (Vec::new(), Vec::new(), Vec::new());
    let mut resting = None;
    for count in [1, 2, 4] {
        let name = match count {
            1 => "1 node".to_owned(),
            count => format!("{count} nodes"),
        };
        let mut measured = [
            Pair::new(format!("end to end, {name}"), "msg/s"),
            Pair::new(format!("time of the program, {name}"), "µs"),
            Pair::new(format!("time of the server, {name}"), "µs"),
        ];
        let namespace = format!("nodes-{count}");
        let stored = Streams::of_nodes(&url, &namespace).await;
        let catga = Nodes::start(count, || broker(&url, &namespace), stored).await;
        let by_hand = ByHand::start(&url, count).await;
        let catga_rate =
            async || per_parcel(process, PARCELS, way::end_to_end(&catga, PARCELS)).await;
        let by_hand_rate =
            async || per_parcel(process, PARCELS, way::end_to_end(&by_hand, PARCELS)).await;
        // Until scripts are loaded and buffers have their size.
        catga_rate().await;
        by_hand_rate().await;
        rounds(&mut measured, ROUNDS, catga_rate, by_hand_rate).await;
        pairs.extend(measured);
        if count == 1 {
            let naive = Naive::start(&url).await;
            for _ in 0..3 {
                let catga = way::latency(&catga, TIMED).await;
                let by_hand = way::latency(&by_hand, TIMED).await;
                median_time.add(catga.0, by_hand.0);
                high.add(catga.1, by_hand.1);
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
    pairs.extend([median_time, high]);

    println!("{}", table(&pairs));
    println!(
        "naive loop, 1 node: {:.0} msg/s, latency p50 {:.0} µs, p99 {:.0} µs",
        median(&mut naive_rate),
        median(&mut naive_median),
        median(&mut naive_high)
    );
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
