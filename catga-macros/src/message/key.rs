//! From key paths to the fields they name.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, Data, DeriveInput, Field, Fields, Index, Member};

use super::Marks;
use crate::attribute::{Errors, closest, did_you_mean, list};
use crate::route::{FieldPath, Route};

/// A key whose fields were all found.
pub(crate) struct Key {
    pub(crate) texts: Vec<String>,
    pub(crate) values: Values,
}

/// Where paths lead to: in a struct, or in each variant of an enum.
pub(crate) enum Values {
    Struct(Vec<Value>),
    Enum(Vec<VariantValues>),
}

pub(crate) struct VariantValues {
    pub(crate) variant: Ident,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) values: Vec<Value>,
}

/// One value: a field, and what follows it in a nested path.
pub(crate) struct Value {
    pub(crate) field: Member,
    pub(crate) rest: Vec<Member>,
    /// Where rustc reports a value that has no canonical text.
    pub(crate) span: Span,
}

/// The name by which a path refers to a field.
pub(crate) fn name(index: usize, field: &Field) -> String {
    match &field.ident {
        Some(ident) => ident.unraw().to_string(),
        None => index.to_string(),
    }
}

/// Finds fields of one item.
pub(crate) struct Resolver<'a> {
    ident: &'a Ident,
    /// A struct's own fields, or those of each variant.
    shapes: Vec<Shape<'a>>,
    is_enum: bool,
}

struct Shape<'a> {
    variant: Option<&'a syn::Variant>,
    fields: &'a Fields,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(input: &'a DeriveInput) -> Self {
        let shapes = match &input.data {
            Data::Struct(data) => vec![Shape {
                variant: None,
                fields: &data.fields,
            }],
            Data::Enum(data) => data
                .variants
                .iter()
                .map(|variant| Shape {
                    variant: Some(variant),
                    fields: &variant.fields,
                })
                .collect(),
            Data::Union(_) => Vec::new(),
        };
        Self {
            ident: &input.ident,
            shapes,
            is_enum: matches!(input.data, Data::Enum(_)),
        }
    }

    /// The key that `#[route(key = ..)]` or `#[key]` declares, if it has no mistakes.
    pub(crate) fn key(&self, route: &Route, marks: &Marks, errors: &mut Errors) -> Option<Key> {
        if !route.key.is_empty() {
            if let Some(mark) = marks.keys.iter().flatten().next() {
                errors.push(syn::Error::new(
                    mark.span,
                    "the key is given twice: by `#[key]` and by `#[route(key = ..)]`; keep one",
                ));
                return None;
            }
            let values = self.resolve(&route.key, errors)?;
            let texts = route.key.iter().map(|path| path.text.clone()).collect();
            return Some(Key { texts, values });
        }
        let marked = marks.keys.iter().find(|keys| !keys.is_empty())?;
        self.check_marks(marks, marked.len(), errors)?;
        let values = self.collect(|index| &marks.keys[index], errors)?;
        let texts = marked.iter().map(|path| path.text.clone()).collect();
        Some(Key { texts, values })
    }

    /// The fields that `paths` name, in every variant.
    pub(crate) fn resolve(&self, paths: &[FieldPath], errors: &mut Errors) -> Option<Values> {
        let mut found = true;
        for path in paths {
            if !self.shapes.iter().any(|shape| shape.find(path).is_some()) {
                errors.push(syn::Error::new(path.span, self.unknown(path)));
                found = false;
            }
        }
        if found {
            self.collect(|_| paths, errors)
        } else {
            None
        }
    }

    fn collect<'b>(
        &self,
        paths: impl Fn(usize) -> &'b [FieldPath],
        errors: &mut Errors,
    ) -> Option<Values> {
        let mut complete = true;
        let mut variants = Vec::new();
        for (index, shape) in self.shapes.iter().enumerate() {
            let mut values = Vec::new();
            for path in paths(index) {
                match shape.find(path) {
                    Some(value) => values.push(value),
                    None => {
                        complete = false;
                        shape.report_missing(path, errors);
                    }
                }
            }
            let Some(variant) = shape.variant else {
                return Some(Values::Struct(values));
            };
            variants.push(VariantValues {
                variant: variant.ident.clone(),
                cfgs: cfgs(&variant.attrs),
                values,
            });
        }
        complete.then_some(Values::Enum(variants))
    }

    /// Every variant must have as many marked fields as the first one that has any.
    fn check_marks(&self, marks: &Marks, count: usize, errors: &mut Errors) -> Option<()> {
        let mut complete = true;
        for (shape, keys) in self.shapes.iter().zip(&marks.keys) {
            let Some(variant) = shape.variant.filter(|_| keys.len() != count) else {
                continue;
            };
            complete = false;
            let ident = &variant.ident;
            errors.at(
                ident,
                if keys.is_empty() {
                    format!("no field of `{ident}` has `#[key]`: every variant of a keyed message needs the key")
                } else {
                    format!("the key of `{ident}` has {} parts, that of another variant {count}", keys.len())
                },
            );
        }
        complete.then_some(())
    }

    fn unknown(&self, path: &FieldPath) -> String {
        let mut names: Vec<String> = Vec::new();
        for shape in &self.shapes {
            for (index, field) in shape.fields.iter().enumerate() {
                let name = name(index, field);
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        let names = || names.iter().map(String::as_str);
        let (place, owners) = if self.is_enum {
            ("variant of ", "their")
        } else {
            ("", "its")
        };
        let fields = if names().next().is_none() {
            "it has no fields".to_owned()
        } else {
            format!("{owners} fields are {}", list(names()))
        };
        let no = if self.is_enum { "no " } else { "" };
        let has = if self.is_enum { "has a" } else { "has no" };
        format!(
            "{no}{place}`{}` {has} field `{}`{}\n{fields}",
            self.ident,
            path.first,
            did_you_mean(closest(&path.first, names())),
        )
    }
}

impl Shape<'_> {
    fn find(&self, path: &FieldPath) -> Option<Value> {
        let (index, field) = self
            .fields
            .iter()
            .enumerate()
            .find(|(index, field)| name(*index, field) == path.first)?;
        let span = if path.rest.is_empty() {
            field.ty.span()
        } else {
            path.span
        };
        let span = Span::mixed_site().located_at(span);
        let member = match &field.ident {
            Some(ident) => {
                let mut ident = ident.clone();
                ident.set_span(span);
                Member::Named(ident)
            }
            None => Member::Unnamed(Index {
                index: u32::try_from(index).unwrap_or(u32::MAX),
                span,
            }),
        };
        Some(Value {
            field: member,
            rest: path.rest.clone(),
            span,
        })
    }

    fn report_missing(&self, path: &FieldPath, errors: &mut Errors) {
        if let Some(variant) = self.variant {
            errors.at(
                &variant.ident,
                format!(
                    "`{}` has no field `{}`: every variant needs the fields that `#[route]` names",
                    variant.ident, path.first
                ),
            );
        }
    }
}

fn cfgs(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .cloned()
        .collect()
}
