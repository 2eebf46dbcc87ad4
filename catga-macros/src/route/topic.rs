use syn::LitStr;

use super::FieldPath;

/// A topic's pattern: segments with a placeholder or a fixed text each.
pub(crate) struct Topic {
    pub(crate) literal: LitStr,
    pub(crate) placeholders: Vec<FieldPath>,
}

impl Topic {
    pub(crate) fn parse(literal: LitStr) -> syn::Result<Self> {
        let text = literal.value();
        let mut placeholders = Vec::new();
        for segment in segments(&text) {
            let inner = segment
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            match inner {
                Some(path) => placeholders.push(FieldPath::parse_text(path, literal.span())?),
                None if is_fixed(segment) => {}
                None => {
                    return Err(syn::Error::new_spanned(
                        &literal,
                        format!(
                            "`{segment}` is not a segment of a topic: between the dots stands either a text of `A-Z`, `a-z`, `0-9`, `_` and `-`, or one `{{field}}`"
                        ),
                    ));
                }
            }
        }
        Ok(Self {
            literal,
            placeholders,
        })
    }
}

/// The parts between dots; a dot inside of braces belongs to a nested field.
fn segments(text: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    text.split(move |letter| {
        inside = match letter {
            '{' => true,
            '}' => false,
            _ => inside,
        };
        letter == '.' && !inside
    })
}

fn is_fixed(segment: &str) -> bool {
    !segment.is_empty()
        && segment
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;

    fn placeholders(text: &str) -> Option<Vec<String>> {
        let topic = Topic::parse(LitStr::new(text, Span::call_site())).ok()?;
        Some(
            topic
                .placeholders
                .into_iter()
                .map(|path| path.text)
                .collect(),
        )
    }

    #[test]
    fn placeholders_are_whole_segments() {
        assert_eq!(placeholders("orders"), Some(vec![]));
        assert_eq!(
            placeholders("orders.{region}.placed.{customer.id}"),
            Some(vec!["region".to_owned(), "customer.id".to_owned()])
        );
    }

    #[test]
    fn malformed_patterns() {
        for text in [
            "", "a.", "a..b", "a.{}", "a.{b", "a.b}", "a.{b}c", "a.*", "a b", "{{a}}",
        ] {
            assert_eq!(placeholders(text), None, "{text}");
        }
    }
}
