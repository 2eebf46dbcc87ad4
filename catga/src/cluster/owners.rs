use std::cmp::Reverse;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::candidates::Candidates;
use crate::node::NodeId;
use crate::routing::{assign, score};

/// Who owns each partition of a service: the one truth, changed by compare-and-set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OwnersRecord {
    pub(super) partitions: Vec<Partition>,
}

/// One partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Partition {
    pub(super) owner: Option<Owner>,
    /// Rises with each new owner, also after nobody owned it for a while.
    pub(super) epoch: u64,
    /// A message type that an owner found in it and could not handle: it goes to a node that can,
    /// and stays there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) wants: Option<String>,
}

/// A node in one of its lives.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Owner {
    pub(super) node: NodeId,
    pub(super) incarnation: u64,
}

impl OwnersRecord {
    pub(super) fn new(partitions: u32) -> Self {
        Self {
            partitions: (0..partitions).map(|_| Partition::default()).collect(),
        }
    }
}

/// Who should own each partition, given who does.
///
/// A pure function of the record and of the live nodes of the service, in any order: every node
/// comes to the same answer. An owner that lives keeps what it has as far as the shares allow,
/// also one that was taken for dead and came back as a new incarnation. What wants a node that
/// handles a type goes to one that does, whatever its share, while there is one.
pub(super) fn preference(
    record: &OwnersRecord,
    candidates: &Candidates<'_>,
) -> Vec<Option<NodeId>> {
    let members: Vec<NodeId> = candidates.ids();
    if members.is_empty() {
        return vec![None; record.partitions.len()];
    }
    let current: Vec<Option<usize>> = record
        .partitions
        .iter()
        .map(|partition| {
            let owner = partition.owner.as_ref()?;
            members.binary_search(&owner.node).ok()
        })
        .collect();
    let mut assigned = assign(&current, &members);
    for (number, at) in assigned.iter_mut().enumerate() {
        let Some(wanted) = &record.partitions[number].wants else {
            continue;
        };
        let able = |at: &usize| candidates.stores(&members[*at], wanted);
        if able(at) {
            continue;
        }
        let best = || {
            let all = (0..members.len()).filter(able);
            all.max_by_key(|at| (score(&members[*at], number), Reverse(&members[*at])))
        };
        if let Some(better) = current[number].filter(able).or_else(best) {
            *at = better;
        }
    }
    assigned
        .into_iter()
        .map(|at| members.get(at).cloned())
        .collect()
}

/// The record with what `me` lacks written to its partitions: the types that messages of them wait
/// for, where another candidate handles them. `None` if that is nothing new.
pub(super) fn with_wants(
    record: &OwnersRecord,
    me: &Owner,
    lacks: &BTreeSet<(u32, String)>,
    candidates: &Candidates<'_>,
) -> Option<OwnersRecord> {
    let mut next = record.clone();
    for (number, partition) in (0..).zip(&mut next.partitions) {
        if partition.owner.as_ref() != Some(me) {
            continue;
        }
        let lacked = lacks.iter().filter(|(of, _)| *of == number);
        let known = lacked
            .map(|(_, name)| name)
            .filter(|name| candidates.store_beside(&me.node, name));
        let known: BTreeSet<&String> = known.collect();
        // One at a time: what it wants already comes first.
        if !(partition.wants.as_ref()).is_some_and(|wanted| known.contains(wanted))
            && let Some(name) = known.first()
        {
            partition.wants = Some((*name).clone());
        }
    }
    (next != *record).then_some(next)
}

/// Whether an owner is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnerFate {
    /// It is not.
    None,
    /// With everything that it had running.
    Crash,
    /// It is a former life of this very process, which knows what it had running.
    Reborn,
}

/// The changes that a node makes to a record in one round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Round {
    pub(super) record: OwnersRecord,
    pub(super) claimed: Vec<u32>,
    /// Those of the claimed whose owner died with them.
    pub(super) after_crash: Vec<u32>,
    pub(super) released: Vec<u32>,
}

impl Round {
    /// One in which nothing is claimed or released.
    pub(super) const fn of(record: OwnersRecord) -> Self {
        Self {
            record,
            claimed: Vec::new(),
            after_crash: Vec::new(),
            released: Vec::new(),
        }
    }
}

/// What `me` changes: claims what it should own and nobody alive does, releases what another
/// should own. `None` if there is nothing to do.
pub(super) fn round(
    record: &OwnersRecord,
    preference: &[Option<NodeId>],
    me: &Owner,
    time: u64,
    may_release: impl Fn(u32) -> bool,
    mut is_dead: impl FnMut(&Owner) -> OwnerFate,
) -> Option<Round> {
    let mut next = record.clone();
    let (mut claimed, mut released) = (Vec::new(), Vec::new());
    let mut after_crash = Vec::new();
    for (number, (partition, preferred)) in (0..).zip(next.partitions.iter_mut().zip(preference)) {
        let mine = partition.owner.as_ref() == Some(me);
        let wanted = preferred.as_ref() == Some(&me.node);
        match (&partition.owner, wanted) {
            (Some(_), false) if mine => {
                if !may_release(number) {
                    continue;
                }
                partition.owner = None;
                released.push(number);
            }
            (None, true) => claimed.push(number),
            (Some(owner), true) if !mine => match is_dead(owner) {
                OwnerFate::None => continue,
                OwnerFate::Crash => {
                    claimed.push(number);
                    after_crash.push(number);
                }
                OwnerFate::Reborn => claimed.push(number),
            },
            _ => continue,
        }
        if wanted {
            partition.owner = Some(me.clone());
            partition.epoch = time.max(partition.epoch + 1);
        }
    }
    (!claimed.is_empty() || !released.is_empty()).then_some(Round {
        record: next,
        claimed,
        after_crash,
        released,
    })
}

/// Gives away everything that is this node's. `None` if there is nothing.
pub(super) fn release_all(
    record: &OwnersRecord,
    is_mine: impl Fn(&Owner) -> bool,
) -> Option<OwnersRecord> {
    let mut next = record.clone();
    let mut any = false;
    for partition in &mut next.partitions {
        if partition.owner.as_ref().is_some_and(&is_mine) {
            partition.owner = None;
            any = true;
        }
    }
    any.then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::candidates::tests::member;
    use crate::cluster::member::Member;

    const PARTITIONS: u32 = 8;

    fn owner(id: &str) -> Owner {
        Owner {
            node: NodeId::new(id),
            incarnation: 1,
        }
    }

    /// Owned by each in turn.
    fn owned_by(ids: &[&str]) -> OwnersRecord {
        let mut record = OwnersRecord::new(PARTITIONS);
        for (partition, id) in record.partitions.iter_mut().zip(ids.iter().cycle()) {
            partition.owner = Some(owner(id));
        }
        record
    }

    fn preferred(record: &OwnersRecord, members: &[Member]) -> Vec<String> {
        let candidates = Candidates::of("shop", members, None, true);
        let preferred = preference(record, &candidates).into_iter();
        preferred.map(|id| id.unwrap().to_string()).collect()
    }

    #[test]
    fn what_wants_a_type_goes_to_a_node_that_handles_it_and_stays_there() {
        let members = [member("new", &["A", "C"]), member("old", &["A", "B"])];
        let mut record = owned_by(&["new", "old"]);
        record.partitions[1].wants = Some("C".to_owned());
        record.partitions[2].wants = Some("C".to_owned());
        assert_eq!(preferred(&record, &members)[1..3], ["new", "new"]);
        // It stays when it has come, though it is more than the share.
        record.partitions[1].owner = None;
        assert_eq!(preferred(&record, &members)[1], "new");
        record.partitions[1].owner = Some(owner("new"));
        assert_eq!(preferred(&record, &members)[1], "new");
        for partition in &mut record.partitions {
            partition.wants = Some("C".to_owned());
        }
        assert_eq!(preferred(&record, &members), ["new"; 8]);
        // Where nobody handles it, it changes nothing.
        let without = [member("older", &["A"]), members[1].clone()];
        let record = owned_by(&["old", "older"]);
        let mut wanting = record.clone();
        wanting.partitions[0].wants = Some("C".to_owned());
        assert_eq!(preferred(&wanting, &without), preferred(&record, &without));
    }

    #[test]
    fn an_owner_asks_for_one_type_at_a_time_that_another_handles() {
        let members = [
            member("c", &["A", "C"]),
            member("d", &["A", "D"]),
            member("old", &["A", "B"]),
        ];
        let candidates = Candidates::of("shop", &members, None, true);
        let lacks = |of: &[(u32, &str)]| {
            let of = of.iter();
            of.map(|&(number, name)| (number, name.to_owned()))
                .collect::<BTreeSet<_>>()
        };
        let ask = |record: &OwnersRecord, of: &[(u32, &str)]| {
            with_wants(record, &owner("old"), &lacks(of), &candidates)
        };
        let record = owned_by(&["old", "c"]);
        assert_eq!(ask(&record, &[]), None);
        assert_eq!(ask(&record, &[(0, "E")]), None, "nobody handles it");
        assert_eq!(ask(&record, &[(1, "D")]), None, "not its own");
        let asked = ask(&record, &[(0, "D"), (2, "C"), (2, "D")]).unwrap();
        let wants = |at: usize| asked.partitions[at].wants.as_deref();
        assert_eq!((wants(0), wants(2)), (Some("D"), Some("C")));
        assert_eq!(ask(&asked, &[(0, "C"), (0, "D")]), None, "it is asked for");
        let next = ask(&asked, &[(0, "C")]).unwrap();
        assert_eq!(next.partitions[0].wants.as_deref(), Some("C"));
    }
}
