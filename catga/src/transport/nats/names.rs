//! Which subjects, streams and buckets belong to a namespace.

use crate::transport::{DOOR, Part};

/// The namespace of whoever names none.
pub(super) const DEFAULT: &str = "catga";

/// The names of one namespace. No name has a `_` or a `.`, so they separate.
#[derive(Debug, Clone)]
pub(super) struct Names {
    namespace: Box<str>,
}

impl Names {
    pub(super) fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.into(),
        }
    }

    /// The bucket of what the whole namespace shares.
    pub(super) fn cluster(&self) -> String {
        format!("{}_cluster", self.namespace)
    }

    /// The bucket of small values that nobody watches.
    pub(super) fn seen(&self) -> String {
        format!("{}_seen", self.namespace)
    }

    /// The stream of a service's queues.
    pub(super) fn queues(&self, service: &str) -> String {
        match service {
            DOOR => format!("{}_in", self.namespace),
            service => format!("{}_q_{service}", self.namespace),
        }
    }

    /// All subjects of that stream.
    pub(super) fn all_queues(&self, service: &str) -> Vec<String> {
        match service {
            DOOR => vec![self.door(">")],
            service => vec![self.partition(service, "*"), self.shared(service)],
        }
    }

    /// The queue that has this part; none that programs without catga append to.
    pub(super) fn queue(&self, service: &str, part: Part) -> String {
        match part {
            Part::Partition(partition) => self.partition(service, &partition.to_string()),
            Part::Shared => self.shared(service),
        }
    }

    pub(super) fn partition(&self, service: &str, partition: &str) -> String {
        match service {
            DOOR => self.door(">"),
            service => format!("{}.q.{service}.p.{partition}", self.namespace),
        }
    }

    pub(super) fn shared(&self, service: &str) -> String {
        format!("{}.q.{service}.shared", self.namespace)
    }

    /// Where messages of a type come in that programs without catga send.
    pub(super) fn door(&self, name: &str) -> String {
        format!("{}.in.{name}", self.namespace)
    }

    /// The stream of all dead letters.
    pub(super) fn dead(&self) -> String {
        format!("{}_dead", self.namespace)
    }

    /// The dead letters of a service.
    pub(super) fn dead_of(&self, service: &str) -> String {
        format!("{}.dead.{service}", self.namespace)
    }

    /// Where events are told to programs without catga.
    pub(super) fn tap(&self, topic: &str) -> String {
        format!("{}.ev.{topic}", self.namespace)
    }

    /// A node's inbox.
    pub(super) fn inbox(&self, node: &str) -> String {
        format!("{}.node.{node}", self.namespace)
    }

    /// What is broadcast on a subject.
    pub(super) fn subject(&self, subject: &str) -> String {
        format!("{}.{subject}", self.namespace)
    }

    /// Where nobody listens.
    pub(super) fn nowhere(&self) -> String {
        format!("{}.nowhere", self.namespace)
    }

    /// The partition that a subject of a service's queues is of; none that exists for what is of no
    /// partition.
    pub(super) fn partition_of(service: &str, subject: &str) -> u32 {
        if service == DOOR {
            return 0;
        }
        // Names have no `.`, so it is the last token.
        let number = subject.rsplit('.').next();
        number
            .and_then(|number| number.parse().ok())
            .unwrap_or(u32::MAX)
    }

    /// The type that a subject of the front door is for.
    pub(super) fn name_of<'a>(&self, subject: &'a str) -> &'a str {
        subject.get(self.door("").len()..).unwrap_or_default()
    }
}
