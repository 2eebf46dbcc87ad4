use std::time::{Duration, Instant};

use catga::Node;
use catga::delivery::DeadLetter;

/// How long [`eventually`] waits, by the wall's clock.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits until a condition holds, while other tasks run. A paused clock stands still meanwhile.
///
/// # Panics
///
/// If the condition does not hold within ten seconds.
#[track_caller]
pub fn eventually(mut holds: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let start = Instant::now();
        while !holds() {
            assert!(
                start.elapsed() < PATIENCE,
                "{caller}: not within {PATIENCE:?}"
            );
            tokio::task::yield_now().await;
        }
    }
}

/// Waits until a node has a dead letter, while other tasks run.
///
/// # Panics
///
/// If it has none within ten seconds.
pub async fn dead_letter(node: &Node) -> DeadLetter {
    let start = Instant::now();
    loop {
        if let Some(letter) = node.dead_letters().await.unwrap().into_iter().next() {
            return letter;
        }
        assert!(start.elapsed() < PATIENCE, "no dead letter");
        tokio::task::yield_now().await;
    }
}
