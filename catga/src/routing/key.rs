//! The key as a strategy sees it: hashed on request, without its text.

use std::borrow::Cow;
use std::fmt;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::partition::Fnv1a32;
use crate::message::{KeySink, KeyWriter, Message, utf8};

/// The routing key of one message, or that it has none.
///
/// Nothing is computed before a strategy asks for it, and a hash allocates nothing.
///
/// # Examples
///
/// ```
/// use catga::routing::Key;
/// use catga::{command, route};
/// use serde::{Deserialize, Serialize};
///
/// #[command]
/// #[route(key = ("tenant", "order_id"))]
/// #[derive(Serialize, Deserialize)]
/// struct PlaceOrder {
///     tenant: String,
///     order_id: u32,
/// }
///
/// let order = PlaceOrder { tenant: "acme".into(), order_id: 7 };
/// let key = Key::of(&order);
/// assert!(key.is_keyed());
/// assert_eq!(key.text().as_deref(), Some("acme\u{1f}7"));
/// assert_eq!(key.fnv1a32(), Key::from_text("acme\u{1f}7").fnv1a32());
/// ```
#[derive(Clone, Copy)]
pub struct Key<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    Unkeyed,
    Text(&'a str),
    Message(&'a dyn Visit),
}

impl<'a> Key<'a> {
    /// The key of a message.
    #[must_use]
    pub fn of<M: Message>(message: &'a M) -> Self {
        if M::info().route().is_keyed() {
            Self(Source::Message(message))
        } else {
            Self::none()
        }
    }

    /// The key with this canonical text, as it came over the wire or for a test.
    #[must_use]
    pub const fn from_text(text: &'a str) -> Self {
        Self(Source::Text(text))
    }

    /// The key of a message that has none.
    #[must_use]
    pub const fn none() -> Self {
        Self(Source::Unkeyed)
    }

    /// Whether there is a key; an empty one is a key.
    #[must_use]
    pub const fn is_keyed(&self) -> bool {
        !matches!(self.0, Source::Unkeyed)
    }

    /// The canonical text; `None` without a key. Allocates, unless it was made from a text.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'a, str>> {
        match self.0 {
            Source::Unkeyed => None,
            Source::Text(text) => Some(Cow::Borrowed(text)),
            Source::Message(message) => {
                let mut text = Vec::new();
                message.visit(&mut text);
                Some(Cow::Owned(utf8(text)))
            }
        }
    }

    /// FNV-1a-32 over the text, which [`partition_of`](super::partition_of) takes.
    ///
    /// Without a key it is that of the empty text.
    #[inline]
    #[must_use]
    pub fn fnv1a32(&self) -> u32 {
        match self.0 {
            Source::Unkeyed => Fnv1a32::new().hash(),
            Source::Text(text) => {
                let mut hash = Fnv1a32::new();
                hash.write(text.as_bytes());
                hash.hash()
            }
            Source::Message(message) => message.fnv1a32(),
        }
    }

    /// XXH3-64 with seed 0 over the text, as the ring uses it.
    ///
    /// Without a key it is that of the empty text.
    #[inline]
    #[must_use]
    pub fn xxh3(&self) -> u64 {
        match self.0 {
            Source::Unkeyed => xxh3_64(&[]),
            Source::Text(text) => xxh3_64(text.as_bytes()),
            Source::Message(message) => xxh3_of(message),
        }
    }
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.text()).finish()
    }
}

/// A message of any type whose key can be visited.
///
/// Every type has its own copy of these two. The hash that most messages are routed by is one of
/// them; the others share a visit, which costs a call through a pointer for each part.
trait Visit {
    fn fnv1a32(&self) -> u32;

    fn visit(&self, sink: &mut dyn KeySink);
}

impl<M: Message> Visit for M {
    fn fnv1a32(&self) -> u32 {
        let mut writer = KeyWriter::new(Fnv1a32::new());
        self.write_key(&mut writer);
        writer.finish().hash()
    }

    fn visit(&self, sink: &mut dyn KeySink) {
        self.write_key(&mut KeyWriter::new(Through(sink)));
    }
}

/// Makes a sink of a sink whose type is not known.
struct Through<'a>(&'a mut dyn KeySink);

impl KeySink for Through<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }
}

fn xxh3_of(message: &dyn Visit) -> u64 {
    let mut start = Start {
        bytes: [0; START],
        length: 0,
    };
    message.visit(&mut start);
    if let Some(whole) = start.bytes.get(..start.length) {
        return xxh3_64(whole);
    }
    // A long key is visited again: the streaming state is slow to set up, but needs no buffer.
    let mut stream = Stream(Xxh3::new());
    message.visit(&mut stream);
    stream.0.digest()
}

/// Longer than nearly every key, and short enough to be cleared for each.
const START: usize = 128;

/// The first bytes of a key, and the length of the whole.
struct Start {
    bytes: [u8; START],
    length: usize,
}

impl KeySink for Start {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if let Some(place) = self.bytes.get_mut(self.length..end) {
            place.copy_from_slice(bytes);
        }
        self.length = end;
    }
}

struct Stream(Xxh3);

impl KeySink for Stream {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{KeyText, key_text};

    /// Stands for a message: only its key is looked at.
    struct Parts<K>(K);

    impl<K: KeyText> Visit for Parts<K> {
        fn fnv1a32(&self) -> u32 {
            let mut hash = Fnv1a32::new();
            self.visit(&mut hash);
            hash.hash()
        }

        fn visit(&self, sink: &mut dyn KeySink) {
            self.0.write_key(&mut KeyWriter::new(Through(sink)));
        }
    }

    fn assert_same<K: KeyText>(parts: K) {
        let text = key_text(&parts);
        let expected = Key::from_text(&text);
        let parts = Parts(parts);
        let key = Key(Source::Message(&parts));
        assert_eq!(key.text().as_deref(), Some(&*text));
        assert_eq!(key.fnv1a32(), expected.fnv1a32(), "{text:?}");
        assert_eq!(key.xxh3(), expected.xxh3(), "{text:?}");
    }

    #[test]
    fn a_visited_key_hashes_as_its_text() {
        assert_same("");
        assert_same(None::<u8>);
        assert_same(("ten\u{1f}ant", -7_i64, 'ß'));
        for length in [1, START - 1, START, START + 1, 240, 241, 10_000] {
            assert_same("x".repeat(length));
            assert_same(("\\".repeat(length / 2), length));
        }
    }

    #[test]
    fn an_empty_key_is_a_key() {
        assert!(Key::from_text("").is_keyed());
        assert!(!Key::none().is_keyed());
        assert_eq!(Key::none().text(), None);
        assert_eq!(Key::none().fnv1a32(), Key::from_text("").fnv1a32());
        assert_eq!(Key::none().xxh3(), Key::from_text("").xxh3());
    }
}
