use proc_macro2::{Span, TokenStream};
use syn::parse::{Parse as _, ParseStream};
use syn::{LitStr, Type};

use super::{Kind, wire_name};
use crate::attribute::{
    CratePath, Errors, parse_duration, parse_positive, parse_text, parse_unquoted,
};

/// What stands in the parentheses of a message attribute.
pub(crate) struct MessageOptions {
    pub(crate) catga: CratePath,
    pub(crate) response: Option<Type>,
    pub(crate) error: Option<Type>,
    pub(crate) name: Option<LitStr>,
    /// Whether a name is given, if only a wrong one.
    pub(crate) has_name: bool,
    pub(crate) version: Option<u32>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) idempotent: bool,
}

impl MessageOptions {
    pub(crate) fn parse(kind: Kind, tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self {
            catga: CratePath::default(),
            response: None,
            error: None,
            name: None,
            has_name: false,
            version: None,
            timeout_ms: None,
            idempotent: false,
        };
        let mut has_response = false;
        let known = kind.options();
        known.read(tokens, errors, |option, _, input, errors| {
            match option {
                "response" => {
                    has_response = true;
                    options.response = Some(parse_type(option, input, errors)?);
                }
                "error" => options.error = Some(parse_type(option, input, errors)?),
                "name" => {
                    options.has_name = true;
                    options.name = Some(wire_name::check(parse_text(option, input)?)?);
                }
                "version" => options.version = Some(parse_positive(input)?),
                "timeout" => options.timeout_ms = Some(parse_timeout(option, input)?),
                "idempotent" => options.idempotent = true,
                _ => options.catga = CratePath::parse(input, errors)?,
            }
            Ok(())
        });
        if kind == Kind::Query && !has_response {
            errors.push(syn::Error::new(
                Span::call_site(),
                "a query answers something: add `response = Type`, or make it a `#[command]`",
            ));
        }
        options
    }
}

fn parse_type(option: &str, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Type> {
    parse_unquoted(option, "a type", Type::parse, input, errors)
}

fn parse_timeout(option: &str, input: ParseStream<'_>) -> syn::Result<u64> {
    let timeout = parse_duration(option, input)?;
    match timeout.millis {
        0 => Err(syn::Error::new_spanned(
            timeout.literal,
            "a timeout of zero would fail every call",
        )),
        millis => Ok(millis),
    }
}
