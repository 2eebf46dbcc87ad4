use syn::LitStr;

const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// The milliseconds in a duration such as `200ms`, `5s`, `2m` or `1h`.
pub(crate) fn parse_duration(literal: &LitStr) -> syn::Result<u64> {
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

    use super::*;

    fn millis(text: &str) -> Option<u64> {
        parse_duration(&LitStr::new(text, Span::call_site())).ok()
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
