//! `#[derive(Fault)]`: which of an error's variants are worth another attempt.

mod expansion;
mod marks;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Field};

use self::expansion::Expansion;
use self::marks::{Fault, is_mark};
use crate::attribute::{CratePath, Errors, Options};

const OPTIONS: Options = Options {
    attribute: "#[fault]",
    known: &["crate"],
    unnamed: None,
    refused: &[],
};

/// Expands `#[derive(Fault)]`.
pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let input = match syn::parse2::<DeriveInput>(item) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let mut catga = CratePath::default();
    for attribute in input.attrs.iter().filter(|it| it.path().is_ident("fault")) {
        if let Some(list) = errors.keep(attribute.meta.require_list()) {
            OPTIONS.read(list.tokens.clone(), &mut errors, |_, _, input, errors| {
                catga = CratePath::parse(input, errors)?;
                Ok(())
            });
        }
    }
    if !input.generics.params.is_empty() {
        errors.at(
            &input.generics,
            "`Fault` cannot be derived for a generic type: the error is recognised by its type at run time",
        );
        return errors.into_tokens();
    }
    let arms = match &input.data {
        Data::Struct(data) => {
            refuse_on_fields(&data.fields, &mut errors);
            vec![(None, Fault::parse(&input.attrs, &mut errors))]
        }
        Data::Enum(data) => {
            refuse(&input.attrs, "goes on the variants of an enum", &mut errors);
            let variants = data.variants.iter().map(|variant| {
                refuse_on_fields(&variant.fields, &mut errors);
                (Some(variant), Fault::parse(&variant.attrs, &mut errors))
            });
            variants.collect()
        }
        Data::Union(data) => {
            errors.at(data.union_token, "`Fault` is for enums and structs");
            return errors.into_tokens();
        }
    };
    let expansion = Expansion {
        catga: &catga,
        ident: &input.ident,
        arms: &arms,
    }
    .tokens();
    let errors = errors.into_tokens();
    quote!(#expansion #errors)
}

fn refuse_on_fields<'a>(fields: impl IntoIterator<Item = &'a Field>, errors: &mut Errors) {
    for field in fields {
        refuse(
            &field.attrs,
            "goes on a variant or a struct, not on a field",
            errors,
        );
    }
}

fn refuse(attributes: &[Attribute], why: &str, errors: &mut Errors) {
    for attribute in attributes.iter().filter(|attribute| is_mark(attribute)) {
        let name = attribute.path().get_ident();
        let name = name.map(ToString::to_string).unwrap_or_default();
        errors.at(attribute, format!("`#[{name}]` {why}"));
    }
}
