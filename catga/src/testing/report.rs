use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::message::MessageId;

/// What became of a [`Simulation`](super::Simulation); its `Display` is the whole story of each
/// violation.
#[derive(Debug, Clone)]
#[must_use = "a report may have violations"]
pub struct Report {
    pub(super) seed: u64,
    pub(super) elapsed: Duration,
    pub(super) acknowledged: usize,
    pub(super) executions: usize,
    pub(super) interrupted: usize,
    pub(super) dead_letters: usize,
    pub(super) disturbances: usize,
    pub(super) trace: u64,
    pub(super) violations: Vec<Violation>,
}

impl Report {
    /// The seed, which makes the same simulation again.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// How long it took in the simulated world.
    #[must_use]
    pub const fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// How many durable calls were acknowledged.
    #[must_use]
    pub const fn acknowledged(&self) -> usize {
        self.acknowledged
    }

    /// How often handlers of stored messages were started.
    #[must_use]
    pub const fn executions(&self) -> usize {
        self.executions
    }

    /// How many of these were dropped on their way, because their node died or lost its lease.
    #[must_use]
    pub const fn interrupted(&self) -> usize {
        self.interrupted
    }

    /// How many dead letters there are in the end.
    #[must_use]
    pub const fn dead_letters(&self) -> usize {
        self.dead_letters
    }

    /// How much was done to the nodes and to their connections.
    #[must_use]
    pub const fn disturbances(&self) -> usize {
        self.disturbances
    }

    /// A hash of everything that happened: the same in two runs that were equal.
    #[must_use]
    pub const fn trace(&self) -> u64 {
        self.trace
    }

    /// What must not have happened.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Goes on only without violations.
    ///
    /// Dead letters are none: a cluster in which each message ended as one kept its promises. A test
    /// whose handlers must succeed compares [`dead_letters`](Self::dead_letters) as well.
    ///
    /// # Panics
    ///
    /// With the whole report, if there are any.
    #[track_caller]
    pub fn assert_clean(&self) {
        assert!(self.violations.is_empty(), "{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "seed {}: {} acknowledged, {} executions ({} interrupted), {} dead letters, {} disturbances in {:.1} s, {} violations, trace {:016x}",
            self.seed,
            self.acknowledged,
            self.executions,
            self.interrupted,
            self.dead_letters,
            self.disturbances,
            self.elapsed.as_secs_f64(),
            self.violations.len(),
            self.trace,
        )?;
        for violation in &self.violations {
            write!(f, "\n{violation}")?;
            for line in &violation.excerpt {
                write!(f, "\n    {line}")?;
            }
        }
        Ok(())
    }
}

/// A promise that was not kept.
#[derive(Debug, Clone)]
pub struct Violation {
    rule: Rule,
    at: Duration,
    text: String,
    pub(super) id: Option<MessageId>,
    pub(super) key: Option<Arc<str>>,
    pub(super) excerpt: Vec<String>,
}

impl Violation {
    pub(super) const fn new(
        rule: Rule,
        at: Duration,
        text: String,
        id: Option<MessageId>,
        key: Option<Arc<str>>,
    ) -> Self {
        Self {
            rule,
            at,
            text,
            id,
            key,
            excerpt: Vec::new(),
        }
    }

    /// Which promise.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        self.rule
    }

    /// When it was seen, in simulated time.
    #[must_use]
    pub const fn at(&self) -> Duration {
        self.at
    }

    /// What happened instead.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The message that it happened to, if it was one.
    #[must_use]
    pub const fn id(&self) -> Option<MessageId> {
        self.id
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} at {:.3} s: {}",
            self.rule,
            self.at.as_secs_f64(),
            self.text
        )
    }
}

/// What a cluster promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Rule {
    /// Two executions of one key never overlap.
    Overlap,
    /// The first attempts of a key are in stored order.
    Order,
    /// What was acknowledged is handled, or a dead letter, in each service that takes it.
    Handled,
    /// A join moves at most twice a node's share of the partitions.
    Moves,
    /// What was handled is not handled again without a reason; with `dedup`, not at all once that is
    /// remembered.
    Repeated,
    /// A handler that runs again sends the same messages again, and no others.
    Children,
    /// A dead letter has a reason: one of an unknown type has it where nobody knows the type. What was
    /// replayed or dropped is none any more.
    Letters,
    /// While a service is paused, nothing of it starts.
    Paused,
    /// The cluster comes to rest after the last disturbance.
    Progress,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overlap => "overlap",
            Self::Order => "order",
            Self::Handled => "handled",
            Self::Moves => "moves",
            Self::Repeated => "repeated",
            Self::Children => "children",
            Self::Letters => "letters",
            Self::Paused => "paused",
            Self::Progress => "progress",
        })
    }
}
