use proc_macro2::Ident;
use syn::LitStr;
use syn::ext::IdentExt as _;

/// Lets a wire name pass that every broker can carry as it is.
pub(crate) fn check(literal: LitStr) -> syn::Result<LitStr> {
    if is_valid(&literal.value()) {
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

/// Lets a type pass whose name can be its wire name.
pub(crate) fn check_type(ident: &Ident) -> syn::Result<()> {
    let name = ident.unraw().to_string();
    if is_valid(&name) {
        Ok(())
    } else {
        Err(syn::Error::new_spanned(
            ident,
            format!(
                "`{name}` cannot be the name on the wire, which has `A-Z`, `a-z`, `0-9`, `_` and `-`: give it one with `name = \"..\"`"
            ),
        ))
    }
}

fn is_valid(name: &str) -> bool {
    name.split('.').all(|segment| {
        !segment.is_empty()
            && segment
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    })
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

    #[test]
    fn a_types_name_is_a_wire_name_if_it_is_plain() {
        let is_valid = |name| check_type(&Ident::new(name, Span::call_site())).is_ok();
        assert!(is_valid("PlaceOrder") && is_valid("_2"));
        assert!(!is_valid("Größe"));
        let raw = Ident::new_raw("type", Span::call_site());
        assert!(check_type(&raw).is_ok());
    }
}
