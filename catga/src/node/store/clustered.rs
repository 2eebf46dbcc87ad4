use std::time::Duration;

use tokio::time::Instant;

use super::StoreError;
use crate::delivery::{Appending, Envelope, NotAppended};
use crate::message::MessageId;
use crate::node::Core;
use crate::transport::{AppendError, TransportError};

/// Waits until every service has a message. Whether one had it before.
pub(super) async fn stored(
    core: &Core,
    envelope: &Envelope,
    appending: Appending,
    timeout: Duration,
    deadline: Instant,
) -> Result<bool, StoreError> {
    let (message, id) = (envelope.info.name(), envelope.id);
    match core.until(deadline, appending.stored()).await {
        Some(Ok(repeated)) => Ok(repeated),
        Some(Err(NotAppended { stored, mut failed })) => match failed.pop() {
            Some((_, error)) if stored.is_empty() && failed.is_empty() => {
                Err(not_appended(message, id, timeout, error))
            }
            last => {
                failed.extend(last);
                Err(StoreError::Partly {
                    message,
                    id,
                    stored,
                    failed,
                })
            }
        },
        None => {
            let error = TransportError::new("store a message", "it did not answer in time");
            Err(not_appended(
                message,
                id,
                timeout,
                AppendError::Transport(error),
            ))
        }
    }
}

/// Why the one service that takes a message does not have it.
pub(super) fn not_appended(
    message: &'static str,
    id: MessageId,
    after: Duration,
    error: AppendError,
) -> StoreError {
    match error {
        AppendError::Full => StoreError::Full { message, id, after },
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
