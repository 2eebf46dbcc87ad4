//! What a call costs: catga beside the direct call, a generated mediator and an actor.
//!
//! An argument, `send` or `publish`, runs that contest alone.

mod actor;
mod hot;
mod keyed;
mod large;
mod mediator;
mod numbered;
mod overflow;
mod published;
mod report;
mod sent;
mod stateful;

use std::error::Error;

use catga::Node;
use catga::node::Builder;
use catga_benches::allocations::CountingAllocator;
use catga_benches::{Limits, Table};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> Result<(), Box<dyn Error>> {
    let mut table = Table::new(["", "ns", "x direct", "- direct", "allocations"]);
    let mut limits = Limits::default();

    if wanted("send") {
        let figures = sent::measure()?;
        report::add_rows(&mut table, &figures);
        sent::check(&figures, &mut limits);
    }
    if wanted("publish") {
        for runtime in [
            published::Flavor::CurrentThread,
            published::Flavor::MultiThread,
        ] {
            let figures = published::measure(runtime)?;
            report::add_rows(&mut table, &figures);
            published::check(runtime, &figures, &mut limits);
        }
    }

    println!("{table}");
    println!("{limits}");
    println!(
        "dispatch: {} rows, {} limits held, {} missed",
        table.len(),
        limits.held(),
        limits.missed()
    );
    Ok(())
}

/// Whether a contest is to run: all of them where none is named. Cargo passes options of its own.
fn wanted(contest: &str) -> bool {
    let mut named = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .peekable();
    named.peek().is_none() || named.any(|name| name == contest)
}

/// A node that runs the handlers of the modules whose path ends so.
fn node_with(service: &str, modules: &'static [&'static str]) -> Builder {
    Node::builder(service).only(move |handler| {
        modules
            .iter()
            .any(|module| handler.module().ends_with(module))
    })
}
