//! A key that fails keeps nobody waiting but those behind it, and those wait without payloads.

use std::error::Error;
use std::time::{Duration, Instant};

use catga_benches::allocations;
use catga_benches::figure::median;
use futures_util::future::join;
use tokio::runtime::{Builder, Runtime};
use tokio::time;

use super::{Nodes, node};
use crate::memory::queues::MemoryQueues;
use crate::parcel::{Block, Parcel};
use crate::way::Way as _;

/// How many wait behind the failing message.
const BEHIND: u64 = 100_000;
/// How many of other keys are handled for one measurement, and how many measurements there are in
/// each of so many turns.
const OTHERS: u64 = 20_000;
const ROUNDS: usize = 5;
const TURNS: usize = 9;
/// Until the tables of the queues, which remember ids, have their size.
const WARM: u64 = 600_000;
/// For how long it fails.
const MINUTE: Duration = Duration::from_secs(60);

pub(crate) fn blocked() -> Result<(), Box<dyn Error>> {
    // The clock jumps whenever there is nothing to do, so the minute passes at once.
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    let node = runtime.block_on(node("blocked"));
    handle(&runtime, &node, WARM);
    let (mut without, mut control, mut with) = (Vec::new(), Vec::new(), Vec::new());
    let mut bytes = None;
    let (mut failures, mut failing) = (0, Duration::ZERO);
    // In turn, since a machine does not stay as fast as it is.
    for turn in 0..TURNS {
        without.push(rate(&runtime, &node));
        let (away, stored) = stored_elsewhere(&runtime, turn);
        control.push(rate(&runtime, &node));
        runtime.block_on(async {
            away.shutdown().await;
            // Until its tasks have ended, and its broker is gone.
            time::sleep(MINUTE).await;
        });
        node.received().block(true);
        let grown = allocations::growth(|| {
            runtime.block_on(async {
                let stored = node.node().enqueue(Block::new()).await;
                stored.expect("it is stored");
                node.store_these(behind()).await;
            });
        });
        // Tables keep the size that they had once, so the first turn tells.
        bytes.get_or_insert((stored, grown));
        with.push(rate(&runtime, &node));
        let begun = Instant::now();
        let before = node.received().failures();
        runtime.block_on(async { time::sleep(MINUTE).await });
        failing += begun.elapsed();
        failures += node.received().failures() - before;
        node.received().block(false);
        node.received().expect(BEHIND);
        runtime.block_on(node.received().all());
    }
    runtime.block_on(node.shutdown());
    let of_without = |rates: &[f64]| {
        let ratios = rates.iter().zip(&without);
        median(
            &mut ratios
                .map(|(rate, without)| rate / without)
                .collect::<Vec<_>>(),
        )
    };
    let (stored, grown) = bytes.unwrap_or_default();
    let (ratio, of_control) = (of_without(&with), of_without(&control));
    println!(
        "{BEHIND} behind a key that fails: others {:.0} msg/s, without them {:.0} msg/s, ratio {ratio:.2}",
        median(&mut with),
        median(&mut without),
    );
    println!(
        "as many in a queue that nobody reads, of another broker in this process: {:.0} msg/s, ratio {of_control:.2}",
        median(&mut control),
    );
    println!(
        "each that waits takes {:.0} bytes beside its {:.0} in the broker; an attempt that fails takes {:.0} µs",
        (grown - stored) as f64 / BEHIND as f64,
        stored as f64 / BEHIND as f64,
        failing.as_secs_f64() * 1e6 / failures as f64,
    );
    Ok(())
}

fn behind() -> impl Iterator<Item = Parcel> + Send {
    (0..BEHIND).map(|_| Parcel::of_order(Block::ORDER, 0))
}

/// As many where nobody handles them, and the bytes that they take. They go with their publisher.
fn stored_elsewhere(runtime: &Runtime, turn: usize) -> (Nodes<MemoryQueues>, i64) {
    let name = format!("away-{turn}");
    let broker = || format!("memory://{name}").as_str().into();
    let publisher = Nodes::publisher(broker, MemoryQueues::named(&name));
    let publisher = runtime.block_on(publisher);
    let grown = allocations::growth(|| runtime.block_on(publisher.store_these(behind())));
    (publisher, grown)
}

/// Messages of other keys, stored and handled, per second. The queue is never empty meanwhile.
fn rate(runtime: &Runtime, node: &Nodes<MemoryQueues>) -> f64 {
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            handle(runtime, node, OTHERS);
            OTHERS as f64 / begun.elapsed().as_secs_f64()
        })
        .collect();
    median(&mut rates)
}

fn handle(runtime: &Runtime, node: &Nodes<MemoryQueues>, count: u64) {
    node.received().expect(count);
    runtime.block_on(join(node.store(count), node.received().all()));
}
