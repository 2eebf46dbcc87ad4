use std::borrow::Cow;
use std::sync::Arc;

use super::{CONTENT_TYPE, DATA, Door, ESCAPE, Fields, ID, KEY, MORE, SOURCE, TIME, TYPE, door};
use crate::message::{ContentType, Headers};
use crate::transport::{Entry, Malformed, rfc3339};

/// Reads an entry; at the door, a shorter name is as good, and most may be left out.
pub(in super::super) fn read(
    fields: Fields,
    door: Option<Door<'_>>,
) -> Result<Arc<Entry>, Malformed> {
    match attributes(&fields, door) {
        Ok(entry) => complete(entry, fields, door.is_some()).map(Arc::new),
        Err(error) => Err(fields.malformed(error)),
    }
}

/// Everything but the headers and the payload.
fn attributes(fields: &Fields, door: Option<Door<'_>>) -> Result<Entry, String> {
    let text = |name: &str| fields.text(name).transpose();
    let either = |name: &str, short: &str| match text(name)? {
        None if door.is_some() => text(short),
        found => Ok(found),
    };
    let missing = |name: &str| format!("it has no `{name}`");
    let name = either(TYPE, "type")?.filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| match door {
        Some(_) => "it has neither `type` nor `ce-type`".to_owned(),
        None => missing(TYPE),
    })?;
    let source = text(SOURCE)?.or(door.map(|_| ""));
    let source = source.ok_or_else(|| missing(SOURCE))?;
    let id = match (either(ID, "id")?, door) {
        (Some(id), door) => match (id.parse(), door) {
            (Ok(id), _) => id,
            (Err(_), Some(door)) if id.is_empty() => door.id(),
            (Err(_), Some(_)) => door::foreign(source, id),
            (Err(error), None) => return Err(format!("`{ID}` cannot be read: {error}")),
        },
        (None, Some(door)) => door.id(),
        (None, None) => return Err(missing(ID)),
    };
    let time = match (text(TIME)?, door) {
        (Some(time), door) => match (rfc3339::read(time), door) {
            (Some(time), _) => time,
            (None, Some(door)) => door.time(),
            (None, None) => return Err(format!("`{TIME}` is no time of RFC 3339: `{time}`")),
        },
        (None, Some(door)) => door.time(),
        (None, None) => return Err(missing(TIME)),
    };
    let content_type = match (text(CONTENT_TYPE)?, door) {
        // What is usual takes no memory.
        (Some(content_type), _) if content_type == ContentType::Json.as_str() => {
            Cow::Borrowed(ContentType::Json.as_str())
        }
        (Some(content_type), _) => Cow::Owned(content_type.to_owned()),
        (None, Some(_)) => Cow::Borrowed(ContentType::Json.as_str()),
        (None, None) => return Err(missing(CONTENT_TYPE)),
    };
    Ok(Entry {
        id,
        name: Cow::Owned(name.to_owned()),
        source: source.into(),
        time,
        key: either(KEY, "key")?.map(Arc::from),
        content_type,
        headers: Headers::new(),
        payload: bytes::Bytes::new(),
    })
}

/// Adds the payload, and what is left as headers.
fn complete(mut entry: Entry, mut fields: Fields, door: bool) -> Result<Entry, Malformed> {
    let more = match fields.text(MORE).map(|text| text.map(serde_json::from_str)) {
        None => Vec::<(String, String)>::new(),
        Some(Ok(Ok(more))) => more,
        // At the door it is just a field of this name.
        Some(_) if door => Vec::new(),
        Some(_) => return Err(fields.malformed(format!("`{MORE}` cannot be read"))),
    };
    if more.is_empty()
        && let Some(value) = fields.take(MORE)
    {
        let value = String::from_utf8_lossy(&value).into_owned();
        entry.headers.insert(MORE, value);
    }
    entry.payload = fields.take(DATA).unwrap_or_default();
    if door {
        for name in ["type", "key", "id"] {
            fields.take(name);
        }
    }
    entry.headers.extend(fields.others().map(|(name, value)| {
        let begins = name.get(..ESCAPE.len());
        if begins.is_some_and(|begins| begins.eq_ignore_ascii_case(ESCAPE)) {
            (name[ESCAPE.len()..].to_owned(), value)
        } else {
            (name, value)
        }
    }));
    entry.headers.extend(more);
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use redis::Value;

    use super::*;
    use crate::transport::redis::queues::stream_id::StreamId;

    fn fields(fields: &[(&str, &[u8])]) -> Fields {
        let values = fields.iter().flat_map(|(name, value)| {
            [
                Value::BulkString(name.as_bytes().to_vec()),
                Value::BulkString(value.to_vec()),
            ]
        });
        Fields::of(Value::Array(values.collect()))
    }

    fn at_the_door(given: &[(&str, &[u8])]) -> Result<Arc<Entry>, Malformed> {
        let id = StreamId::parse(b"1000-7").unwrap();
        read(fields(given), Some(Door { stream: "x", id }))
    }

    #[test]
    fn the_door_fills_in_what_is_missing() {
        let entry =
            at_the_door(&[("type", b"order"), ("data", b"{}"), ("tenant", b"acme")]).unwrap();
        assert_eq!(
            (&*entry.name, &*entry.source, &entry.key),
            ("order", "", &None)
        );
        assert_eq!(entry.time, UNIX_EPOCH + Duration::from_secs(1));
        assert_eq!(entry.content_type, "application/json");
        assert_eq!(entry.headers, Headers::from_iter([("tenant", "acme")]));
        assert_eq!(&entry.payload[..], b"{}");
        let again = at_the_door(&[("type", b"order")]).unwrap();
        assert_eq!(entry.id, again.id);
    }

    #[test]
    fn the_door_takes_the_names_of_cloud_events_first() {
        let given: &[(&str, &[u8])] = &[
            ("type", b"wrong"),
            ("ce-type", b"right"),
            ("key", b"k"),
            ("ce-subject", b"s"),
            ("id", b"order-7"),
            ("ce-source", b"/web"),
            ("ce-time", b"when?"),
            ("headers", b"[1]"),
        ];
        let entry = at_the_door(given).unwrap();
        assert_eq!((&*entry.name, entry.key.as_deref()), ("right", Some("k")));
        assert_eq!(entry.id, door::foreign("/web", "order-7"));
        let headers = Headers::from_iter([("ce-subject", "s"), ("headers", "[1]")]);
        assert_eq!(entry.headers, headers);
    }

    #[test]
    fn what_has_no_type_keeps_everything_else() {
        for given in [
            &[("data", &b"x\xff"[..]), ("a", b"b\xff")][..],
            &[("type", b""), ("data", b"x\xff"), ("a", b"b\xff")],
        ] {
            let malformed = at_the_door(given).unwrap_err();
            assert!(malformed.error.contains("type"), "{}", malformed.error);
            assert_eq!(&malformed.payload[..], b"x\xff");
            assert_eq!(malformed.headers.get("a"), Some("b\u{fffd}"));
        }
    }

    #[test]
    fn a_queue_takes_no_defaults() {
        let error = |given: &[(&str, &[u8])]| read(fields(given), None).unwrap_err().error;
        assert_eq!(error(&[]), "it has no `ce-type`");
        assert_eq!(error(&[("ce-type", b"\xff")]), "`ce-type` is not text");
        let given: &[(&str, &[u8])] = &[("ce-type", b"a"), ("ce-source", b"b"), ("ce-id", b"7")];
        assert!(error(given).starts_with("`ce-id` cannot be read"));
        assert!(Fields::of(Value::Nil).text("a").is_none());
    }
}
