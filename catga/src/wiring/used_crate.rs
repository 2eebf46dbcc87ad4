use super::{Origin, Problem};
use crate::handler::HandlerInfo;

inventory::collect!(UsedCrate);

/// A crate that [`use_crates!`](crate::use_crates) lists.
#[derive(Debug)]
pub struct UsedCrate {
    crate_name: &'static str,
    alias: &'static str,
    origin: Origin,
}

impl UsedCrate {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(crate_name: &'static str, alias: &'static str, origin: Origin) -> Self {
        Self {
            crate_name,
            alias,
            origin,
        }
    }

    /// The name in the list, which a dependency may have been renamed to.
    #[must_use]
    pub const fn alias(&self) -> &'static str {
        self.alias
    }

    /// The crate's own name.
    #[must_use]
    pub const fn crate_name(&self) -> &'static str {
        self.crate_name
    }

    /// Where the list is.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// The listed crates that registered no handler.
pub(super) fn unused() -> Vec<Problem> {
    inventory::iter::<UsedCrate>
        .into_iter()
        .filter(|used| {
            !inventory::iter::<HandlerInfo>
                .into_iter()
                .any(|handler| handler.crate_name() == used.crate_name)
        })
        .map(Problem::NoHandlers)
        .collect()
}
