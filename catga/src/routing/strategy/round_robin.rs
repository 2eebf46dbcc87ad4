use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Strategy;
use crate::routing::{Key, Nodes, Reason, Target};

/// Each node in turn, from the point of view of this one.
///
/// # Examples
///
/// ```
/// use catga::routing::{Candidate, Key, Nodes, RoundRobin, Strategy, Target};
///
/// let nodes = Nodes::new(["a", "b", "c"].map(Candidate::named), Some("b"));
/// let turns = RoundRobin::new();
/// let picked = [(); 4].map(|()| turns.pick(&Key::none(), &nodes));
/// assert_eq!(picked, [Target::Node(0), Target::Local, Target::Node(2), Target::Node(0)]);
/// ```
#[derive(Debug, Default)]
pub struct RoundRobin {
    turn: AtomicU64,
}

impl RoundRobin {
    /// Starts with the first node.
    #[must_use]
    pub const fn new() -> Self {
        Self::starting_at(0)
    }

    const fn starting_at(turn: u64) -> Self {
        Self {
            turn: AtomicU64::new(turn),
        }
    }

    /// The next place below `count`, which is not 0.
    #[inline]
    fn next(&self, count: u64) -> u64 {
        loop {
            let turn = self.turn.fetch_add(1, Relaxed);
            // The counter wraps, and `count` need not divide 2⁶⁴: the last, incomplete round
            // before that is left out. Nearly always the first comparison is enough.
            if turn <= u64::MAX - count || turn < end_of_rounds(count) {
                return turn % count;
            }
            // If it wrapped already, or another thread was here first, nothing is to be done.
            let _ = self.turn.fetch_update(Relaxed, Relaxed, |turn| {
                (turn >= end_of_rounds(count)).then_some(0)
            });
        }
    }
}

/// The largest multiple of `count` that the counter can have.
const fn end_of_rounds(count: u64) -> u64 {
    u64::MAX - u64::MAX % count
}

impl Strategy for RoundRobin {
    #[allow(clippy::cast_possible_truncation, reason = "less than a `usize`")]
    fn pick(&self, _: &Key<'_>, nodes: &Nodes) -> Target {
        match nodes.len() {
            0 => Target::Nobody(Reason::NoNode),
            count => nodes.target(self.next(count as u64) as usize),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::Candidate;

    const COUNTS: [u64; 6] = [1, 2, 3, 7, 10, 32];

    #[test]
    fn exact_over_a_million_picks() {
        for count in COUNTS {
            let names: Vec<_> = (0..count).map(|number| format!("n{number}")).collect();
            let nodes = Nodes::new(names.iter().map(|name| Candidate::named(name)), Some("n0"));
            let turns = RoundRobin::new();
            let mut picked = vec![0_u64; nodes.len()];
            for _ in 0..1_000_000 {
                let target = turns.pick(&Key::none(), &nodes);
                picked[target.index(&nodes).unwrap()] += 1;
            }
            let (least, most) = (1_000_000 / count, 1_000_000_u64.div_ceil(count));
            assert!(
                picked.iter().all(|times| (least..=most).contains(times)),
                "{picked:?}"
            );
        }
    }

    #[test]
    fn in_turn_past_the_wrap_of_the_counter() {
        for count in COUNTS {
            for before in 0..3 * count {
                let turns = RoundRobin::starting_at(u64::MAX - before);
                let mut expected = turns.next(count);
                for _ in 0..5 * count {
                    expected = (expected + 1) % count;
                    assert_eq!(turns.next(count), expected, "{count} nodes");
                }
            }
        }
    }

    #[test]
    fn exact_past_the_wrap_with_several_threads() {
        let count = 7;
        let turns = RoundRobin::starting_at(end_of_rounds(count) - 7 * 1_000);
        let picked = [(); 7].map(|()| AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..7_000 {
                        picked[usize::try_from(turns.next(count)).unwrap()].fetch_add(1, Relaxed);
                    }
                });
            }
        });
        assert_eq!(picked.map(AtomicU64::into_inner), [4_000; 7]);
    }
}
