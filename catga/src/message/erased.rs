use std::any::Any;
use std::sync::Arc;

use bytes::Bytes;

use super::{ContentType, EncodeError, Message, MessageInfo};
use crate::routing::Key;

/// A message behind a pointer: what is asked of it wherever its type makes no difference.
///
/// Code that takes one is compiled once, and not again for each type of message.
pub(crate) trait ErasedMessage: Any + Send {
    fn info(&self) -> &'static MessageInfo;

    fn key(&self) -> Key<'_>;

    fn encode(&self, content_type: ContentType) -> Result<Bytes, EncodeError>;
}

impl dyn ErasedMessage {
    /// The text of the key; `None` for unkeyed messages.
    pub(crate) fn key_text(&self) -> Option<Arc<str>> {
        self.key().text().map(Arc::from)
    }
}

pub(crate) type AnyMessage = Box<dyn ErasedMessage>;

impl<M: Message> ErasedMessage for M {
    fn info(&self) -> &'static MessageInfo {
        M::info()
    }

    fn key(&self) -> Key<'_> {
        Key::of(self)
    }

    fn encode(&self, content_type: ContentType) -> Result<Bytes, EncodeError> {
        (M::CODEC.encode)(content_type, self)
    }
}
