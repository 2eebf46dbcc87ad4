use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::suite::{Clock, Cluster};

/// Waits for something that has no wakeup.
pub(super) async fn patiently<C: Cluster>(what: &str, mut is: impl AsyncFnMut() -> Option<()>) {
    let waited = timeout(patience::<C>(), async {
        while is().await.is_none() {
            sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "not in time: {what}");
}

/// How long something that must come may take on a busy machine.
pub(super) fn patience<C: Cluster>() -> Duration {
    of_the_wall::<C>(Duration::from_secs(20))
}

/// How long a test waits for something that must not come.
pub(super) fn quiet<C: Cluster>() -> Duration {
    of_the_wall::<C>(Duration::from_millis(200))
}

fn of_the_wall<C: Cluster>(duration: Duration) -> Duration {
    match C::CLOCK {
        Clock::Jumps => duration,
        Clock::Fast(speed) => duration * speed,
    }
}

/// Lets time pass for the broker.
pub(super) async fn pass<C: Cluster>(duration: Duration) {
    match C::CLOCK {
        Clock::Jumps => sleep(duration).await,
        Clock::Fast(_) => {
            let slept = tokio::task::spawn_blocking(move || std::thread::sleep(duration));
            slept.await.unwrap();
        }
    }
}
