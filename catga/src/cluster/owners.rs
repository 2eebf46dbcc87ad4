use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::node::NodeId;
use crate::routing::assign;

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
/// also one that was taken for dead and came back as a new incarnation.
pub(super) fn preference(
    record: &OwnersRecord,
    live: &BTreeMap<NodeId, u64>,
) -> Vec<Option<NodeId>> {
    if live.is_empty() {
        return vec![None; record.partitions.len()];
    }
    let members: Vec<NodeId> = live.keys().cloned().collect();
    let current: Vec<Option<usize>> = record
        .partitions
        .iter()
        .map(|partition| {
            let owner = partition.owner.as_ref()?;
            members.binary_search(&owner.node).ok()
        })
        .collect();
    assign(&current, &members)
        .into_iter()
        .map(|at| members.get(at).cloned())
        .collect()
}

/// Whether an owner is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Death {
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

/// What `me` changes: claims what it should own and nobody alive does, releases what another
/// should own. `None` if there is nothing to do.
pub(super) fn round(
    record: &OwnersRecord,
    preference: &[Option<NodeId>],
    me: &Owner,
    time: u64,
    may_release: impl Fn(u32) -> bool,
    mut is_dead: impl FnMut(&Owner) -> Death,
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
                Death::None => continue,
                Death::Crash => {
                    claimed.push(number);
                    after_crash.push(number);
                }
                Death::Reborn => claimed.push(number),
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

/// Gives away everything that `me` owns. `None` if there is nothing.
pub(super) fn release_all(record: &OwnersRecord, me: &Owner) -> Option<OwnersRecord> {
    let mut next = record.clone();
    let mut any = false;
    for partition in &mut next.partitions {
        if partition.owner.as_ref() == Some(me) {
            partition.owner = None;
            any = true;
        }
    }
    any.then_some(next)
}
