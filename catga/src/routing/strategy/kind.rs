use std::fmt;

use super::{ConsistentHash, LeastLoaded, LocalFirst, Random, RoundRobin, Strategy, Topic};

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

    /// A strategy of this kind, for one message type.
    pub(crate) fn strategy(self) -> Box<dyn Strategy> {
        match self {
            Self::ConsistentHash => Box::new(ConsistentHash::new()),
            Self::RoundRobin => Box::new(RoundRobin::new()),
            Self::Random => Box::new(Random),
            Self::LeastLoaded => Box::new(LeastLoaded),
            Self::LocalFirst => Box::new(LocalFirst),
            Self::Topic => Box::new(Topic),
        }
    }
}

impl fmt::Display for StrategyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::{Candidate, Key, Nodes, Reason, Target};

    #[test]
    fn each_kind_has_its_strategy() {
        let nodes = Nodes::new(["a", "b"].map(Candidate::named), Some("b")).partitioned(1);
        let pick = |kind: StrategyKind| kind.strategy().pick(&Key::none(), &nodes);
        assert_eq!(
            pick(StrategyKind::ConsistentHash),
            Target::Nobody(Reason::NoKey)
        );
        assert_eq!(pick(StrategyKind::RoundRobin), Target::Node(0));
        assert_eq!(pick(StrategyKind::LocalFirst), Target::Local);
        assert_eq!(pick(StrategyKind::Topic), Target::Everyone);
        for kind in [StrategyKind::Random, StrategyKind::LeastLoaded] {
            assert!(matches!(pick(kind), Target::Local | Target::Node(0)));
        }
    }
}
