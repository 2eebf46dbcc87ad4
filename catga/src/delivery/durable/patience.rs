use std::time::Duration;

use tokio::time::sleep;

use super::Engine;
use crate::telemetry::Chain;
use crate::transport::TransportError;

/// The longest wait before another try.
const LONGEST: Duration = Duration::from_secs(1);

/// The waits of whoever asks the broker again and again until it answers.
#[derive(Debug)]
pub(super) struct Patience {
    wait: Duration,
}

impl Patience {
    pub(super) const fn new() -> Self {
        Self {
            wait: Duration::from_millis(20),
        }
    }

    /// After a question without an answer: says what `failed`, and waits longer each time.
    pub(super) async fn wait(
        &mut self,
        engine: &Engine,
        failed: &'static str,
        error: &TransportError,
    ) {
        if let Some(times) = engine.cluster.complaints.times(failed) {
            tracing::warn!(target: "catga", node = %engine.cluster.me, times, error = %Chain(error), "{failed}; it is tried again");
        }
        sleep(self.wait).await;
        self.wait = (2 * self.wait).min(LONGEST);
    }
}
