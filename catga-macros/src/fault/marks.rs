use proc_macro2::TokenStream;
use syn::{Attribute, Meta};

use crate::attribute::{Errors, Options, parse_duration, parse_positive};

const TRANSIENT: Options = Options {
    attribute: "#[transient]",
    known: &["after", "max"],
    unnamed: Some("after"),
    refused: &[],
};

/// What is declared of a variant.
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    Permanent,
    Transient {
        after_ms: Option<u64>,
        max: Option<u32>,
    },
}

/// Whether it is `#[permanent]` or `#[transient]`.
pub(crate) fn is_mark(attribute: &Attribute) -> bool {
    attribute.path().is_ident("permanent") || attribute.path().is_ident("transient")
}

impl Fault {
    /// The mark among the attributes; `None` where there is none.
    pub(crate) fn parse(attributes: &[Attribute], errors: &mut Errors) -> Option<Self> {
        let mut marks = attributes.iter().filter(|attribute| is_mark(attribute));
        let first = marks.next()?;
        for second in marks {
            errors.at(
                second,
                "an error is either permanent or transient, and says so once: remove one of the two",
            );
        }
        if first.path().is_ident("permanent") {
            if first.meta.require_path_only().is_err() {
                errors.at(
                    first,
                    "`#[permanent]` has no options: there is no other attempt",
                );
            }
            return Some(Self::Permanent);
        }
        let tokens = match &first.meta {
            Meta::Path(_) => TokenStream::new(),
            meta => errors.keep(meta.require_list())?.tokens.clone(),
        };
        let (mut after_ms, mut max) = (None, None);
        TRANSIENT.read(tokens, errors, |option, _, input, _| {
            match option {
                "after" => after_ms = Some(parse_duration(option, input)?.millis),
                _ => max = Some(parse_positive(input)?),
            }
            Ok(())
        });
        Some(Self::Transient { after_ms, max })
    }
}
