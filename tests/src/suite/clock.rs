use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::advance;

use super::Cluster;

/// How time passes in the tests of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// It stands while anything runs, and jumps to the next timer when nothing does. For clusters
    /// of one process.
    Jumps,
    /// It runs this many times as fast as the wall's. For clusters with a server: nobody knows
    /// whether an answer is on its way.
    Fast(u32),
}

/// How often the clock moves.
const TICK: Duration = Duration::from_micros(200);

/// A machine that is busy slows the clock down: it moves by no more than this many ticks at once.
const AT_ONCE: u32 = 5;

/// Runs one test with a cluster of its own.
pub fn run<C: Cluster, F: Future<Output = ()>>(test: impl FnOnce(C) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        if let Clock::Fast(speed) = C::CLOCK {
            tokio::spawn(hurry(speed));
        }
        test(C::fresh()).await;
    });
}

/// Moves the clock until the runtime ends.
async fn hurry(speed: u32) {
    let (tick, mut ticks) = mpsc::channel(1);
    // As long as it runs, the runtime leaves the clock alone.
    tokio::task::spawn_blocking(move || {
        while tick.blocking_send(()).is_ok() {
            std::thread::sleep(TICK);
        }
    });
    let mut last = Instant::now();
    while ticks.recv().await.is_some() {
        let now = Instant::now();
        advance((now - last).min(TICK * AT_ONCE) * speed).await;
        last = now;
    }
}
