use std::collections::BTreeSet;

use fastrand::Rng;

/// Something that goes wrong in a simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Disturbance {
    /// Nodes join, shut down in good order, and come back under their names. The one kind that is
    /// no fault.
    Churn,
    /// A node vanishes without a word.
    Crash,
    /// A process stands still, often for longer than its node's timeout, and goes on as if nothing
    /// had happened.
    Pause,
    /// Nothing gets through between a node and the broker, and nobody is told.
    Cut,
    /// A node's connection is refused for a while.
    Refuse,
    /// The broker is away for all nodes.
    Outage,
    /// Operations fail, their replies are lost or late, they are done late or twice, and batches
    /// are cut in the middle.
    Replies,
    /// Frames between nodes are lost, late or come twice.
    Frames,
    /// What a node reads breaks off, comes late or has gaps.
    Flows,
    /// The wall clock jumps, the broker's included.
    Clock,
    /// The shared records fall back to an older state.
    Fallback,
}

impl Disturbance {
    const ALL: [Self; 11] = [
        Self::Churn,
        Self::Crash,
        Self::Pause,
        Self::Cut,
        Self::Refuse,
        Self::Outage,
        Self::Replies,
        Self::Frames,
        Self::Flows,
        Self::Clock,
        Self::Fallback,
    ];
}

/// What may go wrong in a [`Simulation`](super::Simulation).
///
/// Each seed draws which of it does: a run with few kinds of faults goes deeper into each of them.
///
/// # Examples
///
/// ```
/// use catga::testing::{Disturbance, Faults};
///
/// let faults = Faults::all().without(Disturbance::Fallback);
/// assert!(faults.includes(Disturbance::Crash));
/// assert!(!faults.includes(Disturbance::Fallback));
/// assert!(Faults::planned().is_planned());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(BTreeSet<Disturbance>);

impl Faults {
    /// Nothing goes wrong.
    #[must_use]
    pub const fn none() -> Self {
        Self(BTreeSet::new())
    }

    /// Nodes come and go in good order, and nothing goes wrong: no message may be handled twice.
    #[must_use]
    pub fn planned() -> Self {
        Self::none().with(Disturbance::Churn)
    }

    /// Everything there is.
    #[must_use]
    pub fn all() -> Self {
        Self(Disturbance::ALL.into())
    }

    /// Adds one.
    #[must_use]
    pub fn with(mut self, disturbance: Disturbance) -> Self {
        self.0.insert(disturbance);
        self
    }

    /// Leaves one out.
    #[must_use]
    pub fn without(mut self, disturbance: Disturbance) -> Self {
        self.0.remove(&disturbance);
        self
    }

    /// Whether this may happen.
    #[must_use]
    pub fn includes(&self, disturbance: Disturbance) -> bool {
        self.0.contains(&disturbance)
    }

    /// Whether nothing happens but planned moves.
    #[must_use]
    pub fn is_planned(&self) -> bool {
        self.0.iter().all(|one| *one == Disturbance::Churn)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Disturbance> {
        self.0.iter().copied()
    }

    /// What one run has of it.
    pub(super) fn draw(&self, chance: &mut Rng) -> Self {
        if self.is_planned() {
            return self.clone();
        }
        let mut drawn = Self(
            self.iter()
                .filter(|one| match one {
                    // The rest of a run is spent on it.
                    Disturbance::Fallback => chance.u8(..4) == 0,
                    _ => chance.bool(),
                })
                .collect(),
        );
        if drawn.includes(Disturbance::Fallback) {
            // An epoch that was forgotten is made up for by the broker's clock: the loss of both
            // at once is more than is promised.
            drawn = drawn.without(Disturbance::Clock);
        }
        drawn
    }
}
