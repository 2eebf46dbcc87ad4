//! JetStream: catga beside async-nats by hand.

mod by_hand;
mod called;
mod stream;

use std::error::Error;

use catga::node::Broker;
use catga::transport::Nats;
use catga_tests::servers::nats::NatsServer;
use catga_tests::servers::process::free_port;

use self::by_hand::ByHand;
use self::stream::{Stream, messages_in};
use crate::nodes::Nodes;
use crate::processor::per_parcel;
use crate::report::{Pair, rounds, table};
use crate::{idle, way};

const VERSION: &str = "2.15";

const ROUNDS: usize = 5;
const PARCELS: u64 = 30_000;
/// Three seconds.
const TIMED: u64 = 3_000;

pub(crate) async fn compare() -> Result<(), Box<dyn Error>> {
    let monitor = free_port();
    let mut server = NatsServer::with(VERSION, &format!("http: \"127.0.0.1:{monitor}\"\n"));
    let (url, process) = (server.url(), server.process().id());
    let mut pairs = Vec::new();

    let mut publish = [Pair::new("publish", "msg/s")];
    {
        let stored = Stream::of_nodes(&url, "publish").await;
        let catga = Nodes::publisher(|| broker(&url, "publish"), stored).await;
        let by_hand = ByHand::publisher(&url).await;
        let catga_rate = async || [way::publish(&catga, PARCELS).await];
        let by_hand_rate = async || [way::publish(&by_hand, PARCELS).await];
        rounds(&mut publish, ROUNDS, catga_rate, by_hand_rate).await;
        catga.shutdown().await;
    }
    pairs.extend(publish);

    let mut median = Pair::new("latency at 1,000/s, p50", "µs");
    let mut high = Pair::new("latency at 1,000/s, p99", "µs");
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
        let stored = Stream::of_nodes(&url, &namespace).await;
        let catga = Nodes::start(count, || broker(&url, &namespace), stored).await;
        let by_hand = ByHand::start(&url, count).await;
        let catga_rate =
            async || per_parcel(process, PARCELS, way::end_to_end(&catga, PARCELS)).await;
        let by_hand_rate =
            async || per_parcel(process, PARCELS, way::end_to_end(&by_hand, PARCELS)).await;
        // Until files and buffers have their size.
        catga_rate().await;
        by_hand_rate().await;
        rounds(&mut measured, ROUNDS, catga_rate, by_hand_rate).await;
        pairs.extend(measured);
        if count == 1 {
            for _ in 0..3 {
                let catga = way::latency(&catga, TIMED).await;
                let by_hand = way::latency(&by_hand, TIMED).await;
                median.add(catga.0, by_hand.0);
                high.add(catga.1, by_hand.1);
            }
        }
        drop(by_hand);
        if count == 1 {
            resting = Some(idle::measure(async || messages_in(monitor).await).await);
        }
        catga.shutdown().await;
    }
    pairs.extend([median, high, called::measure(&url).await]);

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

fn broker(url: &str, namespace: &str) -> Broker {
    Nats::url(url).namespace(namespace).into()
}
