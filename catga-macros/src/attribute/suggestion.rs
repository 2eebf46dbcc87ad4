/// The candidate that `word` was probably meant to be.
pub(crate) fn closest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // One index is not a misspelt other one.
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let allowed = word.chars().count().div_ceil(3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `: did you mean ..?`, or nothing.
pub(crate) fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion
        .map(|candidate| format!(": did you mean `{candidate}`?"))
        .unwrap_or_default()
}

/// The names as a list in a sentence.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// How many insertions, deletions, replacements and swaps of neighbours lie between two words.
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().flat_map(char::to_lowercase).collect();
    let to: Vec<char> = to.chars().flat_map(char::to_lowercase).collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for (row, letter) in from.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, other) in to.iter().enumerate() {
            let replaced = rows[row][column] + usize::from(letter != other);
            let shorter = rows[row][column + 1] + 1;
            let longer = next[column] + 1;
            let mut best = replaced.min(shorter).min(longer);
            let swapped =
                row > 0 && column > 0 && from[row - 1] == *other && to[column - 1] == *letter;
            if swapped {
                best = best.min(rows[row - 1][column - 1] + 1);
            }
            next.push(best);
        }
        rows.push(next);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_found() {
        let fields = ["order_id", "sku", "quantity"];
        assert_eq!(closest("ordr_id", fields), Some("order_id"));
        assert_eq!(closest("orderId", fields), Some("order_id"));
        assert_eq!(closest("suk", fields), Some("sku"));
        assert_eq!(closest("customer", fields), None);
        assert_eq!(closest("", fields), None);
    }

    #[test]
    fn distances() {
        assert_eq!(distance("same", "same"), 0);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("ab", "ba"), 1);
    }
}
