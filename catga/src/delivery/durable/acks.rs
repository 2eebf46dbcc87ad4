use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use super::Engine;
use crate::telemetry::Chain;
use crate::transport::{Ack, Acked, Ticket};

/// How often the broker is asked what it has removed, while anything waits for that.
const PROVE_EVERY: Duration = Duration::from_secs(1);
/// The wait before another try.
const AGAIN: Duration = Duration::from_millis(100);

/// What is handled and not acknowledged yet. Whoever handles adds to it; one task empties it, so
/// that one acknowledgement is for many.
#[derive(Debug, Default)]
pub(super) struct Acks {
    state: Mutex<Unsent>,
    due: Notify,
    /// Held while acknowledgements are on their way.
    sending: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Unsent {
    /// The generation that received them.
    generation: u64,
    acks: Vec<Ack>,
    tickets: Vec<Ticket>,
}

impl Acks {
    /// What was received by this generation is acknowledged by it, and by no other.
    pub(super) fn add(&self, generation: u64, ack: Ack) {
        let mut state = self.state();
        if state.generation > generation {
            // It comes again.
            return;
        }
        if state.generation < generation {
            state.generation = generation;
            state.acks.clear();
        }
        state.acks.push(ack);
        drop(state);
        self.due.notify_one();
    }

    pub(super) fn settle(&self, ticket: Ticket) {
        self.state().tickets.push(ticket);
        self.due.notify_one();
    }

    /// Everything that waits: the acknowledgements with their generation, and the tickets.
    fn take(&self) -> (u64, Vec<Ack>, Settling<'_>) {
        let mut state = self.state();
        let tickets = std::mem::take(&mut state.tickets);
        let settling = Settling {
            acks: self,
            tickets,
        };
        (state.generation, std::mem::take(&mut state.acks), settling)
    }

    fn state(&self) -> MutexGuard<'_, Unsent> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tickets on their way. They wait again if they are not known to be settled, also where nobody
/// waits for that any more: their node lives, so they must not come again.
struct Settling<'a> {
    acks: &'a Acks,
    tickets: Vec<Ticket>,
}

impl Settling<'_> {
    fn done(mut self) {
        self.tickets.clear();
    }
}

impl Drop for Settling<'_> {
    fn drop(&mut self) {
        if !self.tickets.is_empty() {
            self.acks.state().tickets.append(&mut self.tickets);
            self.acks.due.notify_one();
        }
    }
}

/// Acknowledges until the node has stopped.
pub(super) async fn run(engine: Arc<Engine>) {
    loop {
        engine.acks.due.notified().await;
        if !send(&engine).await {
            sleep(AGAIN).await;
        }
    }
}

/// Acknowledges everything that is handled now. `false` if something has to be tried again.
pub(super) async fn send(engine: &Engine) -> bool {
    let _turn = engine.acks.sending.lock().await;
    let (generation, acks, settling) = engine.acks.take();
    if !acks.is_empty() {
        acknowledge(engine, generation, &acks).await;
    }
    if !settling.tickets.is_empty() {
        let queues = engine.cluster.transport.queues();
        let settle = queues.settle(&engine.service, &settling.tickets);
        let settled = engine.cluster.limited("acknowledge messages", settle).await;
        if let Err(error) = settled {
            if let Some(times) = engine.cluster.complaints.times("settle messages") {
                tracing::warn!(target: "catga", node = %engine.cluster.me, times, error = %Chain(&error), count = settling.tickets.len(), "messages that were handled could not be acknowledged; it is tried again");
            }
            return false;
        }
    }
    settling.done();
    true
}

async fn acknowledge(engine: &Engine, generation: u64, acks: &[Ack]) {
    let Some(name) = engine.generation(generation) else {
        // They come again, and are acknowledged then.
        return;
    };
    let queues = engine.cluster.transport.queues();
    let ack = queues.ack(&name, acks);
    match engine.cluster.limited("acknowledge messages", ack).await {
        Ok(Acked::Done) => {
            let mut by_partition: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
            for ack in acks {
                let sequences = by_partition.entry(ack.partition).or_default();
                sequences.push(ack.position.sequence);
            }
            for (partition, sequences) in by_partition {
                let mut partition = engine.partition(partition);
                for sequence in sequences {
                    partition.removed(sequence);
                }
            }
        }
        // What came of them is asked now and then.
        Ok(Acked::Sent) => {}
        Err(error) => {
            if let Some(times) = engine.cluster.complaints.times("acknowledge messages") {
                tracing::warn!(target: "catga", node = %engine.cluster.me, times, error = %Chain(&error), count = acks.len(), "messages that were handled could not be acknowledged; they are read again");
            }
            engine.doubt(generation);
        }
    }
}

/// Asks now and then what the broker has removed.
pub(super) async fn prove(engine: Arc<Engine>) {
    loop {
        sleep(PROVE_EVERY).await;
        for partition in engine.held() {
            prove_one(&engine, partition).await;
        }
    }
}

/// Forgets what the broker has removed of one partition, where it can have removed anything.
pub(super) async fn prove_one(engine: &Engine, partition: u32) {
    let Some(last) = engine.partition(partition).provable() else {
        return;
    };
    let queues = engine.cluster.transport.queues();
    let oldest = queues.oldest(&engine.service, partition);
    let oldest = engine.cluster.limited("look at a queue", oldest).await;
    // Otherwise it is asked again.
    if let Ok(oldest) = oldest {
        engine.partition(partition).proven(oldest, last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Position;

    #[test]
    fn a_ticket_waits_until_it_is_known_to_be_settled() {
        let acks = Acks::default();
        let position = Position {
            sequence: 1,
            stored: 1,
        };
        acks.settle(Ticket {
            position,
            token: "1".into(),
        });
        let (_, _, dropped) = acks.take();
        assert!(acks.state().tickets.is_empty());
        drop(dropped);
        let (_, _, settling) = acks.take();
        assert_eq!(settling.tickets.len(), 1);
        settling.done();
        assert!(acks.state().tickets.is_empty());
    }
}
