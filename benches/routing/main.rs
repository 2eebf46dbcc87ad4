//! What it costs to find a key's node: catga beside a hash and one load, and beside `hashring`.

mod by_hand;
mod crate_ring;
mod orders;
mod report;

use std::hint::black_box;
use std::time::Duration;

use catga::routing::{Candidate, ConsistentHash, DEFAULT_PARTITIONS, Key, Nodes, Strategy};
use catga_benches::allocations::CountingAllocator;
use catga_benches::{Contest, Figure, Limits, Table};

use crate::by_hand::{OwnersByHand, RingByHand};
use crate::crate_ring::CrateRing;
use crate::orders::Orders;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const NODES: [usize; 3] = [3, 10, 100];

const PARTITIONS: &str = "partition's owner";
const RING: &str = "ring of 150";
const RING_FROM_TEXT: &str = "ring of 150, key as text";
const CRATE: &str = "crate hashring, 150 each";

fn main() {
    let mut table = Table::new(["", "ns", "x by hand", "- by hand", "allocations"]);
    let mut limits = Limits::default();
    for count in NODES {
        let figures = measure(count);
        report::add_rows(&mut table, count, &figures);
        check(count, &figures, &mut limits);
    }
    println!("{table}");
    println!("{limits}");
    println!(
        "routing: {} rows, {} limits held, {} missed",
        table.len(),
        limits.held(),
        limits.missed()
    );
}

/// The way of every message: a strategy behind a pointer, and the key of a message.
fn measure(count: usize) -> Vec<Figure> {
    let names: Vec<_> = (0..count)
        .map(|number| format!("orders-{number}"))
        .collect();
    let nodes = Nodes::new(
        names.iter().map(|name| Candidate::named(name)),
        Some("orders-0"),
    )
    .partitioned(DEFAULT_PARTITIONS);
    let nodes = &nodes;
    let orders = &Orders::new();
    let partitions: Box<dyn Strategy> = Box::new(ConsistentHash::new());
    let ring: Box<dyn Strategy> = Box::new(ConsistentHash::ring(ConsistentHash::VIRTUAL_NODES));
    let ring = black_box(&ring);
    ring.prepare(nodes);

    let owners_by_hand = OwnersByHand::new(nodes);
    let ring_by_hand = RingByHand::new(nodes);
    let crate_ring = CrateRing::new(&names);

    let mut contest = Contest::new(151, Duration::from_millis(1));
    contest.baseline(
        "FNV-1a and one load",
        orders.each(|order| owners_by_hand.owner(&order.order_id)),
    );
    contest.beside(
        PARTITIONS,
        orders.each(|order| black_box(&partitions).pick(&Key::of(order), nodes)),
    );
    contest.baseline(
        "XXH3 and one load",
        orders.each(|order| ring_by_hand.node(&order.order_id)),
    );
    contest.beside(RING, orders.each(|order| ring.pick(&Key::of(order), nodes)));
    contest.beside(
        RING_FROM_TEXT,
        orders.each(|order| ring.pick(&Key::from_text(&order.order_id), nodes)),
    );
    contest.beside(CRATE, orders.each(|order| crate_ring.node(&order.order_id)));
    contest.run()
}

fn check(count: usize, figures: &[Figure], limits: &mut Limits) {
    let partitions = report::find(figures, PARTITIONS);
    limits.at_most(
        &format!("key to node, {count} nodes, x (hash and one load)"),
        partitions.ratio(),
        2.0,
    );
    // The crate is asked with a text, so catga is as well.
    let text = report::find(figures, RING_FROM_TEXT);
    let beside = report::find(figures, CRATE);
    limits.at_most(
        &format!("ring of {count} nodes, % of hashring's time"),
        100.0 * text.nanoseconds / beside.nanoseconds,
        20.0,
    );
    let ring = report::find(figures, RING);
    for figure in [partitions, ring] {
        limits.exactly(
            &format!("{}, {count} nodes, allocations", figure.name),
            figure.allocations,
            0.0,
        );
    }
}
