//! The verbs that hand a message over and do not wait for its handlers.

mod error;
mod future;
mod receipt;

use std::sync::Arc;
use std::time::Duration;

pub use error::StoreError;
pub use future::StoreFuture;
pub use receipt::{Broadcast, Published, Stored};

use super::options::after;
use super::{Core, Options, remote};
use crate::delivery::{self, DeadLetter, Envelope, NotStored};
use crate::handler::Key;
use crate::message::{Command, ContentType, Event, Message, MessageId, MessageInfo};

/// Marks a message that was dead-lettered before.
const REPLAY: &str = "catga-replay";

pub(super) async fn enqueue<M: Command>(
    core: &Arc<Core>,
    options: Options,
    child: bool,
    command: M,
) -> Result<Stored, StoreError> {
    if core.cluster.is_none() && !handles::<M>(core) {
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
    let handles = core.cluster.is_some() || handles::<M>(core);
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
    // Counted before the phase is looked at, so that a shutdown either refuses it or waits for it.
    let entered = core.queue.unfinished.entered();
    refuse::<M>(core, &options, child)?;
    if core.cluster.is_some() {
        return Err(StoreError::Clustered {
            message: M::info().name(),
        });
    }
    let (timeout, deadline) = options.limit(M::info().timeout());
    let given = options.id.is_some();
    let envelope = envelope(options, &message)?;
    drop(message);
    let id = envelope.id;
    let repeated = core
        .queue
        .store(entered, envelope, given, deadline)
        .await
        .map_err(|why| not_stored(M::info(), id, timeout, &why))?;
    Ok((id, repeated))
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

fn refuse<M: Message>(core: &Core, options: &Options, child: bool) -> Result<(), StoreError> {
    if core.lifecycle.refuses_from(child) {
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

pub(super) async fn broadcast<M: Event>(
    core: &Arc<Core>,
    options: Options,
    child: bool,
    event: M,
) -> Result<Broadcast, StoreError> {
    refuse::<M>(core, &options, child)?;
    let (timeout, _) = options.limit(M::info().timeout());
    let envelope = envelope(options, &event)?;
    drop(event);
    let id = envelope.id;
    match &core.cluster {
        None => delivery::broadcast(core, envelope),
        Some(cluster) => remote::broadcast(core, cluster, envelope, timeout)
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
    let repeated = core
        .queue
        .store(entered, envelope, false, after(info.timeout()))
        .await
        .map_err(|why| not_stored(info, id, info.timeout(), &why))?;
    taken.forget();
    Ok(Some(Stored { id, repeated }))
}
