//! The routing key: a text made of parts, visited without an allocation.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::num::NonZero;
use std::rc::Rc;
use std::sync::Arc;

/// Stands between the parts of a composite key.
const SEPARATOR: u8 = 0x1F;
/// Stands before a separator or a backslash that belongs to a part.
const ESCAPE: u8 = b'\\';

/// A value that can be part of a routing key.
///
/// Implemented for strings, integers, [`NonZero`], `bool`, `char`, [`uuid::Uuid`],
/// [`MessageId`](super::MessageId), references, smart pointers and [`Option`], where `None` is no
/// part: a key of nothing else is the empty key, which all such messages share. Floating-point
/// numbers have no such form on purpose: equal keys must have equal text on every node.
///
/// # Examples
///
/// ```
/// use catga::message::{KeySink, KeyText, KeyWriter, key_text};
///
/// struct Sku(String);
///
/// impl KeyText for Sku {
///     fn write_key<S: KeySink>(&self, key: &mut KeyWriter<S>) {
///         key.part(&self.0);
///     }
/// }
///
/// assert_eq!(key_text(&Sku("a-1".into())), "a-1");
/// assert_eq!(key_text(&("tenant", 7)), "tenant\u{1f}7");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a routing key: it has no canonical text",
    label = "not usable as a key",
    note = "strings, integers, `bool`, `char`, `Uuid` and `Option`s of them can; for your own type implement `catga::message::KeyText`, or name the field within it, as in `key = \"id.0\"`"
)]
pub trait KeyText {
    /// Writes this value as one part of the key, or nothing at all.
    fn write_key<S: KeySink>(&self, key: &mut KeyWriter<S>);
}

/// Where the canonical bytes of a key go: a text, or a hash that needs no text.
pub trait KeySink {
    /// Takes the next bytes. The whole is UTF-8; a single call may end inside a character.
    fn write(&mut self, bytes: &[u8]);

    /// Takes a piece of a part as it is, unless there is a byte that has to be escaped: then it takes
    /// nothing and answers `false`.
    ///
    /// For a sink that looks at each byte anyway.
    #[doc(hidden)]
    #[inline]
    fn write_plain(&mut self, bytes: &[u8]) -> bool {
        let (words, rest) = bytes.as_chunks();
        let found =
            words.iter().any(|word| needs_escape_in(*word)) || rest.iter().any(needs_escape);
        if !found {
            self.write(bytes);
        }
        !found
    }
}

impl KeySink for Vec<u8> {
    fn write(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Joins the parts of a key in canonical form.
///
/// Parts are separated by U+001F; a U+001F or a backslash inside a part is preceded by a
/// backslash. So different parts never join to the same text.
#[derive(Debug)]
pub struct KeyWriter<S> {
    sink: S,
    follows: bool,
}

impl<S: KeySink> KeyWriter<S> {
    /// A writer of an empty key.
    pub fn new(sink: S) -> Self {
        Self {
            sink,
            follows: false,
        }
    }

    /// Writes one part.
    #[inline]
    pub fn part(&mut self, text: &str) {
        self.start();
        self.escaped(text);
    }

    /// Writes one part from its [`Display`](fmt::Display) form, which must never change.
    pub fn display(&mut self, value: impl fmt::Display) {
        struct Escaped<'a, S>(&'a mut KeyWriter<S>);
        impl<S: KeySink> fmt::Write for Escaped<'_, S> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.escaped(text);
                Ok(())
            }
        }
        self.start();
        // Neither `Escaped` nor a sink can fail; a `Display` that does leaves its part short.
        let _ = write!(Escaped(self), "{value}");
    }

    /// The sink, with everything written.
    pub fn finish(self) -> S {
        self.sink
    }

    #[inline]
    fn start(&mut self) {
        if self.follows {
            self.sink.write(&[SEPARATOR]);
        }
        self.follows = true;
    }

    #[inline]
    fn escaped(&mut self, text: &str) {
        let bytes = text.as_bytes();
        if !self.sink.write_plain(bytes) {
            self.escape(bytes);
        }
    }

    #[cold]
    fn escape(&mut self, bytes: &[u8]) {
        let mut from = 0;
        for (at, byte) in bytes.iter().enumerate() {
            if needs_escape(byte) {
                self.sink.write(&bytes[from..at]);
                self.sink.write(&[ESCAPE]);
                from = at;
            }
        }
        self.sink.write(&bytes[from..]);
    }
}

/// Whether a byte is a separator or a backslash.
#[inline]
pub(crate) const fn needs_escape(byte: &u8) -> bool {
    matches!(*byte, SEPARATOR | ESCAPE)
}

/// Whether one of eight bytes is; looked at all at once, as nearly no key has one.
#[inline]
pub(crate) const fn needs_escape_in(word: [u8; 8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let word = u64::from_ne_bytes(word);
    let separators = word ^ u64::from_ne_bytes([SEPARATOR; 8]);
    let escapes = word ^ u64::from_ne_bytes([ESCAPE; 8]);
    // Not 0 if there is a byte that is 0.
    let zeros = separators.wrapping_sub(ONES) & !separators | escapes.wrapping_sub(ONES) & !escapes;
    zeros & (ONES << 7) != 0
}

/// The canonical text of a key.
///
/// # Examples
///
/// ```
/// use catga::message::key_text;
///
/// assert_eq!(key_text(&("a\\b", None::<u8>, 'c')), "a\\\\b\u{1f}c");
/// assert_eq!(key_text(&None::<&str>), "");
/// ```
#[must_use]
pub fn key_text<K: KeyText + ?Sized>(key: &K) -> String {
    text_of(|writer| key.write_key(writer))
}

/// The text that `write` makes.
pub(crate) fn text_of(write: impl FnOnce(&mut KeyWriter<Vec<u8>>)) -> String {
    let mut writer = KeyWriter::new(Vec::new());
    write(&mut writer);
    utf8(writer.finish())
}

/// The text of what was written to a key.
pub(crate) fn utf8(key: Vec<u8>) -> String {
    // Parts are `str` and the rest is ASCII, so nothing is ever replaced here.
    String::from_utf8(key)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

macro_rules! as_str {
    ($($ty:ty),*) => {$(
        impl KeyText for $ty {
            fn write_key<S: KeySink>(&self, key: &mut KeyWriter<S>) {
                key.part(self);
            }
        }
    )*};
}
as_str!(str, String, Cow<'_, str>);

macro_rules! decimal {
    ($($ty:ty),*) => {$(
        impl KeyText for $ty {
            fn write_key<S: KeySink>(&self, key: &mut KeyWriter<S>) {
                key.part(itoa::Buffer::new().format(*self));
            }
        }
    )*};
}
decimal!(
    u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize
);

macro_rules! non_zero {
    ($($ty:ty),*) => {$(
        impl KeyText for NonZero<$ty> {
            fn write_key<S: KeySink>(&self, key: &mut KeyWriter<S>) {
                self.get().write_key(key);
            }
        }
    )*};
}
non_zero!(
    u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize
);

impl KeyText for bool {
    fn write_key<S: KeySink>(&self, key: &mut KeyWriter<S>) {
        key.part(if *self { "true" } else { "false" });
    }
}

impl KeyText for char {
    fn write_key<S: KeySink>(&self, key: &mut KeyWriter<S>) {
        key.part(self.encode_utf8(&mut [0; 4]));
    }
}

impl KeyText for uuid::Uuid {
    fn write_key<S: KeySink>(&self, key: &mut KeyWriter<S>) {
        key.part(
            self.hyphenated()
                .encode_lower(&mut uuid::Uuid::encode_buffer()),
        );
    }
}

impl<T: KeyText> KeyText for Option<T> {
    fn write_key<S: KeySink>(&self, key: &mut KeyWriter<S>) {
        if let Some(value) = self {
            value.write_key(key);
        }
    }
}

macro_rules! pointer {
    ($($ty:ty),*) => {$(
        impl<T: KeyText + ?Sized> KeyText for $ty {
            fn write_key<S: KeySink>(&self, key: &mut KeyWriter<S>) {
                (**self).write_key(key);
            }
        }
    )*};
}
pointer!(&T, Box<T>, Rc<T>, Arc<T>);

macro_rules! tuple {
    ($($name:ident)*) => {
        impl<$($name: KeyText),*> KeyText for ($($name,)*) {
            fn write_key<Sink: KeySink>(&self, key: &mut KeyWriter<Sink>) {
                #[allow(non_snake_case)]
                let ($($name,)*) = self;
                $($name.write_key(key);)*
            }
        }
    };
}
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_never_join_to_the_same_text() {
        let pairs = [
            ("a\u{1f}b", ""),
            ("a", "b"),
            ("a\\", "b"),
            ("a", "\\b"),
            ("a\\\u{1f}", "b"),
            ("a", "\u{1f}b"),
        ];
        let texts: std::collections::BTreeSet<_> = pairs.iter().map(key_text).collect();
        assert_eq!(texts.len(), pairs.len());
    }

    #[test]
    fn every_form_of_a_value_has_the_same_text() {
        let id = uuid::Uuid::from_u128(0xA);
        let text = "00000000-0000-0000-0000-00000000000a";
        assert_eq!(key_text(&id), text);
        assert_eq!(key_text(&super::super::MessageId::from(id)), text);
        assert_eq!(key_text(&(true, false)), "true\u{1f}false");
        assert_eq!(key_text(&NonZero::<i8>::MIN), "-128");
        assert_eq!(key_text(&NonZero::<u64>::MAX), u64::MAX.to_string());
        assert_eq!(key_text(&Cow::Borrowed("a")), "a");
        assert_eq!(key_text(&Cow::<'_, str>::Owned("a\\".to_owned())), "a\\\\");
        assert_eq!(key_text(&(Rc::new(1), Arc::new('b'))), "1\u{1f}b");
        assert_eq!(key_text(&Box::<str>::from("c")), "c");
        assert_eq!(key_text(&&&"d"), "d");
    }

    #[test]
    fn numbers_are_decimal_and_displays_are_escaped() {
        assert_eq!(
            key_text(&(-7_i64, u128::MAX)),
            format!("-7\u{1f}{}", u128::MAX)
        );
        let mut writer = KeyWriter::new(Vec::new());
        writer.display(format_args!("a{}b", '\u{1f}'));
        assert_eq!(writer.finish(), b"a\\\x1fb");
    }

    #[test]
    fn escapes_are_found_at_every_place() {
        for length in 0..40 {
            let plain = "é".repeat(length / 2) + &"~".repeat(length % 2);
            assert_eq!(key_text(&plain), plain);
            for at in (0..=plain.len()).filter(|at| plain.is_char_boundary(*at)) {
                for special in ['\\', '\u{1f}'] {
                    let mut text = plain.clone();
                    text.insert(at, special);
                    let mut expected = text.clone();
                    expected.insert(at, '\\');
                    assert_eq!(key_text(&text), expected);
                }
            }
        }
    }
}
