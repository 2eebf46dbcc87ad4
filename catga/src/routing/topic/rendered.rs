//! The topic of one event.

use std::fmt::Write as _;

use crate::message::{KeyWriter, Message, utf8};

/// Takes the values of a topic's placeholders, in their order.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct TopicValues(Vec<KeyWriter<Vec<u8>>>);

impl TopicValues {
    /// Where the next value goes.
    pub fn value(&mut self) -> &mut KeyWriter<Vec<u8>> {
        let at = self.0.len();
        self.0.push(KeyWriter::new(Vec::new()));
        &mut self.0[at]
    }
}

/// The topic of an event: that of its route, with its own values; `None` where the route has none.
pub(crate) fn topic_of<M: Message>(message: &M) -> Option<String> {
    let route = M::info().route().topic()?;
    let mut values = TopicValues::default();
    message.write_topic(&mut values);
    let values = values.0.into_iter().map(|value| utf8(value.finish()));
    Some(rendered(route, values))
}

/// The topic of a route with these values in place of its placeholders.
pub(super) fn rendered(route: &str, values: impl IntoIterator<Item = String>) -> String {
    let mut topic = String::with_capacity(2 * route.len());
    let mut values = values.into_iter();
    let mut rest = route;
    while let Some((fixed, after)) = rest.split_once('{') {
        topic.push_str(fixed);
        push_segment(&mut topic, &values.next().unwrap_or_default());
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    topic.push_str(rest);
    topic
}

/// Adds a value as one segment, whatever is in it: what would divide it, or match more than
/// itself, is written as the bytes of its UTF-8 in the manner of a URL. An empty value is a `%`
/// alone, since there are no empty segments.
fn push_segment(topic: &mut String, value: &str) {
    if value.is_empty() {
        topic.push('%');
    }
    for letter in value.chars() {
        let divides = matches!(letter, '.' | '*' | '>' | '%');
        if divides || letter.is_whitespace() || letter.is_control() {
            for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
                // A `String` takes everything.
                let _ = write!(topic, "%{byte:02X}");
            }
        } else {
            topic.push(letter);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::topic_matches;

    fn with(value: &str) -> String {
        rendered("orders.{region}.placed", [value.to_owned()])
    }

    #[test]
    fn values_take_the_places_of_placeholders() {
        assert_eq!(rendered("orders", []), "orders");
        let values = ["eu", "7"].map(str::to_owned);
        assert_eq!(rendered("{a.b}.x.{c}", values), "eu.x.7");
    }

    #[test]
    fn a_value_is_one_segment_whatever_is_in_it() {
        let values = [
            "eu",
            "",
            "a.b",
            "*",
            ">",
            "a b",
            "%",
            "%2E",
            "ü",
            "\t\n",
            "a\u{2003}b",
        ];
        for value in values {
            let topic = with(value);
            assert!(topic_matches("orders.*.placed", &topic), "{topic}");
            assert_eq!(topic.split('.').count(), 3, "{topic}");
            assert!(!topic.contains(['*', '>', ' ']), "{topic}");
        }
        let topics: std::collections::BTreeSet<_> = values.map(with).into();
        assert_eq!(topics.len(), values.len(), "and tells them apart");
        assert_eq!(with("a.b"), "orders.a%2Eb.placed");
        assert_eq!(with("ü"), "orders.ü.placed");
    }
}
