use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::ext::IdentExt as _;

use super::options::HandlerOptions;
use super::signature::{Handler, at};
use crate::origin::origin;

/// Everything that the registration is made of.
pub(crate) struct Expansion<'a> {
    pub(crate) options: &'a HandlerOptions,
    pub(crate) handler: &'a Handler<'a>,
}

impl Expansion<'_> {
    pub(crate) fn tokens(&self) -> TokenStream {
        let span = Span::mixed_site();
        let catga = &self.options.catga;
        let Handler {
            ident,
            cfgs,
            message,
            ..
        } = self.handler;
        let name = ident.unraw().to_string();
        let origin = origin(catga, ident.span());
        let parameters = self.parameters();
        let start = self.start();
        let requirements = self.requirements();
        let settings = self.settings();
        // The message's own bound is asked for where its type stands.
        let start_new = quote_spanned!(at(message)=> #catga::__private::Start::<#message>::new);
        quote_spanned! {span=>
            #(#cfgs)*
            const _: () = {
                #parameters
                #catga::__private::submit! {
                    #catga::HandlerInfo::new(
                        #name,
                        #origin,
                        const { &#start_new(#start) },
                    )
                    #requirements
                    #settings
                }
            };
        }
    }

    fn number(index: usize) -> usize {
        index + 1
    }

    /// One constant for each parameter: the only place that asks for its bound.
    fn parameters(&self) -> TokenStream {
        let catga = &self.options.catga;
        self.handler
            .parameters
            .iter()
            .enumerate()
            .map(|(index, parameter)| {
                let span = at(parameter);
                let constant = format_ident!("PARAMETER_{}", Self::number(index), span = span);
                quote_spanned! {span=>
                    const #constant: #catga::__private::Parameter<#parameter> =
                        #catga::__private::Parameter::<#parameter>::new();
                }
            })
            .collect()
    }

    /// The closure that reads the parameters and calls the function.
    fn start(&self) -> TokenStream {
        let span = Span::mixed_site();
        let Handler {
            ident,
            message,
            returns,
            is_async,
            parameters,
            ..
        } = self.handler;
        let catga = &self.options.catga;
        let at_name = at(ident);
        let names: Vec<_> = (0..parameters.len())
            .map(|index| format_ident!("parameter_{}", Self::number(index), span = span))
            .collect();
        let reads = (!names.is_empty()).then(|| {
            let constants = (0..names.len())
                .map(|index| format_ident!("PARAMETER_{}", Self::number(index), span = span));
            quote_spanned! {span=>
                let call = &call.of(&message);
                #(let #names = #constants.extract(call)?;)*
            }
        });
        let call = if names.is_empty() {
            quote_spanned!(span=> _)
        } else {
            quote_spanned!(span=> call)
        };
        // Without a return type, its place is the function's name.
        let convert = match returns {
            Some(returns) => quote_spanned! {at(returns)=>
                <#returns as #catga::__private::IntoReply<#message, _>>::into_reply
            },
            None => quote_spanned! {at_name=>
                <() as #catga::__private::IntoReply<#message, _>>::into_reply
            },
        };
        let method = if *is_async {
            quote_spanned!(at_name=> future)
        } else {
            quote_spanned!(at_name=> value)
        };
        let run = quote_spanned! {at_name=>
            run.#method(#ident(message #(, #names)*), #convert);
        };
        quote_spanned! {span=>
            |run, message, #call| {
                #reads
                #run
                ::core::result::Result::Ok(())
            }
        }
    }

    fn requirements(&self) -> Option<TokenStream> {
        let span = Span::mixed_site();
        let count = self.handler.parameters.len();
        let constants =
            (0..count).map(|index| format_ident!("PARAMETER_{}", Self::number(index), span = span));
        (count > 0).then(|| {
            quote_spanned! {span=>
                .with_requirements(|requirements| {
                    #(#constants.requires(requirements);)*
                })
            }
        })
    }

    fn settings(&self) -> TokenStream {
        let span = Span::mixed_site();
        let catga = &self.options.catga;
        let mut settings = TokenStream::new();
        if let Some(concurrency) = self.options.concurrency {
            settings.extend(quote_spanned!(span=> .with_concurrency(#concurrency as usize)));
        }
        if let Some(retry) = &self.options.retry {
            let (max, after, cap) = (retry.max, retry.after_ms, retry.cap_ms);
            settings.extend(quote_spanned! {span=>
                .with_retry(
                    #catga::__private::Policy::new(
                        #max,
                        ::core::time::Duration::from_millis(#after),
                    )
                    .cap(::core::time::Duration::from_millis(#cap)),
                )
            });
        }
        if self.options.broadcast {
            settings.extend(quote_spanned!(span=> .with_broadcast()));
        }
        if self.options.serial {
            settings.extend(quote_spanned!(span=> .with_serial()));
        }
        settings
    }
}
