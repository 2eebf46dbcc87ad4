use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::release::write_tails;
use super::{Engine, acks};

impl Engine {
    /// Starts nothing new, and waits until what runs has ended or the time is up: then it is
    /// dropped. Afterwards nothing of the node's partitions is read, and what the next owners have
    /// to know is written down. Returns how many attempts were dropped.
    pub(crate) async fn drain(self: &Arc<Self>, within: Duration) -> usize {
        self.draining.send_replace(true);
        self.taken.term.stop();
        self.due.notify_one();
        let mut drained = self.drained.subscribe();
        let finished = timeout(within, async {
            self.taken.term.idle().await;
            let _ = drained.wait_for(|drained| *drained).await;
        })
        .await;
        let partitions = self.held();
        let dropped = match finished {
            Ok(()) => 0,
            Err(_) => {
                let terms: Vec<_> = self.terms().values().cloned().collect();
                let running = terms.iter().map(|term| term.count()).sum::<usize>();
                let dropped = running + self.taken.term.count();
                self.end_all();
                let _ = timeout(self.cluster.limit(), async {
                    for term in &terms {
                        term.idle().await;
                    }
                    let _ = drained.wait_for(|drained| *drained).await;
                })
                .await;
                dropped
            }
        };
        acks::send(self).await;
        write_tails(self, &partitions).await;
        self.end_all();
        dropped
    }

    /// Whether every term has been ended, and no other one is to begin.
    pub(super) fn has_ended(&self) -> bool {
        self.taken.term.has_ended()
    }

    /// Ends every term: what runs is dropped.
    pub(super) fn end_all(&self) {
        for term in self.terms().values() {
            term.end();
        }
        self.taken.term.end();
        self.due.notify_one();
    }
}
