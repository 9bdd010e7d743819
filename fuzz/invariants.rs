//! What holds for the splitter and its neighbours on any input.
//!
//! Included by the fuzz target and by the tests of the crate; both call the crate `castoff`.

use std::ops::Range;
use std::slice;

use castoff::sql::canonical;
use castoff::sql::classify::classify;
use castoff::sql::destructive;
use castoff::sql::enum_value::NewValues;
use castoff::sql::lexer::Lexer;
use castoff::sql::split::{Splitter, Statement, split};
use castoff::sql::strings::escapes_after;

/// Panics where something does not hold. Returns the number of statements found.
pub(crate) fn hold_for_bytes(bytes: &[u8]) -> usize {
    let mut lexer = Lexer::new(bytes, 0);
    let mut before = 0;
    while let Ok(Some(token)) = lexer.next_token() {
        assert!(
            before <= token.start && token.start < token.end,
            "{bytes:?}"
        );
        assert!(token.end <= bytes.len(), "{bytes:?}");
        before = token.end;
    }
    let mut splitter = Splitter::new(bytes, 0);
    while let Ok(Some(_)) = splitter.next_piece() {}
    hold_for(&String::from_utf8_lossy(bytes))
}

/// The same for a text, and more.
pub(crate) fn hold_for(text: &str) -> usize {
    let Ok(statements) = split(text, 0..text.len()) else {
        return 0;
    };
    for found in destructive::find(text, &statements) {
        let span = &statements[found.statement].span;
        assert!(span.contains(&found.offset), "{text:?}");
    }
    let mut values = NewValues::default();
    let mut escapes = false;
    let mut behind = 0;
    for statement in &statements {
        let Statement { span, copy_data } = statement;
        assert!(behind <= span.start && span.start < span.end, "{text:?}");
        holds_no_statement(text, behind..span.start);
        behind = span.end;
        let sql = text.get(span.clone()).expect("ends between characters");
        if let Some(data) = copy_data {
            assert!(span.end < data.start && data.start <= data.end, "{text:?}");
            holds_no_statement(text, span.end..data.start);
            let rest = text.get(data.end..).expect("ends between characters");
            assert!(rest.starts_with("\\."), "{text:?}");
            behind = data.end + "\\.".len();
        }
        classify(sql);
        if let Some(found) = values.follow(sql) {
            assert!(sql.get(found.offset..).is_some(), "{text:?}");
        }
        // Alone, it would be read by other rules.
        if !escapes {
            is_itself_alone(text, statement);
        }
        escapes = escapes_after(sql.as_bytes()).unwrap_or(escapes);
    }
    holds_no_statement(text, behind..text.len());
    statements.len()
}

/// Nothing is lost between two statements.
fn holds_no_statement(text: &str, gap: Range<usize>) {
    let gap = text.get(gap).expect("ends between characters");
    assert_eq!(split(gap, 0..gap.len()), Ok(Vec::new()), "{text:?}");
}

fn is_itself_alone(text: &str, statement: &Statement) {
    let Statement { span, copy_data } = statement;
    let sql = &text[span.clone()];
    let alone = match copy_data {
        Some(data) => format!("{sql};\n{}\\.", &text[data.clone()]),
        None => sql.to_owned(),
    };
    let again = split(&alone, 0..alone.len()).expect("was split before");
    assert_eq!(again.len(), 1, "{text:?}");
    assert_eq!(again[0].span, 0..sql.len(), "{text:?}");
    let expected = form(text, slice::from_ref(statement));
    assert_eq!(form(&alone, &again), expected, "{text:?}");

    // The form is SQL itself but for its NULs, and has itself as its form. Not where blanks carry
    // meaning: between two strings, and before a line end in one.
    if copy_data.is_none() && !sql.contains(['\r', '\'']) {
        let shown = String::from_utf8(expected.clone()).expect("made of whole tokens");
        let shown = shown.trim_end_matches('\0').replace('\0', " ");
        let again = split(&shown, 0..shown.len()).expect("made of whole tokens");
        assert_eq!(form(&shown, &again), expected, "{text:?}");
    }
}

/// The canonical form.
pub(crate) fn form(text: &str, statements: &[Statement]) -> Vec<u8> {
    let mut form = Vec::new();
    canonical::write(text, statements, &mut |part| form.extend_from_slice(part))
        .expect("was split before");
    form
}
