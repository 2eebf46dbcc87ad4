//! How often, and after how long, a failed delivery is tried again.

use std::num::NonZeroU32;
use std::time::Duration;

use super::Fault;

/// Exponential backoff with jitter.
///
/// The n-th retry waits for a random time between half and the whole of `after * 2^(n-1)`, and
/// never longer than `cap`. The default is 5 attempts, 200 ms, 30 s.
///
/// [`Builder::retry`](crate::node::Builder::retry) gives a node its policy; a handler overrides
/// parts of it with `#[handler(retry(..))]`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use catga::delivery::retry::Policy;
///
/// let policy = Policy::new(8, Duration::from_millis(50)).with_cap(Duration::from_secs(1));
/// assert_eq!(policy.max_attempts().get(), 8);
/// assert_eq!(policy.cap(), Duration::from_secs(1));
/// assert!(policy.delay(1) <= policy.after());
/// assert!(policy.delay(7) >= Duration::from_millis(500));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    max: NonZeroU32,
    after: Duration,
    cap: Duration,
}

/// The longest wait where nothing else is said.
const CAP: Duration = Duration::from_secs(30);

impl Policy {
    /// The policy of nodes that are given none.
    pub const DEFAULT: Self = Self::new(5, Duration::from_millis(200));

    /// A policy of `max` attempts in all, at least 1, with `after` before the second.
    ///
    /// The longest wait is 30 seconds, or `after` where that is longer.
    #[must_use]
    pub const fn new(max: u32, after: Duration) -> Self {
        Self {
            max: match NonZeroU32::new(max) {
                Some(max) => max,
                None => NonZeroU32::MIN,
            },
            after,
            cap: if after.as_nanos() > CAP.as_nanos() {
                after
            } else {
                CAP
            },
        }
    }

    /// The same policy with another longest wait.
    ///
    /// It holds for the first wait too: with a cap below `after`, every wait is at most the cap.
    #[must_use]
    pub const fn with_cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// How many attempts there are in all.
    #[must_use]
    pub const fn max_attempts(&self) -> NonZeroU32 {
        self.max
    }

    /// The longest that the first retry waits, unless the cap is below it.
    #[must_use]
    pub const fn after(&self) -> Duration {
        self.after
    }

    /// The longest wait between two attempts.
    #[must_use]
    pub const fn cap(&self) -> Duration {
        self.cap
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

/// What a handler says of its retries: `#[handler(retry(max = 8, after = "50ms", cap = "1s"))]`.
///
/// What it does not say is as the node's [`Policy`] says.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use catga::delivery::retry::Policy;
/// use catga::{event, handler};
/// use serde::{Deserialize, Serialize};
///
/// #[event]
/// #[derive(Serialize, Deserialize)]
/// struct Paid;
///
/// #[handler(retry(max = 8))]
/// async fn book(_: Paid) {}
///
/// # let here = module_path!();
/// let wiring = catga::check!(|handler| handler.module() == here);
/// let overrides = wiring.messages()[0].handlers()[0].retry().unwrap();
/// assert_eq!(overrides.after(), None);
///
/// let of_the_node = Policy::new(3, Duration::from_secs(1));
/// let policy = overrides.on(of_the_node);
/// assert_eq!(policy.max_attempts().get(), 8);
/// assert_eq!(policy.after(), Duration::from_secs(1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Overrides {
    max: Option<NonZeroU32>,
    after: Option<Duration>,
    cap: Option<Duration>,
}

impl Overrides {
    /// The macro refuses `max = 0` and passes milliseconds.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(max: Option<u32>, after_ms: Option<u64>, cap_ms: Option<u64>) -> Self {
        const fn duration(millis: Option<u64>) -> Option<Duration> {
            match millis {
                Some(millis) => Some(Duration::from_millis(millis)),
                None => None,
            }
        }
        Self {
            max: match max {
                Some(max) => NonZeroU32::new(max),
                None => None,
            },
            after: duration(after_ms),
            cap: duration(cap_ms),
        }
    }

    /// How many attempts there are in all.
    #[must_use]
    pub const fn max_attempts(&self) -> Option<NonZeroU32> {
        self.max
    }

    /// The longest that the first retry waits.
    #[must_use]
    pub const fn after(&self) -> Option<Duration> {
        self.after
    }

    /// The longest wait between two attempts.
    #[must_use]
    pub const fn cap(&self) -> Option<Duration> {
        self.cap
    }

    /// The policy of the handler on a node with this policy.
    ///
    /// A first wait that the handler names is meant as it is written: without a cap of the
    /// handler's own, the node's does not shorten it.
    #[must_use]
    pub fn on(&self, policy: Policy) -> Policy {
        Policy {
            max: self.max.unwrap_or(policy.max),
            after: self.after.unwrap_or(policy.after),
            cap: self
                .cap
                .unwrap_or_else(|| policy.cap.max(self.after.unwrap_or_default())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap() {
        let policy = Policy::new(9, Duration::from_millis(100)).with_cap(Duration::from_secs(1));
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

    #[test]
    fn a_cap_holds_for_the_first_wait_too() {
        let policy = Policy::new(3, Duration::from_secs(60));
        assert_eq!(policy.cap(), Duration::from_secs(60));
        let policy = policy.with_cap(Duration::from_secs(1));
        assert_eq!(policy.after(), Duration::from_secs(60));
        for attempt in 1..5 {
            assert!(policy.delay(attempt) <= Duration::from_secs(1));
        }
    }

    #[test]
    fn overrides_replace_what_they_name() {
        let [short, node, long] = [1, 2, 3].map(Duration::from_secs);
        let policy = Policy::new(4, node).with_cap(node);
        assert_eq!(Overrides::default().on(policy), policy);
        assert_eq!(
            Overrides::new(Some(9), None, None).on(policy),
            Policy::new(9, node).with_cap(node)
        );
        assert_eq!(
            Overrides::new(None, Some(3_000), None).on(policy),
            Policy::new(4, long).with_cap(long),
            "a first wait is meant as it is written"
        );
        assert_eq!(
            Overrides::new(None, None, Some(1_000)).on(policy),
            Policy::new(4, node).with_cap(short)
        );
        assert_eq!(
            Overrides::new(Some(1), Some(1_000), Some(3_000)).on(policy),
            Policy::new(1, short).with_cap(long)
        );
    }
}
