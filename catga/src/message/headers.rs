use std::sync::Arc;

/// Names and values that travel beside a message; a cheap clone.
///
/// Names are compared without regard to ASCII case. As a handler parameter it holds what the
/// caller set with [`Options::header`](crate::Options::header).
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
/// assert_eq!(headers.iter().count(), 1);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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

    /// All headers, in the order in which they were first set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries
            .iter()
            .flat_map(|entries| entries.iter())
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_none()
    }
}
