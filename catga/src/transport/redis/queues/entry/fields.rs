use bytes::Bytes;
use redis::Value;

use crate::message::Headers;
use crate::transport::Malformed;

/// The fields of a stored entry, as they were found.
#[derive(Debug, Default)]
pub(in super::super) struct Fields(Vec<(String, Bytes)>);

impl Fields {
    /// What is not made of text in a name is replaced.
    pub(in super::super) fn of(value: Value) -> Self {
        let Value::Array(values) = value else {
            // The entry was deleted meanwhile.
            return Self::default();
        };
        let mut values = values.into_iter();
        let mut fields = Vec::with_capacity(values.len() / 2);
        while let (Some(name), Some(value)) = (values.next(), values.next()) {
            fields.push((text(bytes(name)), bytes(value).into()));
        }
        Self(fields)
    }

    /// How many bytes they have.
    pub(in super::super) fn size(&self) -> usize {
        let sizes = self.0.iter().map(|(name, value)| name.len() + value.len());
        sizes.sum()
    }

    /// Takes a field away.
    pub(super) fn take(&mut self, name: &str) -> Option<Bytes> {
        let at = self.position(name)?;
        Some(self.0.remove(at).1)
    }

    /// The text of a field, without taking it away: what is malformed keeps everything.
    pub(super) fn text(&self, name: &str) -> Option<Result<&str, String>> {
        let at = self.position(name)?;
        let text = std::str::from_utf8(&self.0[at].1);
        Some(text.map_err(|_| format!("`{name}` is not text")))
    }

    /// What is left, in its order.
    pub(super) fn rest(self) -> impl Iterator<Item = (String, String)> {
        let fields = self.0.into_iter();
        fields.map(|(name, value)| (name, text(value.into())))
    }

    /// An entry that cannot be read.
    pub(super) fn malformed(mut self, error: String) -> Malformed {
        let payload = self.take(super::DATA).unwrap_or_default();
        Malformed {
            error,
            headers: self.rest().collect::<Headers>(),
            payload,
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.0
            .iter()
            .position(|(known, _)| known.eq_ignore_ascii_case(name))
    }
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
