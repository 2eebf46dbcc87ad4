//! Headers as NATS takes them.
//!
//! Names and values are printable ASCII there. Everything else is percent-encoded as UTF-8, as
//! `CloudEvents` has it: in values also the blank, `"` and `%`; in names all but letters, digits
//! and ``!#$&'*+-.^_`|~``. A name that begins with `Nats-` would be an order to the server: its
//! first letter is encoded, too.

use std::borrow::Cow;
use std::str::FromStr as _;

use async_nats::header::{HeaderName, HeaderValue};
use async_nats::{HeaderMap, Message};

use crate::message::Headers;
use crate::transport::Frame;

/// The name of a header without a name: it is no encoding of another.
const NO_NAME: &str = "%";

/// Headers on their way, and how many bytes they take.
#[derive(Debug, Clone, Default)]
pub(super) struct Outgoing {
    map: HeaderMap,
    size: usize,
}

impl Outgoing {
    pub(super) fn of(headers: &Headers) -> Self {
        let mut outgoing = Self::default();
        for (name, value) in headers.iter() {
            outgoing.named(name, value);
        }
        outgoing
    }

    /// Adds a header whose name and value may need encoding.
    pub(super) fn named(&mut self, name: &str, value: &str) {
        self.set(&encode_name(name), &encode(value, is_plain));
    }

    /// Adds a header that needs no encoding.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        // Can only fail for what is encoded.
        if let Ok(name) = HeaderName::from_str(name) {
            self.add(name, value);
        }
    }

    /// Adds a header with a name that is known, whose value may need encoding.
    pub(super) fn known(&mut self, name: &'static str, value: &str) {
        self.add(HeaderName::from_static(name), &encode(value, is_plain));
    }

    /// Adds a header that is filled in later.
    pub(super) fn open(&mut self, name: &'static str) {
        self.made(name, String::new());
    }

    /// Gives a header that was added open a value that needs no encoding. One that would begin
    /// another line leaves it empty: some are made of what others sent.
    pub(super) fn fill(&mut self, name: &'static str, value: String) {
        if value.contains(['\r', '\n']) {
            return;
        }
        self.size += value.len();
        let (name, value) = (HeaderName::from_static(name), HeaderValue::from(value));
        self.map.insert(name, value);
    }

    /// The same with a value that may need encoding.
    pub(super) fn fill_encoded(&mut self, name: &'static str, value: &str) {
        self.fill(name, encode(value, is_plain).into_owned());
    }

    /// The same as `known` with a value that was made for it and needs no encoding. One that would
    /// begin another line is left out: some are made of what others sent.
    pub(super) fn made(&mut self, name: &'static str, value: String) {
        if !value.contains(['\r', '\n']) {
            self.insert(HeaderName::from_static(name), value.into());
        }
    }

    fn add(&mut self, name: HeaderName, value: &str) {
        // Can only fail for what is encoded.
        if let Ok(value) = HeaderValue::from_str(value) {
            self.insert(name, value);
        }
    }

    fn insert(&mut self, name: HeaderName, value: HeaderValue) {
        let name_size = AsRef::<str>::as_ref(&name).len();
        self.size += name_size + value.as_str().len() + ": \r\n".len();
        self.map.insert(name, value);
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.made(name, value.into());
        self
    }

    /// How many bytes they take on the wire.
    pub(super) fn size(&self) -> usize {
        match self.size {
            0 => 0,
            size => "NATS/1.0\r\n\r\n".len() + size,
        }
    }

    /// As the client wants them.
    pub(super) fn into_map(self) -> Option<HeaderMap> {
        (self.size > 0).then_some(self.map)
    }
}

/// What came, without the headers that are the transport's own.
pub(super) fn frame(message: Message, own: &[&str]) -> Frame {
    let mut headers = Headers::new();
    for (name, value) in all(&message) {
        if !own.contains(&name) {
            headers.insert(decode_name(name), decode(value));
        }
    }
    Frame {
        headers,
        payload: message.payload,
    }
}

/// All names and values, as they are on the wire.
pub(super) fn all(message: &Message) -> impl Iterator<Item = (&str, &str)> {
    let headers = message.headers.iter().flat_map(HeaderMap::iter);
    headers.filter_map(|(name, values)| Some((name.as_ref(), values.last()?.as_str())))
}

/// The names and values in the text that headers are on the wire.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let named = text.lines().skip(1).filter_map(|line| line.split_once(':'));
    named.map(|(name, value)| (name, value.trim()))
}

/// The value of a header that is never encoded.
pub(super) fn value<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    let headers = message.headers.as_ref()?;
    let name = HeaderName::from_str(name).ok()?;
    headers.get(name).map(HeaderValue::as_str)
}

fn encode_name(name: &str) -> Cow<'_, str> {
    let is_order = name
        .get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case("nats-"));
    match name.as_bytes().first() {
        None => Cow::Borrowed(NO_NAME),
        Some(first) if is_order => {
            Cow::Owned(format!("%{first:02X}{}", encode(&name[1..], is_token)))
        }
        Some(_) => encode(name, is_token),
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~".contains(&byte)
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"%".contains(&byte)
}

fn encode(text: &str, is_plain: fn(u8) -> bool) -> Cow<'_, str> {
    if text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut encoded = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if is_plain(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for digit in [byte >> 4, byte & 15] {
                encoded.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
    Cow::Owned(encoded)
}

pub(super) fn decode_name(name: &str) -> Cow<'_, str> {
    match name {
        NO_NAME => Cow::Borrowed(""),
        name => decode(name),
    }
}

/// The text that was encoded. What is no encoding stays as it is.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let encoded = (*first == b'%').then(|| hex(after)).flatten();
        bytes.push(encoded.unwrap_or(*first));
        rest = if encoded.is_some() {
            &after[2..]
        } else {
            after
        };
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits.get(..2)?).ok()?;
    // `from_str_radix` would take a sign.
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| u8::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn through(headers: &Headers) -> Headers {
        let outgoing = Outgoing::of(headers);
        let size = outgoing.size();
        let message = Message {
            subject: "a".into(),
            reply: None,
            payload: Bytes::new(),
            headers: outgoing.into_map(),
            status: None,
            description: None,
            length: 0,
        };
        let written: usize = message.headers.iter().flat_map(HeaderMap::iter).fold(
            if headers.is_empty() { 0 } else { 12 },
            |size, (name, values)| {
                let name: &str = name.as_ref();
                size + name.len() + values[0].as_str().len() + 4
            },
        );
        assert_eq!(size, written);
        for (name, values) in message.headers.iter().flat_map(HeaderMap::iter) {
            let name: &str = name.as_ref();
            assert!(!name.to_ascii_lowercase().starts_with("nats-"), "{name}");
            assert!(
                values[0]
                    .as_str()
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic())
            );
        }
        frame(message, &[]).headers
    }

    #[test]
    fn headers_arrive_as_they_were() {
        let headers = Headers::from_iter([
            ("tenant", "acme"),
            ("Ünïcode: name", "grün \u{1F980}"),
            ("", "empty name"),
            ("empty", ""),
            ("%", "%"),
            ("percent", "100 % of %41"),
            ("lines", "a\r\nNats-TTL: 1\r\n\r\n"),
            ("blank", "  around  "),
            ("quote", "\"\u{0}\u{7f}"),
            ("Nats-Expected-Last-Sequence", "7"),
            ("nATS-ttl", "1"),
            ("nats", "a"),
        ]);
        assert_eq!(through(&headers), headers);
        assert_eq!(through(&Headers::new()), Headers::new());
    }

    #[test]
    fn no_value_begins_another_line() {
        for value in ["a\nNats-TTL: 1", "\r"] {
            assert!(Outgoing::default().with("a", value).into_map().is_none());
            let mut outgoing = Outgoing::default();
            outgoing.open("a");
            outgoing.fill("a", value.to_owned());
            let map = outgoing.into_map();
            let filled = map.as_ref().and_then(|map| map.get("a"));
            assert_eq!(filled.map(HeaderValue::as_str), Some(""));
        }
    }

    #[test]
    fn what_others_send_is_read_as_cloud_events_say() {
        assert_eq!(decode("Euro%20%E2%82%AC%20%F0%9F%98%80"), "Euro € 😀");
        for as_it_is in ["%", "100%", "%4", "%zz", "%+1", "%FF", "a b"] {
            assert_eq!(decode(as_it_is), as_it_is);
        }
        assert_eq!(
            encode("Euro € 😀", is_plain),
            "Euro%20%E2%82%AC%20%F0%9F%98%80"
        );
    }
}
