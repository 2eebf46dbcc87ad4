use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Attribute, Data, DeriveInput, Fields, Path};

use super::Kind;
use crate::attribute::{CratePath, Errors};
use crate::route::FieldPath;

/// The attributes that a message attribute takes off its item: `#[route]`, `#[key]`, and other
/// message attributes, which are a mistake.
#[derive(Default)]
pub(crate) struct Marks {
    pub(crate) route: Option<Attribute>,
    /// The fields with `#[key]`: one list for a struct, one per variant for an enum.
    pub(crate) keys: Vec<Vec<FieldPath>>,
    paths: Vec<Path>,
}

impl Marks {
    pub(crate) fn take(input: &mut DeriveInput, errors: &mut Errors) -> Self {
        let mut marks = Self::default();
        for attribute in extract(&mut input.attrs, |attribute| is_named(attribute, "route")) {
            marks.paths.push(attribute.path().clone());
            if marks.route.is_some() {
                errors.at(&attribute, "a second `#[route]`: give all options in one");
            } else {
                marks.route = Some(attribute);
            }
        }
        for attribute in extract(&mut input.attrs, |attribute| Kind::of(attribute).is_some()) {
            marks.paths.push(attribute.path().clone());
            errors.at(
                &attribute,
                "a type is one kind of message: keep one of `#[command]`, `#[query]` and `#[event]`",
            );
        }
        match &mut input.data {
            Data::Struct(data) => marks.take_keys(&mut data.fields, errors),
            Data::Enum(data) => {
                for variant in &mut data.variants {
                    marks.take_keys(&mut variant.fields, errors);
                }
            }
            Data::Union(_) => {}
        }
        marks
    }

    fn take_keys(&mut self, fields: &mut Fields, errors: &mut Errors) {
        let mut keys = Vec::new();
        for (index, field) in fields.iter_mut().enumerate() {
            let mut marked = None;
            for attribute in extract(&mut field.attrs, |attribute| is_named(attribute, "key")) {
                self.paths.push(attribute.path().clone());
                if attribute.meta.require_path_only().is_err() {
                    errors.at(
                        &attribute,
                        "`#[key]` has no options: the field itself is the key",
                    );
                }
                if marked.replace(attribute.path().span()).is_some() {
                    errors.at(&attribute, "`#[key]` is given twice");
                }
            }
            if let Some(span) = marked {
                let name = super::key::name(index, field);
                keys.push(FieldPath::to_field(name, span));
            }
        }
        self.keys.push(keys);
    }

    /// Whether a field is marked with `#[key]`.
    pub(crate) fn has_key(&self) -> bool {
        self.keys.iter().any(|keys| !keys.is_empty())
    }

    /// Uses each mark once more, on nothing.
    ///
    /// The marks were taken off before rustc resolved their names, so that an import of theirs
    /// would be reported as unused, and an editor would not know them. The first glob finds the
    /// user's import, the second makes the marks work without one; two globs that lead to the
    /// same macro are no conflict.
    pub(crate) fn used(&self, catga: &CratePath) -> TokenStream {
        if self.paths.is_empty() {
            return TokenStream::new();
        }
        let span = Span::mixed_site();
        let is_bare = self.paths.iter().any(|path| path.get_ident().is_some());
        let imports = is_bare.then(|| {
            quote_spanned! {span=>
                use self::*;
                use #catga::__private::marks::*;
            }
        });
        let uses = self
            .paths
            .iter()
            .map(|path| quote_spanned!(span=> #[#path(__used)] const _: () = ();));
        quote!(const _: () = { #imports #(#uses)* };)
    }
}

/// Whether a mark was written by [`Marks::used`].
pub(crate) fn is_used_mark(attribute: &TokenStream) -> bool {
    attribute.to_string() == "__used"
}

fn is_named(attribute: &Attribute, name: &str) -> bool {
    attribute
        .path()
        .segments
        .last()
        .is_some_and(|segment| segment.ident == name)
}

fn extract(
    attributes: &mut Vec<Attribute>,
    mut is_mark: impl FnMut(&Attribute) -> bool,
) -> Vec<Attribute> {
    let (marks, others) = std::mem::take(attributes)
        .into_iter()
        .partition(|attribute| is_mark(attribute));
    *attributes = others;
    marks
}
