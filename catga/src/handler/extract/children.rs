//! The ids of the messages that a handler sends: the same each time it runs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_128;

use super::Call;
use crate::delivery::HeldKeys;
use crate::handler::{HandlerInfo, Key};
use crate::message::{ContentType, Headers, Message, MessageId};
use crate::node::Options;

/// An execution of a handler, as what its child messages follow from.
pub(crate) struct Parent {
    id: MessageId,
    key: Option<Arc<str>>,
    headers: Headers,
    service: Arc<str>,
    handler: &'static HandlerInfo,
    deadline: Instant,
    /// The lanes that the execution is in.
    held: Option<Arc<HeldKeys>>,
    /// How many children with the same hash there were.
    children: Mutex<HashMap<u128, u64>>,
}

impl Parent {
    pub(super) fn of(call: &Call<'_>) -> Self {
        Self {
            id: call.id(),
            key: call.shared_key().cloned(),
            headers: call.facts.headers().clone(),
            service: Arc::clone(&call.core.service),
            handler: call.handler,
            deadline: call.facts.deadline(),
            held: call.facts.held(),
            children: Mutex::default(),
        }
    }

    pub(super) const fn handler(&self) -> &'static HandlerInfo {
        self.handler
    }

    pub(super) const fn id(&self) -> MessageId {
        self.id
    }

    pub(super) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    pub(super) const fn headers(&self) -> &Headers {
        &self.headers
    }

    pub(super) const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The options of a child: the parent's deadline and trace, and an id that follows from its
    /// content.
    pub(crate) fn child_options<M: Message>(
        &self,
        mut options: Options,
        verb: &'static str,
        message: &M,
    ) -> Options {
        options.parent = Some(self.deadline);
        options.held.clone_from(&self.held);
        options.headers.trace_on(&self.headers);
        if options.id.is_none() {
            options.id = self.child_id(verb, message);
        }
        options
    }

    /// `None` for a message that cannot be encoded: its verb will say so.
    fn child_id<M: Message>(&self, verb: &'static str, message: &M) -> Option<MessageId> {
        let payload = (M::CODEC.encode)(ContentType::default(), message).ok()?;
        let key = message.text();
        let mut cause = Vec::with_capacity(payload.len() + 128);
        for part in [
            &self.id.as_uuid().as_bytes()[..],
            self.service.as_bytes(),
            self.handler.module().as_bytes(),
            self.handler.name().as_bytes(),
            // A module can hold two functions of one name, in the bodies of others.
            self.handler.message().name().as_bytes(),
            verb.as_bytes(),
            M::info().name().as_bytes(),
            key.as_deref().unwrap_or_default().as_bytes(),
            &payload,
        ] {
            // The length keeps the parts apart.
            cause.extend_from_slice(&(part.len() as u64).to_be_bytes());
            cause.extend_from_slice(part);
        }
        let hash = xxh3_128(&cause);
        let ordinal = {
            let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
            let count = children.entry(hash).or_default();
            *count += 1;
            *count
        };
        cause.extend_from_slice(&ordinal.to_be_bytes());
        Some(MessageId::from_hash(xxh3_128(&cause)))
    }
}
