use std::fmt;

/// A built-in routing strategy, as `#[route(strategy = "…")]` names it.
///
/// # Examples
///
/// ```
/// use catga::{Message, query, routing::StrategyKind};
/// use serde::{Deserialize, Serialize};
///
/// #[query(response = u64)]
/// #[route(strategy = "round_robin")]
/// #[derive(Serialize, Deserialize)]
/// struct CountStock;
///
/// assert_eq!(CountStock::info().route().strategy(), StrategyKind::RoundRobin);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StrategyKind {
    /// By the hash of the key; the default of keyed messages.
    ConsistentHash,
    /// Each node in turn.
    RoundRobin,
    /// Any node.
    Random,
    /// The less busy one of two nodes picked at random.
    LeastLoaded,
    /// This node if it can, else the least loaded; the default of unkeyed messages.
    LocalFirst,
    /// By the subscriptions to a topic.
    Topic,
}

impl StrategyKind {
    /// The name that `#[route(strategy = "…")]` takes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConsistentHash => "consistent_hash",
            Self::RoundRobin => "round_robin",
            Self::Random => "random",
            Self::LeastLoaded => "least_loaded",
            Self::LocalFirst => "local_first",
            Self::Topic => "topic",
        }
    }
}

impl fmt::Display for StrategyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
