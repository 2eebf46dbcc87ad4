//! The time of day.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time in microseconds since 1970: later nodes have greater epochs.
pub(crate) fn epoch_now() -> u64 {
    #[cfg(feature = "testing")]
    if let Some(simulated) = crate::testing::wall::now() {
        return simulated;
    }
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| {
            u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
        })
}

/// The same to a few milliseconds, for what is asked with every message: it costs a fifth.
#[inline]
pub(crate) fn coarse_now() -> u64 {
    #[cfg(target_os = "linux")]
    {
        #[cfg(feature = "testing")]
        if let Some(simulated) = crate::testing::wall::now() {
            return simulated;
        }
        let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
        let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
        let nanos = u64::try_from(now.tv_nsec).unwrap_or_default();
        seconds * 1_000_000 + nanos / 1_000
    }
    #[cfg(not(target_os = "linux"))]
    epoch_now()
}

/// The time now, as [`epoch_now`] has it.
pub(crate) fn time_now() -> SystemTime {
    time_of(epoch_now())
}

/// The time that [`epoch_now`] counts.
pub(crate) fn time_of(micros: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coarse_time_is_behind_by_little() {
        let before = epoch_now();
        let coarse = coarse_now();
        assert!(coarse <= epoch_now());
        // A tick of the kernel is 10 ms at most.
        assert!(coarse + 20_000 >= before, "{coarse}, {before}");
    }
}
