use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use crate::message::{ContentType, Headers, MessageId, MessageInfo};

/// A stored message: encoded once, decoded by each attempt of each handler.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    pub(crate) id: MessageId,
    pub(crate) info: &'static MessageInfo,
    /// When it was made, by the clock of who made it.
    pub(crate) made: SystemTime,
    /// `None` for unkeyed types: they have no order and no lane.
    pub(crate) key: Option<Arc<str>>,
    pub(crate) headers: Headers,
    pub(crate) content_type: ContentType,
    pub(crate) payload: Bytes,
    /// The one handler that a replay is for; all of them otherwise.
    pub(crate) only: Option<usize>,
    /// The epoch of the key's owner; `None` where the node's own counts.
    pub(crate) fence: Option<u64>,
}
