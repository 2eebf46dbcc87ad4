use syn::parse::{Parse, ParseStream};
use syn::{LitInt, Token};

/// The value of `name = value`.
pub(crate) fn parse_value<T: Parse>(input: ParseStream<'_>) -> syn::Result<T> {
    input.parse::<Token![=]>()?;
    input.parse()
}

/// The value of `name = 3`: a whole number from 1.
pub(crate) fn parse_positive(input: ParseStream<'_>) -> syn::Result<u32> {
    let literal: LitInt = parse_value(input)?;
    literal
        .base10_parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| {
            syn::Error::new_spanned(
                &literal,
                format!("expected a whole number from 1 to {}", u32::MAX),
            )
        })
}
