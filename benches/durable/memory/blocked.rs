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
/// How many of other keys are handled for one measurement, and how many measurements there are.
const OTHERS: u64 = 20_000;
const ROUNDS: usize = 9;
/// For how long it fails.
const MINUTE: Duration = Duration::from_secs(60);

pub(crate) fn blocked() -> Result<(), Box<dyn Error>> {
    // The clock jumps whenever there is nothing to do, so the minute passes at once.
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    let stored = stored_alone(&runtime);
    let node = runtime.block_on(node("blocked"));
    let behind = || (0..BEHIND).map(|_| Parcel::of_order(Block::ORDER, 0));
    let without = rate(&runtime, &node);
    node.received().block(true);
    let grown = allocations::growth(|| {
        runtime.block_on(async {
            node.node()
                .enqueue(Block::new())
                .await
                .expect("it is stored");
            node.store_these(behind()).await;
        });
    });
    let with = rate(&runtime, &node);
    let failures = runtime.block_on(async {
        time::sleep(MINUTE).await;
        let failures = node.received().failures();
        node.received().expect(BEHIND);
        node.received().block(false);
        node.received().all().await;
        failures
    });
    runtime.block_on(node.shutdown());
    println!(
        "{BEHIND} behind a key that failed {failures} times: others {:.0} msg/s, without them {:.0} msg/s, ratio {:.2}; each that waits takes {:.0} bytes beside its {:.0} in the broker",
        with,
        without,
        with / without,
        (grown - stored) as f64 / BEHIND as f64,
        stored as f64 / BEHIND as f64,
    );
    Ok(())
}

/// The bytes that as many take in the broker alone.
fn stored_alone(runtime: &Runtime) -> i64 {
    let broker = || "memory://away".into();
    let publisher = Nodes::publisher(broker, MemoryQueues::named("away"));
    let publisher = runtime.block_on(publisher);
    let grown = allocations::growth(|| {
        let behind = (0..BEHIND).map(|_| Parcel::of_order(Block::ORDER, 0));
        runtime.block_on(publisher.store_these(behind));
    });
    runtime.block_on(publisher.shutdown());
    grown
}

/// Messages of other keys, stored and handled, per second. The queue is never empty meanwhile.
fn rate(runtime: &Runtime, node: &Nodes<MemoryQueues>) -> f64 {
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            node.received().expect(OTHERS);
            runtime.block_on(join(node.store(OTHERS), node.received().all()));
            OTHERS as f64 / begun.elapsed().as_secs_f64()
        })
        .collect();
    median(&mut rates)
}
