use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::node::NodeId;
use crate::transport::{RecordKey, Revision};

/// The last version seen of each record: a lower one means that the store fell back.
///
/// Those of nodes that are gone are forgotten after a while, or a cluster whose nodes have names
/// from chance would remember all that ever were. A store that falls back further than that is
/// noticed all the same, by the records that are never removed and by each node's own beat; and
/// the old record of a node that it brings back shows no new beat, so it is nobody's again after
/// `node_timeout`, and no claim rests on it.
#[derive(Debug, Default)]
pub(super) struct Versions(HashMap<RecordKey, Seen>);

#[derive(Debug)]
struct Seen {
    revision: Revision,
    at: Instant,
}

impl Versions {
    /// Whether a version is lower than the one before.
    pub(super) fn fell_back(&mut self, key: RecordKey, revision: Revision) -> bool {
        let seen = Seen {
            revision,
            at: Instant::now(),
        };
        let before = self.0.insert(key, seen);
        before.is_some_and(|before| revision < before.revision)
    }

    /// Forgets the nodes that are not there and were not seen for so long.
    pub(super) fn forget(&mut self, after: Duration, is_there: impl Fn(&NodeId) -> bool) {
        self.0.retain(|key, seen| match key {
            RecordKey::Member(id) => is_there(id) || seen.at.elapsed() < after,
            RecordKey::Service(_) | RecordKey::Owners(_) => true,
        });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const AFTER: Duration = Duration::from_secs(100);

    fn node(number: u64) -> RecordKey {
        RecordKey::Member(NodeId::new(&format!("node-{number}")))
    }

    #[tokio::test(start_paused = true)]
    async fn a_lower_version_is_a_fall() {
        let mut versions = Versions::default();
        for key in [node(1), RecordKey::Service("shop".into())] {
            assert!(!versions.fell_back(key.clone(), Revision(7)));
            assert!(!versions.fell_back(key.clone(), Revision(7)));
            assert!(versions.fell_back(key, Revision(6)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_nodes_that_are_gone_for_long_are_forgotten() {
        let mut versions = Versions::default();
        let service = RecordKey::Service("shop".into());
        versions.fell_back(service.clone(), Revision(7));
        for number in 0..1_000 {
            versions.fell_back(node(number), Revision(8 + number));
            versions.forget(AFTER, |id| id.as_str() == "node-0");
            advance(Duration::from_secs(1)).await;
        }
        assert!(versions.0.len() <= 103, "{}", versions.0.len());
        assert!(versions.fell_back(node(0), Revision(1)), "it is there");
        assert!(versions.fell_back(node(999), Revision(1)), "just gone");
        assert!(versions.fell_back(service, Revision(1)));
        assert!(!versions.fell_back(node(1), Revision(1)));
    }
}
