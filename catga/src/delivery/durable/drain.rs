use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::release::write_tails;
use super::term::Term;
use super::{Engine, acks};
use crate::transport::TransportError;

/// How long a node that leaves has for the broker where its handlers took all the time.
pub(crate) const LAST_WORD: Duration = Duration::from_secs(2);

/// How a drain ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drained {
    /// How many attempts were dropped.
    pub(crate) dropped: usize,
    /// Whether the broker has what the next owners have to know.
    pub(crate) is_told: bool,
    /// How long the node asks a broker that is away.
    pub(crate) until: Instant,
}

impl Engine {
    /// Starts nothing new, and waits until what runs has ended or the time is up: then it is
    /// dropped. Afterwards nothing of the node's partitions is read, and what the next owners have
    /// to know is written down, if the broker is there in time.
    pub(crate) async fn drain(self: &Arc<Self>, deadline: Instant) -> Drained {
        // What it owns, also if its lease runs out while the broker is away.
        let partitions = self.held();
        self.draining.send_replace(true);
        self.shared.term.stop();
        // At once: the intake may be waiting for the broker.
        for term in self.terms().values() {
            term.stop();
        }
        self.due.notify_one();
        let mut drained = self.drained.subscribe();
        let terms = || -> Vec<Arc<Term>> { self.terms().values().cloned().collect() };
        let mut ended = None;
        let finished = timeout_at(deadline, async {
            self.shared.term.idle().await;
            for term in terms() {
                term.idle().await;
            }
            ended = Some(Instant::now());
            let _ = drained.wait_for(|drained| *drained).await;
        })
        .await;
        let terms = terms();
        let running = terms.iter().map(|term| term.count()).sum::<usize>();
        let dropped = match finished {
            Ok(()) => 0,
            Err(_) => running + self.shared.term.count(),
        };
        // Also where the last handler ended just in time.
        let mut until = deadline.max(ended.unwrap_or_else(Instant::now) + LAST_WORD);
        if finished.is_err() {
            self.end_all();
            if dropped > 0 {
                let _ = timeout(LAST_WORD, async {
                    for term in &terms {
                        term.idle().await;
                    }
                })
                .await;
                until = Instant::now() + LAST_WORD;
            }
            let _ = timeout_at(until, drained.wait_for(|drained| *drained)).await;
        }
        let acknowledge = self
            .cluster
            .owe("acknowledge what it handled", until, || acknowledge(self));
        let acknowledged = acknowledge.await;
        let written = write_tails(self, partitions, until).await;
        self.end_all();
        let is_told = acknowledged && written;
        if is_told {
            // What is not given back is hidden from the others for a while.
            let _ = timeout(LAST_WORD, self.shared.left.idle()).await;
        }
        Drained {
            dropped,
            is_told,
            until,
        }
    }

    /// Whether every term has been ended, and no other one is to begin.
    pub(super) fn has_ended(&self) -> bool {
        self.shared.term.has_ended()
    }

    /// Ends every term: what runs is dropped.
    pub(super) fn end_all(&self) {
        for term in self.terms().values() {
            term.end();
        }
        self.shared.term.end();
        self.due.notify_one();
    }
}

async fn acknowledge(engine: &Engine) -> Result<(), TransportError> {
    if acks::send(engine).await {
        Ok(())
    } else {
        let error = "what came from the shared queue is not settled";
        Err(TransportError::new("acknowledge messages", error))
    }
}
