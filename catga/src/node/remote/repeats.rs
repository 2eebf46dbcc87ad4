use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::request::{CallId, Caller};

/// How many of a caller's last numbers are remembered. Frames of one sender come nearly in order.
const NUMBERS: usize = 4_096;
/// A caller that was silent for this long is forgotten, once another one comes.
const SILENCE: Duration = Duration::from_secs(600);

/// Which frames were received before: one that comes twice must not run twice.
#[derive(Debug, Default)]
pub(super) struct Repeats(HashMap<Caller, Window>);

impl Repeats {
    /// Whether this call, or broadcast, was asked about before. Notes it.
    pub(super) fn has(&mut self, call: &CallId) -> bool {
        if let Some(window) = self.0.get_mut(&call.caller) {
            return window.has(call.number);
        }
        self.0.retain(|_, window| window.used.elapsed() < SILENCE);
        let mut window = Window::at(call.number);
        let known = window.has(call.number);
        self.0.insert(call.caller.clone(), window);
        known
    }
}

/// The last numbers of one caller.
#[derive(Debug)]
struct Window {
    highest: u64,
    /// One bit for each number from the highest downwards, at the number's remainder.
    seen: Box<[u64]>,
    used: Instant,
}

impl Window {
    fn at(number: u64) -> Self {
        Self {
            highest: number,
            seen: vec![0; NUMBERS / 64].into(),
            used: Instant::now(),
        }
    }

    fn has(&mut self, number: u64) -> bool {
        self.used = Instant::now();
        if number > self.highest {
            let first = number.saturating_sub(NUMBERS as u64).max(self.highest);
            for passed in first + 1..=number {
                let (word, bit) = place(passed);
                self.seen[word] &= !bit;
            }
            self.highest = number;
        } else if self.highest - number >= NUMBERS as u64 {
            // Too old to tell; so late that it can only be a slow one.
            return false;
        }
        let (word, bit) = place(number);
        let known = self.seen[word] & bit != 0;
        self.seen[word] |= bit;
        known
    }
}

#[allow(clippy::cast_possible_truncation, reason = "a remainder is small")]
const fn place(number: u64) -> (usize, u64) {
    let at = (number % NUMBERS as u64) as usize;
    (at / 64, 1 << (at % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(process: u64, number: u64) -> CallId {
        CallId {
            caller: Caller {
                node: "a".to_owned(),
                process,
            },
            number,
        }
    }

    #[test]
    fn each_number_is_new_once_in_any_order() {
        let mut repeats = Repeats::default();
        let last = 3 * NUMBERS as u64;
        for number in (0..last).map(|number| number ^ 5) {
            assert!(!repeats.has(&call(1, number)), "{number}");
            assert!(repeats.has(&call(1, number)), "{number}");
        }
        for number in last - 100..last {
            assert!(repeats.has(&call(1, number)), "{number}");
        }
    }

    #[test]
    fn gaps_are_not_taken_for_repeats() {
        let mut repeats = Repeats::default();
        for number in [10, 9, 10_000, 9_999, 10, u64::MAX, u64::MAX - 1] {
            assert!(!repeats.has(&call(1, number)), "{number}");
        }
        assert!(repeats.has(&call(1, u64::MAX)));
    }

    #[test]
    fn a_process_that_was_started_again_counts_anew() {
        let mut repeats = Repeats::default();
        assert!(!repeats.has(&call(1, 7)));
        assert!(!repeats.has(&call(2, 7)));
        assert!(repeats.has(&call(1, 7)));
    }
}
