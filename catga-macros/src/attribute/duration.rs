use proc_macro2::TokenTree;
use quote::ToTokens as _;
use syn::parse::ParseStream;
use syn::{LitInt, LitStr};

use super::parse_or;

const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// A duration such as `200ms`, `5s`, `2m` or `1h`.
pub(crate) struct Duration {
    pub(crate) literal: LitStr,
    pub(crate) millis: u64,
}

/// The value of `name = "5s"`.
pub(crate) fn parse_duration(option: &str, input: ParseStream<'_>) -> syn::Result<Duration> {
    let literal = parse_or(input, |written| {
        let text = with_unit(written).unwrap_or_else(|| "5s".to_owned());
        format!("a duration is text: `{option} = \"{text}\"`, or with `ms`, `m` or `h`")
    })?;
    let millis = milliseconds(&literal)?;
    Ok(Duration { literal, millis })
}

/// A number as the duration that it could be: it may have a unit, as in `200ms`.
fn with_unit(written: &[TokenTree]) -> Option<String> {
    let [number] = written else { return None };
    let number: LitInt = syn::parse2(number.to_token_stream()).ok()?;
    let unit = UNITS.iter().find(|(unit, _)| *unit == number.suffix());
    let unit = unit.map_or("s", |(unit, _)| *unit);
    Some(format!("{}{unit}", number.base10_digits()))
}

fn milliseconds(literal: &LitStr) -> syn::Result<u64> {
    let text = literal.value();
    let unit = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let digits = &text[..text.len() - unit.len()];
    UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .and_then(|(_, factor)| digits.parse::<u64>().ok()?.checked_mul(*factor))
        .ok_or_else(|| {
            syn::Error::new_spanned(
                literal,
                format!(
                    "`{text}` is not a duration: write a whole number and `ms`, `s`, `m` or `h`, such as \"5s\""
                ),
            )
        })
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;
    use syn::parse::Parser as _;

    use super::*;

    fn millis(text: &str) -> Option<u64> {
        milliseconds(&LitStr::new(text, Span::call_site())).ok()
    }

    #[test]
    fn a_number_is_shown_as_text() {
        for (written, shown) in [
            ("= 2", "2s"),
            ("= 200ms", "200ms"),
            ("= 5_000", "5000s"),
            ("= Duration::from_secs(5)", "5s"),
        ] {
            let parse = |input: ParseStream<'_>| parse_duration("after", input);
            let error = parse.parse_str(written).map(|it| it.millis).unwrap_err();
            let expected = format!("`after = \"{shown}\"`");
            assert!(error.to_string().contains(&expected), "{error}");
        }
    }

    #[test]
    fn whole_numbers_with_a_unit() {
        assert_eq!(millis("200ms"), Some(200));
        assert_eq!(millis("5s"), Some(5_000));
        assert_eq!(millis("2m"), Some(120_000));
        assert_eq!(millis("1h"), Some(3_600_000));
        assert_eq!(millis("0s"), Some(0));
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "5",
            "s",
            "5 s",
            "-5s",
            "1.5s",
            "5sec",
            "5S",
            "99999999999999999999s",
        ] {
            assert_eq!(millis(text), None, "{text}");
        }
        assert_eq!(millis(&format!("{}h", u64::MAX)), None);
    }
}
