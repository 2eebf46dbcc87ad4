//! The front door: messages of programs that know nothing of catga.
//!
//! One node at a time reads it and stores each message for the services that take it, in order. A
//! message leaves the door once it is stored, or is a dead letter of the door.

mod key;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::{Instant, sleep};

use super::Engine;
use super::item::Content;
use super::letters::Death;
use super::store::answer;
use crate::node::Core;
use crate::telemetry::Chain;
use crate::transport::{
    Ack, AppendError, Appended, DOOR, Entry, Generation, Intake, Received, Release, Taken,
    TransportError,
};

/// How many messages are taken at once.
const BATCH: usize = 500;

/// Attends the door whenever this node has it, until the node stops.
pub(super) async fn run(core: Arc<Core>, engine: Arc<Engine>) {
    let mut number: u64 = 0;
    loop {
        match engine.cluster.claim_door().await {
            Ok(true) => {
                number += 1;
                let attended = attend(&core, &engine, number).await;
                if let Err(error) = attended {
                    tracing::warn!(target: "catga", node = %core.id, error = %Chain(&error), "the front door could not be attended; it is tried again");
                }
            }
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(target: "catga", node = %core.id, error = %Chain(&error), "nobody knows who has the front door; it is asked again");
            }
        }
        let pause = engine.cluster.settings.heartbeat;
        let drained = pin!(engine.drains());
        if let Either::Right(_) = select(pin!(sleep(pause)), drained).await {
            return;
        }
    }
}

/// Reads the door until that breaks, or this node has it no more.
async fn attend(core: &Arc<Core>, engine: &Arc<Engine>, number: u64) -> Result<(), TransportError> {
    let cluster = &engine.cluster;
    let queues = cluster.transport.queues();
    let service: Arc<str> = DOOR.into();
    let provision = queues.provision(&service, 1);
    cluster.limited("make the front door", provision).await?;
    let generation = Generation {
        service,
        name: format!("{}-{}-door-{number}", cluster.me, cluster.life()),
    };
    let open = queues.open(&generation, &[0]);
    let opened = cluster.limited("open the front door", open).await?;
    let door = Door {
        core,
        engine,
        generation,
    };
    let drained = pin!(engine.drains());
    let read = pin!(door.read(opened.intake));
    let read = match select(read, drained).await {
        Either::Left((read, _)) => read,
        Either::Right(_) => Ok(()),
    };
    let close = queues.close(&door.generation);
    let _ = cluster.limited("close the front door", close).await;
    read
}

struct Door<'a> {
    core: &'a Arc<Core>,
    engine: &'a Arc<Engine>,
    generation: Generation,
}

impl Door<'_> {
    async fn read(&self, mut intake: Box<dyn Intake>) -> Result<(), TransportError> {
        let mut last = 0;
        loop {
            let look = self.engine.cluster.settings.heartbeat;
            let timer = pin!(sleep(look));
            let next = select(intake.next(BATCH), timer).await;
            // Whoever has the door now reads it anew.
            if !self.engine.cluster.claim_door().await? {
                return Ok(());
            }
            let taken = match next {
                Either::Left((Some(taken), _)) => taken,
                Either::Left((None, _)) => return Ok(()),
                Either::Right(_) => continue,
            };
            match taken {
                Taken::Idle { last: sent } if sent > last => return Ok(()),
                Taken::Idle { .. } => {}
                Taken::Entries(entries) => {
                    let first = entries.first().map(|entry| entry.number);
                    if first.is_some_and(|first| first != last + 1) {
                        return Ok(());
                    }
                    last = entries.last().map_or(last, |entry| entry.number);
                    self.pass_on(entries).await?;
                }
            }
        }
    }

    /// Stores messages for those who take them, in their order, and acknowledges what is stored.
    async fn pass_on(&self, entries: Vec<Received>) -> Result<(), TransportError> {
        let deadline = Instant::now() + self.engine.cluster.settings.node_timeout;
        let mut passed = Vec::with_capacity(entries.len());
        for received in entries {
            let ack = Ack {
                partition: received.partition,
                position: received.position,
                number: received.number,
            };
            let content = match received.entry {
                Ok(entry) => self.engine.admit(&entry).map(|takers| (entry, takers)),
                Err(malformed) => Err((Content::Malformed(Arc::new(malformed)), Death::Unreadable)),
            };
            match content {
                Ok((entry, admitted)) => {
                    let handed: Vec<_> = admitted
                        .takers
                        .iter()
                        .map(|taker| {
                            let (engine, core) = (self.engine, self.core);
                            engine.hand_over(core, taker, &admitted.entry, true, deadline)
                        })
                        .collect();
                    passed.push((ack, entry, handed));
                }
                Err((content, death)) => self.bury(&content, &death, ack).await?,
            }
        }
        let mut acks = Vec::with_capacity(passed.len());
        let mut failed = None;
        for (ack, entry, handed) in passed {
            let mut too_large = None;
            for handed in handed {
                match answer(handed).await {
                    Ok(_) => {}
                    Err(error @ AppendError::TooLarge { .. }) => too_large = Some(error),
                    Err(error) => failed = Some(error),
                }
            }
            match (&failed, too_large) {
                (None, None) => acks.push(ack),
                (None, Some(error)) => {
                    let death = Death::Refused(error.to_string());
                    self.bury(&Content::Foreign(entry), &death, ack).await?;
                }
                // It comes again, with all that follow.
                (Some(_), _) => break,
            }
        }
        let cluster = &self.engine.cluster;
        if !acks.is_empty() {
            let ack = cluster.transport.queues().ack(&self.generation, &acks);
            cluster
                .limited("acknowledge at the front door", ack)
                .await?;
        }
        match failed {
            None => Ok(()),
            Some(error) => Err(TransportError::new(
                "store a message of the front door",
                error,
            )),
        }
    }

    async fn bury(
        &self,
        content: &Content,
        death: &Death<'_>,
        ack: Ack,
    ) -> Result<(), TransportError> {
        tracing::error!(
            target: "catga",
            node = %self.core.id,
            position = ack.position.sequence,
            why = death.chain(content).join(": "),
            "a message of the front door is a dead letter"
        );
        let id = format!("door-{}-{}", ack.position.sequence, ack.position.stored);
        let letter = death.letter(self.core, content);
        let release = Some(Release::Partition(&self.generation, ack));
        let queues = self.engine.cluster.transport.queues();
        let bury = queues.bury(&self.generation.service, &id, &letter, release);
        let wait = Duration::from_millis(100);
        match self
            .engine
            .cluster
            .limited("write a dead letter", bury)
            .await
        {
            Ok(()) => Ok(()),
            Err(error) => {
                sleep(wait).await;
                Err(error)
            }
        }
    }
}

/// A message that somebody takes.
struct Admitted {
    entry: Arc<Entry>,
    takers: Arc<[crate::cluster::Taker]>,
}

impl Engine {
    /// Stores one message for those who take it now.
    pub(super) async fn pass_on(
        &self,
        core: &Core,
        entry: &Arc<Entry>,
        deadline: Instant,
    ) -> Result<Appended, AppendError> {
        let admitted = self.admit(entry).map_err(|(content, death)| {
            let why = death.chain(&content).join(": ");
            AppendError::Transport(TransportError::new("store a message", why))
        })?;
        let mut appended = Appended::New;
        for taker in admitted.takers.iter() {
            let handed = self.hand_over(core, taker, &admitted.entry, true, deadline);
            if answer(handed).await? == Appended::Repeated {
                appended = Appended::Repeated;
            }
        }
        Ok(appended)
    }

    /// Who takes a message, and the message with its key.
    fn admit(&self, entry: &Arc<Entry>) -> Result<Admitted, (Content, Death<'static>)> {
        let view = self.cluster.view();
        let Some(takers) = view.takers(&entry.name).cloned() else {
            return Err((Content::Foreign(Arc::clone(entry)), Death::UnknownType));
        };
        drop(view);
        let paths = self.cluster.key_paths(&entry.name).unwrap_or_default();
        if entry.key.is_some() || paths.is_empty() {
            let keyless = paths.is_empty() && entry.key.is_some();
            let mut entry = Arc::clone(entry);
            if keyless {
                // Its services do not know it as keyed: it has no order.
                Arc::make_mut(&mut entry).key = None;
            }
            return Ok(Admitted { entry, takers });
        }
        match key::of(entry, &paths) {
            Ok(key) => {
                let mut keyed = Entry::clone(entry);
                keyed.key = Some(key.into());
                Ok(Admitted {
                    entry: Arc::new(keyed),
                    takers,
                })
            }
            Err(why) => Err((Content::Foreign(Arc::clone(entry)), Death::Refused(why))),
        }
    }
}
