use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{LitStr, Token, Type};

use super::{Errors, closest, did_you_mean, list, take_to_comma};

/// The options of one attribute: `name`, `name = value` or `name(..)`, separated by commas.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    /// What the attribute is called in errors, such as `#[command]`.
    pub(crate) attribute: &'static str,
    pub(crate) known: &'static [&'static str],
    /// The option that a text without a name is probably meant for.
    pub(crate) unnamed: Option<&'static str>,
    /// Options of related attributes, with the reason why this one has none of them.
    pub(crate) refused: &'static [(&'static str, &'static str)],
}

impl Options {
    /// Calls `each` with the name of every option and with what follows the name.
    ///
    /// A mistake in one option does not hide those in the others. An unknown option that is
    /// close to a known one is read as that one, so that its absence is not reported as well; a
    /// value that does not fit it may be fit for another one, and is not reported.
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
                    return Err(self.expected(input));
                };
                let is_bare = is_bare(input)?;
                let read = match self.identify(&ident, &mut seen, errors) {
                    Meaning::Known(name) => each(name, &ident, input, errors)
                        .map_err(|error| if is_bare { needs_value(&ident) } else { error }),
                    Meaning::Guess(name) => {
                        let _ = each(name, &ident, &input.fork(), &mut Errors::default());
                        skip_value(input)
                    }
                    Meaning::Nothing => skip_value(input),
                };
                if let Err(error) = read {
                    errors.push(error);
                    take_to_comma(input)?;
                } else if !input.is_empty() && !input.peek(Token![,]) {
                    errors.push(input.error("expected `,` before the next option"));
                    take_to_comma(input)?;
                }
                input.parse::<Option<Token![,]>>()?;
            }
            Ok(())
        };
        if let Err(error) = all.parse2(tokens) {
            errors.push(error);
        }
    }

    fn identify(self, ident: &Ident, seen: &mut Vec<&'static str>, errors: &mut Errors) -> Meaning {
        let name = ident.unraw().to_string();
        if let Some((_, reason)) = self.refused.iter().find(|(refused, _)| *refused == name) {
            errors.at(ident, reason);
            return Meaning::Nothing;
        }
        if let Some(known) = self.known.iter().copied().find(|known| *known == name) {
            if seen.contains(&known) {
                errors.at(ident, format!("`{name}` is given twice"));
                return Meaning::Nothing;
            }
            seen.push(known);
            return Meaning::Known(known);
        }
        let suggestion = closest(&name, self.known.iter().copied());
        errors.at(
            ident,
            format!(
                "unknown option `{name}`{}\n{}",
                did_you_mean(suggestion),
                self.usage(),
            ),
        );
        match suggestion.filter(|meant| !seen.contains(meant)) {
            Some(meant) => {
                seen.push(meant);
                Meaning::Guess(meant)
            }
            None => Meaning::Nothing,
        }
    }

    /// The error for what does not begin as an option does.
    fn expected(self, input: ParseStream<'_>) -> syn::Error {
        let text: Option<LitStr> = input.fork().parse().ok();
        let meant = self.unnamed.zip(text);
        let meant = meant.map(|(option, text)| format!("{option} = {}", text.token()));
        let usage = self.usage();
        input.error(match meant {
            Some(_) => format!(
                "expected an option{}\n{usage}",
                did_you_mean(meant.as_deref())
            ),
            None => format!("expected an option: {usage}"),
        })
    }

    fn usage(self) -> String {
        format!(
            "the options of `{}` are {}",
            self.attribute,
            list(self.known.iter().copied())
        )
    }
}

/// Which option one name stands for.
enum Meaning {
    Known(&'static str),
    Guess(&'static str),
    /// None, or one that has been read: there is an error already.
    Nothing,
}

/// Whether an option ends here, with its name or with a `=` that nothing follows.
fn is_bare(input: ParseStream<'_>) -> syn::Result<bool> {
    let rest = input.fork();
    rest.parse::<Option<Token![=]>>()?;
    Ok(rest.is_empty() || rest.peek(Token![,]))
}

/// The parser's own error would have no better place than the end of the attribute.
fn needs_value(ident: &Ident) -> syn::Error {
    syn::Error::new_spanned(ident, format!("`{ident}` needs a value: `{ident} = ..`"))
}

/// Passes over the value of an option that nobody reads. Types are tried first: their commas do
/// not end the option.
fn skip_value(input: ParseStream<'_>) -> syn::Result<()> {
    if input.parse::<Option<Token![=]>>()?.is_some() {
        let fork = input.fork();
        if fork.parse::<Type>().is_ok() && (fork.is_empty() || fork.peek(Token![,])) {
            input.parse::<Type>()?;
        }
    }
    take_to_comma(input).map(drop)
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::parse::Parse as _;

    use super::super::{parse_text, parse_unquoted};
    use super::*;

    const OPTIONS: Options = Options {
        attribute: "#[sample]",
        known: &["flag", "response", "name"],
        unnamed: Some("name"),
        refused: &[("error", "a sample has no error")],
    };

    fn read(tokens: TokenStream) -> (Vec<&'static str>, Vec<String>) {
        let mut errors = Errors::default();
        let mut names = Vec::new();
        OPTIONS.read(tokens, &mut errors, |name, _, input, errors| {
            match name {
                "response" => drop(parse_unquoted(name, "a type", Type::parse, input, errors)?),
                "name" => drop(parse_text(name, input)?),
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
                "text goes in quotes: `name = \"..\"`",
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
    fn a_type_in_quotes_counts_as_given() {
        let (names, errors) = read(quote!(response = "Map<A, B>", flag));
        assert_eq!(names, ["response", "flag"]);
        assert_eq!(
            errors,
            ["a type goes without quotes: `response = Map<A, B>`"]
        );
        let (names, errors) = read(quote!(response = "no type"));
        assert_eq!(names, [""; 0]);
        assert_eq!(errors.len(), 1);
    }

    #[test]
    fn without_a_value_or_a_name() {
        for tokens in [quote!(name), quote!(name =), quote!(name = , flag)] {
            let (_, errors) = read(tokens);
            assert_eq!(errors, ["`name` needs a value: `name = ..`"]);
        }
        let (_, errors) = read(quote!(name = sample));
        assert_eq!(errors, ["text goes in quotes: `name = \"sample\"`"]);
        let (_, errors) = read(quote!("sample"));
        assert_eq!(errors.len(), 1);
        assert!(
            errors[0].contains("did you mean `name = \"sample\"`?"),
            "{errors:?}"
        );
    }

    #[test]
    fn the_value_of_a_misspelt_option_is_not_judged() {
        for tokens in [
            quote!(nme = 3),
            quote!(flagg = 3),
            quote!(nme),
            quote!(nme(3)),
            quote!(nme = Map<A, B>),
        ] {
            let (_, errors) = read(tokens);
            assert_eq!(errors.len(), 1, "{errors:?}");
        }
    }

    #[test]
    fn a_misspelt_option_counts_as_given() {
        let (names, errors) = read(quote!(reponse = Receipt));
        assert_eq!(names, ["response"]);
        assert_eq!(errors.len(), 1);
        assert!(errors[0].contains("did you mean `response`?"), "{errors:?}");
    }
}
