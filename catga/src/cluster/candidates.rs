use std::collections::{BTreeMap, BTreeSet};

use super::member::Member;
use super::owners::Owner;
use super::registry::ServiceRecord;
use crate::node::NodeId;

/// The live nodes of a service that may own its partitions.
///
/// A node that handles nothing of what is in them is none: it would own and never read them. Of
/// the others those come first that handle all that any live node of the service does: while
/// there is one, the rest own nothing. What no live node handles tells none of them apart.
#[derive(Debug)]
pub(super) struct Candidates<'a>(BTreeMap<&'a NodeId, &'a Member>);

impl<'a> Candidates<'a> {
    /// `leased` says whether this node may own. `record` is what the service takes.
    pub(super) fn of(
        service: &str,
        members: &'a [Member],
        record: Option<&ServiceRecord>,
        leased: bool,
    ) -> Self {
        let all = || {
            let all = members.iter();
            all.filter(|member| &*member.record.service == service)
        };
        let stores = record.is_some_and(|record| record.stored_types().next().is_some())
            || all().any(|member| member.stored_types().next().is_some());
        let handled = |member: &'a Member| -> BTreeSet<&'a str> {
            if stores {
                member.stored_types().collect()
            } else {
                // Nothing is ever stored for it: its partitions are where calls go.
                let handles = member.handles().iter().map(String::as_str);
                handles
                    .filter(|name| record.is_some_and(|record| record.is_called(name)))
                    .collect()
            }
        };
        // Also of those that leave: they live until they have left.
        let known: BTreeSet<&str> = all().flat_map(handled).collect();
        let able = || {
            all()
                .filter(|member| !member.record.draining && (!member.local || leased))
                .map(|member| (member, handled(member)))
                .filter(|(_, handled)| !handled.is_empty())
        };
        let complete = able().filter(|(_, handled)| *handled == known);
        let mut found: BTreeMap<_, _> = complete.map(entry).collect();
        if found.is_empty() {
            found = able().map(entry).collect();
        }
        Self(found)
    }

    /// Sorted.
    pub(super) fn ids(&self) -> Vec<NodeId> {
        self.0.keys().copied().cloned().collect()
    }

    /// Whether an owner is one of them, in its present life.
    pub(super) fn has(&self, owner: &Owner) -> bool {
        let member = self.0.get(&owner.node);
        member.is_some_and(|member| member.record.incarnation == owner.incarnation)
    }

    /// Whether a node is one of them and handles stored messages of a type.
    pub(super) fn stores(&self, id: &NodeId, name: &str) -> bool {
        self.0.get(id).is_some_and(|member| member.stores(name))
    }

    /// Whether another node than this one does.
    pub(super) fn store_beside(&self, id: &NodeId, name: &str) -> bool {
        let mut others = self.0.iter().filter(|(other, _)| **other != id);
        others.any(|(_, member)| member.stores(name))
    }
}

fn entry<'a>((member, _): (&'a Member, BTreeSet<&'a str>)) -> (&'a NodeId, &'a Member) {
    (&member.id, member)
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::cluster::member::MemberRecord;

    /// `A`, `B`, … are stored; what is in lower case is only called.
    pub(in crate::cluster) fn member(id: &str, handles: &[&str]) -> Member {
        let mut handles: Vec<String> = handles.iter().map(|&name| name.to_owned()).collect();
        handles.sort();
        let called = handles.iter().filter(|name| **name == name.to_lowercase());
        let only_live: Arc<[String]> = called.cloned().collect();
        Member {
            id: NodeId::new(id),
            record: MemberRecord {
                service: "shop".into(),
                incarnation: 1,
                nonce: 0,
                beat: 0,
                handles: handles.into(),
                only_live,
                metadata: Arc::default(),
                version: "".into(),
                draining: false,
                knows: Arc::default(),
            },
            local: false,
        }
    }

    fn draining(mut member: Member) -> Member {
        member.record.draining = true;
        member
    }

    fn service(types: &[&str]) -> ServiceRecord {
        let types: serde_json::Map<_, _> = types
            .iter()
            .map(|&name| {
                let kind = if name == name.to_lowercase() { "query" } else { "command" };
                let found = json!({"kind": kind, "version": 1, "key": [], "broadcast": false, "handles": true});
                (name.to_owned(), found)
            })
            .collect();
        serde_json::from_value(json!({"partitions": 32, "types": types})).unwrap()
    }

    #[track_caller]
    fn assert_candidates(registered: &[&str], members: &[Member], expected: &[&str]) {
        let record = service(registered);
        let found = Candidates::of("shop", members, Some(&record), true).ids();
        let found: Vec<&str> = found.iter().map(NodeId::as_str).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn who_handles_all_comes_first() {
        let (all, part) = (member("all", &["A", "B"]), member("part", &["A"]));
        assert_candidates(&["A", "B"], &[all, part.clone()], &["all"]);
        assert_candidates(&["A", "B"], &[part], &["part"]);
    }

    #[test]
    fn who_handles_nothing_that_is_stored_is_none() {
        let (sender, asked) = (member("sender", &[]), member("asked", &["q"]));
        let nodes = [sender.clone(), asked, member("some", &["A"])];
        assert_candidates(&["A", "B", "q"], &nodes, &["some"]);
        assert_candidates(&["A", "B", "q"], &nodes[..2], &[]);
        assert_candidates(&[], &[sender], &[]);
    }

    #[test]
    fn a_type_that_no_live_node_handles_tells_nobody_apart() {
        let (one, two) = (member("one", &["A"]), member("two", &["A"]));
        assert_candidates(&["A", "Gone"], &[one, two], &["one", "two"]);
    }

    #[test]
    fn a_query_moves_nothing() {
        let (old, new) = (member("old", &["A"]), member("new", &["A", "q"]));
        assert_candidates(&["A", "q"], &[new, old], &["new", "old"]);
    }

    #[test]
    fn where_nothing_is_stored_calls_have_a_place() {
        let (one, two) = (member("one", &["q"]), member("two", &["q"]));
        let nodes = [one, member("sender", &[]), two];
        assert_candidates(&["q"], &nodes, &["one", "two"]);
    }

    #[test]
    fn side_by_side_both_have_their_share() {
        let (old, new) = (member("old", &["A", "B"]), member("new", &["A", "C"]));
        assert_candidates(&["A", "B", "C"], &[new, old], &["new", "old"]);
    }

    #[test]
    fn who_leaves_owns_nothing_and_counts_as_knowing() {
        let (all, part) = (member("all", &["A", "B"]), member("part", &["A"]));
        let nodes = [draining(all), member("other", &["A"]), part];
        assert_candidates(&["A", "B"], &nodes, &["other", "part"]);
    }
}
