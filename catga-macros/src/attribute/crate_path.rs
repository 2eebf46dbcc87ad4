use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::Path;
use syn::parse::ParseStream;

use super::{Errors, parse_unquoted};

/// Where generated code finds the framework: `::catga`, or the value of `crate = path`.
///
/// Its tokens are those of generated code. [`at`](Self::at) gives them a place in the source: an
/// error spans everything from the first token of the path on.
#[derive(Clone)]
pub(crate) struct CratePath(TokenStream);

impl CratePath {
    /// Reads `= path`, for crates that rename their dependency on the framework.
    pub(crate) fn parse(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Self> {
        let path = parse_unquoted("crate", "a path", Path::parse_mod_style, input, errors)?;
        Ok(Self(path.into_token_stream()))
    }

    pub(crate) fn at(&self, span: Span) -> TokenStream {
        respan(self.0.clone(), span)
    }
}

impl Default for CratePath {
    fn default() -> Self {
        Self(quote!(::catga))
    }
}

impl ToTokens for CratePath {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(self.at(Span::mixed_site()));
    }
}

/// The same tokens with another place in the source.
pub(crate) fn respan(tokens: TokenStream, span: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut token| {
            if let TokenTree::Group(group) = &token {
                token = Group::new(group.delimiter(), respan(group.stream(), span)).into();
            }
            // `$crate` means the crate of the macro that wrote it, which its own span knows.
            if token.to_string() == "$crate" {
                token.set_span(token.span().located_at(span));
            } else {
                token.set_span(span);
            }
            token
        })
        .collect()
}
