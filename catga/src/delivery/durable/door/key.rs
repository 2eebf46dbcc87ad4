use serde_json::Value;

use crate::delivery::chain;
use crate::message::{ContentType, KeyWriter, text_of};
use crate::transport::Entry;

/// The key of a message that brings none: what its payload has at these paths, in canonical form.
pub(super) fn of(entry: &Entry, paths: &[String]) -> Result<String, String> {
    // A format that nobody here knows is read as JSON, and the error says that it is none.
    let content_type = ContentType::parse(&entry.content_type).unwrap_or(ContentType::Json);
    read(content_type, &entry.payload, paths)
}

fn read(content_type: ContentType, payload: &[u8], paths: &[String]) -> Result<String, String> {
    let value: Value = content_type.decode(payload).map_err(|error| {
        let chain = chain(&error).join(": ");
        format!("its key cannot be read: {chain}")
    })?;
    let mut missing = None;
    let key = text_of(|key| {
        for path in paths {
            match at(&value, path) {
                Some(part) => write(key, part),
                None => missing = Some(path),
            }
        }
    });
    match missing {
        None => Ok(key),
        Some(path) => Err(format!("it brings no key, and has nothing at `{path}`")),
    }
}

/// What is at a path. Of an enum it is looked for in the fields of the one variant that is there.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    follow(value, path).or_else(|| match value {
        Value::Object(variant) if variant.len() == 1 => {
            variant.values().find_map(|fields| follow(fields, path))
        }
        _ => None,
    })
}

fn follow<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, step| match value {
        Value::Object(fields) => fields.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        // A tuple struct of one field is that field.
        other if step == "0" => Some(other),
        _ => None,
    })
}

/// The parts of a value, as `KeyText` writes them.
fn write(key: &mut KeyWriter<Vec<u8>>, value: &Value) {
    match value {
        Value::Null => {}
        Value::String(text) => key.part(text),
        Value::Array(items) => items.iter().for_each(|item| write(key, item)),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => key.display(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(json: &str, paths: &[&str]) -> Result<String, String> {
        let paths: Vec<String> = paths.iter().map(|&path| path.to_owned()).collect();
        read(ContentType::Json, json.as_bytes(), &paths)
    }

    #[test]
    fn parts_are_read_as_messages_write_them() {
        let json = r#"{"order": 7, "customer": {"id": "a\\b", "vip": true}, "pair": ["x", 2], "none": null}"#;
        assert_eq!(key(json, &["order"]).unwrap(), "7");
        assert_eq!(
            key(json, &["customer.id", "order"]).unwrap(),
            "a\\\\b\u{1f}7"
        );
        assert_eq!(key(json, &["customer.vip"]).unwrap(), "true");
        assert_eq!(key(json, &["pair.1"]).unwrap(), "2");
        assert_eq!(key(json, &["none", "order"]).unwrap(), "7");
        assert_eq!(key(r#"{"Placed": {"order": 3}}"#, &["order"]).unwrap(), "3");
        assert_eq!(key("5", &["0"]).unwrap(), "5");
    }

    #[cfg(feature = "msgpack")]
    #[test]
    fn a_key_is_read_from_message_pack() {
        let value = serde_json::json!({"customer": {"id": 7}});
        let payload = ContentType::MessagePack.encode(&value).unwrap();
        let paths = ["customer.id".to_owned()];
        let key = read(ContentType::MessagePack, &payload, &paths);
        assert_eq!(key.unwrap(), "7");
    }

    #[test]
    fn what_has_no_key_says_so() {
        assert!(key("{}", &["order"]).unwrap_err().contains("`order`"));
        assert!(
            key("no", &["order"])
                .unwrap_err()
                .contains("cannot be read")
        );
    }
}
