//! The README shows what the macros really write.
//!
//! It and the example are links, so that the package has them as well.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Block, File, Item, ItemFn, ItemStruct, Stmt, parse_quote, parse_str};

use crate::message::Kind;
use crate::{handler, message};

const README: &str = include_str!("../README.md");
const MESSAGES: &str = include_str!("../readme/messages.rs");
const HANDLERS: &str = include_str!("../readme/handlers.rs");

/// The n-th block of the README that is shown as Rust and not run.
fn shown(n: usize) -> &'static str {
    let block = README
        .split("```rs\n")
        .nth(n + 1)
        .expect("the README has the block");
    block.split("```").next().expect("the block ends")
}

/// Code as one line, without what depends on where it stands.
fn normal(tokens: impl ToTokens) -> String {
    let text = tokens.to_token_stream().to_string();
    let place = "Origin :: new (";
    let text = match text.split_once(place) {
        Some((before, after)) => {
            let end = after.find("catga-").expect("the package is named");
            let rest = &after[end..];
            let close = rest.find(')').expect("the arguments end");
            format!("{before}{place}{}", &rest[close..])
        }
        None => text,
    };
    // The README breaks lines as a formatter does, which adds braces and commas.
    text.chars()
        .filter(|found| !found.is_whitespace() && !matches!(found, ',' | '{' | '}' | ';'))
        .collect()
}

/// What is between the parentheses of an attribute, and the rest of the item without it.
fn take(attributes: &mut Vec<Attribute>, name: &str) -> TokenStream {
    let at = attributes
        .iter()
        .position(|attribute| attribute.path().is_ident(name))
        .expect("the item has the attribute");
    match attributes.remove(at).meta {
        syn::Meta::List(list) => list.tokens,
        _ => TokenStream::new(),
    }
}

#[test]
fn the_readme_shows_the_expansion_of_a_command() {
    let file: File = parse_str(MESSAGES).expect("the example is Rust");
    let mut place: ItemStruct = file
        .items
        .into_iter()
        .find_map(|item| match item {
            Item::Struct(item) if item.ident == "PlaceOrder" => Some(item),
            _ => None,
        })
        .expect("the example has the struct");
    let attribute = take(&mut place.attrs, "command");
    let expansion: File =
        syn::parse2(message::expand(Kind::Command, attribute, quote!(#place))).expect("Rust");
    let shown: File = parse_str(shown(0)).expect("the README shows Rust");
    let expansion: Vec<String> = expansion.items.iter().map(normal).collect();
    assert!(
        expansion.contains(&normal(&shown.items[0])),
        "{expansion:#?}"
    );
}

#[test]
fn the_readme_shows_the_registration_of_a_handler() {
    let file: File = parse_str(HANDLERS).expect("the example is Rust");
    let mut cancel: ItemFn = file
        .items
        .into_iter()
        .find_map(|item| match item {
            Item::Fn(item) if item.sig.ident == "cancel" => Some(item),
            _ => None,
        })
        .expect("the example has the function");
    let attribute = take(&mut cancel.attrs, "handler");
    let expansion = normal(handler::expand(attribute, quote!(#cancel)));
    let code: TokenStream = parse_str(shown(1)).expect("the README shows Rust");
    let shown: Block = parse_quote!({ #code });
    assert_eq!(shown.stmts.len(), 2);
    for statement in &shown.stmts {
        let statement = match statement {
            Stmt::Expr(expression, _) => normal(expression),
            other => normal(other),
        };
        assert!(expansion.contains(&statement), "{statement}\n{expansion}");
    }
}
