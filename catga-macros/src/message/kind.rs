use proc_macro2::{Ident, Span};
use syn::Attribute;

use crate::attribute::Options;

/// Which message attribute it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Command,
    Query,
    Event,
}

const NO_RESPONSE: &str =
    "an event has no `response`: any number of handlers take it, and nobody waits for them";
const NO_ERROR: &str =
    "an event has no `error`: its handlers may fail with any error, which nobody waits for";

/// Options of `#[route]`, which stands beside every message attribute.
const KEY: (&str, &str) = (
    "key",
    "unknown option `key`: the key is said by `#[route(key = \"..\")]`, or by `#[key]` on the field",
);
const STRATEGY: (&str, &str) = (
    "strategy",
    "unknown option `strategy`: it is said by `#[route(strategy = \"..\")]`",
);
const TOPIC: (&str, &str) = (
    "topic",
    "unknown option `topic`: it is said by `#[route(topic = \"..\")]` on an event",
);

impl Kind {
    /// The kind of the message attribute that this is, by the last segment of its path.
    pub(crate) fn of(attribute: &Attribute) -> Option<Self> {
        let last = attribute.path().segments.last()?;
        [Self::Command, Self::Query, Self::Event]
            .into_iter()
            .find(|kind| last.ident == kind.name())
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Query => "query",
            Self::Event => "event",
        }
    }

    pub(crate) const fn attribute(self) -> &'static str {
        match self {
            Self::Command => "#[command]",
            Self::Query => "#[query]",
            Self::Event => "#[event]",
        }
    }

    /// The variant of the framework's `Kind`, which is also the name of the marker trait.
    pub(crate) fn variant(self) -> Ident {
        let name = match self {
            Self::Command => "Command",
            Self::Query => "Query",
            Self::Event => "Event",
        };
        Ident::new(name, Span::mixed_site())
    }

    pub(crate) const fn options(self) -> Options {
        let (known, refused): (&[_], &[_]) = match self {
            Self::Command => (
                &[
                    "response",
                    "error",
                    "name",
                    "version",
                    "timeout",
                    "idempotent",
                    "crate",
                ],
                &[KEY, STRATEGY, TOPIC],
            ),
            Self::Query => (
                &["response", "error", "name", "version", "timeout", "crate"],
                &[
                    (
                        "idempotent",
                        "queries are always safe to retry: remove `idempotent`",
                    ),
                    KEY,
                    STRATEGY,
                    TOPIC,
                ],
            ),
            Self::Event => (
                &["name", "version", "timeout", "crate"],
                &[
                    ("response", NO_RESPONSE),
                    ("error", NO_ERROR),
                    (
                        "idempotent",
                        "`idempotent` is for commands: the deliveries of an event are repeated anyway",
                    ),
                    KEY,
                    STRATEGY,
                    TOPIC,
                ],
            ),
        };
        Options {
            attribute: self.attribute(),
            known,
            unnamed: Some("name"),
            refused,
        }
    }
}
