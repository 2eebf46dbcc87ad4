use super::Strategy;
use crate::routing::{Key, Nodes, Reason, Target};

/// Any node, each as likely as the others.
///
/// # Examples
///
/// ```
/// use catga::routing::{Candidate, Key, Nodes, Random, Strategy, Target};
///
/// let nodes = Nodes::new(["a", "b"].map(Candidate::named), Some("a"));
/// let target = Random.pick(&Key::none(), &nodes);
/// assert!(matches!(target, Target::Local | Target::Node(1)));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Random;

impl Strategy for Random {
    fn pick(&self, _: &Key<'_>, nodes: &Nodes) -> Target {
        match nodes.len() {
            0 => Target::Nobody(Reason::NoNode),
            count => nodes.target(fastrand::usize(..count)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::Candidate;

    #[test]
    fn every_node_gets_its_part() {
        fastrand::seed(7);
        let nodes = Nodes::new(["a", "b", "c", "d"].map(Candidate::named), Some("c"));
        let mut picked = [0_u32; 4];
        for _ in 0..40_000 {
            picked[Random.pick(&Key::none(), &nodes).index(&nodes).unwrap()] += 1;
        }
        assert!(
            picked.iter().all(|times| (9_000..11_000).contains(times)),
            "{picked:?}"
        );
    }
}
