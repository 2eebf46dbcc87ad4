use std::time::Duration;

use tokio::time::Instant;

/// Time that goes on while the machine is suspended, as it does for the other nodes.
///
/// The clock of timers stands still meanwhile, on Linux at least. What it leaves out is added.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(
    /// How long the machine has been suspended since it was booted.
    fn() -> Duration,
);

/// A point in time of a [`Clock`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    at: Instant,
    suspended: Duration,
}

impl Clock {
    pub(super) const SYSTEM: Self = Self(suspended);

    #[cfg(test)]
    pub(super) const fn of(suspended: fn() -> Duration) -> Self {
        Self(suspended)
    }

    pub(super) fn now(self) -> Moment {
        Moment {
            at: Instant::now(),
            suspended: (self.0)(),
        }
    }

    pub(super) fn since(self, moment: Moment) -> Duration {
        let suspended = (self.0)().saturating_sub(moment.suspended);
        moment.at.elapsed() + suspended
    }
}

#[cfg(target_os = "linux")]
fn suspended() -> Duration {
    use rustix::time::{ClockId, Timespec, clock_gettime};

    let since_boot = |time: Timespec| {
        Duration::new(
            u64::try_from(time.tv_sec).unwrap_or_default(),
            u32::try_from(time.tv_nsec).unwrap_or_default(),
        )
    };
    // In this order: a pause between the two makes the start of a lease earlier, never later.
    let all = since_boot(clock_gettime(ClockId::Boottime));
    all.saturating_sub(since_boot(clock_gettime(ClockId::Monotonic)))
}

#[cfg(not(target_os = "linux"))]
const fn suspended() -> Duration {
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn both_kinds_of_time_count() {
        static SUSPENDED: AtomicU64 = AtomicU64::new(70);
        let clock = Clock::of(|| Duration::from_secs(SUSPENDED.load(Ordering::Relaxed)));
        let start = clock.now();
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(clock.since(start), Duration::from_secs(2));
        SUSPENDED.store(75, Ordering::Relaxed);
        assert_eq!(clock.since(start), Duration::from_secs(7));
    }

    #[test]
    fn the_system_tells_how_long_it_was_suspended() {
        // The same twice, but for the moments between the looks at its two clocks.
        let (one, other) = (suspended(), suspended());
        assert!(one.abs_diff(other) < Duration::from_secs(1));
    }
}
