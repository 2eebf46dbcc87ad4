use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::Instant;

use super::clock::{Clock, Moment};
use super::handover::{Handover, Tenure};
use super::lease::Lease;
use super::member::{Member, MemberRecord, Members};
use super::owners::Owner;
use super::registry::ServiceRecord;
use super::seen::SeenState;
use super::settings::Settings;
use super::view::View;
use crate::node::{NodeId, OwnStrategies};
use crate::routing::partition_of;
use crate::telemetry::Complaints;
use crate::transport::{Revision, Transport};

/// How many calls of this node may be outstanding at each other node.
const OUTSTANDING: usize = 1_024;

/// This node's part in the cluster: its own record, what it sees of the others, and the view that
/// routing reads.
pub(crate) struct Cluster {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) settings: Settings,
    pub(crate) me: NodeId,
    pub(crate) service: Arc<str>,
    pub(crate) lease: Lease,
    pub(crate) handover: Handover,
    pub(crate) complaints: Complaints,
    /// What this node registers of its service.
    pub(super) registration: ServiceRecord,
    pub(super) own: Mutex<Own>,
    pub(super) seen: Mutex<SeenState>,
    /// Held while this node's record is being written.
    pub(super) beating: tokio::sync::Mutex<()>,
    view: ArcSwap<View>,
    /// Held while a view is made: an older one must not replace a newer one.
    rebuilding: Mutex<()>,
    /// The users' own, which see each new view before it is routed by.
    strategies: OwnStrategies,
    /// The view's answer to "is this partition handled here", where the hot path reads it.
    here: Box<[AtomicBool]>,
    alone: AtomicBool,
    /// How many calls may be outstanding at each node.
    turns: Mutex<HashMap<NodeId, Arc<Semaphore>>>,
    members: watch::Sender<Members>,
    /// Wakes the round of claims and releases.
    pub(super) owners_due: Notify,
    /// Wakes the heartbeat before its time.
    pub(super) beat_due: Notify,
    /// Ends the present watch.
    pub(super) watch_due: Notify,
    pub(super) stopped: watch::Sender<bool>,
}

/// The record of this node, as it was last confirmed.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) record: MemberRecord,
    /// `None` while there is none in the store.
    pub(super) revision: Option<Revision>,
    /// When the last heartbeat was sent, confirmed or not.
    pub(super) sent: Moment,
    /// The lives of this process, the present one included.
    pub(super) lives: BTreeSet<u64>,
    /// Whether the store knows what this node takes.
    pub(super) registered: bool,
}

impl Cluster {
    pub(super) fn new(
        transport: Arc<dyn Transport>,
        settings: Settings,
        me: NodeId,
        record: MemberRecord,
        registration: ServiceRecord,
        strategies: OwnStrategies,
    ) -> Self {
        let now = Instant::now();
        let clock = Clock::SYSTEM;
        Self {
            transport,
            settings,
            service: Arc::clone(&record.service),
            lease: Lease::none(clock),
            handover: Handover::new(),
            complaints: Complaints::default(),
            own: Mutex::new(Own {
                lives: BTreeSet::from([record.incarnation]),
                record,
                revision: None,
                sent: clock.now(),
                registered: true,
            }),
            seen: Mutex::new(SeenState::new(now + settings.heartbeat)),
            beating: tokio::sync::Mutex::default(),
            registration,
            view: ArcSwap::from_pointee(View::default()),
            rebuilding: Mutex::default(),
            strategies,
            here: (0..settings.partitions)
                .map(|_| AtomicBool::new(false))
                .collect(),
            alone: AtomicBool::new(false),
            turns: Mutex::default(),
            members: watch::Sender::new(Members::default()),
            owners_due: Notify::new(),
            beat_due: Notify::new(),
            watch_due: Notify::new(),
            stopped: watch::Sender::new(false),
            me,
        }
    }

    pub(super) fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, SeenState> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The view that routing reads; never waits.
    #[inline]
    pub(crate) fn view(&self) -> Guard<Arc<View>> {
        self.view.load()
    }

    /// Whether messages with this hash of their key are handled on this node. One load.
    #[inline]
    pub(crate) fn is_here(&self, hash: u32) -> bool {
        let partition = partition_of(hash, self.settings.partitions) as usize;
        self.here
            .get(partition)
            .is_some_and(|here| here.load(Ordering::Relaxed))
    }

    /// Whether this node is the only one of its service, so that no key needs to be hashed.
    #[inline]
    pub(crate) fn is_alone(&self) -> bool {
        self.alone.load(Ordering::Relaxed)
    }

    /// A place among the calls that may be outstanding at a node.
    pub(crate) fn turn(&self, node: &NodeId) -> Arc<Semaphore> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = turns
            .entry(node.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(OUTSTANDING)));
        Arc::clone(turn)
    }

    /// What a node says of its load.
    pub(crate) fn report(&self, node: &NodeId, in_flight: u32, latency: Duration) {
        if let Some(load) = self.seen().loads.get(node) {
            load.report(in_flight, latency);
        }
    }

    /// The services that take broadcasts of a type.
    pub(crate) fn broadcast_services(&self, name: &str) -> Vec<Arc<str>> {
        self.seen()
            .services
            .iter()
            .filter(|(_, (record, _))| record.takes_broadcasts(name))
            .map(|(service, _)| Arc::clone(service))
            .collect()
    }

    /// The live nodes, now.
    pub(crate) fn members(&self) -> Members {
        let mut members = self.members.borrow().clone();
        members.silence = self.seen().heard.elapsed();
        members
    }

    pub(crate) fn watch_members(&self) -> watch::Receiver<Members> {
        self.members.subscribe()
    }

    /// This node in its present life.
    pub(super) fn owner(&self) -> Owner {
        Owner {
            node: self.me.clone(),
            incarnation: self.own().record.incarnation,
        }
    }

    /// Whether that is this very process, in this life or a former one.
    pub(super) fn was(&self, owner: &Owner) -> bool {
        owner.node == self.me && self.own().lives.contains(&owner.incarnation)
    }

    /// Whether the service handles nothing of what is stored for now.
    pub(crate) fn is_paused(&self) -> bool {
        let seen = self.seen();
        let service = seen.services.get(&self.service);
        service.is_some_and(|(record, _)| record.paused)
    }

    /// Tells the engine whether anything may start: not while the service is paused, nor while this
    /// node is dead to the others.
    pub(super) fn hold_still(&self) {
        let may_start = self.lease.is_valid() && !self.is_paused();
        self.handover.pause(!may_start);
    }

    /// The number of this node's present life.
    pub(crate) fn life(&self) -> u64 {
        self.own().record.incarnation
    }

    /// Whether another live node of the service handles stored messages of a type, also one that
    /// is about to leave: it may be back before anybody misses it.
    pub(crate) fn is_known_elsewhere(&self, name: &str) -> bool {
        let members = self.members();
        let mut others = members.iter().filter(|member| !member.local);
        others.any(|member| member.record.service == self.service && member.stores(name))
    }

    /// Whether all who live have had the time to be heard of. To a node that has just begun, or whose
    /// broker was away, others seem dead who only come a little later.
    pub(crate) fn has_heard_all(&self) -> bool {
        self.lease.has_run_for(self.settings.node_timeout)
    }

    /// What this node owns now, with the epochs.
    pub(crate) fn partitions(&self) -> BTreeMap<u32, u64> {
        let tenures = self.tenures().into_iter();
        tenures
            .map(|(number, tenure)| (number, tenure.epoch))
            .collect()
    }

    /// What this node owns now.
    fn tenures(&self) -> BTreeMap<u32, Tenure> {
        if !self.lease.is_valid() {
            return BTreeMap::new();
        }
        let me = self.owner();
        let seen = self.seen();
        let Some((record, _)) = seen.owners.get(&self.service) else {
            return BTreeMap::new();
        };
        (0..)
            .zip(&record.partitions)
            .filter(|(number, partition)| {
                partition.owner.as_ref() == Some(&me) && !seen.is_releasing(*number)
            })
            .map(|(number, partition)| {
                let tenure = Tenure {
                    epoch: partition.epoch,
                    after_crash: seen.after_crash.contains(&number),
                };
                (number, tenure)
            })
            .collect()
    }

    /// The epoch of the partition with this hash, if this node owns it.
    pub(crate) fn epoch_of(&self, hash: u32) -> Option<u64> {
        self.handover
            .epoch(partition_of(hash, self.settings.partitions))
    }

    /// Whether this node may handle a call with this hash of its key, by its own clock: what
    /// another node asks of it.
    pub(crate) fn takes(&self, name: &str, hash: u32) -> bool {
        let stands_in = || {
            let partition = partition_of(hash, self.settings.partitions);
            self.view().stands_in(name, partition)
        };
        (self.is_here(hash) || stands_in()) && self.lease.is_valid()
    }

    /// Whether a call that has the turn of its key may start, by this node's own clock. Where this
    /// node stands in for the owner, its turns say nothing of what is stored.
    pub(crate) fn may_take_turn(&self, name: &str, hash: u32) -> bool {
        let partition = partition_of(hash, self.settings.partitions);
        self.lease.is_valid() && !self.view().stands_in(name, partition)
    }

    /// Makes the view anew and swaps it in.
    pub(super) fn rebuild(&self) {
        let _turn = (self.rebuilding.lock()).unwrap_or_else(PoisonError::into_inner);
        let timeout = self.settings.node_timeout;
        let own = self.own().record.clone();
        let leased = self.lease.is_valid();
        let (members, view) = {
            let mut seen = self.seen();
            let mut members: Vec<Member> = seen
                .observed
                .live(seen.clock(), timeout)
                .filter(|(id, _)| **id != self.me)
                .map(|(id, record)| Member {
                    id: id.clone(),
                    record: record.clone(),
                    local: false,
                })
                .collect();
            // This node knows itself better than the store does.
            let at = members.partition_point(|member| member.id < self.me);
            members.insert(
                at,
                Member {
                    id: self.me.clone(),
                    record: own,
                    local: true,
                },
            );
            let members: Arc<[Member]> = members.into();
            let view = View::build(&members, leased, &mut seen);
            (
                Members {
                    silence: seen.heard.elapsed(),
                    members,
                },
                view,
            )
        };
        self.handover.hold(self.tenures());
        self.hold_still();
        self.prepare(&view);
        {
            // Nodes that are gone for good leave nothing behind.
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|node, turn| {
                Arc::strong_count(turn) > 1 || members.get(node.as_str()).is_some()
            });
        }
        for (number, flag) in self.here.iter().enumerate() {
            let here = view.here.get(number).is_some_and(|here| *here);
            flag.store(here, Ordering::Relaxed);
        }
        self.alone.store(view.alone, Ordering::Relaxed);
        self.view.store(Arc::new(view));
        self.members.send_if_modified(|known| {
            let changed = !same_nodes(&known.members, &members.members);
            *known = members;
            changed
        });
    }

    /// Shows a view to the strategies before it is routed by.
    fn prepare(&self, view: &View) {
        for (name, strategy) in self.strategies.iter() {
            let nodes = view.nodes(name);
            let prepared = catch_unwind(AssertUnwindSafe(|| strategy.prepare(nodes)));
            if prepared.is_err() {
                // Of the cluster's own tasks none may end by it.
                tracing::error!(target: "catga", node = %self.me, message = name, "`Strategy::prepare` panicked");
            }
        }
    }

    /// Whether the node has left, or does nothing more.
    pub(crate) fn has_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    /// Completes once the node has left.
    pub(super) async fn stopped(&self) {
        let mut stopped = self.stopped.subscribe();
        // The sender is a field of `self`, so it cannot be gone.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("me", &self.me)
            .field("service", &self.service)
            .field("transport", &self.transport)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Whether two pictures differ in more than beats.
fn same_nodes(one: &[Member], other: &[Member]) -> bool {
    let key = |member: &Member| {
        let record = &member.record;
        (
            member.id.clone(),
            record.incarnation,
            record.draining,
            Arc::clone(&record.handles),
        )
    };
    one.iter().map(key).eq(other.iter().map(key))
}
