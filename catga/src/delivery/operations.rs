use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::attempt::{self, AnyAttempt};
use super::{Delivery, Envelope, Outcome};
use crate::handler::{Facts, Input, execute};
use crate::message::Message;
use crate::node::{Core, SendError, answer_of, run_here};
use crate::transport::Frame;

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the engine does with a message whose type it does not know: functions made once per
/// message type, shared by all its handlers.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Operations {
    /// Makes what runs one attempt of one handler, and the next.
    pub(crate) attempt: fn() -> AnyAttempt,
    /// A call from another node: from its payload to the frame of the answer.
    pub(crate) answer: fn(Arc<Core>, Envelope, Facts) -> BoxFuture<'static, Frame>,
    /// What is below the last layer.
    pub(crate) serve: fn(Delivery) -> BoxFuture<'static, Outcome>,
}

impl Operations {
    pub(crate) const fn of<M: Message>() -> Self {
        Self {
            attempt: attempt::typed::<M>,
            answer: |core, envelope, facts| {
                Box::pin(async move {
                    let input = Input::<M>::Encoded(envelope.content_type, envelope.payload);
                    answer_of::<M>(run_here(core, input, facts).await)
                })
            },
            serve: |delivery| {
                Box::pin(async move {
                    Outcome::new::<M>(match delivery.into_parts::<M>() {
                        Some((core, pick, facts, input)) => execute(core, pick, input, facts).await,
                        None => Err(SendError::failed(
                            M::info(),
                            "a layer changed the type of the message".into(),
                        )),
                    })
                })
            },
        }
    }
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Operations")
    }
}
