//! What is known of the server's clock.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// How many writes are remembered of which only one end is known.
const KEPT: usize = 64;

/// The server's clock, as it shows in the times under which own writes are stored.
///
/// Between two nodes this gives the age of what one sent to the other, without trust in the
/// clocks of their machines. The age is never told too high, unless the server's clock jumps; the
/// next heartbeat mends that.
#[derive(Debug, Default)]
pub(super) struct ServerClock {
    // It is about the outside world: its time passes also while a test's clock stands.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Sample>,
    /// Own writes that were not seen yet.
    sent: VecDeque<Sent>,
    /// Writes that were seen, and are perhaps own ones whose answer is on its way.
    seen: VecDeque<Seen>,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    sequence: u64,
    at: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    sequence: u64,
    at: Instant,
    time: u64,
}

/// At some moment between these two, the server's clock showed `time`.
#[derive(Debug, Clone, Copy)]
struct Sample {
    sent: Instant,
    seen: Instant,
    time: u64,
}

impl ServerClock {
    /// A write was sent then, and stored under this sequence.
    pub(super) fn wrote(&self, sequence: u64, at: Instant) {
        let mut state = self.state();
        let sent = Sent { sequence, at };
        match state.seen.iter().find(|seen| seen.sequence == sequence) {
            Some(&seen) => state.learn(sent, seen),
            None => keep(&mut state.sent, sent),
        }
    }

    /// A write was stored at this time, in microseconds since 1970, and is seen now.
    pub(super) fn stored(&self, sequence: u64, time: u64) {
        let mut state = self.state();
        let at = Instant::now();
        let seen = Seen { sequence, at, time };
        match state.sent.iter().find(|sent| sent.sequence == sequence) {
            Some(&sent) => state.learn(sent, seen),
            None => keep(&mut state.seen, seen),
        }
    }

    /// The latest that the server's clock can show now; `None` if nothing is known.
    pub(super) fn latest(&self) -> Option<u64> {
        let sample = self.state().last?;
        Some(sample.time + micros(sample.sent))
    }

    /// The earliest that the server's clock can show now; `None` if nothing is known.
    pub(super) fn earliest(&self) -> Option<u64> {
        let sample = self.state().last?;
        Some(sample.time + micros(sample.seen))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn learn(&mut self, sent: Sent, seen: Seen) {
        self.sent.retain(|other| other.sequence > sent.sequence);
        self.seen.retain(|other| other.sequence > seen.sequence);
        self.last = Some(Sample {
            sent: sent.at,
            seen: seen.at,
            time: seen.time,
        });
    }
}

fn keep<T>(kept: &mut VecDeque<T>, another: T) {
    if kept.len() == KEPT {
        kept.pop_front();
    }
    kept.push_back(another);
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
        let clock = ServerClock::default();
        assert_eq!((clock.latest(), clock.earliest()), (None, None));
        let sent = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
        clock.wrote(7, sent);
        clock.stored(6, 1_000_000);
        assert_eq!(clock.latest(), None, "another's write");
        clock.stored(7, 5_000_000);
        assert!(clock.latest().unwrap() >= 6_000_000);
        assert!(clock.earliest().unwrap() < 5_500_000);
    }

    #[test]
    fn the_answer_to_a_write_may_come_after_it_was_seen() {
        let clock = ServerClock::default();
        let sent = Instant::now();
        clock.stored(7, 5_000_000);
        assert_eq!(clock.earliest(), None);
        clock.wrote(7, sent);
        // Both go on with time, so the lower one is read first.
        let earliest = clock.earliest();
        assert!(clock.latest() >= earliest);
        assert!(earliest.unwrap() >= 5_000_000);
    }

    #[test]
    fn what_has_one_end_is_forgotten() {
        let clock = ServerClock::default();
        for sequence in 0..10 * u64::try_from(KEPT).unwrap() {
            clock.wrote(2 * sequence, Instant::now());
            clock.stored(2 * sequence + 1, 0);
        }
        let state = clock.state();
        assert_eq!((state.sent.len(), state.seen.len()), (KEPT, KEPT));
    }
}
