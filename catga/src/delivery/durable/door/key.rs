use serde_json::Value;

use crate::message::{KeyWriter, text_of};

/// The key of a message that brings none: what its JSON has at these paths, in canonical form.
pub(super) fn of_json(payload: &[u8], paths: &[String]) -> Result<String, String> {
    let value: Value = serde_json::from_slice(payload)
        .map_err(|error| format!("its key cannot be read from what is no JSON: {error}"))?;
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
        of_json(json.as_bytes(), &paths)
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

    #[test]
    fn what_has_no_key_says_so() {
        assert!(key("{}", &["order"]).unwrap_err().contains("`order`"));
        assert!(key("no", &["order"]).unwrap_err().contains("no JSON"));
    }
}
