//! Names as the server chooses them where nobody says one: `makeObjectName` in PostgreSQL's
//! `indexcmds.c`.

/// The longest name that PostgreSQL keeps whole, in bytes.
pub(super) const LONGEST: usize = 63;

/// `first_second_label`; what is too long is cut, the longer of the two first.
pub(super) fn name(first: &str, second: Option<&str>, label: &str) -> String {
    let (mut own, mut other) = (first.len(), second.unwrap_or_default().len());
    let gaps = label.len() + 1 + usize::from(second.is_some());
    while own + other + gaps > LONGEST {
        if own > other {
            own -= 1;
        } else {
            other -= 1;
        }
    }
    let second = second.map_or(String::new(), |second| {
        format!("_{}", clipped(second, other))
    });
    format!("{}{second}_{label}", clipped(first, own))
}

/// As many whole characters as fit.
pub(super) fn clipped(name: &str, most: usize) -> &str {
    let mut end = name.len().min(most);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_as_the_server_cuts_them() {
        let check = |first: &str, second: Option<&str>, label: &str, expected: &str| {
            assert_eq!(name(first, second, label), expected);
        };
        check("t", Some("a"), "not_null", "t_a_not_null");
        check("d", None, "not_null", "d_not_null");
        check(
            "a_table_with_a_very_long_name_of_more_than_forty_letters",
            Some("another_column_that_is_long"),
            "not_null",
            "a_table_with_a_very_long_na_another_column_that_is_lon_not_null",
        );
        check(
            "a_table_with_a_very_long_name_of_more_than_forty_letters",
            Some("another_column_that_is_long"),
            "seq",
            "a_table_with_a_very_long_name_o_another_column_that_is_long_seq",
        );
        check(
            "a_domain_with_a_very_long_name_of_more_than_fifty_letters_abc",
            None,
            "not_null",
            "a_domain_with_a_very_long_name_of_more_than_fifty_lett_not_null",
        );
        let long = "ä".repeat(31);
        check(
            &long,
            None,
            "not_null",
            &format!("{}_not_null", "ä".repeat(27)),
        );
    }
}
