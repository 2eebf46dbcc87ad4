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
use super::letters::BurialCause;
use super::store::answer;
use super::writer::{Handed, How};
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

/// A message that is on its way to those who take it, or why it is not.
type HandedOver = Result<(Arc<Entry>, Vec<Handed>), (Content, BurialCause<'static>)>;

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
                Taken::Entries(mut entries) => {
                    let numbers = entries.iter().map(|entry| entry.number);
                    let whole = numbers.zip(last + 1..).take_while(|(is, due)| is == due);
                    let whole = whole.count();
                    // Behind a gap nothing is taken: it is read anew.
                    let gap = whole < entries.len();
                    entries.truncate(whole);
                    last += whole as u64;
                    self.pass_on(entries).await?;
                    if gap {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Stores messages for those who take them, in their order, and acknowledges what is stored.
    async fn pass_on(&self, entries: Vec<Received>) -> Result<(), TransportError> {
        let deadline = Instant::now() + self.engine.cluster.settings.node_timeout;
        // All at once, with nothing awaited in between: where a queue has no room for one of them,
        // what waits behind it is refused as well, and nothing is stored out of turn.
        let passed: Vec<_> = entries
            .into_iter()
            .map(|received| self.hand_over(received, deadline))
            .collect();
        let mut acks = Vec::with_capacity(passed.len());
        let mut failed = None;
        for (ack, handed) in passed {
            let (content, death) = match handed {
                Ok((entry, handed)) => {
                    let mut too_large = None;
                    for handed in handed {
                        match answer(handed).await {
                            Ok(_) => {}
                            Err(error @ AppendError::TooLarge { .. }) => too_large = Some(error),
                            Err(error) => failed = Some(error),
                        }
                    }
                    match too_large {
                        // It comes again, with all that follow.
                        _ if failed.is_some() => break,
                        Some(error) => (
                            Content::Foreign(entry),
                            BurialCause::Refused(error.to_string()),
                        ),
                        None => {
                            acks.push(ack);
                            continue;
                        }
                    }
                }
                Err(refused) => refused,
            };
            self.bury(&content, &death, ack).await?;
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

    /// Hands a message over to the queues of those who take it.
    fn hand_over(&self, received: Received, deadline: Instant) -> (Ack, HandedOver) {
        let ack = Ack {
            partition: received.partition,
            position: received.position,
            number: received.number,
        };
        let entry = match received.entry {
            Ok(entry) => entry,
            Err(malformed) => {
                let content = Content::Malformed(Arc::new(malformed));
                return (ack, Err((content, BurialCause::Unreadable)));
            }
        };
        let handed = self.engine.admit(&entry).map(|admitted| {
            let takers = admitted.takers.iter().map(|taker| {
                let (engine, core) = (self.engine, self.core);
                engine.hand_over(core, taker, &admitted.entry, How::given(deadline))
            });
            (entry, takers.collect())
        });
        (ack, handed)
    }

    async fn bury(
        &self,
        content: &Content,
        death: &BurialCause<'_>,
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
            let handed = self.hand_over(core, taker, &admitted.entry, How::given(deadline));
            if answer(handed).await? == Appended::Repeated {
                appended = Appended::Repeated;
            }
        }
        Ok(appended)
    }

    /// Who takes a message, and the message with its key.
    fn admit(&self, entry: &Arc<Entry>) -> Result<Admitted, (Content, BurialCause<'static>)> {
        let view = self.cluster.view();
        let Some(takers) = view.takers(&entry.name).cloned() else {
            return Err((
                Content::Foreign(Arc::clone(entry)),
                BurialCause::UnknownType,
            ));
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
            Err(why) => Err((
                Content::Foreign(Arc::clone(entry)),
                BurialCause::Refused(why),
            )),
        }
    }
}
