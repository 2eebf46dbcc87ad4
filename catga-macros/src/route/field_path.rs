use proc_macro2::{Ident, Span};
use syn::{Index, LitStr, Member};

/// The way from a message to one of its values: `order_id`, `customer.id` or `0`.
#[derive(Clone)]
pub(crate) struct FieldPath {
    pub(crate) text: String,
    pub(crate) first: String,
    /// What follows the first segment; rustc knows the types on the way, this crate does not.
    pub(crate) rest: Vec<Member>,
    /// Where the path is written.
    pub(crate) span: Span,
}

impl FieldPath {
    pub(crate) fn parse(literal: &LitStr) -> syn::Result<Self> {
        Self::parse_text(&literal.value(), literal.span())
    }

    pub(crate) fn parse_text(text: &str, span: Span) -> syn::Result<Self> {
        let mut segments = text.split('.').map(|segment| member(segment, span));
        let first = segments.next().flatten();
        let rest: Option<Vec<_>> = segments.collect();
        match (first, rest) {
            (Some(_), Some(rest)) => Ok(Self {
                text: text.to_owned(),
                first: text.split('.').next().unwrap_or_default().to_owned(),
                rest,
                span,
            }),
            _ => Err(syn::Error::new(
                span,
                format!(
                    "`{text}` is not a field: write a field's name, a nested one such as \"customer.id\", or an index such as \"0\""
                ),
            )),
        }
    }

    /// The path to a field of the message itself.
    pub(crate) fn to_field(name: String, span: Span) -> Self {
        Self {
            text: name.clone(),
            first: name,
            rest: Vec::new(),
            span,
        }
    }
}

fn member(segment: &str, span: Span) -> Option<Member> {
    // Errors about the member point at the literal, and lints know that a macro wrote it.
    let span = Span::mixed_site().located_at(span);
    if segment.chars().all(|letter| letter.is_ascii_digit()) {
        let index = segment.parse().ok()?;
        return Some(Member::Unnamed(Index { index, span }));
    }
    let mut ident = syn::parse_str::<Ident>(segment)
        .or_else(|_| syn::parse_str(&format!("r#{segment}")))
        .ok()
        .filter(|_| !segment.starts_with("r#") && segment.trim() == segment)?;
    ident.set_span(span);
    Some(Member::Named(ident))
}

#[cfg(test)]
mod tests {
    use quote::ToTokens as _;

    use super::*;

    fn rest(text: &str) -> Option<Vec<String>> {
        let path = FieldPath::parse_text(text, Span::call_site()).ok()?;
        Some(
            path.rest
                .iter()
                .map(|member| member.to_token_stream().to_string())
                .collect(),
        )
    }

    #[test]
    fn names_indices_and_keywords() {
        assert_eq!(rest("order_id"), Some(vec![]));
        assert_eq!(rest("0"), Some(vec![]));
        assert_eq!(rest("customer.id"), Some(vec!["id".to_owned()]));
        assert_eq!(
            rest("0.1.type"),
            Some(vec!["1".to_owned(), "r#type".to_owned()])
        );
    }

    #[test]
    fn anything_else_is_not_a_path() {
        for text in [
            "", ".", "a.", ".a", "a..b", "a-b", "a b", " a", "a()", "1a", "r#type", "a::b",
        ] {
            assert_eq!(rest(text), None, "{text}");
        }
    }
}
