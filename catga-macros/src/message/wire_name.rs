use syn::LitStr;

/// Lets a wire name pass that every broker can carry as it is.
pub(crate) fn check(literal: LitStr) -> syn::Result<LitStr> {
    let is_valid = literal.value().split('.').all(|segment| {
        !segment.is_empty()
            && segment
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    });
    if is_valid {
        Ok(literal)
    } else {
        Err(syn::Error::new_spanned(
            &literal,
            format!(
                "`{}` is not a wire name: use `A-Z`, `a-z`, `0-9`, `_` and `-`, in segments separated by single dots, such as \"orders.place\"",
                literal.value()
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;

    #[test]
    fn segments_of_plain_letters() {
        let is_valid = |name| check(LitStr::new(name, Span::call_site())).is_ok();
        for name in ["a", "orders.place", "A-1_b.c", "orders.v2.place"] {
            assert!(is_valid(name), "{name}");
        }
        for name in [
            "", ".", "a.", ".a", "a..b", "a b", "a/b", "a*", "a>", "größe", "a:b",
        ] {
            assert!(!is_valid(name), "{name}");
        }
    }
}
