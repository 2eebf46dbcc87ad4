//! Chance for names that must be unique, apart from the program's own.
//!
//! The global generator of `fastrand` belongs to whoever seeds it: two processes that seed it alike
//! would give the same ids to different messages.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};

use fastrand::Rng;

thread_local! {
    static CHANCE: RefCell<Rng> = RefCell::new(seeded());
}

/// Seeded by the operating system, through the keys of the standard library's hash maps.
fn seeded() -> Rng {
    Rng::with_seed(RandomState::new().hash_one(0))
}

/// Makes what this thread draws follow from a seed: two simulations of one seed are equal.
#[cfg(feature = "testing")]
pub(crate) fn seed(seed: u64) {
    // The generator of a thread that is ending makes nothing any more.
    let _ = CHANCE.try_with(|chance| chance.borrow_mut().seed(seed));
}

/// Draws from this thread's generator.
#[inline]
pub(crate) fn draw<T>(mut with: impl FnMut(&mut Rng) -> T) -> T {
    CHANCE
        .try_with(|chance| with(&mut chance.borrow_mut()))
        // The thread is ending, and its generator is gone.
        .unwrap_or_else(|_| with(&mut seeded()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;

    use crate::MessageId;
    use crate::node::NodeId;

    /// The part of an id that is not its time.
    fn random_bits(id: MessageId) -> u64 {
        id.as_uuid().as_u64_pair().1
    }

    #[test]
    fn a_seeded_program_makes_new_ids_each_time() {
        let run = || {
            fastrand::seed(7);
            (random_bits(MessageId::new()), NodeId::random("orders"))
        };
        let (first, second) = (run(), run());
        assert_ne!(first.0, second.0);
        assert_ne!(first.1, second.1);
    }

    #[test]
    fn a_seeded_program_makes_new_ids_on_each_thread() {
        let ids: HashSet<_> = (0..8)
            .map(|_| {
                thread::spawn(|| {
                    fastrand::seed(7);
                    random_bits(MessageId::new())
                })
                .join()
                .unwrap()
            })
            .collect();
        assert_eq!(ids.len(), 8);
    }

    #[test]
    fn an_id_does_not_change_what_the_program_draws() {
        fastrand::seed(7);
        let undisturbed = fastrand::u64(..);
        fastrand::seed(7);
        let _ = (MessageId::new(), NodeId::random("orders"));
        assert_eq!(fastrand::u64(..), undisturbed);
    }
}
