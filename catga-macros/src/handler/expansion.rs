use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Type, parse_quote_spanned};

use super::options::HandlerOptions;
use super::signature::Handler;
use crate::attribute::respan;
use crate::origin::origin;

/// Everything that the registration is made of.
pub(crate) struct Expansion<'a> {
    options: &'a HandlerOptions,
    handler: &'a Handler<'a>,
    /// The message type, with `span` on all of its tokens.
    message: TokenStream,
    /// The place of the message type, for everything that asks whether it is a message: rustc
    /// reports a missing bound once for each place.
    span: Span,
}

impl<'a> Expansion<'a> {
    pub(crate) fn new(options: &'a HandlerOptions, handler: &'a Handler<'a>) -> Self {
        let message = handler.message;
        // Of a path, the last segment is the type.
        let place = match message {
            Type::Path(path) => path
                .path
                .segments
                .last()
                .map(|segment| segment.ident.span()),
            _ => None,
        };
        let span = at(place.unwrap_or_else(|| message.span()));
        Self {
            options,
            handler,
            message: respan(message.to_token_stream(), span),
            span,
        }
    }

    pub(crate) fn tokens(&self) -> TokenStream {
        let span = self.span;
        let catga = self.options.catga.at(span);
        let Handler { ident, cfgs, .. } = self.handler;
        let message = &self.message;
        let name = ident.unraw().to_string();
        let origin = origin(&self.options.catga, ident.span());
        let parameters = self.parameters();
        let start = self.start();
        let requirements = self.requirements();
        let settings = self.settings();
        quote_spanned! {span=>
            #(#cfgs)*
            const _: () = {
                #parameters
                #catga::__private::submit! {
                    #catga::HandlerInfo::new(
                        #name,
                        #origin,
                        #catga::__private::start::<#message>(#start),
                    )
                    #requirements
                    #settings
                }
            };
        }
    }

    /// One constant for each parameter: the only place that asks for its bound.
    fn parameters(&self) -> TokenStream {
        let types = self.handler.parameters.iter();
        let constants = types.zip(self.constants()).map(|(parameter, constant)| {
            let span = at(parameter.span());
            let catga = self.options.catga.at(span);
            quote_spanned! {span=>
                const #constant: #catga::__private::Parameter<#parameter> =
                    #catga::__private::Parameter::<#parameter>::new();
            }
        });
        constants.collect()
    }

    fn constants(&self) -> impl Iterator<Item = Ident> + use<> {
        let span = self.span;
        (1..=self.handler.parameters.len())
            .map(move |number| format_ident!("PARAMETER_{number}", span = span))
    }

    /// The closure that reads the parameters and calls the function.
    fn start(&self) -> TokenStream {
        let span = self.span;
        let constants: Vec<_> = self.constants().collect();
        let names: Vec<_> = (1..=constants.len())
            .map(|number| format_ident!("parameter_{number}", span = span))
            .collect();
        // The call is of no use to a handler that takes its message alone.
        let call = if names.is_empty() {
            quote_spanned!(span=> _)
        } else {
            quote_spanned!(span=> call)
        };
        let reads = (!names.is_empty()).then(|| {
            quote_spanned! {span=>
                let call = &call.of(&message);
                #(let #names = #constants.extract(call)?;)*
            }
        });
        let ident = self.handler.ident;
        let message = Ident::new("message", span);
        // A future that is not `Send` is reported where this call stands.
        let called = quote_spanned!(at(ident.span())=> #ident(#message #(, #names)*));
        let method = if self.handler.is_async {
            "future"
        } else {
            "value"
        };
        let method = Ident::new(method, span);
        let convert = self.convert();
        quote_spanned! {span=>
            |run, cx, message, #call| {
                #reads
                ::core::result::Result::Ok(run.#method(cx, #called, #convert))
            }
        }
    }

    /// The closure that makes a reply of what the function returned.
    fn convert(&self) -> TokenStream {
        let span = self.span;
        let catga = self.options.catga.at(span);
        let message = &self.message;
        // Without a return type, its place is the function's name.
        let name = at(self.handler.ident.span());
        let unit = parse_quote_spanned!(name=> ());
        let (returns, place) = match self.handler.returns {
            Some(returns) => (returns, at(returns.span())),
            None => (&unit, name),
        };
        // A wrong type is reported where it stands as an argument.
        let returned = respan(returns.to_token_stream(), place);
        quote_spanned! {span=>
            |returned| {
                let fault = #catga::__private::Returned::of(&returned).fault();
                #catga::__private::reply::<#message, #returned, _>(returned, fault)
            }
        }
    }

    fn requirements(&self) -> Option<TokenStream> {
        let span = self.span;
        let constants = self.constants();
        (!self.handler.parameters.is_empty()).then(|| {
            quote_spanned! {span=>
                .with_requirements(|requirements| {
                    #(#constants.requires(requirements);)*
                })
            }
        })
    }

    fn settings(&self) -> TokenStream {
        let span = self.span;
        let catga = self.options.catga.at(span);
        let mut settings = TokenStream::new();
        if let Some(concurrency) = self.options.concurrency {
            settings.extend(quote_spanned!(span=> .with_concurrency(#concurrency)));
        }
        if let Some(retry) = &self.options.retry {
            let max = option(retry.max, span);
            let after = option(retry.after_ms, span);
            let cap = option(retry.cap_ms, span);
            settings.extend(quote_spanned! {span=>
                .with_retry(#catga::__private::Overrides::new(#max, #after, #cap))
            });
        }
        if self.options.broadcast {
            settings.extend(quote_spanned!(span=> .with_broadcast()));
        }
        if let Some(topic) = &self.options.topic {
            settings.extend(quote_spanned!(span=> .with_topic(#topic)));
        }
        if self.options.serial {
            settings.extend(quote_spanned!(span=> .with_serial()));
        }
        if let Some(window) = self.options.dedup_ms {
            settings.extend(quote_spanned!(span=> .with_dedup_ms(#window)));
        }
        settings
    }
}

/// What may not be written, as the `Option` that it is.
fn option(value: Option<impl ToTokens>, span: Span) -> TokenStream {
    match value {
        Some(value) => quote_spanned!(span=> ::core::option::Option::Some(#value)),
        None => quote_spanned!(span=> ::core::option::Option::None),
    }
}

/// A place in the source, for code that a macro wrote.
fn at(place: Span) -> Span {
    Span::mixed_site().located_at(place)
}
