//! Payloads: how a message, a response and a declared error become bytes and back.

mod buffer;

use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(not(any(feature = "json", feature = "msgpack")))]
compile_error!(
    "catga needs a format for payloads: enable its default feature `json`, or `msgpack`"
);

/// The format of a payload.
///
/// [`Builder::content_type`](crate::node::Builder::content_type) sets the one that a node writes. What
/// it reads is said by each message, so nodes with different formats understand each other as far as
/// both are built with them. JSON is the default; without the feature `json` it is MessagePack.
///
/// # Examples
///
/// ```
/// use catga::message::ContentType;
///
/// assert_eq!(ContentType::Json.as_str(), "application/json");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ContentType {
    /// `application/json`
    ///
    /// Without the feature `json` a node reads no payloads in it.
    #[cfg_attr(feature = "json", default)]
    Json,
    /// `application/msgpack`: structs as maps with the names of their fields, so that fields can be
    /// added. For bytes, and where size counts.
    #[cfg(feature = "msgpack")]
    #[cfg_attr(not(feature = "json"), default)]
    MessagePack,
}

impl ContentType {
    /// The media type.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            #[cfg(feature = "msgpack")]
            Self::MessagePack => "application/msgpack",
        }
    }

    /// The format with this media type, if it is one that this build reads.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            #[cfg(feature = "json")]
            "application/json" => Some(Self::Json),
            // The name that is registered, and the one that most programs write.
            #[cfg(feature = "msgpack")]
            "application/msgpack" | "application/vnd.msgpack" | "application/x-msgpack" => {
                Some(Self::MessagePack)
            }
            _ => None,
        }
    }

    pub(crate) fn encode<T: Serialize>(self, value: &T) -> Result<Bytes, EncodeError> {
        let mut buffer = buffer::take();
        let written = match self {
            Self::Json => serde_json::to_writer(&mut buffer, value).map_err(Into::into),
            #[cfg(feature = "msgpack")]
            Self::MessagePack => {
                rmp_serde::encode::write_named(&mut buffer, value).map_err(Into::into)
            }
        };
        match written {
            Ok(()) => Ok(buffer::finish(buffer)),
            Err(source) => Err(EncodeError {
                type_name: std::any::type_name::<T>(),
                source,
            }),
        }
    }

    pub(crate) fn decode<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, DecodeError> {
        let decoded = match self {
            Self::Json => serde_json::from_slice(bytes).map_err(Into::into),
            #[cfg(feature = "msgpack")]
            Self::MessagePack => rmp_serde::from_slice(bytes).map_err(Into::into),
        };
        decoded.map_err(|source| DecodeError {
            type_name: std::any::type_name::<T>(),
            content_type: self,
            length: Some(bytes.len()),
            source,
        })
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
#[doc(hidden)]
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
#[doc(hidden)]
pub struct Codec<M: super::Message> {
    pub(crate) encode: Encode<M>,
    pub(crate) decode: Decode<M>,
    pub(crate) encode_response: Encode<M::Response>,
    pub(crate) decode_response: Decode<M::Response>,
    pub(crate) encode_error: Encode<M::Error>,
    pub(crate) decode_error: Decode<M::Error>,
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
            encode_response: |_, _| Err(EncodeError::undeclared::<M::Response>()),
            decode_response: |content_type, bytes| DecodeError::undeclared(content_type, bytes),
            encode_error: |_, _| Err(EncodeError::undeclared::<M::Error>()),
            decode_error: |content_type, bytes| DecodeError::undeclared(content_type, bytes),
        }
    }

    /// How the response travels; requires that it can.
    ///
    /// A parameter of its own, and not `M::Response`: rustc points at where it is written.
    #[doc(hidden)]
    #[must_use]
    pub const fn response<R: Wire>(mut self) -> Self
    where
        M: super::Message<Response = R>,
    {
        self.encode_response = |content_type, response| content_type.encode(response);
        self.decode_response = |content_type, bytes| content_type.decode(bytes);
        self
    }

    /// How the declared error travels; requires that it can.
    #[doc(hidden)]
    #[must_use]
    pub const fn error<E: Wire>(mut self) -> Self
    where
        M: super::Message<Error = E>,
    {
        self.encode_error = |content_type, error| content_type.encode(error);
        self.decode_error = |content_type, bytes| content_type.decode(bytes);
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
///
/// What the format says of it is the [`source`](std::error::Error::source).
#[derive(Debug)]
pub struct DecodeError {
    type_name: &'static str,
    content_type: ContentType,
    /// `None` for a payload that another node read.
    length: Option<usize>,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl DecodeError {
    /// A payload where the message declares none.
    fn undeclared<T>(content_type: ContentType, bytes: &[u8]) -> Result<T, Self> {
        Err(Self {
            type_name: std::any::type_name::<T>(),
            content_type,
            length: Some(bytes.len()),
            source: "the message declares nothing of this type".into(),
        })
    }

    /// What another node said of a payload.
    pub(crate) fn remote(type_name: &'static str, source: impl Into<crate::BoxError>) -> Self {
        Self {
            type_name,
            content_type: ContentType::default(),
            length: None,
            source: source.into(),
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a payload")?;
        if let Some(length) = self.length {
            write!(f, " of {length} bytes of {}", self.content_type)?;
        }
        write!(f, " is not a `{}`", self.type_name)
    }
}

impl std::error::Error for DecodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}

/// A value that its own `Serialize` refused.
///
/// What it said is the [`source`](std::error::Error::source).
#[derive(Debug)]
pub struct EncodeError {
    type_name: &'static str,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl EncodeError {
    /// A value where the message declares none.
    fn undeclared<T>() -> Self {
        Self {
            type_name: std::any::type_name::<T>(),
            source: "the message declares nothing of this type".into(),
        }
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a `{}` cannot be encoded", self.type_name)
    }
}

impl std::error::Error for EncodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn an_error_says_once_what_its_source_says() {
        let decoded = ContentType::Json.decode::<u8>(b"300");
        let error = decoded.unwrap_err();
        assert_eq!(
            error.to_string(),
            "a payload of 3 bytes of application/json is not a `u8`"
        );
        assert!(error.source().unwrap().to_string().contains("300"));
        let error = DecodeError::remote("u8", "no number");
        assert_eq!(error.to_string(), "a payload is not a `u8`");

        struct Secret;
        impl Serialize for Secret {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("it is a secret"))
            }
        }
        let error = ContentType::Json.encode(&Secret).unwrap_err();
        assert!(error.to_string().ends_with("Secret` cannot be encoded"));
        assert_eq!(error.source().unwrap().to_string(), "it is a secret");
    }
}
