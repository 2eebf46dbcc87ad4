use std::borrow::Cow;

/// A name or a topic as it stands in a subject: what has a meaning there, or cannot stand there,
/// is percent-encoded.
pub(super) fn of(name: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"*>%".contains(&byte);
    let has_no_gap = name.split('.').all(|token| !token.is_empty());
    if has_no_gap && name.bytes().all(is_plain) {
        return Cow::Borrowed(name);
    }
    let mut text = String::with_capacity(name.len() + 8);
    for (at, token) in name.split('.').enumerate() {
        if at > 0 {
            text.push('.');
        }
        // A token of its own: nothing else is written like this.
        if token.is_empty() {
            text.push('%');
        }
        for byte in token.bytes() {
            if is_plain(byte) {
                text.push(char::from(byte));
            } else {
                text.push('%');
                for digit in [byte >> 4, byte & 15] {
                    text.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
                }
            }
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn what_has_a_meaning_in_a_subject_is_encoded() {
        for plain in ["OrderPlaced", "orders.place", "a-b_c"] {
            assert_eq!(of(plain), plain);
        }
        for (name, written) in [
            ("a b", "a%20b"),
            ("a.*.>", "a.%2A.%3E"),
            ("a..b", "a.%.b"),
            ("", "%"),
            ("\u{fc}", "%C3%BC"),
        ] {
            assert_eq!(of(name), written);
        }
    }
}
