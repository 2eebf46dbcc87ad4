//! What other nodes cost: a call between two of them, and those that stay at home.

mod between;
mod local;
mod messages;
mod report;

use std::error::Error;
use std::hint::black_box;

use catga_benches::allocations::CountingAllocator;
use catga_benches::{Limits, Table};
use tokio::runtime::{Builder, Runtime};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> Result<(), Box<dyn Error>> {
    let mut table = Table::new(["", "ns", "x baseline", "- baseline", "allocations"]);
    let mut limits = Limits::default();

    let figures = local::measure()?;
    report::add_rows(&mut table, &figures);
    local::check(&figures, &mut limits);

    let one_thread = Builder::new_current_thread().enable_all().build()?;
    let two_threads = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    for (runtime, named) in [(one_thread, "one thread"), (two_threads, "two threads")] {
        let figures = between::measure(&runtime, named)?;
        report::add_rows(&mut table, &figures);
        between::check(named, &figures, &mut limits);
    }

    println!("{table}");
    println!("{limits}");
    println!(
        "remote: {} rows, {} limits held, {} missed",
        table.len(),
        limits.held(),
        limits.missed()
    );
    Ok(())
}

/// Awaits one call after the other.
fn calls<'a, F: Future>(
    runtime: &'a Runtime,
    call: impl Fn(u64) -> F + 'a,
) -> impl FnMut(u64) + 'a {
    move |calls| {
        runtime.block_on(async {
            for number in 0..calls {
                black_box(call(black_box(number)).await);
            }
        });
    }
}
