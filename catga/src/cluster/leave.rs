use tokio::time::timeout;

use super::heartbeat::{self, Beat};
use super::member::MemberRecord;
use super::ownership;
use super::state::Cluster;
use crate::message::ContentType;
use crate::telemetry::Chain;
use crate::transport::RecordKey;

impl Cluster {
    /// Tells everyone that this node takes nothing new.
    pub(crate) async fn drain(&self) {
        self.own().record.draining = true;
        self.rebuild();
        if let outcome @ (Beat::Unconfirmed(_) | Beat::Taken) = heartbeat::beat(self).await {
            tracing::warn!(target: "catga", node = %self.me, ?outcome, "the others were not told that this node leaves");
        }
    }

    /// Gives away what this node owns.
    pub(crate) async fn release(&self) {
        if let Err(error) = ownership::release(self).await {
            tracing::warn!(target: "catga", node = %self.me, error = %Chain(&error), "partitions were not given away; they are taken over when this node is dead");
        }
    }

    /// Leaves: the record is removed, and nothing of the node goes on.
    pub(crate) async fn leave(&self) {
        self.stopped.send_replace(true);
        self.lease.end();
        // Otherwise it is removed by whoever finds it dead.
        let _ = timeout(2 * self.limit(), self.remove_own()).await;
    }

    async fn remove_own(&self) {
        // A beat that is under way would bring the record back.
        let _turn = self.beating.lock().await;
        let key = RecordKey::Member(self.me.clone());
        let mut revision = self.own().revision.take();
        for _ in 0..3 {
            if let Some(revision) = revision
                && self.remove(&key, revision).await.is_ok()
            {
                return;
            }
            // A reply was lost: what is there now?
            let Ok(Some(found)) = self.read(&key).await.map(|read| read.record) else {
                return;
            };
            let nonce = ContentType::Json
                .decode::<MemberRecord>(&found.value)
                .map(|record| record.nonce);
            if !nonce.is_ok_and(|nonce| nonce == self.own().record.nonce) {
                return;
            }
            revision = Some(found.revision);
        }
    }

    /// Stops at once, without a word: for the others the node is dead after `node_timeout`.
    pub(crate) fn vanish(&self) {
        self.stopped.send_replace(true);
        self.lease.end();
    }
}
