use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use crate::attribute::CratePath;

/// An `Origin` for what is declared at `declared`.
pub(crate) fn origin(catga: &CratePath, declared: Span) -> TokenStream {
    let span = Span::mixed_site();
    // Without the macro's own context, `line!` gives the line of the declaration and not that of
    // the attribute.
    let file = quote_spanned!(declared=> ::core::file!());
    let line = quote_spanned!(declared=> ::core::line!());
    let package = package();
    quote_spanned! {span=>
        #catga::__private::Origin::new(#file, #line, ::core::module_path!(), #package)
    }
}

/// The package that is being compiled. Read here rather than by `env!`, since builds without
/// Cargo have none.
fn package() -> String {
    std::env::var("CARGO_PKG_NAME").unwrap_or_default()
}
