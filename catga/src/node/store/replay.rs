use std::sync::Arc;

use super::begun::not_appended;
use super::{StoreError, Stored, not_stored};
use crate::delivery::{DeadLetter, Engine, Queue};
use crate::message::MessageInfo;
use crate::node::Core;
use crate::node::options::after;
use crate::transport::{Appended, REPLAY};

/// Stores the message of a dead letter again, and drops the letter. `None` if there is no such
/// letter.
pub(in crate::node) async fn replay(
    core: &Arc<Core>,
    letter: &DeadLetter,
) -> Result<Option<Stored>, StoreError> {
    let entered = core.unfinished.entered();
    if core.lifecycle.refuses_from(false) {
        return Err(StoreError::Refused {
            message: name_of(core, letter),
            id: Some(letter.id()),
        });
    }
    if let Some(engine) = &core.engine {
        return clustered(core, engine, letter).await;
    }
    let Some((kept, envelope)) = core.queue.dead.take(letter.number()) else {
        return Ok(None);
    };
    // Put back unless it is stored, also when this future is dropped.
    let taken = core.queue.dead.guard(kept, envelope.clone());
    let mut envelope = envelope;
    envelope.headers.insert(REPLAY, letter.number().to_string());
    let (id, info) = (envelope.id, envelope.info);
    let (envelope, deadline) = (Arc::new(envelope), after(info.timeout()));
    let repeated = Queue::store(core, entered, envelope, false, false, deadline)
        .await
        .map_err(|why| not_stored(info, id, info.timeout(), &why))?;
    taken.forget();
    Ok(Some(Stored { id, repeated }))
}

async fn clustered(
    core: &Arc<Core>,
    engine: &Engine,
    letter: &DeadLetter,
) -> Result<Option<Stored>, StoreError> {
    let id = letter.id();
    let timeout = info_of(core, letter).map_or(MessageInfo::DEFAULT_TIMEOUT, MessageInfo::timeout);
    let failed = |source| StoreError::Transport {
        message: name_of(core, letter),
        id,
        source,
    };
    if !engine.has_letter(letter).await.map_err(failed)? {
        return Ok(None);
    }
    let appended = engine.replay(core, letter, after(timeout)).await;
    let appended = appended.map_err(|error| {
        let name = name_of(core, letter);
        not_appended(name, id, error)
    })?;
    engine.discard(letter).await.map_err(failed)?;
    Ok(Some(Stored {
        id,
        repeated: appended == Appended::Repeated,
    }))
}

fn info_of(core: &Core, letter: &DeadLetter) -> Option<&'static MessageInfo> {
    let message = core.wiring.message(letter.message())?;
    Some(message.info())
}

fn name_of(core: &Core, letter: &DeadLetter) -> &'static str {
    info_of(core, letter).map_or("a message of an unknown type", MessageInfo::name)
}
