use std::fmt;
use std::sync::Arc;

use super::attempt::{self, AnyAttempt};
use super::{Outcome, Payload};
use crate::handler::{Facts, Pick, execute};
use crate::message::Message;
use crate::node::Core;
use crate::transport::BoxFuture;

type Execute = fn(Arc<Core>, Pick, Facts, Payload) -> BoxFuture<'static, Outcome>;

/// What the engine does with a message whose type it does not know: functions made once per
/// message type, shared by all its handlers.
#[derive(Clone, Copy)]
pub(crate) struct Operations {
    /// Makes what runs one attempt of one handler, and the next.
    pub(crate) attempt: fn() -> AnyAttempt,
    /// Runs one handler to its end: what is below the last layer, and what other nodes call.
    pub(crate) execute: Execute,
}

impl Operations {
    pub(crate) const fn of<M: Message>() -> Self {
        Self {
            attempt: attempt::typed::<M>,
            execute: execute::<M>,
        }
    }
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Operations")
    }
}
