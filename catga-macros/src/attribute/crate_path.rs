use syn::parse::ParseStream;
use syn::{Path, Token, parse_quote};

/// Where generated code finds the framework when nobody says otherwise.
pub(crate) fn default_crate_path() -> Path {
    parse_quote!(::catga)
}

/// The value of `crate = path`, for crates that rename their dependency on the framework.
pub(crate) fn parse_crate_path(input: ParseStream<'_>) -> syn::Result<Path> {
    input.parse::<Token![=]>()?;
    input.call(Path::parse_mod_style)
}
