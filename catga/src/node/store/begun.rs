//! A message that was handed over to a broker.

use std::sync::Arc;

use tokio::time::Instant;

use super::receipt::Services;
use super::{StoreError, Tap};
use crate::delivery::{Appending, Engine, Envelope, NotAppended};
use crate::message::{MessageId, MessageInfo};
use crate::node::{Core, gauge::Entered};
use crate::transport::AppendError;

/// On its way: it is stored, or refused, whether anybody waits for it or not.
pub(super) struct Begun<'a> {
    pub(super) message: &'static MessageInfo,
    pub(super) id: MessageId,
    pub(super) deadline: Instant,
    /// Empty where no service takes it.
    pub(super) appending: Appending,
    pub(super) services: Services,
    /// What is to be shown to programs that know nothing of catga, once it is stored.
    pub(super) shown: Option<Box<(Arc<Envelope>, Tap)>>,
    pub(super) _entered: Entered<'a>,
}

impl Begun<'_> {
    /// What [`stored`](Self::stored) says, if that is known already.
    pub(super) fn stored_now(&mut self) -> Option<Result<(MessageId, bool, Services), StoreError>> {
        if self.shown.is_some() {
            return None;
        }
        let stored = self.appending.stored_now()?;
        let services = std::mem::replace(&mut self.services, Services::None);
        Some(match stored {
            Ok(repeated) => Ok((self.id, repeated, services)),
            Err(error) => Err(not_appended(self.message.name(), self.id, error)),
        })
    }

    /// Waits until every service has it. Whether one had it before.
    pub(super) async fn stored(
        self,
        core: &Core,
        engine: &Engine,
    ) -> Result<(MessageId, bool, Services), StoreError> {
        let (message, id) = (self.message.name(), self.id);
        let stored = self.appending.stored(core.sleep_until(self.deadline)).await;
        let repeated = stored.map_err(|not| not_stored(message, id, not))?;
        if let Some((envelope, tap)) = self.shown.as_deref() {
            engine.tap(envelope, tap.topic.as_deref()).await;
        }
        Ok((id, repeated, self.services))
    }
}

fn not_stored(message: &'static str, id: MessageId, not: NotAppended) -> StoreError {
    let NotAppended { stored, mut failed } = not;
    match failed.pop() {
        Some((_, error)) if stored.is_empty() && failed.is_empty() => {
            not_appended(message, id, error)
        }
        last => {
            failed.extend(last);
            StoreError::Partly {
                message,
                id,
                stored,
                failed,
            }
        }
    }
}

/// Why the one service that takes a message does not have it.
pub(super) fn not_appended(message: &'static str, id: MessageId, error: AppendError) -> StoreError {
    match error {
        AppendError::Full => StoreError::Full {
            message,
            id,
            after: None,
        },
        AppendError::TooLarge { size, limit } => StoreError::TooLarge {
            message,
            id,
            size,
            limit,
        },
        AppendError::Transport(source) => StoreError::Transport {
            message,
            id,
            source,
        },
    }
}
