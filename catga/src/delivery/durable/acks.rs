use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use super::Engine;
use crate::telemetry::Chain;
use crate::transport::{Ack, Acked, Ticket};

/// How often the broker is asked what it has removed, while anything waits for that.
const PROVE_EVERY: Duration = Duration::from_secs(1);
/// It is asked at once when this many entries of a partition wait for it.
const MANY: usize = 4_096;
/// The wait before another try.
const AGAIN: Duration = Duration::from_millis(100);

/// What is handled and not acknowledged yet. Whoever handles adds to it; one task empties it, so
/// that one acknowledgement is for many.
#[derive(Debug, Default)]
pub(super) struct Acks {
    state: Mutex<Waiting>,
    due: Notify,
    prove_due: Notify,
    /// Held while acknowledgements are on their way.
    sending: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Waiting {
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

    /// They could not be settled: their node lives, so they must not come again.
    fn settle_again(&self, tickets: Vec<Ticket>) {
        self.state().tickets.extend(tickets);
        self.due.notify_one();
    }

    pub(super) fn prove(&self) {
        self.prove_due.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
    let Waiting {
        generation,
        acks,
        tickets,
    } = {
        let mut state = engine.acks.state();
        Waiting {
            generation: state.generation,
            acks: std::mem::take(&mut state.acks),
            tickets: std::mem::take(&mut state.tickets),
        }
    };
    if !acks.is_empty() {
        acknowledge(engine, generation, &acks).await;
    }
    if !tickets.is_empty() {
        let queues = engine.cluster.transport.queues();
        let settle = queues.settle(&engine.service, &tickets);
        let settled = engine.cluster.limited("acknowledge messages", settle).await;
        if let Err(error) = settled {
            tracing::warn!(target: "catga", node = %engine.cluster.me, error = %Chain(&error), count = tickets.len(), "messages that were handled could not be acknowledged; it is tried again");
            engine.acks.settle_again(tickets);
            return false;
        }
    }
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
        Ok(Acked::Sent) => {
            let many = acks
                .iter()
                .any(|ack| engine.partition(ack.partition).unproven() >= MANY);
            if many {
                engine.acks.prove();
            }
        }
        Err(error) => {
            tracing::warn!(target: "catga", node = %engine.cluster.me, error = %Chain(&error), count = acks.len(), "messages that were handled could not be acknowledged; they are read again");
            engine.doubt(generation);
        }
    }
}

/// Asks now and then what the broker has removed.
pub(super) async fn prove(engine: Arc<Engine>) {
    loop {
        let next = Instant::now() + PROVE_EVERY;
        let due = std::pin::pin!(engine.acks.prove_due.notified());
        let timer = std::pin::pin!(sleep_until(next));
        futures_util::future::select(due, timer).await;
        for partition in engine.held() {
            prove_one(&engine, partition).await;
        }
    }
}

/// Forgets what the broker has removed of one partition.
pub(super) async fn prove_one(engine: &Engine, partition: u32) {
    let Some(last) = engine.partition(partition).last_handled() else {
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
