//! How an [`Entry`](crate::transport::Entry) lies in a stream: each attribute and each header is
//! a field, and so is the payload, `data`.
//!
//! A header that would be mistaken for something else is written with `header-` before its name.
//! Scripts can hand over some thousands of fields; where there are more headers than that, the
//! rest is in one field, as JSON.

mod door;
mod fields;
mod read;
mod write;

pub(super) use door::Door;
pub(super) use fields::Fields;
pub(super) use read::read;
pub(super) use write::{count_more, size, write, write_more, write_own};

const ID: &str = "ce-id";
const TYPE: &str = "ce-type";
const SOURCE: &str = "ce-source";
const SPEC_VERSION: &str = "ce-specversion";
const TIME: &str = "ce-time";
const KEY: &str = "ce-partitionkey";
const CONTENT_TYPE: &str = "content-type";
const DATA: &str = "data";

/// Headers beyond the many.
const MORE: &str = "headers";

/// Names that no header has in a stream. The last three are those of the door.
const RESERVED: [&str; 12] = [
    ID,
    TYPE,
    SOURCE,
    SPEC_VERSION,
    TIME,
    KEY,
    CONTENT_TYPE,
    DATA,
    MORE,
    "type",
    "key",
    "id",
];

/// What comes before the name of a header that would be mistaken for something else.
const ESCAPE: &str = "header-";

/// As many headers have fields of their own.
const MANY: usize = 1_000;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, UNIX_EPOCH};

    use bytes::Bytes;
    use redis::Value;

    use super::*;
    use crate::message::{Headers, MessageId};
    use crate::transport::Entry;

    /// How many fields an entry has in any case.
    const ALWAYS: usize = 7;

    fn entry(headers: Headers) -> Entry {
        Entry {
            id: MessageId::new(),
            name: "orders.place".into(),
            source: "shop".into(),
            time: UNIX_EPOCH + Duration::new(1_795_354_220, 123_456_700),
            key: Some("grün\u{1f}7".into()),
            content_type: "application/json".into(),
            headers,
            payload: Bytes::from_static(b"{\"a\": \xff\x00\r\n}"),
        }
    }

    fn written(entry: &Entry) -> Vec<(String, Vec<u8>)> {
        let mut fields = Vec::new();
        write(entry, |name, value| {
            fields.push((name.to_owned(), value.to_vec()));
        });
        fields
    }

    fn read_again(fields: Vec<(String, Vec<u8>)>) -> Entry {
        let fields = fields
            .into_iter()
            .flat_map(|(name, value)| [Value::BulkString(name.into()), Value::BulkString(value)]);
        let entry = read(Fields::of(Value::Array(fields.collect())), None);
        Arc::unwrap_or_clone(entry.unwrap())
    }

    #[test]
    fn what_is_written_is_read_again() {
        let tricky = RESERVED.map(|name| (name.to_uppercase(), "mine".to_owned()));
        let mut headers = Headers::from_iter(tricky);
        headers.insert("Header-Data", "x");
        headers.insert("traceparent", "00-aa");
        headers.insert("ce-subject", "");
        let all = entry(headers);
        assert_eq!(read_again(written(&all)), all);
        let least = Entry {
            key: None,
            source: "".into(),
            payload: Bytes::new(),
            ..entry(Headers::new())
        };
        assert_eq!(read_again(written(&least)), least);
    }

    #[test]
    fn any_number_of_headers_fits_into_a_script() {
        let headers = (0..5_000).map(|n| (format!("x-{n}"), format!("\"{n}")));
        let many = entry(headers.collect());
        let fields = written(&many);
        assert!(fields.len() < 1_020, "{}", fields.len());
        assert_eq!(fields.len(), ALWAYS + count_more(&many));
        assert_eq!(read_again(fields), many);
    }

    #[test]
    fn fields_are_readable() {
        let entry = entry(Headers::from_iter([("tenant", "acme"), ("data", "mine")]));
        let fields = written(&entry);
        let text = |name: &str| {
            let (_, value) = fields.iter().find(|(known, _)| known == name).unwrap();
            String::from_utf8_lossy(value).into_owned()
        };
        assert_eq!(text("ce-type"), "orders.place");
        assert_eq!(text("ce-id"), entry.id.to_string());
        assert_eq!(text("ce-specversion"), "1.0");
        assert_eq!(text("ce-time"), "2026-11-22T13:30:20.1234567Z");
        assert_eq!(text("tenant"), "acme");
        assert_eq!(text("header-data"), "mine");
        let bytes: usize = fields
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        // Two digits of the time are zero.
        assert_eq!(size(&entry), bytes + 2);
        assert_eq!(ALWAYS + count_more(&entry), fields.len());
    }
}
