//! What is sent: messages, their kinds, ids, keys and encodings.
//!
//! A message is a plain struct or enum with one of the attributes
//! [`#[command]`](macro@crate::command), [`#[query]`](macro@crate::query) or
//! [`#[event]`](macro@crate::event). The attribute implements [`Message`] and the marker trait of
//! the kind; the verbs of [`Node`](crate::Node) ask for that marker, so that publishing a command
//! or sending an event does not compile.

pub(crate) mod chance;
mod codec;
mod erased;
mod headers;
mod id;
mod info;
mod key;
mod kind;

pub use codec::{Codec, ContentType, DecodeError, EncodeError, Wire};
pub use headers::Headers;
pub use id::{InvalidId, MessageId};
pub use info::{MessageInfo, Route};
pub use key::{KeySink, KeyText, KeyWriter, key_text};

pub use kind::Kind;

pub(crate) use erased::{AnyMessage, ErasedMessage};
pub(crate) use key::{needs_escape, needs_escape_in, text_of, utf8};

use crate::routing::TopicValues;

/// Something that can be sent, enqueued or published.
///
/// Implemented by [`#[command]`](macro@crate::command), [`#[query]`](macro@crate::query) and
/// [`#[event]`](macro@crate::event), not by hand.
///
/// # Examples
///
/// ```
/// use catga::{Message, command};
/// use serde::{Deserialize, Serialize};
///
/// #[command(response = u32, name = "stock.reserve")]
/// #[derive(Serialize, Deserialize)]
/// struct Reserve {
///     sku: String,
/// }
///
/// assert_eq!(Reserve::info().name(), "stock.reserve");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a message",
    label = "not a message",
    note = "put `#[command]`, `#[query]` or `#[event]` on the type; the first parameter of a handler is the message, by value"
)]
pub trait Message: Sized + Send + 'static {
    /// What a handler answers with; `()` for events.
    type Response: Send + 'static;

    /// The declared business error; [`Infallible`](std::convert::Infallible) where none is.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Whether an error is declared; `Error` alone does not tell.
    #[doc(hidden)]
    type Declares;

    /// How the message, its response and its error are encoded.
    #[doc(hidden)]
    const CODEC: Codec<Self>;

    /// What is known about the type: its wire name, kind, route and where it was declared.
    fn info() -> &'static MessageInfo;

    /// Writes the parts of the routing key; nothing for an unkeyed message.
    fn write_key<S: KeySink>(&self, key: &mut KeyWriter<S>) {
        let _ = key;
    }

    /// Writes the values of the placeholders in its topic; nothing for a message without any.
    #[doc(hidden)]
    fn write_topic(&self, topic: &mut TopicValues) {
        let _ = topic;
    }
}

/// A message with an answer: a [`Command`] or a [`Query`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent: it is neither a command nor a query",
    label = "needs `#[command]` or `#[query]`",
    note = "an event has any number of handlers and no answer: use `node.publish(event)` or `node.broadcast(event)`"
)]
pub trait Request: Message {
    /// The type itself.
    ///
    /// What can be sent has it, and nothing else does: so sending anything else is one error, where
    /// it is sent, and not one more for each use of the answer.
    type Itself: Message<Response = Self::Response, Error = Self::Error> + From<Self>;
}

/// A message that asks one handler to do something.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be enqueued: it is not a command",
    label = "needs `#[command]`",
    note = "events are published: `node.publish(event)`; queries are sent: `node.send(query)`"
)]
pub trait Command: Request {}

/// A message that asks one handler for something and changes nothing; always safe to retry.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a query", label = "needs `#[query]`")]
pub trait Query: Request {}

/// A message that says what happened, to any number of handlers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be published: it is not an event",
    label = "needs `#[event]`",
    note = "a command has one handler: use `node.send(command)` or `node.enqueue(command)`"
)]
pub trait Event: Message<Response = (), Error = std::convert::Infallible> {}

/// The message has `error = E`: its handlers fail with exactly that type.
#[doc(hidden)]
#[derive(Debug)]
pub enum Declared {}

/// The message has no `error = E`: its handlers fail with any error.
#[doc(hidden)]
#[derive(Debug)]
pub enum Undeclared {}
