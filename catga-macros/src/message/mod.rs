//! `#[command]`, `#[query]` and `#[event]`: what makes a type a message.

mod expansion;
mod key;
mod kind;
mod marks;
mod options;
mod wire_name;

pub(crate) use kind::Kind;
pub(crate) use marks::is_used_mark;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput};

use self::expansion::Expansion;
use self::key::Resolver;
use self::marks::Marks;
use self::options::MessageOptions;
use crate::attribute::Errors;
use crate::route::Route;

/// Expands one message attribute: the item without its marks, and the implementations.
///
/// Mistakes do not take the type away, nor, where it can be helped, its implementations: each is
/// one error, without others that only follow from it.
pub(crate) fn expand(kind: Kind, attribute: TokenStream, item: TokenStream) -> TokenStream {
    if is_used_mark(&attribute) {
        return TokenStream::new();
    }
    let mut errors = Errors::default();
    let Ok(mut input) = syn::parse2::<DeriveInput>(item.clone()) else {
        let error = syn::Error::new(
            proc_macro2::Span::call_site(),
            format!("`{}` goes on a struct or an enum", kind.attribute()),
        )
        .into_compile_error();
        return quote!(#item #error);
    };
    let options = MessageOptions::parse(kind, attribute, &mut errors);
    if !options.has_name {
        errors.keep(wire_name::check_type(&input.ident));
    }
    let marks = Marks::take(&mut input, &mut errors);
    let used = marks.used(&options.catga);
    if !is_supported(&input, &mut errors) {
        let errors = errors.into_tokens();
        return quote!(#input #used #errors);
    }

    let route = marks
        .route
        .as_ref()
        .map(|attribute| Route::parse(attribute, &mut errors))
        .unwrap_or_default();
    route.check(marks.has_key(), kind == Kind::Event, &mut errors);
    let resolver = Resolver::new(&input);
    let key = resolver.key(&route, &marks, &mut errors);
    let topic = route
        .topic
        .as_ref()
        .and_then(|topic| resolver.resolve(&topic.placeholders, &mut errors));

    let expansion = Expansion {
        kind,
        ident: &input.ident,
        options: &options,
        route: &route,
        key: key.as_ref(),
        topic: topic.as_ref(),
    }
    .tokens();
    let errors = errors.into_tokens();
    quote!(#input #expansion #used #errors)
}

/// Whether the type can be a message at all.
fn is_supported(input: &DeriveInput, errors: &mut Errors) -> bool {
    if let Data::Union(data) = &input.data {
        errors.at(
            data.union_token,
            "a union cannot be a message: its bytes do not say which field they are; use an enum",
        );
        return false;
    }
    if !input.generics.params.is_empty() {
        errors.at(
            &input.generics,
            "a message cannot be generic: it has one name on the wire, and handlers are registered for one type each; write a type without parameters",
        );
        return false;
    }
    true
}
