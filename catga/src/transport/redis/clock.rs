//! What is known of the server's clock.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// The server's clock, as its last answer told it.
///
/// Between two nodes that ask the same server, this gives the age of what one sent to the other,
/// without trust in the clocks of their machines. The age is never told too high, unless the
/// server's clock jumps; the next answer mends that.
#[derive(Debug, Default)]
pub(super) struct ServerClock {
    // The answer is about the outside world: its time passes also while a test's clock stands.
    last: Mutex<Option<Sample>>,
}

/// At some moment between these two, the server's clock showed `time`.
#[derive(Debug, Clone, Copy)]
struct Sample {
    asked: Instant,
    answered: Instant,
    time: u64,
}

impl ServerClock {
    /// The server said what time it is, in microseconds since 1970.
    pub(super) fn told(&self, asked: Instant, time: u64) {
        let sample = Sample {
            asked,
            answered: Instant::now(),
            time,
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(sample);
    }

    /// The latest that the server's clock can show now; 0 if nothing is known.
    pub(super) fn latest(&self) -> u64 {
        self.sample()
            .map_or(0, |sample| sample.time + micros(sample.asked))
    }

    /// The earliest that the server's clock can show now; 0 if nothing is known.
    pub(super) fn earliest(&self) -> u64 {
        self.sample()
            .map_or(0, |sample| sample.time + micros(sample.answered))
    }

    fn sample(&self) -> Option<Sample> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_age_is_never_too_high() {
        let (sender, receiver) = (ServerClock::default(), ServerClock::default());
        assert_eq!((sender.latest(), receiver.earliest()), (0, 0));
        // Both answers took a second; the server answered at any time within.
        let asked = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
        sender.told(asked, 5_000_000);
        receiver.told(asked, 5_000_000);
        assert!(sender.latest() >= 6_000_000);
        assert!(receiver.earliest() < 5_500_000);
    }
}
