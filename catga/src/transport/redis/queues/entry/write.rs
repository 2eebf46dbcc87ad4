use super::{
    CONTENT_TYPE, DATA, ESCAPE, ID, KEY, MANY, MORE, RESERVED, SOURCE, SPEC_VERSION, TIME, TYPE,
};
use crate::transport::{Entry, rfc3339};

/// Hands each field to `put`, with its name.
pub(in super::super) fn write(entry: &Entry, mut put: impl FnMut(&str, &[u8])) {
    put(ID, entry.id.to_string().as_bytes());
    put(TYPE, entry.name.as_bytes());
    put(SOURCE, entry.source.as_bytes());
    put(SPEC_VERSION, b"1.0");
    put(TIME, rfc3339::write(entry.time).as_bytes());
    if let Some(key) = &entry.key {
        put(KEY, key.as_bytes());
    }
    put(CONTENT_TYPE, entry.content_type.as_bytes());
    let mut headers = entry.headers.iter();
    for (name, value) in headers.by_ref().take(MANY) {
        if is_reserved(name) {
            put(&format!("{ESCAPE}{name}"), value.as_bytes());
        } else {
            put(name, value.as_bytes());
        }
    }
    let more: Vec<_> = headers.collect();
    if !more.is_empty() {
        put(MORE, serde_json::json!(more).to_string().as_bytes());
    }
    put(DATA, &entry.payload);
}

/// How many bytes its fields take.
pub(in super::super) fn size(entry: &Entry) -> usize {
    let mut size = 0;
    write(entry, |name, value| size += name.len() + value.len());
    size
}

fn is_reserved(name: &str) -> bool {
    let begins = name.get(..ESCAPE.len());
    begins.is_some_and(|begins| begins.eq_ignore_ascii_case(ESCAPE))
        || RESERVED
            .iter()
            .any(|reserved| reserved.eq_ignore_ascii_case(name))
}
