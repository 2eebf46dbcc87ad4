use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Attribute, Data, DeriveInput, Fields, Path};

use super::Kind;
use crate::attribute::Errors;
use crate::route::FieldPath;

/// The attributes that a message attribute takes off its item: `#[route]` and `#[key]`.
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
                if let Err(error) = attribute.meta.require_path_only() {
                    errors.push(error);
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
    /// would be reported as unused, and an editor would not know them. The import in front makes
    /// the marks work without one of the user's, too.
    pub(crate) fn used(&self, catga: &Path) -> TokenStream {
        if self.paths.is_empty() {
            return TokenStream::new();
        }
        let span = Span::mixed_site();
        let mut imports = Vec::new();
        for ident in self.paths.iter().filter_map(Path::get_ident) {
            if !imports.contains(&ident) {
                imports.push(ident);
            }
        }
        let imports = imports.into_iter().map(|ident| {
            let mut ident = ident.clone();
            ident.set_span(span);
            quote_spanned!(span=> use #catga::#ident;)
        });
        let uses = self
            .paths
            .iter()
            .map(|path| quote_spanned!(span=> #[#path(__used)] const _: () = ();));
        quote!(const _: () = { #(#imports)* #(#uses)* };)
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
