//! What a node costs that has nothing to do.

use std::time::{Duration, Instant};

use crate::processor::seconds;

const WINDOW: Duration = Duration::from_secs(10);

/// What a node without work takes.
pub(crate) struct Idle {
    /// Seconds of a processor per minute, of this process.
    pub(crate) processor: f64,
    /// What the server was asked for per second.
    pub(crate) commands: f64,
}

/// Looks at this process and its server for a while; `commands` says what the server has got.
pub(crate) async fn measure(commands: impl AsyncFn() -> f64) -> Idle {
    let process = std::process::id();
    let (used, asked, started) = (seconds(process), commands().await, Instant::now());
    tokio::time::sleep(WINDOW).await;
    let elapsed = started.elapsed().as_secs_f64();
    Idle {
        processor: (seconds(process) - used) * 60.0 / elapsed,
        commands: (commands().await - asked) / elapsed,
    }
}
