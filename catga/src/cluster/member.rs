use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::node::NodeId;
use crate::transport::Revision;

/// What a node writes of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MemberRecord {
    pub(super) service: Arc<str>,
    /// Which life of the node this is: a greater number for each.
    pub(super) incarnation: u64,
    /// Tells two processes apart that took the same name at the same time.
    pub(super) nonce: u64,
    /// Rises with each heartbeat.
    pub(super) beat: u64,
    /// The wire names of what it handles, sorted.
    pub(super) handles: Arc<[String]>,
    /// Those of them of which it handles no stored messages, only calls or broadcasts, sorted.
    #[serde(default)]
    pub(super) only_live: Arc<[String]>,
    pub(super) metadata: Arc<BTreeMap<String, String>>,
    pub(super) version: Arc<str>,
    /// It takes nothing new.
    pub(super) draining: bool,
    /// By service: the version of its record that the node has seen, and with it who takes what.
    pub(super) knows: Arc<BTreeMap<Arc<str>, u64>>,
}

impl MemberRecord {
    /// The node has seen this version of a service's record; `true` if that is news.
    pub(super) fn knows_of(&mut self, service: &Arc<str>, revision: Revision) -> bool {
        let news = self.knows.get(service) != Some(&revision.0);
        if news {
            Arc::make_mut(&mut self.knows).insert(Arc::clone(service), revision.0);
        }
        news
    }

    /// Whether the node has seen this version of a service's record, or a later one.
    pub(super) fn has_seen(&self, service: &str, revision: Revision) -> bool {
        self.knows
            .get(service)
            .is_some_and(|seen| *seen >= revision.0)
    }
}

/// A live node, as this node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub(super) id: NodeId,
    pub(super) record: MemberRecord,
    pub(super) local: bool,
}

impl Member {
    /// The node's name.
    #[must_use]
    pub const fn id(&self) -> &NodeId {
        &self.id
    }

    /// The service it belongs to.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.record.service
    }

    /// Which life of the node this is: a node that was taken for dead and came back has a greater
    /// one.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.record.incarnation
    }

    /// The wire names of the messages it handles, sorted.
    #[must_use]
    pub fn handles(&self) -> &[String] {
        &self.record.handles
    }

    pub(super) fn handles_message(&self, name: &str) -> bool {
        is_among(&self.record.handles, name)
    }

    /// Whether it handles stored messages of a type.
    pub(super) fn stores(&self, name: &str) -> bool {
        self.handles_message(name) && !is_among(&self.record.only_live, name)
    }

    /// The types of which it handles stored messages.
    pub(super) fn stored_types(&self) -> impl Iterator<Item = &str> {
        let handles = self.record.handles.iter().map(String::as_str);
        handles.filter(|name| !is_among(&self.record.only_live, name))
    }

    /// What the node was given with [`Builder::metadata`](crate::node::Builder::metadata).
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.record.metadata
    }

    /// The version of catga it runs.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.record.version
    }

    /// Whether it is shutting down and takes nothing new.
    #[must_use]
    pub const fn is_draining(&self) -> bool {
        self.record.draining
    }

    /// Whether it is this node.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        self.local
    }
}

fn is_among(sorted: &[String], name: &str) -> bool {
    sorted
        .binary_search_by(|known| known.as_str().cmp(name))
        .is_ok()
}

/// All live nodes, sorted by id, as this node saw them last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    pub(super) members: Arc<[Member]>,
    pub(super) silence: Duration,
}

impl Members {
    /// The nodes.
    pub fn iter(&self) -> std::slice::Iter<'_, Member> {
        self.members.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The node with this name.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Member> {
        self.members
            .binary_search_by(|member| member.id.as_str().cmp(id))
            .ok()
            .map(|at| &self.members[at])
    }

    /// For how long nothing was heard from the broker; the picture may be that old.
    #[must_use]
    pub const fn age(&self) -> Duration {
        self.silence
    }
}

impl<'a> IntoIterator for &'a Members {
    type Item = &'a Member;
    type IntoIter = std::slice::Iter<'a, Member>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
