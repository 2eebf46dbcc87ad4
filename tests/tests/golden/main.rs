//! The hashes of keys and their partitions, against vectors from another implementation.

use catga::message::key_text;
use catga::routing::{Key, partition_of};
use catga::{event, route};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    partitions: u32,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    key: String,
    fnv1a32: u32,
    partition: u32,
    /// In decimal digits: it may be larger than a JSON number is everywhere.
    xxh3: String,
}

impl Vector {
    fn assert_matches(&self, key: &Key<'_>, partitions: u32) {
        assert_eq!(key.text().as_deref(), Some(&*self.key));
        assert_eq!(key.fnv1a32(), self.fnv1a32, "{:?}", self.key);
        assert_eq!(key.xxh3().to_string(), self.xxh3, "{:?}", self.key);
        let partition = partition_of(key.fnv1a32(), partitions);
        assert_eq!(partition, self.partition, "{:?}", self.key);
    }
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../golden/golden.json")).unwrap()
}

#[event]
#[route(key = "key")]
#[derive(Serialize, Deserialize)]
struct Happened {
    key: String,
}

#[event]
#[route(key = ("first", "second", "third"))]
#[derive(Serialize, Deserialize)]
struct Composite {
    first: String,
    second: Option<i64>,
    third: Option<char>,
}

#[test]
fn keys_by_their_text() {
    let golden = golden();
    assert_eq!(golden.partitions, 32);
    assert!(golden.vectors.len() >= 50);
    for vector in &golden.vectors {
        vector.assert_matches(&Key::from_text(&vector.key), golden.partitions);
    }
}

/// The visit of a message's key, part by part, without its text.
#[test]
fn keys_of_messages() {
    let golden = golden();
    let plain = (golden.vectors.iter()).filter(|vector| !vector.key.contains(['\\', '\u{1f}']));
    let mut count = 0;
    for vector in plain {
        let key = vector.key.clone();
        vector.assert_matches(&Key::of(&Happened { key }), golden.partitions);
        count += 1;
    }
    assert!(count >= 50);
}

#[test]
fn composite_keys() {
    let golden = golden();
    let assert_has = |text: &str, key: &Key<'_>| {
        let vector = golden.vectors.iter().find(|vector| vector.key == text);
        let vector = vector.unwrap_or_else(|| panic!("{text:?} is a golden key"));
        vector.assert_matches(key, golden.partitions);
    };
    let cases = [
        ("acme", Some(7), None, "acme\u{1f}7"),
        ("größe", Some(-7), Some('🦀'), "größe\u{1f}-7\u{1f}🦀"),
        ("", None, Some('a'), "\u{1f}a"),
        ("a\u{1f}b", None, None, "a\\\u{1f}b"),
        ("a\\", None, Some('b'), "a\\\\\u{1f}b"),
        ("a\\\u{1f}", None, Some('b'), "a\\\\\\\u{1f}\u{1f}b"),
    ];
    for (first, second, third, text) in cases {
        let first = first.to_owned();
        assert_has(
            text,
            &Key::of(&Composite {
                first,
                second,
                third,
            }),
        );
    }
    for text in [key_text(&("a", "\\b")), key_text(&("acme", "", 7))] {
        assert_has(&text, &Key::from_text(&text));
    }
}
