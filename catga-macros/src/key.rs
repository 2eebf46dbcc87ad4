//! `#[key]`: the message attribute reads it on fields and takes it off.
//!
//! It is a macro all the same, so that it has documentation and can be imported and renamed.

use proc_macro2::{Span, TokenStream};
use quote::quote;

use crate::message::is_used_mark;

/// Expands `#[key]` where no message attribute took it: on something that is not a field.
pub(crate) fn expand(attribute: &TokenStream, item: &TokenStream) -> TokenStream {
    if is_used_mark(attribute) {
        return TokenStream::new();
    }
    let error = syn::Error::new(
        Span::call_site(),
        "`#[key]` goes on a field of a `#[command]`, `#[query]` or `#[event]`",
    )
    .into_compile_error();
    quote!(#item #error)
}
