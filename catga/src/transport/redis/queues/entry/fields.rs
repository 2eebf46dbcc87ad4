use bytes::Bytes;
use redis::Value;

use super::{CONTENT_TYPE, DATA, ID, KEY, MORE, SOURCE, SPEC_VERSION, TIME, TYPE};
use crate::message::Headers;
use crate::transport::Malformed;

/// Fields that an entry of catga has, most of them always.
const USUAL: [&str; 9] = [
    ID,
    TYPE,
    SOURCE,
    SPEC_VERSION,
    TIME,
    CONTENT_TYPE,
    DATA,
    KEY,
    MORE,
];

/// The fields of a stored entry, as they were found.
///
/// The usual ones are found once, when they come: there are many entries.
#[derive(Debug, Default)]
pub(in super::super) struct Fields {
    usual: [Option<Vec<u8>>; USUAL.len()],
    others: Vec<(String, Vec<u8>)>,
    size: usize,
}

impl Fields {
    /// What is not made of text in a name is replaced.
    pub(in super::super) fn of(value: Value) -> Self {
        let mut fields = Self::default();
        let Value::Array(values) = value else {
            // The entry was deleted meanwhile.
            return fields;
        };
        let mut values = values.into_iter();
        while let (Some(name), Some(value)) = (values.next(), values.next()) {
            let (name, value) = (bytes(name), bytes(value));
            fields.size += name.len() + value.len();
            match place(&name).map(|place| &mut fields.usual[place]) {
                Some(usual) if usual.is_none() => *usual = Some(value),
                _ => fields.others.push((text(name), value)),
            }
        }
        fields
    }

    /// How many bytes they have.
    pub(in super::super) const fn size(&self) -> usize {
        self.size
    }

    /// Takes a field away.
    pub(super) fn take(&mut self, name: &str) -> Option<Bytes> {
        if let Some(place) = place(name.as_bytes()) {
            return self.usual[place].take().map(Bytes::from);
        }
        let at = self.position(name)?;
        Some(self.others.remove(at).1.into())
    }

    /// The text of a field, without taking it away: what is malformed keeps everything.
    pub(super) fn text(&self, name: &str) -> Option<Result<&str, String>> {
        let value = match place(name.as_bytes()) {
            Some(place) => self.usual[place].as_ref()?,
            None => &self.others[self.position(name)?].1,
        };
        let text = std::str::from_utf8(value);
        Some(text.map_err(|_| format!("`{name}` is not text")))
    }

    /// The others, in their order.
    pub(super) fn others(self) -> impl Iterator<Item = (String, String)> {
        let others = self.others.into_iter();
        others.map(|(name, value)| (name, text(value)))
    }

    /// An entry that cannot be read.
    pub(super) fn malformed(mut self, error: String) -> Malformed {
        let payload = self.take(DATA).unwrap_or_default();
        let usual = USUAL.iter().zip(&mut self.usual);
        let usual: Vec<_> = usual
            .filter_map(|(name, value)| Some(((*name).to_owned(), text(value.take()?))))
            .collect();
        Malformed {
            error,
            headers: usual.into_iter().chain(self.others()).collect::<Headers>(),
            payload,
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.others
            .iter()
            .position(|(known, _)| known.eq_ignore_ascii_case(name))
    }
}

/// The place of a usual field.
fn place(name: &[u8]) -> Option<usize> {
    USUAL
        .iter()
        .position(|usual| usual.as_bytes().eq_ignore_ascii_case(name))
}

fn bytes(value: Value) -> Vec<u8> {
    match value {
        Value::BulkString(bytes) => bytes,
        _ => Vec::new(),
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
