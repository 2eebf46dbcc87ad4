//! The verbs that hand a message over and do not wait for its handlers.

mod begun;
mod error;
mod future;
mod receipt;
mod replay;
mod under_way;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

pub use error::StoreError;
pub use future::StoreFuture;
pub use receipt::{Broadcast, Published, Stored};
pub(super) use replay::replay;
pub(super) use under_way::UnderWay;

use begun::Begun;
use receipt::Services;

use super::{Core, Options, coarse_now, remote, time_of};
use crate::cluster::Taker;
use crate::delivery::{self, Appending, Engine, Envelope, How, NotStored, Queue};
use crate::handler::Key;
use crate::message::{Command, Event, Headers, Message, MessageId, MessageInfo};
use crate::routing::topic_of;

/// Makes the receipt of what is stored, from its id, whether it was stored before
/// and for whom it is.
type Receipt<T> = fn(MessageId, bool, Services) -> T;

pub(super) fn enqueue<M: Command>(
    core: &Arc<Core>,
    options: Option<Box<Options>>,
    child: bool,
    command: M,
) -> StoreFuture<'_, Stored> {
    let takers = takers::<M>(core);
    let new = if takers.is_none() && !handles::<M>(core) {
        Err(StoreError::NoService {
            message: M::info().name(),
        })
    } else {
        New::of(core, options, child, takers, &command)
    };
    StoreFuture::new(core, new, |id, repeated, _| Stored { id, repeated })
}

pub(super) fn publish<M: Event>(
    core: &Arc<Core>,
    options: Option<Box<Options>>,
    child: bool,
    event: M,
) -> StoreFuture<'_, Published> {
    let takers = takers::<M>(core);
    let taps = core.tap && core.engine.is_some();
    let new = if takers.is_none() && !taps && !handles::<M>(core) {
        if let Some(row) = core.table.row(M::info()) {
            row.pass_over(core, M::info(), "publish");
        }
        Ok(New::unheard::<M>(options, child))
    } else {
        let mut new = New::of(core, options, child, takers, &event);
        if taps && let Ok(new) = &mut new {
            new.tap = Some(Tap {
                topic: topic_of(&event),
            });
        }
        new
    };
    StoreFuture::new(core, new, |id, repeated, services| Published {
        id,
        repeated,
        services,
    })
}

/// The services of the cluster that take stored messages of a type.
fn takers<M: Message>(core: &Core) -> Option<Arc<[Taker]>> {
    let cluster = core.cluster.as_ref()?;
    cluster.view().takers(M::info().name()).cloned()
}

/// Whether this node takes stored messages of a type, where there is no cluster.
fn handles<M: Message>(core: &Core) -> bool {
    core.cluster.is_none()
        && core
            .table
            .row(M::info())
            .is_some_and(|row| !row.handlers.is_empty())
}

/// How an event is shown to programs that know nothing of catga.
struct Tap {
    topic: Option<String>,
}

/// A message that is to be stored.
struct New {
    message: &'static MessageInfo,
    id: MessageId,
    /// `None` where nobody takes it.
    envelope: Option<Arc<Envelope>>,
    /// The services of a cluster that take it.
    takers: Option<Arc<[Taker]>>,
    /// Whether programs that know nothing of catga see it, and how.
    tap: Option<Tap>,
    /// `None` for a message that has none.
    options: Option<Box<Options>>,
    /// Whether a handler stores it.
    child: bool,
}

impl New {
    fn of<M: Message>(
        core: &Core,
        mut options: Option<Box<Options>>,
        child: bool,
        takers: Option<Arc<[Taker]>>,
        message: &M,
    ) -> Result<Self, StoreError> {
        let envelope = Arc::new(envelope(core, options.as_deref_mut(), message)?);
        Ok(Self {
            message: envelope.info,
            id: envelope.id,
            envelope: Some(envelope),
            takers,
            tap: None,
            options,
            child,
        })
    }

    fn unheard<M: Message>(options: Option<Box<Options>>, child: bool) -> Self {
        let id = options.as_ref().and_then(|options| options.id);
        Self {
            message: M::info(),
            id: id.unwrap_or_else(MessageId::new),
            envelope: None,
            takers: None,
            tap: None,
            options,
            child,
        }
    }

    /// Whether its id did not come from chance.
    fn is_given(&self) -> bool {
        let options = self.options.as_ref();
        options.is_some_and(|options| options.id.is_some())
    }

    /// How long it may take to store it, and until when.
    fn limit(&self) -> (Duration, Instant) {
        let of_type = self.message.timeout();
        match &self.options {
            Some(options) => options.limit(of_type),
            None => Options::new().limit(of_type),
        }
    }

    fn refuse(&self, core: &Core) -> Result<(), StoreError> {
        let id = self.is_given().then_some(self.id);
        refuse(core, self.message, id, self.child)
    }

    /// Stores it if that needs no wait; `None` otherwise.
    #[inline]
    fn store_now(&mut self, core: &Core) -> Result<Option<(MessageId, Services)>, StoreError> {
        // Counted before the phase is looked at, so that a shutdown either refuses it or waits for
        // it.
        let entered = core.unfinished.entered();
        self.refuse(core)?;
        if self.is_given() || core.cluster.is_some() {
            // Somebody may be storing it at this moment.
            return Ok(self.envelope.is_none().then_some((self.id, Services::None)));
        }
        let Some(envelope) = self.envelope.take() else {
            return Ok(Some((self.id, Services::None)));
        };
        match core.queue.try_store(entered, envelope, self.child) {
            Ok(()) => Ok(Some((self.id, own(core)))),
            Err((envelope, NotStored::Full)) => {
                self.envelope = Some(envelope);
                Ok(None)
            }
            Err((_, why)) => Err(not_stored(self.message, self.id, Duration::ZERO, &why)),
        }
    }

    /// Stores it, waiting for room and for whoever stores the same.
    async fn store(self, core: &Core) -> Result<(MessageId, bool, Services), StoreError> {
        let entered = core.unfinished.entered();
        self.refuse(core)?;
        let (given, (timeout, deadline)) = (self.is_given(), self.limit());
        let Some(envelope) = self.envelope else {
            return Ok((self.id, false, Services::None));
        };
        Queue::store(core, entered, envelope, given, self.child, deadline)
            .await
            .map(|repeated| (self.id, repeated, own(core)))
            .map_err(|why| not_stored(self.message, self.id, timeout, &why))
    }

    /// Hands it over to the broker.
    fn append<'a>(self, core: &'a Core, engine: &Engine) -> Result<Begun<'a>, StoreError> {
        let entered = core.unfinished.entered();
        self.refuse(core)?;
        let (_, deadline) = self.limit();
        let appending = match (&self.takers, &self.envelope) {
            (Some(takers), Some(envelope)) => {
                let how = How {
                    given: self.is_given(),
                    strict: self.options.as_ref().is_some_and(|options| options.strict),
                    deadline,
                };
                engine.append(core, envelope, takers, how)
            }
            _ => Appending::default(),
        };
        Ok(Begun {
            message: self.message,
            id: self.id,
            deadline,
            appending,
            services: self.takers.map_or(Services::None, Services::Takers),
            shown: self.envelope.zip(self.tap).map(Box::new),
            _entered: entered,
        })
    }
}

/// The service of a node without a cluster.
fn own(core: &Core) -> Services {
    Services::Own(Arc::clone(&core.service))
}

fn not_stored(info: &MessageInfo, id: MessageId, after: Duration, why: &NotStored) -> StoreError {
    match why {
        NotStored::Full => StoreError::Full {
            message: info.name(),
            id,
            after: Some(after),
        },
        NotStored::Closed => StoreError::Refused {
            message: info.name(),
            id: Some(id),
        },
    }
}

fn refuse(
    core: &Core,
    message: &MessageInfo,
    id: Option<MessageId>,
    child: bool,
) -> Result<(), StoreError> {
    if core.lifecycle.refuses_from(child) {
        return Err(StoreError::Refused {
            message: message.name(),
            id,
        });
    }
    Ok(())
}

/// Takes the headers out of the options.
#[inline]
fn envelope<M: Message>(
    core: &Core,
    options: Option<&mut Options>,
    message: &M,
) -> Result<Envelope, StoreError> {
    let content_type = core.content_type;
    let payload =
        (M::CODEC.encode)(content_type, message).map_err(|source| StoreError::Encode {
            message: M::info().name(),
            source,
        })?;
    let (id, headers) = match options {
        Some(options) => (options.id, std::mem::take(&mut options.headers)),
        None => (None, Headers::new()),
    };
    let now = coarse_now();
    Ok(Envelope {
        id: id.unwrap_or_else(|| MessageId::made_at(now)),
        info: M::info(),
        made: time_of(now),
        key: message.text(),
        headers,
        content_type,
        payload,
        only: None,
        fence: None,
    })
}

pub(super) async fn broadcast<M: Event>(
    core: &Arc<Core>,
    options: Option<Box<Options>>,
    child: bool,
    event: M,
) -> Result<Broadcast, StoreError> {
    let mut options = options.unwrap_or_default();
    refuse(core, M::info(), options.id, child)?;
    let (timeout, _) = options.limit(M::info().timeout());
    let envelope = envelope(core, Some(&mut options), &event)?;
    drop(options);
    let topic = topic_of(&event);
    drop(event);
    let id = envelope.id;
    match &core.cluster {
        None => delivery::broadcast(core, envelope, topic.as_deref()),
        Some(cluster) => remote::broadcast(core, cluster, envelope, topic.as_deref(), timeout)
            .await
            .map_err(|source| StoreError::NotBroadcast {
                message: M::info().name(),
                id,
                source,
            })?,
    }
    Ok(Broadcast { id })
}
