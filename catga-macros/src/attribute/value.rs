use proc_macro2::{TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream};
use syn::{LitInt, LitStr, Token};

use super::Errors;

/// The value of `name = "text"`.
pub(crate) fn parse_text(option: &str, input: ParseStream<'_>) -> syn::Result<LitStr> {
    parse_or(input, |written| {
        let text = match written {
            [TokenTree::Ident(ident)] => ident.to_string(),
            _ => "..".to_owned(),
        };
        format!("text goes in quotes: `{option} = \"{text}\"`")
    })
}

/// The value of `name = 3`: a whole number from 1.
pub(crate) fn parse_positive(input: ParseStream<'_>) -> syn::Result<u32> {
    let expected = || format!("expected a whole number from 1 to {}", u32::MAX);
    let literal: LitInt = parse_or(input, |_| expected())?;
    literal
        .base10_parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| syn::Error::new_spanned(&literal, expected()))
}

/// The value of `name = Type` or `name = path`. One in quotes is reported and read all the same:
/// without it there would be errors wherever it is used.
pub(crate) fn parse_unquoted<T>(
    option: &str,
    what: &str,
    parse: fn(ParseStream<'_>) -> syn::Result<T>,
    input: ParseStream<'_>,
    errors: &mut Errors,
) -> syn::Result<T> {
    input.parse::<Token![=]>()?;
    if !input.peek(LitStr) {
        return parse(input);
    }
    let literal: LitStr = input.parse()?;
    let error = syn::Error::new_spanned(
        &literal,
        format!(
            "{what} goes without quotes: `{option} = {}`",
            literal.value()
        ),
    );
    match literal.parse_with(parse) {
        Ok(value) => {
            errors.push(error);
            Ok(value)
        }
        Err(_) => Err(error),
    }
}

/// The value of `name = literal`; where it is something else, an error that points at all of it,
/// with a text that may repeat it.
pub(crate) fn parse_or<T: Parse>(
    input: ParseStream<'_>,
    expected: impl FnOnce(&[TokenTree]) -> String,
) -> syn::Result<T> {
    input.parse::<Token![=]>()?;
    // A parser passes over a literal of another kind.
    if input.fork().parse::<T>().is_ok() {
        return input.parse();
    }
    let written = take_to_comma(input)?;
    let text = expected(&written);
    let written = TokenStream::from_iter(written);
    Err(syn::Error::new_spanned(written, text))
}

/// What stands before the next option.
pub(crate) fn take_to_comma(input: ParseStream<'_>) -> syn::Result<Vec<TokenTree>> {
    let mut tokens = Vec::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        tokens.push(input.parse()?);
    }
    Ok(tokens)
}
