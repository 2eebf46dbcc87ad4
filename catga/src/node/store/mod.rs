//! The verbs that hand a message over and do not wait for its handlers.

mod error;
mod future;
mod receipt;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

pub use error::StoreError;
pub use future::StoreFuture;
pub use receipt::{Broadcast, Published, Stored};

use super::options::after;
use super::{Core, Options, remote};
use crate::delivery::{self, DeadLetter, Envelope, NotStored, Queue};
use crate::handler::Key;
use crate::message::{Command, ContentType, Event, Message, MessageId, MessageInfo};
use crate::routing::topic_of;

/// Marks a message that was dead-lettered before.
const REPLAY: &str = "catga-replay";

/// Makes the receipt of what is stored, from its id and whether it was stored before.
type Receipt<T> = fn(&Core, MessageId, bool) -> T;

pub(super) fn enqueue<M: Command>(
    core: &Arc<Core>,
    options: Options,
    child: bool,
    command: M,
) -> StoreFuture<'_, Stored> {
    let new = if core.cluster.is_some() || handles::<M>(core) {
        New::of(options, child, &command)
    } else {
        Err(StoreError::NoService {
            message: M::info().name(),
        })
    };
    StoreFuture::new(core, new, |_, id, repeated| Stored { id, repeated })
}

pub(super) fn publish<M: Event>(
    core: &Arc<Core>,
    options: Options,
    child: bool,
    event: M,
) -> StoreFuture<'_, Published> {
    if core.cluster.is_none() && !handles::<M>(core) {
        let new = New::unheard::<M>(options, child);
        return StoreFuture::new(core, Ok(new), |_, id, repeated| Published {
            id,
            repeated,
            services: None,
        });
    }
    let new = New::of(options, child, &event);
    StoreFuture::new(core, new, |core, id, repeated| Published {
        id,
        repeated,
        services: Some(Arc::clone(&core.service)),
    })
}

fn handles<M: Message>(core: &Core) -> bool {
    core.table
        .row(M::info())
        .is_some_and(|row| !row.handlers.is_empty())
}

/// A message that is to be stored.
struct New {
    message: &'static MessageInfo,
    id: MessageId,
    /// `None` where nobody takes it.
    envelope: Option<Arc<Envelope>>,
    /// Whether its id did not come from chance.
    given: bool,
    /// Whether a handler stores it.
    child: bool,
    timeout: Option<Duration>,
    parent: Option<Instant>,
}

impl New {
    fn of<M: Message>(options: Options, child: bool, message: &M) -> Result<Self, StoreError> {
        let (timeout, parent) = (options.timeout, options.parent);
        let given = options.id.is_some();
        let envelope = envelope(options, message)?;
        Ok(Self {
            message: envelope.info,
            id: envelope.id,
            envelope: Some(Arc::new(envelope)),
            given,
            child,
            timeout,
            parent,
        })
    }

    fn unheard<M: Message>(options: Options, child: bool) -> Self {
        Self {
            message: M::info(),
            id: options.id.unwrap_or_else(MessageId::new),
            envelope: None,
            given: options.id.is_some(),
            child,
            timeout: None,
            parent: None,
        }
    }

    fn refuse(&self, core: &Core) -> Result<(), StoreError> {
        let id = self.given.then_some(self.id);
        refuse(core, self.message, id, self.child)
    }

    /// Stores it if that needs no wait; `None` otherwise.
    #[inline]
    fn store_now(&mut self, core: &Core) -> Result<Option<MessageId>, StoreError> {
        // Counted before the phase is looked at, so that a shutdown either refuses it or waits for
        // it.
        let entered = core.queue.unfinished.entered();
        self.refuse(core)?;
        if self.given || core.cluster.is_some() {
            // Somebody may be storing it at this moment.
            return Ok(self.envelope.is_none().then_some(self.id));
        }
        let Some(envelope) = self.envelope.take() else {
            return Ok(Some(self.id));
        };
        match core.queue.try_store(entered, envelope, self.child) {
            Ok(()) => Ok(Some(self.id)),
            Err((envelope, NotStored::Full)) => {
                self.envelope = Some(envelope);
                Ok(None)
            }
            Err((_, why)) => Err(not_stored(self.message, self.id, Duration::ZERO, &why)),
        }
    }

    /// Stores it, waiting for room and for whoever stores the same.
    async fn store(self, core: &Core) -> Result<(MessageId, bool), StoreError> {
        let entered = core.queue.unfinished.entered();
        self.refuse(core)?;
        if core.cluster.is_some() {
            return Err(StoreError::Clustered {
                message: self.message.name(),
            });
        }
        let Some(envelope) = self.envelope else {
            return Ok((self.id, false));
        };
        let options = Options {
            timeout: self.timeout,
            parent: self.parent,
            ..Options::new()
        };
        let (timeout, deadline) = options.limit(self.message.timeout());
        Queue::store(core, entered, envelope, self.given, self.child, deadline)
            .await
            .map(|repeated| (self.id, repeated))
            .map_err(|why| not_stored(self.message, self.id, timeout, &why))
    }
}

fn not_stored(info: &MessageInfo, id: MessageId, after: Duration, why: &NotStored) -> StoreError {
    match why {
        NotStored::Full => StoreError::Full {
            message: info.name(),
            id,
            after,
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

fn envelope<M: Message>(options: Options, message: &M) -> Result<Envelope, StoreError> {
    let content_type = ContentType::default();
    let payload =
        (M::CODEC.encode)(content_type, message).map_err(|source| StoreError::Encode {
            message: M::info().name(),
            source,
        })?;
    Ok(Envelope {
        id: options.id.unwrap_or_else(MessageId::new),
        info: M::info(),
        key: message.text(),
        headers: options.headers,
        content_type,
        payload,
        only: None,
    })
}

pub(super) async fn broadcast<M: Event>(
    core: &Arc<Core>,
    options: Options,
    child: bool,
    event: M,
) -> Result<Broadcast, StoreError> {
    refuse(core, M::info(), options.id, child)?;
    let (timeout, _) = options.limit(M::info().timeout());
    let envelope = envelope(options, &event)?;
    let topic = topic_of(&event);
    drop(event);
    let id = envelope.id;
    match &core.cluster {
        None => delivery::broadcast(core, envelope, topic.as_deref()),
        Some(cluster) => remote::broadcast(core, cluster, envelope, topic.as_deref(), timeout)
            .await
            .map_err(|source| StoreError::Transport {
                message: M::info().name(),
                id,
                source,
            })?,
    }
    Ok(Broadcast { id })
}

pub(super) async fn replay(
    core: &Arc<Core>,
    letter: &DeadLetter,
) -> Result<Option<Stored>, StoreError> {
    let info = letter.message();
    let entered = core.queue.unfinished.entered();
    if core.lifecycle.refuses_from(false) {
        let why = NotStored::Closed;
        return Err(not_stored(info, letter.id(), Duration::ZERO, &why));
    }
    let Some((letter, envelope)) = core.queue.dead.take(letter.number()) else {
        return Ok(None);
    };
    // Put back unless it is stored, also when this future is dropped.
    let taken = core.queue.dead.guard(letter, envelope.clone());
    let mut envelope = envelope;
    envelope.headers.insert(REPLAY, "true");
    let id = envelope.id;
    let (envelope, deadline) = (Arc::new(envelope), after(info.timeout()));
    let repeated = Queue::store(core, entered, envelope, false, false, deadline)
        .await
        .map_err(|why| not_stored(info, id, info.timeout(), &why))?;
    taken.forget();
    Ok(Some(Stored { id, repeated }))
}
