use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::heartbeat::{self, Beat};
use super::member::MemberRecord;
use super::ownership;
use super::state::Cluster;
use crate::message::ContentType;
use crate::telemetry::Chain;
use crate::transport::{RecordKey, TransportError};

/// The longest wait before another try.
const LONGEST: Duration = Duration::from_secs(1);

impl Cluster {
    /// Tells everyone that this node takes nothing new. If they do not hear of it within that time,
    /// the next heartbeat tells them.
    pub(crate) async fn drain(&self, within: Duration) {
        self.own().record.draining = true;
        self.rebuild();
        match timeout(within, heartbeat::beat(self)).await {
            Ok(Beat::Confirmed | Beat::Left) => {}
            outcome => {
                tracing::warn!(target: "catga", node = %self.me, ?outcome, "the others were not told that this node leaves");
            }
        }
    }

    /// Does something that a node that leaves owes the others: again and again, until it is done or
    /// the time is up. Whether it is done.
    pub(crate) async fn owe<T: Future<Output = Result<(), TransportError>>>(
        &self,
        what: &'static str,
        until: Instant,
        mut attempt: impl FnMut() -> T,
    ) -> bool {
        let mut wait = Duration::from_millis(10);
        let done = timeout_at(until, async {
            while let Err(error) = attempt().await {
                // What fails once a second from then on says nothing new.
                if wait < LONGEST {
                    tracing::warn!(target: "catga", node = %self.me, error = %Chain(&error), "a node that leaves could not {what}; it is tried again");
                }
                wait = (2 * wait).min(LONGEST);
                sleep(wait).await;
            }
        });
        let is_done = done.await.is_ok();
        if !is_done {
            tracing::error!(target: "catga", node = %self.me, "a node leaves and could not {what}");
        }
        is_done
    }

    /// Gives away what this node owns. Otherwise it is taken over when this node is dead.
    pub(crate) async fn release(&self, until: Instant) -> bool {
        let partitions = self.owe("give its partitions away", until, || {
            ownership::release(self)
        });
        let partitions = partitions.await;
        let door = self.owe("give the front door away", until, || self.leave_door());
        door.await && partitions
    }

    /// Leaves: the record is removed, and nothing of the node goes on. Otherwise it is removed by
    /// whoever finds it dead.
    pub(crate) async fn leave(&self, until: Instant) {
        self.vanish();
        let remove = self.owe("remove its record", until, || self.remove_own());
        remove.await;
    }

    /// The same for a node that did not start, which asks once.
    pub(crate) async fn withdraw(&self) {
        self.vanish();
        let _ = timeout(2 * self.limit(), self.remove_own()).await;
    }

    async fn remove_own(&self) -> Result<(), TransportError> {
        // A beat that is under way would bring the record back.
        let _turn = self.beating.lock().await;
        let key = RecordKey::Member(self.me.clone());
        let mut revision = self.own().revision.take();
        for _ in 0..3 {
            if let Some(revision) = revision
                && self.remove(&key, revision).await.is_ok()
            {
                return Ok(());
            }
            // A reply was lost: what is there now?
            let Some(found) = self.read(&key).await?.record else {
                return Ok(());
            };
            let nonce = ContentType::Json
                .decode::<MemberRecord>(&found.value)
                .map(|record| record.nonce);
            if !nonce.is_ok_and(|nonce| nonce == self.own().record.nonce) {
                return Ok(());
            }
            revision = Some(found.revision);
        }
        Err(TransportError::new("remove a record", "it kept changing"))
    }

    /// Stops at once, without a word: for the others the node is dead after `node_timeout`.
    pub(crate) fn vanish(&self) {
        self.stopped.send_replace(true);
        self.lease.end();
    }
}
