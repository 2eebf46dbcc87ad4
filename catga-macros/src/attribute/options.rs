use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Token, Type, token};

use super::{Errors, closest, did_you_mean, list};

/// The options of one attribute: `name`, `name = value` or `name(..)`, separated by commas.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    /// What the attribute is called in errors, such as `#[command]`.
    pub(crate) attribute: &'static str,
    pub(crate) known: &'static [&'static str],
    /// Options of related attributes, with the reason why this one has none of them.
    pub(crate) refused: &'static [(&'static str, &'static str)],
}

impl Options {
    /// Calls `each` with the name of every option and with what follows the name.
    ///
    /// A mistake in one option does not hide those in the others. An unknown option that is
    /// close to a known one is read as that one, so that its absence is not reported as well.
    pub(crate) fn read(
        self,
        tokens: TokenStream,
        errors: &mut Errors,
        mut each: impl FnMut(&'static str, &Ident, ParseStream<'_>, &mut Errors) -> syn::Result<()>,
    ) {
        let all = |input: ParseStream<'_>| {
            let mut seen = Vec::new();
            while !input.is_empty() {
                let Ok(ident) = input.call(Ident::parse_any) else {
                    return Err(input.error(format!("expected an option: {}", self.usage())));
                };
                let option = self.identify(&ident, &mut seen, errors);
                let is_bare = input.is_empty() || input.peek(Token![,]);
                let read = match option {
                    Some(name) => each(name, &ident, input, errors)
                        .map_err(|error| if is_bare { needs_value(&ident) } else { error }),
                    None => skip_value(input),
                };
                if let Err(error) = read {
                    errors.push(error);
                    skip_to_comma(input)?;
                } else if !input.is_empty() && !input.peek(Token![,]) {
                    errors.push(input.error("expected `,` before the next option"));
                    skip_to_comma(input)?;
                }
                input.parse::<Option<Token![,]>>()?;
            }
            Ok(())
        };
        if let Err(error) = all.parse2(tokens) {
            errors.push(error);
        }
    }

    fn identify(
        self,
        ident: &Ident,
        seen: &mut Vec<&'static str>,
        errors: &mut Errors,
    ) -> Option<&'static str> {
        let name = ident.unraw().to_string();
        if let Some((_, reason)) = self.refused.iter().find(|(refused, _)| *refused == name) {
            errors.at(ident, reason);
            return None;
        }
        let found = self.known.iter().copied().find(|known| *known == name);
        let meant = found.or_else(|| {
            let suggestion = closest(&name, self.known.iter().copied());
            errors.at(
                ident,
                format!(
                    "unknown option `{name}`{}\n{}",
                    did_you_mean(suggestion),
                    self.usage(),
                ),
            );
            suggestion
        })?;
        if seen.contains(&meant) {
            if found.is_some() {
                errors.at(ident, format!("`{name}` is given twice"));
            }
            return None;
        }
        seen.push(meant);
        Some(meant)
    }

    fn usage(self) -> String {
        format!(
            "the options of `{}` are {}",
            self.attribute,
            list(self.known.iter().copied())
        )
    }
}

/// The parser's own error would have no better place than the end of the attribute.
fn needs_value(ident: &Ident) -> syn::Error {
    syn::Error::new_spanned(ident, format!("`{ident}` needs a value: `{ident} = ..`"))
}

/// Passes over the value of an option that nobody reads. Types are tried first: their commas do
/// not end the option.
fn skip_value(input: ParseStream<'_>) -> syn::Result<()> {
    if input.peek(token::Paren) {
        input.parse::<TokenTree>()?;
    } else if input.parse::<Option<Token![=]>>()?.is_some() {
        let fork = input.fork();
        if fork.parse::<Type>().is_ok() && (fork.is_empty() || fork.peek(Token![,])) {
            input.parse::<Type>()?;
        } else {
            skip_to_comma(input)?;
        }
    }
    Ok(())
}

fn skip_to_comma(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::LitStr;

    use super::super::parse_value;
    use super::*;

    const OPTIONS: Options = Options {
        attribute: "#[sample]",
        known: &["flag", "response", "name"],
        refused: &[("error", "a sample has no error")],
    };

    fn read(tokens: TokenStream) -> (Vec<&'static str>, Vec<String>) {
        let mut errors = Errors::default();
        let mut names = Vec::new();
        OPTIONS.read(tokens, &mut errors, |name, _, input, _| {
            match name {
                "response" => drop(parse_value::<Type>(input)?),
                "name" => drop(parse_value::<LitStr>(input)?),
                _ => {}
            }
            names.push(name);
            Ok(())
        });
        (names, errors.texts())
    }

    #[test]
    fn all_forms_in_any_order() {
        let (names, errors) = read(quote!(response = Map<A, B>, flag, name = "x",));
        assert_eq!(names, ["response", "flag", "name"]);
        assert_eq!(errors, [""; 0]);
    }

    #[test]
    fn every_mistake_is_reported_once() {
        let (names, errors) = read(quote!(colour = Map<A, B>, name = 3, flag, flag));
        assert_eq!(names, ["flag"]);
        assert_eq!(
            errors,
            [
                "unknown option `colour`\nthe options of `#[sample]` are `flag`, `response`, `name`",
                "expected string literal",
                "`flag` is given twice",
            ]
        );
    }

    #[test]
    fn refused_options_say_why() {
        let (names, errors) = read(quote!(error = Map<A, B>, flag));
        assert_eq!(names, ["flag"]);
        assert_eq!(errors, ["a sample has no error"]);
    }

    #[test]
    fn a_misspelt_option_counts_as_given() {
        let (names, errors) = read(quote!(reponse = Receipt));
        assert_eq!(names, ["response"]);
        assert_eq!(errors.len(), 1);
        assert!(errors[0].contains("did you mean `response`?"), "{errors:?}");
    }
}
