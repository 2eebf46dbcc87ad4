//! Payloads: how a message, a response and a declared error become bytes and back.

use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(not(feature = "json"))]
compile_error!("catga needs a payload format: enable its default feature `json`");

/// The format of a payload.
///
/// # Examples
///
/// ```
/// use catga::message::ContentType;
///
/// assert_eq!(ContentType::default().as_str(), "application/json");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ContentType {
    /// `application/json`
    #[default]
    Json,
}

impl ContentType {
    /// The media type.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json",
        }
    }

    pub(crate) fn encode<T: Serialize>(self, value: &T) -> Result<Bytes, EncodeError> {
        match self {
            Self::Json => serde_json::to_vec(value)
                .map(Bytes::from)
                .map_err(|error| EncodeError {
                    type_name: std::any::type_name::<T>(),
                    source: Box::new(error),
                }),
        }
    }

    pub(crate) fn decode<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, DecodeError> {
        match self {
            Self::Json => serde_json::from_slice(bytes).map_err(|error| DecodeError {
                type_name: std::any::type_name::<T>(),
                content_type: self,
                length: bytes.len(),
                source: Box::new(error),
            }),
        }
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A type whose values can travel: serde's two traits, without borrowed data.
///
/// Implemented for every such type; never by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel between nodes: it lacks `Serialize` or `Deserialize`",
    label = "needs both of serde's traits",
    note = "put `#[derive(serde::Serialize, serde::Deserialize)]` on the type"
)]
pub trait Wire: Serialize + DeserializeOwned {}

// With this, a type that lacks both traits is one error, and it says what to write.
#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Wire for T {}

type Encode<T> = fn(ContentType, &T) -> Result<Bytes, EncodeError>;
type Decode<T> = fn(ContentType, &[u8]) -> Result<T, DecodeError>;

/// How one message type, its response and its declared error are encoded.
///
/// One value per message type, shared by all its handlers; built by the message macros.
pub struct Codec<M: super::Message> {
    pub(crate) encode: Encode<M>,
    pub(crate) decode: Decode<M>,
}

impl<M: super::Message> Codec<M> {
    #[doc(hidden)]
    #[must_use]
    pub const fn new() -> Self
    where
        M: Wire,
    {
        Self {
            encode: |content_type, message| content_type.encode(message),
            decode: |content_type, bytes| content_type.decode(bytes),
        }
    }

    /// Requires that the response can travel.
    ///
    /// A parameter of its own, and not `M::Response`: rustc points at where it is written.
    #[doc(hidden)]
    #[must_use]
    pub const fn response<R: Wire>(self) -> Self
    where
        M: super::Message<Response = R>,
    {
        self
    }

    /// Requires that the declared error can travel.
    #[doc(hidden)]
    #[must_use]
    pub const fn error<E: Wire>(self) -> Self
    where
        M: super::Message<Error = E>,
    {
        self
    }
}

impl<M: super::Message> fmt::Debug for Codec<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codec")
            .field("message", &std::any::type_name::<M>())
            .finish_non_exhaustive()
    }
}

/// A payload that is not what its type says.
#[derive(Debug)]
pub struct DecodeError {
    type_name: &'static str,
    content_type: ContentType,
    length: usize,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a payload of {} bytes of {} is not a `{}`: {}",
            self.length, self.content_type, self.type_name, self.source
        )
    }
}

impl std::error::Error for DecodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}

/// A value that its own `Serialize` refused.
#[derive(Debug)]
pub struct EncodeError {
    type_name: &'static str,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a `{}` cannot be encoded: {}",
            self.type_name, self.source
        )
    }
}

impl std::error::Error for EncodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}
