//! How often, and after how long, a failed delivery is tried again.

use std::num::NonZeroU32;
use std::time::Duration;

use super::Fault;

/// Exponential backoff with jitter.
///
/// The n-th retry waits for a random time between half and the whole of `after * 2^(n-1)`, at most
/// `cap`. The default is 5 attempts, 200 ms, 30 s.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use catga::delivery::retry::Policy;
///
/// let policy = Policy::new(8, Duration::from_millis(50)).cap(Duration::from_secs(1));
/// assert_eq!(policy.max_attempts().get(), 8);
/// assert!(policy.delay(1) <= Duration::from_millis(50));
/// assert!(policy.delay(7) >= Duration::from_millis(500));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    max: NonZeroU32,
    after: Duration,
    cap: Duration,
}

impl Policy {
    /// The policy of handlers that name none.
    pub const DEFAULT: Self = Self::new(5, Duration::from_millis(200));

    /// A policy of `max` attempts in all, at least 1, with `after` before the second.
    #[must_use]
    pub const fn new(max: u32, after: Duration) -> Self {
        Self {
            max: match NonZeroU32::new(max) {
                Some(max) => max,
                None => NonZeroU32::MIN,
            },
            after,
            cap: Duration::from_secs(30),
        }
    }

    /// The longest wait between two attempts.
    #[must_use]
    pub const fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// How many attempts there are in all.
    #[must_use]
    pub const fn max_attempts(&self) -> NonZeroU32 {
        self.max
    }

    /// The wait after the `attempt`-th attempt, counted from 1; random within its bounds.
    #[must_use]
    pub fn delay(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        let whole = self.after.saturating_mul(1 << doublings).min(self.cap);
        whole.mul_f64(fastrand::f64().mul_add(0.5, 0.5))
    }

    /// The wait before the next attempt; `None` if there is none.
    pub(crate) fn next(&self, attempt: u32, fault: Fault) -> Option<Duration> {
        match fault {
            Fault::Permanent => None,
            Fault::Transient { after, max } => (attempt < max.unwrap_or(self.max).get())
                .then(|| after.unwrap_or_else(|| self.delay(attempt))),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap() {
        let policy = Policy::new(9, Duration::from_millis(100)).cap(Duration::from_secs(1));
        for (attempt, whole) in [
            (1, 100),
            (2, 200),
            (3, 400),
            (4, 800),
            (5, 1000),
            (99, 1000),
        ] {
            for _ in 0..100 {
                let delay = policy.delay(attempt).as_millis();
                assert!((whole / 2..=whole).contains(&delay), "{attempt}: {delay}");
            }
        }
    }

    #[test]
    fn a_fault_overrides_the_policy() {
        let policy = Policy::new(2, Duration::from_millis(100));
        assert!(policy.next(1, Fault::UNDECLARED).is_some());
        assert_eq!(policy.next(2, Fault::UNDECLARED), None);
        assert_eq!(policy.next(1, Fault::Permanent), None);
        let patient = Fault::transient(Some(7), Some(4));
        assert_eq!(policy.next(3, patient), Some(Duration::from_millis(7)));
        assert_eq!(policy.next(4, patient), None);
    }
}
