use std::fmt;
use std::sync::Arc;

const TRACE_PARENT: &str = "traceparent";
const TRACE_STATE: &str = "tracestate";

/// Names and values that travel beside a message; a cheap clone.
///
/// Names are compared without regard to ASCII case, also where two `Headers` are compared; their
/// order does not count then. As a handler parameter it holds what the caller set with
/// [`Options::header`](crate::Options::header).
///
/// `traceparent` and `tracestate` go on with what a handler sends and stores through its
/// [`Context`](crate::Context), unless it sets a `traceparent` of its own; nothing else does.
///
/// # Examples
///
/// ```
/// use catga::Headers;
///
/// let mut headers = Headers::new();
/// headers.insert("tenant", "acme");
/// headers.insert("Tenant", "umbrella");
/// assert_eq!(headers.get("TENANT"), Some("umbrella"));
/// assert_eq!(headers, Headers::from_iter([("TENANT", "umbrella")]));
/// assert_eq!(headers.remove("tenant").as_deref(), Some("umbrella"));
/// assert!(headers.is_empty());
/// ```
#[derive(Clone, Default)]
pub struct Headers {
    // `None` while empty, so that a message without headers costs nothing.
    entries: Option<Arc<Vec<(String, String)>>>,
}

impl Headers {
    /// No headers.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: None }
    }

    /// The value of a header.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Sets a header, in place of one with the same name.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let name = name.into();
        let entries = Arc::make_mut(self.entries.get_or_insert_default());
        match entries
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(&name))
        {
            Some((_, known)) => *known = value.into(),
            None => entries.push((name, value.into())),
        }
    }

    /// Takes a header away; its value, if there was one.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        let entries = self.entries.as_mut()?;
        let at = entries
            .iter()
            .position(|(known, _)| known.eq_ignore_ascii_case(name))?;
        let (_, value) = Arc::make_mut(entries).remove(at);
        if entries.is_empty() {
            self.entries = None;
        }
        Some(value)
    }

    /// All headers, in the order in which they were first set.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.into_iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_none()
    }

    /// Goes on with the trace of a parent (W3C Trace Context), unless these say their own.
    pub(crate) fn trace_on(&mut self, parent: &Self) {
        let Some(trace) = parent.get(TRACE_PARENT) else {
            return;
        };
        if self.get(TRACE_PARENT).is_some() {
            // A state belongs to its trace.
            return;
        }
        self.insert(TRACE_PARENT, trace);
        if let Some(state) = parent.get(TRACE_STATE)
            && self.get(TRACE_STATE).is_none()
        {
            self.insert(TRACE_STATE, state);
        }
    }

    fn entries(&self) -> &[(String, String)] {
        self.entries.as_deref().map_or(&[], Vec::as_slice)
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        // No name is there twice, so this is enough.
        self.len() == other.len()
            && self
                .iter()
                .all(|(name, value)| other.get(name) == Some(value))
    }
}

impl Eq for Headers {}

impl<N: Into<String>, V: Into<String>> Extend<(N, V)> for Headers {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, headers: I) {
        for (name, value) in headers {
            self.insert(name, value);
        }
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Self {
        let mut all = Self::new();
        all.extend(headers);
        all
    }
}

impl IntoIterator for Headers {
    type Item = (String, String);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries
            .map_or_else(Vec::new, Arc::unwrap_or_clone)
            .into_iter()
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = (&'a str, &'a str);
    type IntoIter = std::iter::Map<
        std::slice::Iter<'a, (String, String)>,
        fn(&'a (String, String)) -> (&'a str, &'a str),
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.entries()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_is_that_of_the_look_up() {
        let headers = Headers::from_iter([("A", "1"), ("b", "2")]);
        assert_eq!(headers, Headers::from_iter([("B", "2"), ("a", "1")]));
        assert_ne!(headers, Headers::from_iter([("a", "1")]));
        assert_ne!(headers, Headers::from_iter([("a", "1"), ("c", "2")]));
        assert_ne!(headers, Headers::from_iter([("a", "1"), ("b", "3")]));
    }

    #[test]
    fn a_trace_goes_on_unless_there_is_another() {
        let trace = Headers::from_iter([("Traceparent", "1"), ("tracestate", "a=1"), ("b", "2")]);
        let follow = |own: &[(&str, &str)], parent: &Headers| {
            let mut headers = Headers::from_iter(own.iter().copied());
            headers.trace_on(parent);
            headers
        };
        let inherited = Headers::from_iter([("traceparent", "1"), ("tracestate", "a=1")]);
        assert_eq!(follow(&[], &trace), inherited);
        let own = [("TRACEPARENT", "2")];
        assert_eq!(follow(&own, &trace), Headers::from_iter(own));
        let state = [("tracestate", "b=2"), ("traceparent", "1")];
        assert_eq!(follow(&state[..1], &trace), Headers::from_iter(state));
        let stateless = Headers::from_iter([("tracestate", "a=1")]);
        assert!(follow(&[], &stateless).is_empty());
    }

    #[test]
    fn what_is_removed_is_gone_from_this_clone_alone() {
        let mut headers = Headers::from_iter([("a", "1"), ("b", "2")]);
        let before = headers.clone();
        assert_eq!(headers.remove("A").as_deref(), Some("1"));
        assert_eq!(headers.remove("a"), None);
        assert_eq!((headers.len(), before.len()), (1, 2));
        assert_eq!(headers.remove("b").as_deref(), Some("2"));
        assert!(headers.is_empty());
        assert_eq!(headers, Headers::new());
        let owned: Vec<_> = before.into_iter().collect();
        assert_eq!(owned[1], ("b".to_owned(), "2".to_owned()));
        let shown = format!("{:?}", Headers::from_iter(owned));
        assert_eq!(shown, r#"{"a": "1", "b": "2"}"#);
    }
}
