use std::sync::Arc;

use crate::message::MessageId;

/// A command is stored: the receipt of [`Node::enqueue`](crate::Node::enqueue).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub(super) id: MessageId,
    pub(super) repeated: bool,
}

impl Stored {
    /// The id of the message.
    #[must_use]
    pub const fn id(&self) -> MessageId {
        self.id
    }

    /// Whether a message with this id was stored before, so that this one was not.
    #[must_use]
    pub const fn is_repeated(&self) -> bool {
        self.repeated
    }
}

/// An event is stored for each subscribed service: the receipt of
/// [`Node::publish`](crate::Node::publish).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    pub(super) id: MessageId,
    pub(super) repeated: bool,
    pub(super) services: Option<Arc<str>>,
}

impl Published {
    /// The id of the event.
    #[must_use]
    pub const fn id(&self) -> MessageId {
        self.id
    }

    /// Whether an event with this id was stored before, so that this one was not.
    #[must_use]
    pub const fn is_repeated(&self) -> bool {
        self.repeated
    }

    /// The services it is stored for; none if nobody subscribes.
    pub fn services(&self) -> impl ExactSizeIterator<Item = &str> {
        self.services.as_deref().into_iter()
    }
}

/// An event is on its way to every live node: the receipt of
/// [`Node::broadcast`](crate::Node::broadcast).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broadcast {
    pub(super) id: MessageId,
}

impl Broadcast {
    /// The id of the event.
    #[must_use]
    pub const fn id(&self) -> MessageId {
        self.id
    }
}
