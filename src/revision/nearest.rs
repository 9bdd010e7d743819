//! The word somebody probably meant.

/// The candidate that differs least from `text`, if it differs in at most every third letter.
pub(super) fn nearest<'c>(
    text: &str,
    candidates: impl Iterator<Item = &'c str>,
) -> Option<&'c str> {
    let most = (text.len() / 3).min(3);
    candidates
        .filter(|candidate| *candidate != text && candidate.len().abs_diff(text.len()) <= most)
        .map(|candidate| (distance(text.as_bytes(), candidate.as_bytes()), candidate))
        .filter(|&(distance, _)| distance <= most)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The letters to insert, remove, replace, or swap with their neighbour.
fn distance(left: &[u8], right: &[u8]) -> usize {
    let mut before = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, &a) in left.iter().enumerate() {
        let mut line = vec![row + 1];
        for (column, &b) in right.iter().enumerate() {
            let replaced = above[column] + usize::from(a != b);
            let mut least = replaced.min(above[column + 1] + 1).min(line[column] + 1);
            let swapped = row > 0 && column > 0 && a == right[column - 1] && left[row - 1] == b;
            if swapped {
                let two_back: &Vec<usize> = &before;
                least = least.min(two_back[column - 1] + 1);
            }
            line.push(least);
        }
        before = std::mem::replace(&mut above, line);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, candidates: &[&str], expected: Option<&str>) {
        assert_eq!(
            nearest(text, candidates.iter().copied()),
            expected,
            "{text}"
        );
    }

    #[test]
    fn finds_a_slip_but_not_another_word() {
        check("haed", &["head", "base"], Some("head"));
        check(
            "3f2a9c1b7d05",
            &["85d490db548b", "3f2a9c1b7d04"],
            Some("3f2a9c1b7d04"),
        );
        check("3f2a9c1b7d", &["3f2a9c1b7d04"], Some("3f2a9c1b7d04"));
        check("users", &["teams", "base"], None);
        check("base", &["base"], None);
        check("b", &["a"], None);
        check("", &[], None);
    }
}
