//! Topics, and patterns that match them.

mod rendered;

use std::fmt;
use std::str::FromStr;

pub use rendered::TopicValues;

pub(crate) use rendered::topic_of;

/// A set of topics: segments between dots, where `*` is any one segment and a `>` at the end is
/// one or more.
///
/// The same as in a subject of NATS.
///
/// # Examples
///
/// ```
/// use catga::routing::TopicPattern;
///
/// let placed: TopicPattern = "orders.*.placed".parse()?;
/// assert!(placed.matches("orders.eu.placed"));
/// assert!(!placed.matches("orders.eu.west.placed"));
///
/// let orders: TopicPattern = "orders.>".parse()?;
/// assert!(orders.matches("orders.eu.west.placed"));
/// assert!(!orders.matches("orders"));
/// # Ok::<(), catga::routing::InvalidPattern>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TopicPattern {
    text: Box<str>,
}

impl TopicPattern {
    /// Whether a topic belongs to the set.
    #[must_use]
    pub fn matches(&self, topic: &str) -> bool {
        topic_matches(&self.text, topic)
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Whether a topic belongs to a pattern, which is known to be one.
pub(crate) fn topic_matches(pattern: &str, topic: &str) -> bool {
    let mut topic = topic.split('.');
    for segment in pattern.split('.') {
        // An empty segment is none: nothing can be published to such a topic.
        let Some(actual) = topic.next().filter(|actual| !actual.is_empty()) else {
            return false;
        };
        match segment {
            ">" => return topic.all(|rest| !rest.is_empty()),
            "*" => {}
            fixed if fixed == actual => {}
            _ => return false,
        }
    }
    topic.next().is_none()
}

/// Whether any event of a route can have a topic that belongs to a pattern.
pub(crate) fn can_match(pattern: &str, route: &str) -> bool {
    // An empty value, which no fixed segment is like, stands for any.
    const ANY: &str = "%";
    let route = rendered::rendered(route, []);
    let mut route = route.split('.');
    for segment in pattern.split('.') {
        let Some(actual) = route.next() else {
            return false;
        };
        match segment {
            ">" => return true,
            _ if segment == "*" || actual == ANY || segment == actual => {}
            _ => return false,
        }
    }
    route.next().is_none()
}

impl FromStr for TopicPattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let invalid = |problem| InvalidPattern {
            text: text.to_owned(),
            problem,
        };
        let mut segments = text.split('.').peekable();
        while let Some(segment) = segments.next() {
            match segment {
                "" => return Err(invalid(Problem::EmptySegment)),
                ">" if segments.peek().is_some() => return Err(invalid(Problem::RestNotLast)),
                ">" | "*" => {}
                _ if segment.contains(['*', '>']) => return Err(invalid(Problem::PartOfSegment)),
                _ if segment
                    .contains(|letter: char| letter.is_whitespace() || letter.is_control()) =>
                {
                    return Err(invalid(Problem::Space));
                }
                _ => {}
            }
        }
        Ok(Self { text: text.into() })
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// A text that is not a [`TopicPattern`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidPattern {
    text: String,
    problem: Problem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    EmptySegment,
    RestNotLast,
    PartOfSegment,
    Space,
}

impl fmt::Display for InvalidPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.problem {
            Problem::EmptySegment => "there is nothing between two dots",
            Problem::RestNotLast => "`>` can only be the last segment; `*` stands for one",
            Problem::PartOfSegment => "`*` and `>` stand for whole segments",
            Problem::Space => "a segment has no white space",
        };
        write!(f, "`{}` is not a pattern of topics: {problem}", self.text)
    }
}

impl std::error::Error for InvalidPattern {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        let cases = [
            ("a", "a", true),
            ("a", "b", false),
            ("a", "a.b", false),
            ("a.b", "a", false),
            ("*", "a", true),
            ("*", "a.b", false),
            ("a.*", "a", false),
            ("a.*.c", "a.b.c", true),
            ("a.*.c", "a..c", false),
            ("*.*", "a.b", true),
            (">", "a", true),
            (">", "a.b.c", true),
            (">", "", false),
            ("a.>", "a", false),
            ("a.>", "a.", false),
            ("a.>", "a.b", true),
            ("a.>", "a.b..c", false),
            ("*.b.>", "x.b.c.d", true),
            ("*.b.>", "x.c.c.d", false),
            ("größe.*", "größe.ß", true),
        ];
        for (pattern, topic, expected) in cases {
            let pattern: TopicPattern = pattern.parse().unwrap();
            assert_eq!(pattern.matches(topic), expected, "{pattern} {topic:?}");
        }
    }

    #[test]
    fn a_malformed_pattern_is_refused_with_a_reason() {
        let cases = [
            ("", "there is nothing between two dots"),
            ("a..b", "there is nothing between two dots"),
            ("a.", "there is nothing between two dots"),
            (
                "a.>.b",
                "`>` can only be the last segment; `*` stands for one",
            ),
            ("a.b*", "`*` and `>` stand for whole segments"),
            ("a. b", "a segment has no white space"),
        ];
        for (text, problem) in cases {
            let error = text.parse::<TopicPattern>().unwrap_err().to_string();
            assert_eq!(
                error,
                format!("`{text}` is not a pattern of topics: {problem}")
            );
        }
    }
}
