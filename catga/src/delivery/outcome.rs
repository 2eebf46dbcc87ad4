use std::any::Any;
use std::error::Error;
use std::fmt;

use bytes::Bytes;

use super::{Failure, Fault};
use crate::handler::Reply;
use crate::message::{ContentType, Message};
use crate::node::SendError;

/// What a handler came to, as the layers of a node see it.
pub struct Outcome(Box<dyn ErasedReply>);

/// A reply behind a pointer: what is asked of it wherever its type makes no difference.
trait ErasedReply: Any + Send {
    fn error(&self) -> Option<&(dyn Error + 'static)>;

    fn settle(self: Box<Self>) -> Result<(), Failure>;

    fn encode_response(&self, content_type: ContentType) -> Option<Bytes>;

    fn encode(self: Box<Self>, content_type: ContentType) -> Result<Encoded, SendError>;
}

/// A reply as bytes.
#[derive(Debug)]
pub(crate) enum Encoded {
    Response(ContentType, Bytes),
    /// The declared error.
    Rejected(ContentType, Bytes),
}

struct Typed<M: Message>(Reply<M>);

impl<M: Message> ErasedReply for Typed<M> {
    fn error(&self) -> Option<&(dyn Error + 'static)> {
        self.0
            .as_ref()
            .err()
            .map(|error| error as &(dyn Error + 'static))
    }

    fn settle(self: Box<Self>) -> Result<(), Failure> {
        self.0.map(drop).map_err(Failure::of)
    }

    fn encode_response(&self, content_type: ContentType) -> Option<Bytes> {
        let response = self.0.as_ref().ok()?;
        (M::CODEC.encode_response)(content_type, response).ok()
    }

    fn encode(self: Box<Self>, content_type: ContentType) -> Result<Encoded, SendError> {
        let encoded = match self.0 {
            Ok(response) => (M::CODEC.encode_response)(content_type, &response)
                .map(|bytes| Encoded::Response(content_type, bytes)),
            Err(error) => (M::CODEC.encode_error)(content_type, &error.split()?)
                .map(|bytes| Encoded::Rejected(content_type, bytes)),
        };
        // Its own `Serialize` refused it: the caller hears that instead.
        encoded
            .map_err(|error| SendError::failed_as(M::info(), error.into(), Some(Fault::Permanent)))
    }
}

impl Outcome {
    pub(crate) fn new<M: Message>(reply: Reply<M>) -> Self {
        Self(Box::new(Typed::<M>(reply)))
    }

    /// Whether the handler succeeded.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.error().is_none()
    }

    /// The handler's error, as a [`SendError`].
    #[must_use]
    pub fn error(&self) -> Option<&(dyn Error + 'static)> {
        self.0.error()
    }

    /// The response as bytes; `None` where there is none, or where it cannot be encoded.
    pub(crate) fn encode_response(&self, content_type: ContentType) -> Option<Bytes> {
        self.0.encode_response(content_type)
    }

    /// The reply as bytes, or the error that is neither a response nor declared.
    pub(crate) fn encode(self, content_type: ContentType) -> Result<Encoded, SendError> {
        self.0.encode(content_type)
    }

    pub(crate) fn into_reply<M: Message>(self) -> Reply<M> {
        (self.0 as Box<dyn Any>).downcast::<Typed<M>>().map_or_else(
            |_| {
                Err(SendError::failed(
                    M::info(),
                    "a layer answered with the outcome of another message".into(),
                ))
            },
            |reply| reply.0,
        )
    }

    pub(crate) fn settle(self) -> Result<(), Failure> {
        self.0.settle()
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome")
            .field("error", &self.error())
            .finish_non_exhaustive()
    }
}
