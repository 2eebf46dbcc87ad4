//! `#[handler]`: registers a free function for the message that is its first parameter.

mod expansion;
mod function;
mod options;
mod signature;

use proc_macro2::{Span, TokenStream};
use quote::quote;

use self::expansion::Expansion;
use self::function::Function;
use self::options::HandlerOptions;
use self::signature::Handler;
use crate::attribute::Errors;

/// Expands `#[handler(..)]`: the function as it was written, and its registration.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = HandlerOptions::parse(attribute, &mut errors);
    let registration = match syn::parse2::<Function>(item.clone()) {
        Ok(function) => Handler::check(&function, &mut errors)
            .map(|handler| Expansion::new(&options, &handler).tokens()),
        Err(_) => {
            errors.push(syn::Error::new(
                Span::call_site(),
                "`#[handler]` goes on a free function: `async fn handle(message: Message, ..)`",
            ));
            None
        }
    };
    let errors = errors.into_tokens();
    quote!(#item #registration #errors)
}
