use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;

use super::Kind;
use super::key::{Key, Value, Values};
use super::options::MessageOptions;
use crate::attribute::respan;
use crate::origin::origin;
use crate::route::Route;

/// Everything that the generated code is made of.
pub(crate) struct Expansion<'a> {
    pub(crate) kind: Kind,
    pub(crate) ident: &'a Ident,
    pub(crate) options: &'a MessageOptions,
    pub(crate) route: &'a Route,
    pub(crate) key: Option<&'a Key>,
    pub(crate) topic: Option<&'a Values>,
}

impl Expansion<'_> {
    pub(crate) fn tokens(&self) -> TokenStream {
        let span = Span::mixed_site();
        let catga = &self.options.catga;
        let ident = self.ident;
        let response = match &self.options.response {
            Some(response) => quote_spanned!(span=> #response),
            None => quote_spanned!(span=> ()),
        };
        let error = match &self.options.error {
            Some(error) => quote_spanned!(span=> #error),
            None => quote_spanned!(span=> ::core::convert::Infallible),
        };
        let declares = match &self.options.error {
            Some(_) => quote_spanned!(span=> Declared),
            None => quote_spanned!(span=> Undeclared),
        };
        let codec = self.codec();
        let info = self.info();
        let write_key = self.write_key();
        let markers = self.markers();
        let write_topic = self.write_topic();
        quote_spanned! {span=>
            const _: () = {
                #[automatically_derived]
                impl #catga::Message for #ident {
                    type Response = #response;
                    type Error = #error;
                    type Declares = #catga::__private::#declares;
                    const CODEC: #catga::__private::Codec<Self> = #codec;

                    fn info() -> &'static #catga::message::MessageInfo {
                        static INFO: #catga::message::MessageInfo = #info;
                        &INFO
                    }

                    #write_key
                    #write_topic
                }
                #markers
            };
        }
    }

    /// Each bound is asked for once, at the type that must satisfy it.
    fn codec(&self) -> TokenStream {
        let at = |span: Span| Span::mixed_site().located_at(span);
        let span = at(self.ident.span());
        let catga = self.options.catga.at(span);
        let mut codec = quote_spanned!(span=> #catga::__private::Codec::<Self>::new());
        if let Some(response) = &self.options.response {
            let call = quote_spanned!(at(response.span())=> .response::<#response>());
            codec.extend(call);
        } else if self.kind != Kind::Event {
            codec.extend(quote_spanned!(span=> .response::<()>()));
        }
        if let Some(error) = &self.options.error {
            let call = quote_spanned!(at(error.span())=> .error::<#error>());
            codec.extend(call);
        }
        codec
    }

    fn info(&self) -> TokenStream {
        let span = Span::mixed_site();
        let catga = &self.options.catga;
        let ident = self.ident;
        let name = match &self.options.name {
            Some(literal) => literal.value(),
            None => ident.unraw().to_string(),
        };
        let origin = origin(catga, ident.span());
        let start = if self.kind == Kind::Event {
            quote_spanned!(span=> event::<#ident>(#name, #origin))
        } else {
            let variant = self.kind.variant();
            quote_spanned!(span=>
                request::<#ident>(#name, #catga::message::Kind::#variant, #origin)
            )
        };
        let version = self
            .options
            .version
            .map(|version| quote_spanned!(span=> .with_version(#version)));
        let timeout = self
            .options
            .timeout_ms
            .map(|millis| quote_spanned!(span=> .with_timeout_ms(#millis)));
        let idempotent = self
            .options
            .idempotent
            .then(|| quote_spanned!(span=> .with_idempotent()));
        let route = self.route();
        quote_spanned! {span=>
            #catga::message::MessageInfo::#start #version #timeout #idempotent #route
        }
    }

    fn route(&self) -> Option<TokenStream> {
        let span = Span::mixed_site();
        let catga = &self.options.catga;
        let key = self.key.map(|key| {
            let texts = &key.texts;
            quote_spanned!(span=> .with_key(&[#(#texts),*]))
        });
        let strategy = self.route.strategy.as_ref().map(|strategy| {
            let variant = &strategy.variant;
            quote_spanned!(span=> .with_strategy(#catga::routing::StrategyKind::#variant))
        });
        let topic = self.route.topic.as_ref().map(|topic| {
            let pattern = topic.literal.value();
            quote_spanned!(span=> .with_topic(#pattern))
        });
        (key.is_some() || strategy.is_some() || topic.is_some()).then(|| {
            quote_spanned!(span=>
                .with_route(#catga::__private::Route::new() #key #strategy #topic)
            )
        })
    }

    fn write_key(&self) -> Option<TokenStream> {
        let span = Span::mixed_site();
        let catga = &self.options.catga;
        let body = self.write(&self.key?.values, &quote_spanned!(span=> key));
        Some(quote_spanned! {span=>
            fn write_key<S: #catga::message::KeySink>(
                &self,
                key: &mut #catga::message::KeyWriter<S>,
            ) {
                #body
            }
        })
    }

    fn write_topic(&self) -> Option<TokenStream> {
        let span = Span::mixed_site();
        let catga = &self.options.catga;
        let values = self.topic.filter(|values| !values.is_empty())?;
        let next = quote_spanned!(span=> topic.value());
        let body = self.write(values, &next);
        Some(quote_spanned! {span=>
            fn write_topic(&self, topic: &mut #catga::routing::TopicValues) {
                #body
            }
        })
    }

    /// Writes all values of the message, each to what `to` is at that time.
    fn write(&self, values: &Values, to: &TokenStream) -> TokenStream {
        let span = Span::mixed_site();
        let catga = &self.options.catga;
        let ident = self.ident;
        match values {
            Values::Struct(values) => values
                .iter()
                .map(|Value { field, rest, span }| {
                    let catga = catga.at(*span);
                    let to = respan(to.clone(), *span);
                    quote_spanned! {*span=>
                        #catga::message::KeyText::write_key(&self.#field #(.#rest)*, #to);
                    }
                })
                .collect(),
            Values::Enum(variants) => {
                let arms = variants.iter().map(|arm| {
                    let (variant, cfgs) = (&arm.variant, &arm.cfgs);
                    let bindings: Vec<_> = (1..=arm.values.len())
                        .map(|number| format_ident!("part_{number}", span = span))
                        .collect();
                    let fields = arm.values.iter().map(|value| &value.field);
                    let writes = arm.values.iter().zip(&bindings).map(
                        |(Value { rest, span, .. }, binding)| {
                            let value = if rest.is_empty() {
                                quote_spanned!(*span=> #binding)
                            } else {
                                quote_spanned!(*span=> &#binding #(.#rest)*)
                            };
                            let catga = catga.at(*span);
                            let to = respan(to.clone(), *span);
                            quote_spanned!(*span=>
                                #catga::message::KeyText::write_key(#value, #to);
                            )
                        },
                    );
                    quote_spanned! {span=>
                        #(#cfgs)*
                        #ident::#variant { #(#fields: #bindings,)* .. } => { #(#writes)* }
                    }
                });
                quote_spanned!(span=> match self { #(#arms)* })
            }
        }
    }

    fn markers(&self) -> TokenStream {
        let span = Span::mixed_site();
        let catga = &self.options.catga;
        let ident = self.ident;
        let kind = self.kind.variant();
        let request = (self.kind != Kind::Event).then(|| {
            quote_spanned! {span=>
                #[automatically_derived]
                impl #catga::Request for #ident {
                    type Itself = Self;
                }
            }
        });
        quote_spanned! {span=>
            #request
            #[automatically_derived]
            impl #catga::#kind for #ident {}
        }
    }
}

impl Values {
    fn is_empty(&self) -> bool {
        match self {
            Self::Struct(values) => values.is_empty(),
            Self::Enum(variants) => variants.iter().all(|variant| variant.values.is_empty()),
        }
    }
}
