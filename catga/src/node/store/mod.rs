//! The verbs that hand a message over and do not wait for its handlers.

mod error;
mod future;
mod receipt;

use std::sync::Arc;

use tokio::time::Instant;

pub use error::StoreError;
pub use future::StoreFuture;
pub use receipt::{Broadcast, Published, Stored};

use super::{Core, Options, Phase};
use crate::delivery::{self, DeadLetter, Envelope};
use crate::handler::Key;
use crate::message::{Command, ContentType, Event, Message, MessageId};

/// Marks a message that was dead-lettered before.
const REPLAY: &str = "catga-replay";

pub(super) async fn enqueue<M: Command>(
    core: &Arc<Core>,
    options: Options,
    child: bool,
    command: M,
) -> Result<Stored, StoreError> {
    if !handles::<M>(core) {
        return Err(StoreError::NoService {
            message: M::info().name(),
        });
    }
    let (id, repeated) = store(core, options, child, command).await?;
    Ok(Stored { id, repeated })
}

pub(super) async fn publish<M: Event>(
    core: &Arc<Core>,
    options: Options,
    child: bool,
    event: M,
) -> Result<Published, StoreError> {
    let handles = handles::<M>(core);
    let (id, repeated) = if handles {
        store(core, options, child, event).await?
    } else {
        refuse::<M>(core, &options, child)?;
        (options.id.unwrap_or_else(MessageId::new), false)
    };
    Ok(Published {
        id,
        repeated,
        services: handles.then(|| Arc::clone(&core.service)),
    })
}

fn handles<M: Message>(core: &Core) -> bool {
    core.table
        .row(M::info())
        .is_some_and(|row| !row.handlers.is_empty())
}

async fn store<M: Message>(
    core: &Arc<Core>,
    options: Options,
    child: bool,
    message: M,
) -> Result<(MessageId, bool), StoreError> {
    refuse::<M>(core, &options, child)?;
    let timeout = options.timeout.unwrap_or(M::info().timeout());
    let mut deadline = Instant::now() + timeout;
    if let Some(parents) = options.deadline {
        deadline = deadline.min(parents);
    }
    let given = options.id.is_some();
    let envelope = envelope(options, &message)?;
    drop(message);
    let id = envelope.id;
    match core.queue.store(envelope, given, deadline).await {
        Ok(repeated) => Ok((id, repeated)),
        Err(_) if core.lifecycle.phase() == Phase::Stopped => Err(StoreError::Refused {
            message: M::info().name(),
            id: Some(id),
        }),
        Err(_) => Err(StoreError::Full {
            message: M::info().name(),
            id,
            after: timeout,
        }),
    }
}

/// A node that drains still takes what its handlers send; one that stopped takes nothing.
fn refuse<M: Message>(core: &Core, options: &Options, child: bool) -> Result<(), StoreError> {
    if core.lifecycle.refuses() && (!child || core.lifecycle.phase() == Phase::Stopped) {
        return Err(StoreError::Refused {
            message: M::info().name(),
            id: options.id,
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

pub(super) fn broadcast<M: Event>(
    core: &Arc<Core>,
    options: Options,
    child: bool,
    event: &M,
) -> Result<Broadcast, StoreError> {
    refuse::<M>(core, &options, child)?;
    let envelope = envelope(options, event)?;
    let id = envelope.id;
    delivery::broadcast(core, envelope);
    Ok(Broadcast { id })
}

pub(super) async fn replay(
    core: &Arc<Core>,
    letter: &DeadLetter,
) -> Result<Option<Stored>, StoreError> {
    let info = letter.message();
    let refused = || StoreError::Refused {
        message: info.name(),
        id: Some(letter.id()),
    };
    if core.lifecycle.refuses() {
        return Err(refused());
    }
    let Some((letter, envelope)) = core.queue.dead.take(letter.number()) else {
        return Ok(None);
    };
    // Put back unless it is stored, also when this future is dropped.
    let taken = core.queue.dead.guard(letter, envelope.clone());
    let mut envelope = envelope;
    envelope.headers.insert(REPLAY, "true");
    let id = envelope.id;
    let deadline = Instant::now() + info.timeout();
    match core.queue.store(envelope, false, deadline).await {
        Ok(repeated) => {
            taken.forget();
            Ok(Some(Stored { id, repeated }))
        }
        Err(_) if core.lifecycle.refuses() => Err(refused()),
        Err(_) => Err(StoreError::Full {
            message: info.name(),
            id,
            after: info.timeout(),
        }),
    }
}
