//! Texts that the server prints in two ways. `v in ('a', 'b')` on a varchar is printed as
//! `(ARRAY['a'::character varying, …])::text[]`; read and printed again, each element has the cast.
//! Both mean the same, and a comparison of the texts would never end.

/// Whether two texts are the same once the casts of arrays stand at their elements.
pub(super) fn same(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => {
            one == other
                || (has_array(one) || has_array(other)) && form(one) == form(other)
                || has_columns_of(one, other)
        }
        (one, other) => one == other,
    }
}

/// Whether two definitions of extended statistics are of the same columns: the server prints these in
/// the order of the table, which does not change when the columns do.
fn has_columns_of(one: &str, other: &str) -> bool {
    let columns = |text: &str| -> Option<Vec<String>> {
        let text = text.strip_prefix("CREATE STATISTICS ")?;
        let (head, rest) = text.split_once(" ON ")?;
        let (columns, table) = rest.rsplit_once(" FROM ")?;
        let columns = format!("{columns}]");
        let (columns, _) = elements(&columns)?;
        let mut parts: Vec<String> = columns.into_iter().map(str::to_owned).collect();
        parts.sort();
        parts.extend([head.to_owned(), table.to_owned()]);
        Some(parts)
    };
    columns(one).is_some_and(|columns_of_one| columns(other) == Some(columns_of_one))
}

fn has_array(text: &str) -> bool {
    text.contains("(ARRAY[")
}

/// The text with the casts of arrays at their elements.
fn form(text: &str) -> String {
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("(ARRAY[") {
        done.push_str(&rest[..at]);
        let inside = &rest[at + "(ARRAY[".len()..];
        if let Some((array, behind)) = cast_array(inside) {
            done.push_str(&array);
            rest = behind;
        } else {
            done.push_str("(ARRAY[");
            rest = inside;
        }
    }
    done + rest
}

/// `'a', 'b'])::text[] …` as `ARRAY[('a')::text, ('b')::text]`, and what stands behind.
fn cast_array(inside: &str) -> Option<(String, &str)> {
    let (elements, behind) = elements(inside)?;
    let behind = behind.strip_prefix(")::")?;
    let end = behind.find("[]")?;
    let kind = &behind[..end];
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '.' | '"');
    if !kind.chars().all(is_name) {
        return None;
    }
    let cast: Vec<String> = elements
        .iter()
        .map(|element| format!("({element})::{kind}"))
        .collect();
    Some((format!("ARRAY[{}]", cast.join(", ")), &behind[end + 2..]))
}

/// What stands between the brackets, split at its commas, and what stands behind them.
fn elements(inside: &str) -> Option<(Vec<&str>, &str)> {
    let (mut depth, mut begin, mut quote) = (0_u32, 0, None);
    let mut elements = Vec::new();
    for (at, letter) in inside.char_indices() {
        match (quote, letter) {
            (Some(open), letter) if open == letter => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, '(' | '[') => depth += 1,
            (None, ']') if depth == 0 => {
                elements.push(inside[begin..at].trim());
                return Some((elements, &inside[at + 1..]));
            }
            (None, ')' | ']') => depth = depth.checked_sub(1)?,
            (None, ',') if depth == 0 => {
                elements.push(inside[begin..at].trim());
                begin = at + 1;
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(one: &str, other: &str, expected: bool) {
        assert_eq!(same(Some(one), Some(other)), expected, "{one} / {other}");
    }

    #[test]
    fn a_cast_of_an_array_is_a_cast_of_its_elements() {
        check(
            "(a)::text = ANY ((ARRAY['x'::character varying, 'y, ]'::character varying])::text[])",
            "(a)::text = ANY (ARRAY[('x'::character varying)::text, ('y, ]'::character varying)::text])",
            true,
        );
        check(
            "= ANY ((ARRAY['x'::character varying])::text[])",
            "= ANY (ARRAY[('z'::character varying)::text])",
            false,
        );
        check("(ARRAY[1, 2])", "(ARRAY[1, 3])", false);
        check("(ARRAY[f(1, 2)])::int[]", "ARRAY[(f(1, 2))::int]", true);
        check("(ARRAY['", "(ARRAY['", true);
    }
}
