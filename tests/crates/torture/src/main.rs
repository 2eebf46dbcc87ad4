//! Clusters of real processes over real brokers, harmed under load; see `tests/torture`.

mod arguments;
mod broker;
mod crew;
mod faults;
mod handlers;
mod journal;
mod messages;
mod process;
mod publisher;
mod report;
mod round;
mod run;
mod settle;
mod sink;

use std::process::ExitCode;

use arguments::{Arguments, USAGE};
use process::Call;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let Some(call) = Call::parse(&arguments) {
        return process::run(call).await;
    }
    let Some(arguments) = Arguments::parse(arguments.into_iter()) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => terminate.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    // Whatever ends it, all children are ended as what holds them is dropped.
    tokio::select! {
        well = run::run(&arguments) => match well {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                eprintln!("torture: {error}");
                ExitCode::from(2)
            }
        },
        _ = tokio::signal::ctrl_c() => ExitCode::from(130),
        _ = terminated => ExitCode::from(143),
    }
}
