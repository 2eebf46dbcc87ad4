use proc_macro2::{Ident, Span};
use syn::LitStr;

use crate::attribute::{closest, did_you_mean, list};

/// The built-in strategies: as the attribute writes them, and their variant of `StrategyKind`.
const STRATEGIES: [(&str, &str); 6] = [
    (CONSISTENT_HASH, "ConsistentHash"),
    ("round_robin", "RoundRobin"),
    ("random", "Random"),
    ("least_loaded", "LeastLoaded"),
    ("local_first", "LocalFirst"),
    (TOPIC, "Topic"),
];

pub(crate) const CONSISTENT_HASH: &str = "consistent_hash";
pub(crate) const TOPIC: &str = "topic";

/// A strategy that was named.
pub(crate) struct Strategy {
    pub(crate) literal: LitStr,
    pub(crate) name: &'static str,
    pub(crate) variant: Ident,
}

impl Strategy {
    pub(crate) fn parse(literal: LitStr) -> syn::Result<Self> {
        let text = literal.value();
        let names = || STRATEGIES.iter().map(|(name, _)| *name);
        match STRATEGIES.iter().find(|(name, _)| *name == text) {
            Some((name, variant)) => Ok(Self {
                variant: Ident::new(variant, Span::mixed_site()),
                name,
                literal,
            }),
            None => Err(syn::Error::new_spanned(
                &literal,
                format!(
                    "unknown strategy `{text}`{}\nthe strategies are {}; one of your own is given to the node: `Node::builder(..).strategy::<Message>(value)`",
                    did_you_mean(closest(&text, names())),
                    list(names()),
                ),
            )),
        }
    }
}
