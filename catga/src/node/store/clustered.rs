use tokio::time::Instant;

use super::StoreError;
use crate::delivery::{Appending, NotAppended};
use crate::message::{MessageId, MessageInfo};
use crate::node::Core;
use crate::transport::AppendError;

/// Waits until every service has a message. Whether one had it before.
pub(super) async fn stored(
    core: &Core,
    message: &MessageInfo,
    id: MessageId,
    appending: Appending,
    deadline: Instant,
) -> Result<bool, StoreError> {
    let message = message.name();
    // Most are stored when they are looked at, and need no timer.
    let stored = appending.stored(async { core.sleep_until(deadline).await });
    let stored = stored.await;
    stored.map_err(|NotAppended { stored, mut failed }| match failed.pop() {
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
    })
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
