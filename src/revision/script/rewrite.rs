//! A file with other parents in its header, and every other byte as it was.

use crate::revision::id::RevisionId;
use crate::sql::split::{Piece, Splitter};

use super::{File, Script, header, section};

const KEY: &str = "down_revision";

/// The text of the script with these parents. Only the value of `down_revision` changes; a header
/// without the key gets it on a line of its own, behind `revision`.
pub(in crate::revision) fn with_parents(script: &Script, parents: &[RevisionId]) -> String {
    let text = script.text.as_str();
    let file = File {
        path: &script.path,
        text,
    };
    let parents: Vec<&str> = parents.iter().map(RevisionId::as_str).collect();
    let parents = parents.join(", ");
    let mut behind = 0;
    let mut added = format!("-- {KEY}: {parents}\n");
    let mut splitter = Splitter::new(text.as_bytes(), 0);
    // The script was read by the same walk, so it meets nothing but comments before a section.
    while let Ok(Some(Piece::LineComment(span))) = splitter.next_piece() {
        let Some(line_start) = file.starts_line(span.start) else {
            continue;
        };
        let comment = &text[span.clone()];
        if !matches!(section::parse(comment), Ok(None)) {
            break;
        }
        if let Some(value) = header::value_of(comment, KEY) {
            let (start, end) = (span.start + value.start, span.start + value.end);
            let (blank, end) = match text[end..span.end].trim_start() {
                _ if start < end => ("", end),
                "" => (" ", span.end),
                _ => (" ", end),
            };
            let (before, after) = (&text[..start], &text[end..]);
            return format!("{before}{blank}{parents}{after}");
        }
        if header::value_of(comment, "revision").is_some() {
            let indent = &text[line_start..span.start];
            let line_end = if text[span.end..].starts_with("\r\n") {
                "\r\n"
            } else {
                "\n"
            };
            behind = span.end;
            added = format!("{line_end}{indent}-- {KEY}: {parents}");
        }
    }
    let (before, after) = text.split_at(behind);
    format!("{before}{added}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revision::sketch::{ids, shown};

    /// The header with the new parents, and the proof that it means them and nothing else changed.
    fn check(header: &str, parents: &str, expected: &str) {
        let rest =
            "\n-- upgrade\nselect '-- down_revision: x';\n-- downgrade\r\n-- down_revision: y";
        let parse = |text: &str| Script::parse("m/1.sql", text.as_bytes().to_vec()).unwrap();
        let before = parse(&format!("{header}{rest}"));
        let text = with_parents(&before, &ids(parents));
        assert_eq!(text, format!("{expected}{rest}"));
        let after = parse(&text);
        assert_eq!(shown(&after.down_revisions), parents.replace(' ', ","));
        let same = |script: &Script| {
            let script = script.clone();
            (
                script.id,
                script.message,
                script.depends_on,
                script.branch_labels,
                script.checksums.canonical,
            )
        };
        assert_eq!(same(&before), same(&after), "{header}");
    }

    #[test]
    fn only_the_value_changes() {
        check(
            "-- m\n-- revision: a\n-- down_revision: b\n",
            "c",
            "-- m\n-- revision: a\n-- down_revision: c\n",
        );
        check(
            "-- m\r\n--revision:a\r\n\t --  down_revision:b \t\r\n-- why\r\n",
            "c d",
            "-- m\r\n--revision:a\r\n\t --  down_revision:c, d \t\r\n-- why\r\n",
        );
        check(
            "-- down_revision: <base>\n-- revision: a\n",
            "c",
            "-- down_revision: c\n-- revision: a\n",
        );
        check(
            "-- revision: a down_revision: b , e depends_on: f branch_labels: l\n",
            "c",
            "-- revision: a down_revision: c depends_on: f branch_labels: l\n",
        );
        check(
            "-- revision: a down_revision: depends_on: f\n",
            "c",
            "-- revision: a down_revision: c depends_on: f\n",
        );
        for unset in ["", " ", "\t "] {
            check(
                &format!("-- revision: a\n-- down_revision:{unset}\n"),
                "c",
                "-- revision: a\n-- down_revision: c\n",
            );
        }
    }

    #[test]
    fn a_line_counts_only_where_sql_sees_a_comment_of_its_own() {
        check(
            "/*\n-- down_revision: x\n*/ -- down_revision: z\n-- revision: a\n-- down_revision: b\n",
            "c",
            "/*\n-- down_revision: x\n*/ -- down_revision: z\n-- revision: a\n-- down_revision: c\n",
        );
        check(
            "-- the down_revision: of it\n-- revision: a\n-- down_revision: b\n",
            "c",
            "-- the down_revision: of it\n-- revision: a\n-- down_revision: c\n",
        );
    }

    #[test]
    fn a_base_gets_the_line_behind_its_revision() {
        check(
            "-- m\n-- revision: a\n-- depends_on: f\n",
            "c",
            "-- m\n-- revision: a\n-- down_revision: c\n-- depends_on: f\n",
        );
        check(
            "  -- revision: a branch_labels: l\r\n",
            "c",
            "  -- revision: a branch_labels: l\r\n  -- down_revision: c\r\n",
        );
    }
}
