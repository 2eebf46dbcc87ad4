use std::cell::LazyCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use super::member::Member;
use super::seen::SeenState;
use crate::node::NodeId;
use crate::routing::{Candidate, Load, Nodes, Outstanding, assign};

/// A service that takes stored messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taker {
    pub(crate) service: Arc<str>,
    pub(crate) partitions: u32,
}

static NOBODY: LazyLock<Nodes> = LazyLock::new(|| Nodes::new([], None));

/// What routing reads: for each message the nodes that handle it. Made anew with every change of
/// the cluster and swapped in as a whole.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// By wire name.
    types: HashMap<String, Nodes>,
    /// By wire name: the services that stored messages go to.
    takers: HashMap<String, Arc<[Taker]>>,
    loads: HashMap<NodeId, Arc<Load>>,
    /// By partition of this node's service: whether keys of it are handled here.
    pub(super) here: Vec<bool>,
    /// By partition of it: whether this node is the owner, or should be.
    owned: Vec<bool>,
    /// Whether this node is the only one of its service.
    pub(super) alone: bool,
}

impl View {
    /// The view over these members, sorted by id. `leased` says whether this node may own.
    pub(super) fn build(members: &[Member], leased: bool, seen: &mut SeenState) -> Self {
        seen.loads
            .retain(|id, _| members.iter().any(|member| member.id == *id));
        let local = members.iter().find(|member| member.local);
        let others = |service: &str| {
            members.iter().any(|member| {
                !member.local && !member.record.draining && &*member.record.service == service
            })
        };
        // The last node of its service handles what its own handlers send until it has left.
        let is_last = |member: &Member| member.local && !others(&member.record.service);
        let candidates: Vec<(Candidate, &Member)> = members
            .iter()
            .filter(|member| !member.record.draining || is_last(member))
            .map(|member| (candidate(member, seen), member))
            .collect();
        let mut services: BTreeMap<&str, Option<Vec<Option<NodeId>>>> = BTreeMap::new();
        for (_, member) in &candidates {
            let service = &*member.record.service;
            services.entry(service).or_insert_with(|| {
                let owners = seen.candidates(service, members, leased);
                seen.places(service, &owners)
            });
        }
        let mut names: BTreeMap<&str, &str> = BTreeMap::new();
        for (_, member) in &candidates {
            for name in member.record.handles.iter() {
                names.entry(name).or_insert(&member.record.service);
            }
        }
        let types = names
            .into_iter()
            .map(|(name, service)| {
                let handling = candidates
                    .iter()
                    .filter(|(_, member)| member.handles_message(name))
                    .map(|(candidate, _)| candidate.clone());
                let nodes = Nodes::new(handling, local.map(|local| local.id.as_str()));
                let places = services.get(service).and_then(Option::as_ref);
                let lapsed = local.filter(|_| !leased).map(|local| &local.id);
                (name.to_owned(), with_places(nodes, places, lapsed))
            })
            .collect();
        let of_service = |service: &str| {
            candidates
                .iter()
                .filter(|(_, member)| &*member.record.service == service)
                .count()
        };
        let (owned, alone): (Vec<bool>, bool) = match local {
            Some(local) => {
                let places = services
                    .get(&*local.record.service)
                    .and_then(Option::as_ref);
                let places = places.into_iter().flatten();
                let owned = places.map(|place| place.as_ref() == Some(&local.id));
                let alone = leased && of_service(&local.record.service) == 1;
                (owned.collect(), alone)
            }
            None => (Vec::new(), false),
        };
        let here = (0..).zip(&owned);
        let here = here
            .map(|(partition, owned)| *owned && !seen.is_releasing(partition))
            .collect();
        Self {
            types,
            takers: takers(seen),
            loads: seen.loads.clone(),
            here,
            owned,
            alone,
        }
    }

    /// The nodes that handle a message.
    pub(crate) fn nodes(&self, name: &str) -> &Nodes {
        self.types.get(name).unwrap_or(&NOBODY)
    }

    /// Whether calls of a type in a partition have their place on this node though it does not own
    /// the partition: its owner does not handle them.
    pub(super) fn stands_in(&self, name: &str, partition: u32) -> bool {
        let nodes = self.nodes(name);
        let is_owned = self.owned.get(partition as usize);
        is_owned == Some(&false)
            && nodes.local().is_some()
            && nodes.owner(partition) == nodes.local()
    }

    /// The services that stored messages of a type go to, sorted.
    pub(crate) fn takers(&self, name: &str) -> Option<&Arc<[Taker]>> {
        self.takers.get(name)
    }

    /// Counts a request to a node until the guard is dropped; `None` if nobody knows the node.
    pub(crate) fn outstanding(&self, node: &NodeId) -> Option<Outstanding> {
        self.loads.get(node).map(Load::sent)
    }
}

fn takers(seen: &SeenState) -> HashMap<String, Arc<[Taker]>> {
    let mut takers: HashMap<String, Vec<Taker>> = HashMap::new();
    for (service, (record, _)) in &seen.services {
        for name in record.stored_types() {
            takers.entry(name.to_owned()).or_default().push(Taker {
                service: Arc::clone(service),
                partitions: record.partitions,
            });
        }
    }
    takers
        .into_iter()
        .map(|(name, takers)| (name, takers.into()))
        .collect()
}

fn candidate(member: &Member, seen: &mut SeenState) -> Candidate {
    let load = seen.loads.entry(member.id.clone()).or_default();
    Candidate::new(
        member.id.clone(),
        member.record.incarnation,
        Arc::clone(load),
        Arc::clone(&member.record.metadata),
    )
}

/// The nodes with the places of the owners among them.
///
/// Where an owner does not handle the message, its calls have a place nevertheless, among those who
/// do, this node only if its lease has not `lapsed`.
fn with_places(
    nodes: Nodes,
    places: Option<&Vec<Option<NodeId>>>,
    lapsed: Option<&NodeId>,
) -> Nodes {
    let Some(places) = places else {
        return nodes;
    };
    let stand_ins = LazyCell::new(|| {
        let ids = nodes.candidates().iter().map(Candidate::id);
        let able: Vec<NodeId> = ids.filter(|id| Some(*id) != lapsed).cloned().collect();
        let assigned = assign(&vec![None; places.len()], &able).into_iter();
        assigned
            .map(|at| able.get(at).cloned())
            .collect::<Vec<Option<NodeId>>>()
    });
    let owners = places
        .iter()
        .enumerate()
        .map(|(partition, place)| {
            let at = |id: &NodeId| nodes.position(id.as_str());
            let owner = place.as_ref().and_then(at);
            owner
                .or_else(|| stand_ins.get(partition)?.as_ref().and_then(at))
                .and_then(|at| u32::try_from(at).ok())
                .unwrap_or(u32::MAX)
        })
        .collect();
    nodes.with_owners(owners)
}
