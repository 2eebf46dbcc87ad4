//! What is compared over any broker: catga beside a loop by hand.

use crate::processor::per_parcel;
use crate::report::{Pair, rounds};
use crate::way::{self, Way};

pub(crate) const ROUNDS: usize = 5;

/// Three seconds.
pub(crate) const TIMED: u64 = 3_000;

/// How fast parcels are stored.
pub(crate) async fn publish(parcels: u64, catga: &impl Way, by_hand: &impl Way) -> Pair {
    let mut rate = [Pair::new("publish", "msg/s")];
    let catga = async || [way::publish(catga, parcels).await];
    let by_hand = async || [way::publish(by_hand, parcels).await];
    rounds(&mut rate, ROUNDS, catga, by_hand).await;
    let [rate] = rate;
    rate
}

/// How fast they come from so many nodes to as many, and what that takes of this program and of the
/// server.
pub(crate) async fn end_to_end(
    nodes: usize,
    server: u32,
    parcels: u64,
    catga: &impl Way,
    by_hand: &impl Way,
) -> [Pair; 3] {
    let name = match nodes {
        1 => "1 node".to_owned(),
        nodes => format!("{nodes} nodes"),
    };
    let mut measured = [
        Pair::new(format!("end to end, {name}"), "msg/s"),
        Pair::new(format!("time of the program, {name}"), "µs"),
        Pair::new(format!("time of the server, {name}"), "µs"),
    ];
    let catga = async || per_parcel(server, parcels, way::end_to_end(catga, parcels)).await;
    let by_hand = async || per_parcel(server, parcels, way::end_to_end(by_hand, parcels)).await;
    // Until scripts are loaded, and files and buffers have their size.
    catga().await;
    by_hand().await;
    rounds(&mut measured, ROUNDS, catga, by_hand).await;
    measured
}

/// How long a parcel takes at 1,000 a second.
pub(crate) struct Latency([Pair; 2]);

impl Latency {
    pub(crate) fn new() -> Self {
        Self([
            Pair::new("latency at 1,000/s, p50", "µs"),
            Pair::new("latency at 1,000/s, p99", "µs"),
        ])
    }

    pub(crate) async fn round(&mut self, catga: &impl Way, by_hand: &impl Way) {
        let catga = way::latency(catga, TIMED).await;
        let by_hand = way::latency(by_hand, TIMED).await;
        let [median, high] = &mut self.0;
        median.add(catga.0, by_hand.0);
        high.add(catga.1, by_hand.1);
    }

    pub(crate) fn pairs(self) -> [Pair; 2] {
        self.0
    }
}
