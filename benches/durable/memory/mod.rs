//! Without a server: the engine alone.

mod blocked;
mod channel;
mod instructions;
mod keys;
mod queues;

use std::error::Error;
use std::time::Duration;

use catga_benches::{Contest, Table};
use tokio::runtime::{Builder, Runtime};

pub(crate) use blocked::blocked;
pub(crate) use instructions::{alone, instructions};
pub(crate) use keys::keys;

use crate::nodes::Nodes;
use crate::way::end_to_end;
use channel::{Bare, Encoded};
use queues::MemoryQueues;

/// A node of its own, and where it stores.
async fn node(name: &str) -> Nodes<MemoryQueues> {
    let url = format!("memory://{name}");
    Nodes::start(1, || url.as_str().into(), MemoryQueues::named(name)).await
}

pub(crate) fn compare() -> Result<(), Box<dyn Error>> {
    let mut table = Table::new(["", "ns", "msg/s", "x channel", "allocations"]);
    let two_threads = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut lines = Vec::new();
    for (runtime, named) in [(one_thread()?, "one thread"), (two_threads, "two threads")] {
        let bare = runtime.block_on(async { Bare::start() });
        let encoded = runtime.block_on(async { Encoded::start() });
        let node = runtime.block_on(node(&named.replace(' ', "-")));
        let mut contest = Contest::new(15, Duration::from_millis(100));
        contest.baseline(format!("mpsc, {named}"), |count| {
            runtime.block_on(end_to_end(&bare, count));
        });
        contest.beside(format!("the same with JSON, {named}"), |count| {
            runtime.block_on(end_to_end(&encoded, count));
        });
        contest.beside(format!("enqueue to ack, {named}"), |count| {
            runtime.block_on(end_to_end(&node, count));
        });
        let figures = contest.run();
        runtime.block_on(node.shutdown());
        for figure in &figures {
            table.row([
                figure.name.clone(),
                format!("{:.0}", figure.nanoseconds),
                format!("{:.0}", 1e9 / figure.nanoseconds),
                format!("{:.2}", figure.ratio()),
                format!("{:.2}", figure.allocations),
            ]);
        }
        if let Some(last) = figures.last() {
            lines.push(format!(
                "end to end, memory, {named}: catga {:.0} msg/s, channel {:.0} msg/s, ratio {:.3}, {:.1} allocations",
                1e9 / last.nanoseconds,
                1e9 / last.baseline,
                1.0 / last.ratio(),
                last.allocations
            ));
        }
    }
    println!("{table}");
    for line in lines {
        println!("{line}");
    }
    Ok(())
}

fn one_thread() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
