//! `use_crates!(..)`: keeps crates that hold handlers in the program.

mod extern_crate;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Token;
use syn::ext::IdentExt as _;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;

use self::extern_crate::crate_name;
use crate::attribute::{CratePath, Errors};
use crate::origin::origin;

/// Expands `use_crates!(orders, billing)`.
///
/// `arguments` are those of the compiler: only they know what a renamed dependency is really
/// called.
pub(crate) fn expand(input: TokenStream, arguments: &[String]) -> TokenStream {
    let mut errors = Errors::default();
    let names = Punctuated::<Ident, Token![,]>::parse_terminated.parse2(input);
    let names = errors.keep(names).unwrap_or_else(Punctuated::new);
    if names.is_empty() && errors.is_empty() {
        errors.push(syn::Error::new(
            Span::call_site(),
            "list the crates that hold handlers: `use_crates!(orders, billing)`",
        ));
    }
    let catga = CratePath::default();
    let mut seen: Vec<&Ident> = Vec::new();
    let mut uses = TokenStream::new();
    for name in &names {
        if seen.contains(&name) {
            errors.at(name, format!("`{name}` is listed twice"));
            continue;
        }
        seen.push(name);
        uses.extend(use_crate(&catga, name, arguments));
    }
    let errors = errors.into_tokens();
    quote!(#uses #errors)
}

fn use_crate(catga: &CratePath, name: &Ident, arguments: &[String]) -> TokenStream {
    let span = Span::mixed_site();
    let alias = name.unraw().to_string();
    let crate_name = crate_name(&alias, arguments);
    let origin = origin(catga, name.span());
    let import = {
        let span = span.located_at(name.span());
        let mut name = name.clone();
        name.set_span(span);
        quote_spanned!(span=> use ::#name as _;)
    };
    quote_spanned! {span=>
        const _: () = {
            #import
            #catga::__private::submit! {
                #catga::__private::UsedCrate::new(#crate_name, #alias, #origin)
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_crate_is_used_and_registered() {
        let arguments = ["--extern", "bus=/target/libshop_billing-1f.rlib"].map(str::to_owned);
        let expanded = expand(quote!(orders, bus,), &arguments).to_string();
        assert_eq!(expanded.matches("as _ ;").count(), 2, "{expanded}");
        assert!(
            expanded.contains(r#"new ("orders" , "orders""#),
            "{expanded}"
        );
        assert!(
            expanded.contains(r#"new ("shop_billing" , "bus""#),
            "{expanded}"
        );
    }

    #[test]
    fn mistakes() {
        let expanded = expand(quote!(orders, orders), &[]).to_string();
        assert!(expanded.contains("`orders` is listed twice"), "{expanded}");
        let expanded = expand(quote!(orders::place), &[]).to_string();
        assert!(expanded.contains("expected `,`"), "{expanded}");
    }
}
