use crate::delivery::{Encoded, Outcome};
use crate::handler::Reply;
use crate::message::{Message, MessageId};
use crate::node::{NodeId, SendError};

/// What a call came to, whatever the type of its message.
///
/// The code between a call and its handler is compiled once, and not again for each message.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Of a handler of this node, or of a layer.
    Outcome(Outcome),
    /// Of another node, or as it was remembered.
    Encoded(Encoded, Option<(NodeId, MessageId)>),
    Error(SendError),
}

impl Answer {
    pub(crate) fn into_reply<M: Message>(self) -> Reply<M> {
        let (encoded, from) = match self {
            Self::Outcome(outcome) => return outcome.into_reply::<M>(),
            Self::Error(error) => return Err(error.widen()),
            Self::Encoded(encoded, from) => (encoded, from),
        };
        let decoded = match encoded {
            Encoded::Response(content_type, bytes) => {
                (M::CODEC.decode_response)(content_type, &bytes).map(Ok)
            }
            Encoded::Rejected(content_type, bytes) => (M::CODEC.decode_error)(content_type, &bytes)
                .map(|error| Err(SendError::Rejected(error))),
        };
        decoded.unwrap_or_else(|error| {
            let error = SendError::undecodable(M::info(), error);
            Err(match from {
                Some((node, id)) => error.located(&node, Some(id)),
                None => error,
            })
        })
    }
}
