//! What stored messages cost: catga beside a channel, and beside loops by hand over real servers.
//!
//! An argument runs one contest alone: `memory`, `keys`, `blocked`, `instructions`, `nats` or `redis`. Without
//! one, those that need no server.

mod by_hand;
mod contest;
mod idle;
mod memory;
mod nats;
mod nodes;
mod parcel;
mod processor;
mod redis;
mod report;
mod way;

use std::error::Error;

use catga_benches::allocations::CountingAllocator;
use tokio::runtime::{Builder, Runtime};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo passes options of its own.
    let mut arguments = std::env::args().skip(1).filter(|it| !it.starts_with('-'));
    let contest = arguments.next();
    match contest.as_deref() {
        None => {
            memory::compare()?;
            memory::keys()?;
            memory::blocked()?;
            memory::instructions()
        }
        Some("memory") => memory::compare(),
        Some("keys") => memory::keys(),
        Some("blocked") => memory::blocked(),
        Some("instructions") => memory::instructions(),
        Some("alone") => memory::alone(arguments.next().as_deref()),
        Some("nats") => two_threads()?.block_on(nats::compare(arguments.next().as_deref())),
        Some("redis") => two_threads()?.block_on(redis::compare(arguments.next().as_deref())),
        Some(other) => Err(format!(
            "there is no contest `{other}`; there are: memory, keys, blocked, instructions, nats, redis"
        )
        .into()),
    }
}

fn two_threads() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
}
