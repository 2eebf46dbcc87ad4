use std::sync::Arc;

use crate::message::Headers;
use crate::transport::{Entry, Malformed};

/// What a reader gets. Only the type of an entry can be missing: nothing here is parsed.
pub(super) fn content(entry: &Arc<Entry>) -> Result<Arc<Entry>, Malformed> {
    if !entry.name.is_empty() {
        return Ok(Arc::clone(entry));
    }
    Err(Malformed {
        error: "it has no type".to_owned(),
        headers: attributes(entry),
        payload: entry.payload.clone(),
    })
}

/// The attributes of an entry by the names that they have on the wire.
pub(super) fn attributes(entry: &Entry) -> Headers {
    let mut headers = entry.headers.clone();
    let id = entry.id.to_string();
    let fixed = [
        ("ce-specversion", "1.0"),
        ("ce-id", &id),
        ("ce-type", &entry.name),
        ("ce-source", &entry.source),
        ("content-type", &entry.content_type),
    ];
    headers.extend(fixed.into_iter().filter(|(_, value)| !value.is_empty()));
    headers.extend(entry.key.as_deref().map(|key| ("ce-partitionkey", key)));
    headers
}
