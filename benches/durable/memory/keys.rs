//! Keys that are quiet cost nothing: bytes before and after a million of them.

use std::error::Error;
use std::time::Duration;

use catga_benches::allocations;
use tokio::runtime::Builder;
use tokio::time;

use super::node;
use crate::parcel::Parcel;
use crate::way::Way as _;

const KEYS: u64 = 1_000_000;

/// How many keys have a lane at once.
const AT_ONCE: u32 = 1_000;

/// What may be left, in bytes: tables keep the size that they had once.
const LEFT: i64 = 64 * 1_024;

/// Longer than ids are remembered.
const FORGOTTEN: Duration = Duration::from_secs(300);

pub(crate) fn keys() -> Result<(), Box<dyn Error>> {
    // The clock jumps whenever there is nothing to do.
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    let node = runtime.block_on(node("keys"));
    let handle = |keys: u64| {
        runtime.block_on(async {
            let at_once = u64::from(AT_ONCE);
            let mut next = 0;
            while next < keys {
                let first = next;
                next += at_once;
                node.received().expect(at_once);
                let orders = first..next;
                let parcels = orders.map(|order| Parcel::of_order(order, 0));
                node.store_these(parcels).await;
                node.received().all().await;
            }
            time::sleep(FORGOTTEN).await;
            // What is forgotten goes with the next that comes.
            node.received().expect(u64::from(AT_ONCE));
            node.store(u64::from(AT_ONCE)).await;
            node.received().all().await;
            time::sleep(FORGOTTEN).await;
        });
    };
    handle(50 * u64::from(AT_ONCE));
    let grown = allocations::growth(|| handle(KEYS));
    runtime.block_on(node.shutdown());
    println!(
        "{}  {KEYS} keys, bytes more than before: {grown}, limit {LEFT}",
        if grown <= LEFT { "held  " } else { "MISSED" }
    );
    Ok(())
}
