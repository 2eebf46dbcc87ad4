//! Which keys and channels belong to a namespace.

use std::fmt;

use crate::transport::{DOOR, Part, Queue};

/// The namespace of whoever names none.
pub(super) const DEFAULT: &str = "catga";

/// The names of one namespace.
///
/// Keys of one hash tag are in one slot, so that a script may touch all of them. Channels know no
/// databases, so they carry its number.
#[derive(Debug, Clone)]
pub(super) struct Names {
    namespace: Box<str>,
    channels: Box<str>,
}

impl Names {
    pub(super) fn new(namespace: &str, database: i64) -> Self {
        Self {
            namespace: namespace.into(),
            channels: format!("{namespace}:{database}").into(),
        }
    }

    /// A key of what the whole namespace shares.
    pub(super) fn cluster(&self, what: &str) -> String {
        format!("{}:{{cluster}}:{what}", self.namespace)
    }

    /// A key of what belongs to one service. The door has its stream where others find it, and the
    /// rest in the slot of that.
    pub(super) fn service(&self, service: &str, what: impl fmt::Display) -> String {
        if service == DOOR {
            format!("{{{}:in}}:{what}", self.namespace)
        } else {
            format!("{}:{{{service}}}:{what}", self.namespace)
        }
    }

    /// The stream of a queue.
    pub(super) fn queue(&self, queue: &Queue) -> String {
        match queue.part {
            Part::Partition(partition) => self.partition(&queue.service, partition),
            Part::Shared => self.service(&queue.service, "q:shared"),
        }
    }

    /// The stream of a partition.
    pub(super) fn partition(&self, service: &str, partition: u32) -> String {
        if (service, partition) == (DOOR, 0) {
            format!("{}:in", self.namespace)
        } else {
            self.service(service, format_args!("q:{partition}"))
        }
    }

    /// Which partition of a service has this stream.
    pub(super) fn partition_of(&self, service: &str, stream: &str) -> Option<u32> {
        if stream == self.partition(service, 0) {
            return Some(0);
        }
        let partition = stream.strip_prefix(&self.service(service, "q:"))?;
        partition.parse().ok()
    }

    /// The stream where published events of a topic or type can be seen.
    pub(super) fn tap(&self, topic: &str) -> String {
        format!("{}:ev:{topic}", self.namespace)
    }

    /// Where changes of the records are told.
    pub(super) fn changes(&self) -> String {
        format!("{}:changes", self.channels)
    }

    /// Where it is told that something was given back to the shared queue of a service.
    pub(super) fn given_back(&self, service: &str) -> String {
        format!("{}:back:{service}", self.channels)
    }

    /// A node's inbox, at a server. A cluster carries what is published to all of its servers, but
    /// counts only those who listen at the one where it was published: who listens at another must
    /// not get it, for it counts as not delivered.
    pub(super) fn inbox(&self, server: &str, node: &str) -> String {
        match server {
            "" => format!("{}:node:{node}", self.channels),
            _ => format!("{}:node:{node}@{server}", self.channels),
        }
    }

    /// Where one connection waits for answers.
    pub(super) fn answers(&self, token: &str) -> String {
        format!("{}:answers:{token}", self.channels)
    }

    /// What comes before the subject of a broadcast.
    pub(super) fn subjects(&self) -> String {
        format!("{}:on:", self.channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_in_one_slot() {
        let names = Names::new("test", 0);
        let part = |service: &str, part| Queue {
            service: service.into(),
            part,
        };
        assert_eq!(
            names.queue(&part("shop", Part::Partition(7))),
            "test:{shop}:q:7"
        );
        assert_eq!(
            names.queue(&part("shop", Part::Shared)),
            "test:{shop}:q:shared"
        );
        assert_eq!(names.service("shop", "dead"), "test:{shop}:dead");
        assert_eq!(names.queue(&part(DOOR, Part::Partition(0))), "test:in");
        // The same slot: what is in braces is all that counts.
        assert_eq!(names.service(DOOR, "dead"), "{test:in}:dead");
    }

    #[test]
    fn a_partition_is_known_by_its_stream() {
        let names = Names::new("test", 0);
        for (service, partition) in [("shop", 0), ("shop", 31), (DOOR, 0)] {
            let stream = names.partition(service, partition);
            assert_eq!(names.partition_of(service, &stream), Some(partition));
        }
        assert_eq!(names.partition_of("shop", "test:{shop}:q:shared"), None);
        assert_eq!(names.partition_of("shop", "test:in"), None);
    }
}
