//! `#[route(..)]`: where a message goes.
//!
//! The message attribute reads it and takes it off the type. Rust expands the upper attribute
//! first, so a `#[route]` that stands above moves below.

mod field_path;
mod options;
mod strategy;
mod topic;

pub(crate) use field_path::FieldPath;
pub(crate) use options::Route;
pub(crate) use strategy::Strategy;
pub(crate) use topic::Topic;

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{ParseStream, Parser as _};
use syn::{Attribute, parse_quote_spanned};

use crate::message::{Kind, is_used_mark};

/// Expands `#[route(..)]` where it stands above the message attribute, or stands alone.
pub(crate) fn expand(attribute: &TokenStream, item: TokenStream) -> TokenStream {
    if is_used_mark(attribute) {
        return TokenStream::new();
    }
    let split = |input: ParseStream<'_>| -> syn::Result<(Vec<Attribute>, TokenStream)> {
        Ok((input.call(Attribute::parse_outer)?, input.parse()?))
    };
    let Ok((mut attributes, rest)) = split.parse2(item.clone()) else {
        return item;
    };
    if !attributes
        .iter()
        .any(|attribute| Kind::of(attribute).is_some())
    {
        let error = syn::Error::new(
            proc_macro2::Span::call_site(),
            "`#[route]` needs `#[command]`, `#[query]` or `#[event]` on the same type",
        )
        .into_compile_error();
        return quote!(#item #error);
    }
    // The span of the whole attribute, so that its errors point where the user wrote it.
    let span = proc_macro2::Span::call_site();
    attributes.push(parse_quote_spanned!(span=> #[route(#attribute)]));
    quote!(#(#attributes)* #rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_below_the_message_attribute() {
        let item = quote!(
            #[doc = "An order."]
            #[catga::command]
            #[derive(Debug)]
            pub struct A {
                a: u8,
            }
        );
        assert_eq!(
            expand(&quote!(key = "a"), item).to_string(),
            quote!(
                #[doc = "An order."]
                #[catga::command]
                #[derive(Debug)]
                #[route(key = "a")]
                pub struct A {
                    a: u8,
                }
            )
            .to_string()
        );
    }

    #[test]
    fn alone_it_is_an_error() {
        let expanded = expand(
            &quote!(key = "a"),
            quote!(
                struct A;
            ),
        )
        .to_string();
        assert!(expanded.starts_with("struct A ;"), "{expanded}");
        assert!(expanded.contains("needs `#[command]`"), "{expanded}");
    }

    #[test]
    fn a_used_mark_vanishes() {
        let mark = quote!(__used);
        assert!(
            expand(
                &mark,
                quote!(
                    const _: () = ();
                )
            )
            .is_empty()
        );
    }
}
