use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::Variant;

use super::marks::Fault;
use crate::attribute::CratePath;

/// Everything that the registration is made of.
pub(crate) struct Expansion<'a> {
    pub(crate) catga: &'a CratePath,
    pub(crate) ident: &'a Ident,
    /// A struct is one arm without a variant.
    pub(crate) arms: &'a [(Option<&'a Variant>, Option<Fault>)],
}

impl Expansion<'_> {
    pub(crate) fn tokens(&self) -> TokenStream {
        let span = Span::mixed_site();
        let Self { catga, ident, arms } = *self;
        let declared: Vec<_> = arms
            .iter()
            .filter_map(|(variant, fault)| Some(self.arm(*variant, (*fault)?)))
            .collect();
        let undeclared = (declared.len() < arms.len() || arms.is_empty())
            .then(|| quote_spanned!(span=> _ => #catga::Fault::UNDECLARED,));
        let downcast = {
            // The type must be an error: if it is not, its name is the place to say so.
            let span = span.located_at(ident.span());
            let catga = catga.at(span);
            quote_spanned!(span=> #catga::__private::Classifier::downcast::<#ident>(error))
        };
        quote_spanned! {span=>
            const _: () = {
                #catga::__private::submit! {
                    #catga::__private::Classifier::new(|error| {
                        #downcast.map(|error| match error {
                            #(#declared)*
                            #undeclared
                        })
                    })
                }
            };
        }
    }

    fn arm(&self, variant: Option<&Variant>, fault: Fault) -> TokenStream {
        let span = Span::mixed_site();
        let Self { catga, ident, .. } = self;
        let fault = match fault {
            Fault::Permanent => quote_spanned!(span=> #catga::Fault::Permanent),
            Fault::Transient { after_ms, max } => {
                let option = |value: Option<TokenStream>| match value {
                    Some(value) => quote_spanned!(span=> ::core::option::Option::Some(#value)),
                    None => quote_spanned!(span=> ::core::option::Option::None),
                };
                let after = option(after_ms.map(|value| quote_spanned!(span=> #value)));
                let max = option(max.map(|value| quote_spanned!(span=> #value)));
                quote_spanned!(span=> #catga::Fault::transient(#after, #max))
            }
        };
        let Some(variant) = variant else {
            return quote_spanned!(span=> #ident { .. } => #fault,);
        };
        let name = &variant.ident;
        let cfgs = variant
            .attrs
            .iter()
            .filter(|attribute| attribute.path().is_ident("cfg"));
        quote_spanned!(span=> #(#cfgs)* #ident::#name { .. } => #fault,)
    }
}
