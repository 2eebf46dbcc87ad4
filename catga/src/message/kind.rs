use std::fmt;

/// Whether a message is a command, a query or an event.
///
/// # Examples
///
/// ```
/// use catga::message::Kind;
///
/// assert_eq!(Kind::Query.to_string(), "query");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Asks one handler to do something.
    Command,
    /// Asks one handler for something; changes nothing.
    Query,
    /// Says what happened, to any number of handlers.
    Event,
}

impl Kind {
    /// The kind as one lower-case word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Query => "query",
            Self::Event => "event",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
