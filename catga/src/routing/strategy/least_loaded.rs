use super::Strategy;
use crate::routing::{Key, Nodes, Reason, Target};

/// The less busy one of two nodes picked at random.
///
/// Two choices are nearly as good as all of them, and better than the least loaded of all, to
/// which everyone would run at once until it reports that it no longer is. Busy is by
/// [`Load::total`](crate::routing::Load::total); chance decides between equals.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use catga::routing::{Candidate, Key, LeastLoaded, Load, Nodes, Strategy, Target};
///
/// let busy = Candidate::named("a").with_load(Load::new(40, Duration::from_millis(1)));
/// let nodes = Nodes::new([busy, Candidate::named("b")], None);
/// assert_eq!(LeastLoaded.pick(&Key::none(), &nodes), Target::Node(1));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct LeastLoaded;

impl Strategy for LeastLoaded {
    fn pick(&self, _: &Key<'_>, nodes: &Nodes) -> Target {
        let count = nodes.len();
        if count < 2 {
            return match count {
                0 => Target::Nobody(Reason::NoNode),
                _ => nodes.target(0),
            };
        }
        let first = fastrand::usize(..count);
        // Any but the first: those from its place on move up by one.
        let second = fastrand::usize(..count - 1);
        let second = second + usize::from(second >= first);
        let load = |place: usize| nodes.candidates()[place].load().total();
        // Which one is first is chance already, so equals need no other.
        nodes.target(if load(second) < load(first) {
            second
        } else {
            first
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::routing::{Candidate, Load};

    fn nodes(loads: &[u32]) -> Nodes {
        let candidates = loads.iter().enumerate().map(|(number, in_flight)| {
            Candidate::named(&format!("n{number}")).with_load(Load::new(*in_flight, Duration::ZERO))
        });
        Nodes::new(candidates, None)
    }

    /// Requests that nobody answers, sent after the last report.
    fn outstanding_after(nodes: &Nodes, requests: usize) -> Vec<u32> {
        let pending: Vec<_> = (0..requests)
            .map(|_| {
                let target = LeastLoaded.pick(&Key::none(), nodes);
                nodes.candidates()[target.index(nodes).unwrap()]
                    .shared_load()
                    .sent()
            })
            .collect();
        let outstanding = nodes
            .candidates()
            .iter()
            .map(|node| node.load().outstanding());
        let outstanding = outstanding.collect();
        drop(pending);
        outstanding
    }

    #[test]
    fn a_skewed_load_is_evened_out() {
        fastrand::seed(7);
        let reported = [900, 500, 300, 0, 0, 0, 0, 100];
        let nodes = nodes(&reported);
        let outstanding = outstanding_after(&nodes, 6_200);
        let totals: Vec<_> = reported
            .iter()
            .zip(&outstanding)
            .map(|(a, b)| a + b)
            .collect();
        // 8,000 in all; a random node for each would leave the first 900 above the fourth.
        assert!(
            totals.iter().all(|total| (975..=1_025).contains(total)),
            "{totals:?}"
        );
    }

    #[test]
    fn equals_share_at_random_and_the_lowest_id_gets_no_more() {
        fastrand::seed(7);
        let nodes = nodes(&[0; 10]);
        let mut picked = [0_u32; 10];
        // Nothing is ever reported or outstanding, as with a broken report.
        for _ in 0..50_000 {
            let target = LeastLoaded.pick(&Key::none(), &nodes);
            picked[target.index(&nodes).unwrap()] += 1;
        }
        assert!(
            picked.iter().all(|times| (4_500..5_500).contains(times)),
            "{picked:?}"
        );
    }

    #[test]
    fn the_busiest_of_all_is_never_picked() {
        fastrand::seed(7);
        let nodes = nodes(&[5, 5, 6, 5]);
        for _ in 0..1_000 {
            assert_ne!(LeastLoaded.pick(&Key::none(), &nodes), Target::Node(2));
        }
    }

    #[test]
    fn one_node_or_none() {
        assert_eq!(
            LeastLoaded.pick(&Key::none(), &nodes(&[9])),
            Target::Node(0)
        );
        let nobody = Target::Nobody(Reason::NoNode);
        assert_eq!(LeastLoaded.pick(&Key::none(), &nodes(&[])), nobody);
    }
}
