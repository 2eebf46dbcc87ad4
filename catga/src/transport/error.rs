use std::fmt;

use crate::BoxError;

/// The broker could not be reached, or did not do what it was asked.
#[derive(Debug)]
pub struct TransportError {
    what: &'static str,
    source: BoxError,
}

impl TransportError {
    /// `what` was attempted, as in "read a record".
    pub fn new(what: &'static str, source: impl Into<BoxError>) -> Self {
        Self {
            what,
            source: source.into(),
        }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the broker could not {}", self.what)
    }
}

impl std::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}
