//! Runs simulated clusters, one for each seed; see `tests/simulate`.

mod accounts;
mod arguments;
mod crew;
mod invoices;
mod messages;
mod operators;
mod workload;

use std::panic;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use accounts::Version;
use arguments::{Arguments, USAGE};
use catga::node::Builder;
use catga::testing::{Faults, Report, Simulation};

fn main() -> ExitCode {
    let Some(arguments) = Arguments::parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if std::env::var_os("SIMULATE_LOG").is_some() {
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
            .init();
    }
    quiet_expected_panics();
    let seeds = arguments.from..arguments.from + arguments.seeds;
    let sum = crew::work(seeds, simulate, arguments.twice);
    for seed in &sum.stuck {
        println!("seed {seed} does not come to an end: tests/simulate --seeds 1 --from {seed}");
    }
    let violations = sum.violations + sum.stuck.len() as u64;
    println!("{} seeds, {violations} violations", arguments.seeds);
    ExitCode::from(u8::from(violations > 0))
}

/// Runs a seed and returns the number of violations.
fn simulate(seed: u64, twice: bool) -> u64 {
    let report = run(seed);
    let mut violations = report.violations().len() as u64;
    if violations > 0 {
        println!("{report}\nagain: tests/simulate --seeds 1 --from {seed}\n");
    }
    if twice {
        let again = run(seed);
        if again.trace() != report.trace() {
            violations += 1;
            println!("seed {seed}: two runs differ\n  {report}\n  {again}");
        }
    }
    violations
}

/// Every fourth seed has planned moves alone, and every fourth two versions of a service; every third
/// one has layers around its handlers.
fn run(seed: u64) -> Report {
    let faults = if seed.is_multiple_of(4) {
        Faults::planned()
    } else {
        Faults::all()
    };
    let lives = AtomicU64::new(0);
    let mut simulation = Simulation::new(seed)
        .service("accounts", 3, move |node| {
            let version = if seed % 4 == 3 {
                Version::of(lives.fetch_add(1, Ordering::Relaxed))
            } else {
                Version::Whole
            };
            settings(node).only(move |handler| version.has(handler))
        })
        .service("invoices", 2, |node| {
            settings(node).only(|handler| handler.module() == invoices::MODULE)
        })
        .faults(faults);
    if !seed.is_multiple_of(3) {
        simulation = simulation.without_layer();
    }
    simulation.run(workload::run)
}

fn settings(node: Builder) -> Builder {
    node.heartbeat(Duration::from_secs(3))
        .node_timeout(Duration::from_secs(10))
        .partitions(16)
}

/// Handlers panic because they are told to: nobody needs to read of it.
fn quiet_expected_panics() {
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let text = info.payload_as_str();
        if text.is_none_or(|text| !text.contains(messages::PANIC)) {
            default(info);
        }
    }));
}
