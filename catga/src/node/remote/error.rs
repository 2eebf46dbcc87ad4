use std::error::Error;
use std::fmt;

use crate::delivery::Fault;
use crate::delivery::fault::Classifier;

// What was permanent there is permanent here.
inventory::submit! {
    Classifier::new(|error| error.downcast_ref().map(RemoteError::fault))
}

/// The error of a handler on another node: its text, its sources, and whether it is permanent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteError {
    text: String,
    source: Option<Box<RemoteError>>,
    permanent: bool,
}

impl RemoteError {
    /// The error of a chain, outermost first.
    pub(super) fn of_chain(chain: Vec<String>, permanent: bool) -> Self {
        let mut source = None;
        for text in chain.into_iter().rev() {
            source = Some(Self {
                text,
                source: source.map(Box::new),
                permanent,
            });
        }
        source.unwrap_or_else(|| Self {
            text: "an error without a text".to_owned(),
            source: None,
            permanent,
        })
    }

    /// What the error was on its own node.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        if self.permanent {
            Fault::Permanent
        } else {
            Fault::UNDECLARED
        }
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for RemoteError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
