//! The streams that queues and dead letters lie in.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::Depot;
use crate::transport::nats::bucket::nanos;
use crate::transport::nats::error::Trouble;
use crate::transport::nats::stream::Info;
use crate::transport::{DOOR, Part};

/// For how long ids are remembered, so that nothing is stored twice.
const WINDOW: Duration = Duration::from_secs(120);

impl Depot {
    /// Makes the queues of a service and the place for dead letters, unless they are there.
    pub(super) async fn make(&self, service: &Arc<str>, partitions: u32) -> Result<(), Trouble> {
        self.make_queues(service).await?;
        self.make_dead().await?;
        let mut known = self
            .partitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known.insert(Arc::clone(service), partitions);
        Ok(())
    }

    /// Makes the queues of a service, unless they are there; which stream they are.
    pub(super) async fn make_queues(&self, service: &str) -> Result<Info, Trouble> {
        let name = self.names.queues(service);
        let subjects = self.names.all_queues(service);
        let what = match service {
            DOOR => "the stream of the front door".to_owned(),
            service => format!("the stream of the queues of `{service}`"),
        };
        let wanted = self.config(&name, &subjects, "workqueue");
        self.link.provision(&what, &wanted).await
    }

    /// Makes the place for dead letters, unless it is there.
    pub(super) async fn make_dead(&self) -> Result<(), Trouble> {
        if self.has_dead.load(Ordering::Acquire) {
            return Ok(());
        }
        let subjects = [self.names.dead_of(">")];
        let wanted = self.config(&self.names.dead(), &subjects, "limits");
        self.link
            .provision("the stream of dead letters", &wanted)
            .await?;
        self.has_dead.store(true, Ordering::Release);
        Ok(())
    }

    /// Which subjects a generation that owns these partitions reads: one for all of them, which
    /// costs the server least, if it owns them all.
    pub(super) fn filters(&self, service: &str, partitions: &[u32]) -> Vec<String> {
        let known = self
            .partitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let are_all = known
            .get(service)
            .is_some_and(|&known| (0..known).all(|partition| partitions.contains(&partition)));
        drop(known);
        if are_all || service == DOOR {
            return vec![self.names.partition(service, "*")];
        }
        let parts = partitions
            .iter()
            .map(|&partition| Part::Partition(partition));
        parts.map(|part| self.names.queue(service, part)).collect()
    }

    /// There is no bound to what is stored: who runs the server may set one.
    fn config(&self, name: &str, subjects: &[String], retention: &str) -> Value {
        let settings = self.link.settings();
        json!({
            "name": name,
            "subjects": subjects,
            "retention": retention,
            "storage": settings.storage.as_str(),
            "num_replicas": settings.replicas,
            "discard": "new",
            "max_age": 0,
            "max_msg_size": -1,
            "max_msgs_per_subject": -1,
            "max_consumers": -1,
            "duplicate_window": nanos(WINDOW),
            "mirror": null,
            "sources": null,
            "no_ack": false,
            "deny_delete": false,
        })
    }
}
