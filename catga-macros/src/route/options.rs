use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{LitStr, Token, parenthesized, token};

use super::strategy::{CONSISTENT_HASH, TOPIC};
use super::{FieldPath, Strategy, Topic};
use crate::attribute::{Errors, Options, parse_or, parse_text};

const OPTIONS: Options = Options {
    attribute: "#[route]",
    known: &["key", "strategy", "topic"],
    unnamed: Some("key"),
    refused: &[],
};

/// What one `#[route(..)]` says.
#[derive(Default)]
pub(crate) struct Route {
    pub(crate) key: Vec<FieldPath>,
    pub(crate) strategy: Option<Strategy>,
    pub(crate) topic: Option<Topic>,
    /// Options whose value may be wrong: their absence is not reported as well.
    given: Vec<&'static str>,
}

impl Route {
    pub(crate) fn parse(attribute: &syn::Attribute, errors: &mut Errors) -> Self {
        let tokens = match &attribute.meta {
            syn::Meta::List(list) => list.tokens.clone(),
            syn::Meta::Path(_) => TokenStream::new(),
            syn::Meta::NameValue(_) => {
                errors.at(
                    attribute,
                    "write the options in parentheses: `#[route(key = \"..\")]`",
                );
                return Self::default();
            }
        };
        if tokens.is_empty() {
            errors.at(
                attribute,
                "`#[route]` without an option says nothing: give `key`, `strategy` or `topic`",
            );
        }
        let mut route = Self::default();
        OPTIONS.read(tokens, errors, |option, _, input, errors| {
            route.given.push(option);
            match option {
                "key" => route.key = parse_key(input, errors)?,
                "strategy" => route.strategy = Some(Strategy::parse(parse_text(option, input)?)?),
                _ => route.topic = Some(Topic::parse(parse_text(option, input)?)?),
            }
            Ok(())
        });
        route
    }

    /// Refuses what cannot be meant together; `is_marked` is whether a field has `#[key]`.
    pub(crate) fn check(&self, is_marked: bool, is_event: bool, errors: &mut Errors) {
        if let Some(topic) = self.topic.as_ref().filter(|_| !is_event) {
            errors.at(
                &topic.literal,
                "a topic is for events: commands and queries have one handler, found by `key` or `strategy`",
            );
            return;
        }
        let is_keyed = is_marked || self.given.contains(&"key");
        let Some(strategy) = &self.strategy else {
            return;
        };
        let contradiction = match strategy.name {
            TOPIC if !self.given.contains(&"topic") => {
                "the strategy `topic` needs a topic: add `topic = \"..\"`"
            }
            TOPIC => return,
            name if is_event && name != CONSISTENT_HASH => {
                "a strategy picks one node, and an event goes to every service that subscribes to it: leave out `strategy`"
            }
            _ if self.topic.is_some() => {
                "a topic decides where the event goes: leave out `strategy`, or `topic`"
            }
            CONSISTENT_HASH if !is_keyed => {
                "consistent hashing needs a key: add `key = \"..\"`, or `#[key]` on a field"
            }
            CONSISTENT_HASH => return,
            _ if is_keyed => {
                "a key decides which node handles the message: leave out `strategy`, or the key"
            }
            _ => return,
        };
        errors.at(&strategy.literal, contradiction);
    }
}

/// `key = "a"` or `key = ("a", "b")`.
fn parse_key(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Vec<FieldPath>> {
    if !input.peek2(token::Paren) {
        return Ok(vec![FieldPath::parse(&parse_or(input, no_text)?)?]);
    }
    input.parse::<Token![=]>()?;
    let inner;
    let parentheses = parenthesized!(inner in input);
    let tokens: TokenStream = inner.parse()?;
    let literals = Punctuated::<LitStr, Token![,]>::parse_terminated
        .parse2(tokens)
        .map_err(|error| syn::Error::new(error.span(), no_text(&[])))?;
    if literals.is_empty() {
        return Err(syn::Error::new(
            parentheses.span.join(),
            "a key needs at least one field",
        ));
    }
    let mut paths: Vec<FieldPath> = Vec::new();
    for literal in &literals {
        let Some(path) = errors.keep(FieldPath::parse(literal)) else {
            continue;
        };
        if paths.iter().any(|known| known.text == path.text) {
            errors.at(
                literal.to_token_stream(),
                format!("`{}` is already part of the key", path.text),
            );
        } else {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// The error for a key that is not text: with the field, where that is what stands there.
fn no_text(written: &[TokenTree]) -> String {
    let text: String = written.iter().map(ToString::to_string).collect();
    let field = FieldPath::parse_text(&text, Span::call_site()).map_or("id", |_| &text);
    format!("name the field as text: `key = \"{field}\"`, or several: `key = (\"tenant\", \"id\")`")
}
