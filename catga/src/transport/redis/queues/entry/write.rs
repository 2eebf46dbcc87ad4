use super::{
    CONTENT_TYPE, DATA, ESCAPE, ID, KEY, MANY, MORE, RESERVED, SOURCE, SPEC_VERSION, TIME, TYPE,
};
use crate::transport::{Entry, rfc3339};

/// An id, which are all of one length.
const SOME_ID: &str = "00000000-0000-0000-0000-000000000000";
/// A time with as many digits as there are.
const LONGEST_TIME: &str = "2026-11-22T13:30:20.123456789Z";

/// Hands each field to `put`, with its name.
pub(in super::super) fn write(entry: &Entry, put: impl FnMut(&str, &[u8])) {
    let (id, time) = (entry.id.to_string(), rfc3339::write(entry.time));
    write_with(entry, &id, &time, put);
}

fn write_with(entry: &Entry, id: &str, time: &str, mut put: impl FnMut(&str, &[u8])) {
    put(ID, id.as_bytes());
    put(TYPE, entry.name.as_bytes());
    put(SOURCE, entry.source.as_bytes());
    put(SPEC_VERSION, b"1.0");
    put(TIME, time.as_bytes());
    put(CONTENT_TYPE, entry.content_type.as_bytes());
    put(DATA, &entry.payload);
    write_more(entry, put);
}

/// Hands over what every entry has of its own: its id, its time and its payload.
pub(in super::super) fn write_own(entry: &Entry, mut put: impl FnMut(&[u8])) {
    let mut id = [0; SOME_ID.len()];
    put(entry
        .id
        .as_uuid()
        .hyphenated()
        .encode_lower(&mut id)
        .as_bytes());
    put(rfc3339::write(entry.time).as_bytes());
    put(&entry.payload);
}

/// The fields that not every entry has, in the same way.
pub(in super::super) fn write_more(entry: &Entry, mut put: impl FnMut(&str, &[u8])) {
    if let Some(key) = &entry.key {
        put(KEY, key.as_bytes());
    }
    let mut headers = entry.headers.iter();
    for (name, value) in headers.by_ref().take(MANY) {
        if is_reserved(name) {
            put(&format!("{ESCAPE}{name}"), value.as_bytes());
        } else {
            put(name, value.as_bytes());
        }
    }
    if headers.len() > 0 {
        let more: Vec<_> = headers.collect();
        put(MORE, serde_json::json!(more).to_string().as_bytes());
    }
}

/// How many fields those are.
pub(in super::super) fn count_more(entry: &Entry) -> usize {
    let headers = entry.headers.len();
    let more = usize::from(headers > MANY);
    usize::from(entry.key.is_some()) + headers.min(MANY) + more
}

/// How many bytes its fields take, at most: a round time takes a few less.
pub(in super::super) fn size(entry: &Entry) -> usize {
    let mut size = 0;
    // Asked for each entry, so nothing is written down for it.
    write_with(entry, SOME_ID, LONGEST_TIME, |name, value| {
        size += name.len() + value.len();
    });
    size
}

fn is_reserved(name: &str) -> bool {
    let begins = name.get(..ESCAPE.len());
    begins.is_some_and(|begins| begins.eq_ignore_ascii_case(ESCAPE))
        || RESERVED
            .iter()
            .any(|reserved| reserved.eq_ignore_ascii_case(name))
}
