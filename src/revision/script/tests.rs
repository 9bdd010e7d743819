//! What a migration file may say, by example.

use super::draft::{Draft, file_name, render_new};
use super::{Downgrade, Mode, Script, ScriptError, Section};
use crate::revision::id::RevisionId;

const PATH: &str = "migrations/202611021014_a1_add_users.sql";

fn parse(text: &str) -> Result<Script, ScriptError> {
    Script::parse(PATH, text.as_bytes().to_vec())
}

fn show_section(text: &str, section: &Section) -> String {
    let mode = match section.options.mode {
        Mode::Transaction => "",
        Mode::Autocommit => "autocommit ",
    };
    let timeouts = [
        &section.options.lock_timeout,
        &section.options.statement_timeout,
    ];
    let timeouts: Vec<_> = timeouts
        .into_iter()
        .flatten()
        .map(|value| value.clone() + " ")
        .collect();
    let timeouts = timeouts.concat();
    let statements = section
        .statements
        .iter()
        .map(|statement| &text[statement.span.clone()]);
    format!(
        "{mode}{timeouts}[{}]",
        statements.collect::<Vec<_>>().join("|")
    )
}

fn show(script: &Script) -> String {
    let ids = |ids: &[RevisionId]| {
        ids.iter()
            .map(RevisionId::as_str)
            .collect::<Vec<_>>()
            .join(",")
    };
    let downgrade = match &script.downgrade {
        Downgrade::Script(section) => show_section(&script.text, section),
        Downgrade::Irreversible { reason } => format!("never: {reason}"),
        Downgrade::Missing => "missing".into(),
    };
    format!(
        "{} ({}) <{}> <{}> <{}> {} / {downgrade}",
        script.id,
        script.message,
        ids(&script.down_revisions),
        ids(&script.depends_on),
        script.branch_labels.join(","),
        show_section(&script.text, &script.upgrade),
    )
}

/// Shows the script, or the error as `line code: message`.
fn check(text: &str, expected: &str) {
    let shown = match parse(text) {
        Ok(script) => show(&script),
        Err(error) => format!("{} {}: {error}", error.place().unwrap().line, error.code()),
    };
    assert_eq!(shown, expected, "{text}");
}

/// Checks the sections below a fixed header; they start on line 2.
fn check_body(body: &str, expected: &str) {
    let shown = match parse(&format!("-- revision: a1\n{body}")) {
        Ok(script) => show(&script).split_once("<> <> <> ").unwrap().1.to_owned(),
        Err(error) => format!("{} {}: {error}", error.place().unwrap().line, error.code()),
    };
    assert_eq!(shown, expected, "{body}");
}

#[test]
fn reads_both_styles_of_header() {
    check(
        "-- Add users\n-- revision: a1\n-- down_revision: b2\n\n-- upgrade\nup;\n\n-- downgrade\ndown;\n",
        "a1 (Add users) <b2> <> <> [up] / [down]",
    );
    check(
        "-- Add users.\n-- revision: a1   down_revision: b2, c3 depends_on:d4\n-- upgrade\nup;\n-- downgrade\ndown;",
        "a1 (Add users.) <b2,c3> <d4> <> [up] / [down]",
    );
    check(
        "--revision:a1\n  -- branch_labels: billing, x-1\n-- Later\n-- More\n-- upgrade\n",
        "a1 (Later) <> <> <billing,x-1> [] / missing",
    );
    check(
        "/* licence */\n-----\n-- revision: a1\n-- upgrade",
        "a1 (add users) <> <> <> [] / missing",
    );
    for base in ["", " none", " None", " <base>"] {
        let text = format!("-- m\n-- revision: a1\n-- down_revision:{base}\n-- upgrade\n");
        check(&text, "a1 (m) <> <> <> [] / missing");
    }
}

#[test]
fn accepts_a_byte_order_mark_and_windows_line_ends() {
    check(
        "\u{feff}-- Add\r\n-- revision: a1\r\n-- upgrade lock_timeout=2s\r\nup;\r\n-- downgrade\r\ndown\r\n",
        "a1 (Add) <> <> <> 2s [up] / [down]",
    );
    let script = parse("\u{feff}-- revision: a1\r\n-- upgrade\r\nup;\r\n-- downgrade\r\n").unwrap();
    assert_eq!(&script.text[script.upgrade.span.clone()], "up;\r\n");
    check(
        "-- a\r-- revision: a1\r-- upgrade\rup\r",
        "a1 (a) <> <> <> [up] / missing",
    );
}

#[test]
fn a_reason_to_lock_older_images_out_takes_the_rest_of_its_line() {
    let breaking = |line: &str| {
        let text = format!("-- m\n{line}\n-- upgrade\n");
        match parse(&text) {
            Ok(script) => format!("{} {:?}", script.id, script.breaking),
            Err(error) => error.code().to_owned(),
        }
    };
    let two = |line: &str| breaking(&format!("-- revision: a1\n-- {line}"));
    assert_eq!(two("depends_on: b2"), "a1 None");
    assert_eq!(two("breaking: column: gone"), "a1 Some(\"column: gone\")");
    assert_eq!(
        breaking("-- revision: a1 breaking: see revision: b2"),
        "a1 Some(\"see revision: b2\")"
    );
    assert_eq!(two("breaking:"), "breaking-without-reason");
    assert_eq!(two("breaking: a\n-- breaking: b"), "duplicate-header-key");
    assert_eq!(two("braking: a"), "unknown-header-key");
    assert_eq!(two("groundbreaking work: begins"), "a1 None");
}

#[test]
fn takes_prose_for_prose_and_misspelt_keys_for_mistakes() {
    let rest = "-- revision: a1\n-- upgrade\n";
    check(
        &format!("-- fix: round totals\n{rest}"),
        "a1 (fix: round totals) <> <> <> [] / missing",
    );
    check(
        &format!("-- m\n-- Note: b\n-- see https://x.y/z\n-- https://x.y\n{rest}"),
        "a1 (m) <> <> <> [] / missing",
    );
    check(
        &format!("-- Upgrade the users\n{rest}"),
        "a1 (Upgrade the users) <> <> <> [] / missing",
    );
    check(
        &format!("-- m\n-- transaction: wrapped\n{rest}"),
        "2 unknown-header-key: unknown header key `transaction`",
    );
    check(
        "-- m\n-- revision: a1 transaction: wrapped\n-- upgrade\n",
        "2 unknown-header-key: unknown header key `transaction`",
    );
    for (key, meant) in [
        ("Revision", "revision"),
        ("revison", "revision"),
        ("Revision ID", "revision"),
        ("Revises", "down_revision"),
        ("down-revision", "down_revision"),
        ("Down revisions", "down_revision"),
        ("depends", "depends_on"),
        ("branch_label", "branch_labels"),
    ] {
        let error = parse(&format!("-- {key}: b2\n{rest}"));
        match (error, key) {
            (Err(error), _) => assert_eq!(error.help(), format!("write `{meant}:`"), "{key}"),
            // Too far from the key, and a word that a message may start with.
            (Ok(script), "depends") => assert_eq!(script.message, "depends: b2"),
            (Ok(_), _) => panic!("{key} was accepted"),
        }
    }
}

#[test]
fn refuses_headers_that_name_no_revision_or_the_same_twice() {
    check(
        "-- m\n-- upgrade\n",
        "0 revision-key-missing: the header has no `revision`",
    );
    check("", "0 revision-key-missing: the header has no `revision`");
    check(
        "-- revision: A1\n-- upgrade",
        "1 invalid-revision-id: header key `revision`: `A1` is not a revision id (1 to 32 of a-z, 0-9, _)",
    );
    check(
        "-- revision: a1 b2\n-- upgrade",
        "1 invalid-revision-id: header key `revision`: `a1 b2` is not a revision id (1 to 32 of a-z, 0-9, _)",
    );
    check(
        "-- revision: a1\n-- down_revision: head\n-- upgrade",
        "2 invalid-revision-id: header key `down_revision`: `head` is not a revision id (1 to 32 of a-z, 0-9, _)",
    );
    check(
        "-- revision: a1\n-- revision: a1\n-- upgrade",
        "2 duplicate-header-key: header key `revision` stands twice",
    );
    check(
        "-- revision: a1 depends_on: b, b\n-- upgrade",
        "1 duplicate-header-value: header key `depends_on` names `b` twice",
    );
    check(
        "-- revision: a1\n-- branch_labels: a@b\n-- upgrade",
        "2 invalid-branch-label: `a@b` is not a branch label (letters, digits, `_`, `-`, `.`; not `base`, `head`, `heads`)",
    );
    check(
        "-- revision: b2\n-- upgrade",
        "0 file-name-mismatch: the file name carries revision `a1`, the header `b2`",
    );
}

#[test]
fn compares_the_file_name_only_if_it_carries_a_revision() {
    let check = |name: &str, id: &str, expected: Result<&str, &str>| {
        let text = format!("-- revision: {id}\n-- upgrade\n");
        let script = Script::parse(&format!("m/{name}"), text.into_bytes());
        let shown = script
            .map(|script| script.message)
            .map_err(|error| error.code());
        assert_eq!(
            shown.as_ref().map(String::as_str).map_err(|code| *code),
            expected,
            "{name}"
        );
    };
    check("202611021014_a1_add_users.sql", "a1", Ok("add users"));
    check("202611021014_add_users_now.sql", "add_users", Ok("now"));
    check("202611021014_a1.sql", "a1", Ok("a1"));
    check("202611021014_a12.sql", "a1", Err("file-name-mismatch"));
    check("202611021014_.sql", "a1", Err("file-name-mismatch"));
    check("baseline.sql", "a1", Ok("a1"));
    check("001_b2_x.sql", "a1", Ok("a1"));
}

#[test]
fn finds_sections_only_where_sql_sees_a_comment_at_the_start_of_a_line() {
    let down = "\n-- downgrade\n";
    for hidden in [
        "select '{}'",
        "select $${}$$",
        "/* /* */ {} */ x",
        "select \"{}\"",
        "select E'\\'{}'",
    ] {
        let statement = hidden.replace("{}", down);
        let shown = if hidden.starts_with("/*") {
            "x"
        } else {
            statement.as_str()
        };
        check_body(
            &format!("-- upgrade\n{statement};"),
            &format!("[{shown}] / missing"),
        );
    }
    check_body(
        "-- upgrade\ncopy t from stdin;\n-- downgrade\n\\.\nx",
        "[copy t from stdin|x] / missing",
    );
    check_body("-- upgrade\nx; -- downgrade\ny", "[x|y] / missing");
    check_body(
        "-- upgrade\nx /* a */ -- downgrade\ny",
        "[x /* a */ -- downgrade\ny] / missing",
    );
    check_body("-- upgrade\nx\n  -- downgrade\ny", "[x] / [y]");
    check_body(
        "-- upgrade\n-- upgrade: slow\n-- upgrades\n-- up\nx",
        "[x] / missing",
    );
    check_body(
        "-- upgrade\nf(\n-- downgrade\n)",
        "4 section-inside-statement: section line inside an unfinished statement",
    );
}

#[test]
fn refuses_sections_that_are_missing_double_or_too_late() {
    check_body(
        "",
        "0 upgrade-section-missing: the file has no `-- upgrade` section",
    );
    check_body(
        "-- downgrade\nx",
        "0 upgrade-section-missing: the file has no `-- upgrade` section",
    );
    check_body(
        "\nx;\n-- upgrade\n",
        "3 sql-before-section: SQL before the first section",
    );
    check_body(
        "x\n-- upgrade\n",
        "2 sql-before-section: SQL before the first section",
    );
    check_body(
        "-- upgrade\n-- downgrade\n-- upgrade\n",
        "4 duplicate-section: a second `-- upgrade` section",
    );
    check_body(
        "-- upgrade\n-- downgrade\n-- downgrade irreversible: x",
        "4 duplicate-section: a second `-- downgrade` section",
    );
    check_body("-- downgrade\ny\n-- upgrade\nx", "[x] / [y]");
}

#[test]
fn reads_options_and_refuses_what_it_would_have_to_ignore() {
    check_body(
        "-- upgrade autocommit lock_timeout=500ms statement_timeout=0\nx",
        "autocommit 500ms 0 [x] / missing",
    );
    check_body(
        "-- upgrade\n--downgrade\tlock_timeout=1.5s\nx",
        "[] / 1.5s [x]",
    );
    check_body(
        "-- upgrade the users",
        "2 unknown-section-option: unknown option `the` after `-- upgrade`",
    );
    check_body(
        "-- upgrade autocomit",
        "2 unknown-section-option: unknown option `autocomit` after `-- upgrade`",
    );
    check_body(
        "-- upgrade autocommit=1",
        "2 unknown-section-option: unknown option `autocommit=1` after `-- upgrade`",
    );
    check_body(
        "-- upgrade irreversible: x",
        "2 unknown-section-option: unknown option `irreversible:` after `-- upgrade`",
    );
    check_body(
        "-- upgrade\n-- downgrade is hard",
        "3 unknown-section-option: unknown option `is` after `-- downgrade`",
    );
    check_body(
        "-- upgrade autocommit autocommit",
        "2 duplicate-section-option: option `autocommit` stands twice",
    );
    check_body(
        "-- upgrade\nx\n-- Downgrade\ny",
        "4 section-case: `-- Downgrade` is no section line in this case",
    );
    check_body(
        "-- UPGRADE autocommit\n",
        "2 section-case: `-- UPGRADE autocommit` is no section line in this case",
    );
    for value in [
        "",
        "2x",
        "s",
        "-1",
        "1e3s",
        "'2s'",
        "25d",
        "99999999999",
        "infs",
        "1.1.1s",
        "2S",
    ] {
        check_body(
            &format!("-- upgrade lock_timeout={value}"),
            &format!("2 section-option-value: `{value}` is not a value for `lock_timeout`"),
        );
    }
}

#[test]
fn reads_the_decision_against_a_way_back() {
    check_body(
        "-- upgrade\nx\n-- downgrade irreversible: data is gone\n",
        "[x] / never: data is gone",
    );
    check_body(
        "-- upgrade\n-- downgrade irreversible",
        "3 irreversible-without-reason: `-- downgrade irreversible` gives no reason",
    );
    check_body(
        "-- upgrade\n-- downgrade irreversible:  ",
        "3 irreversible-without-reason: `-- downgrade irreversible` gives no reason",
    );
    check_body(
        "-- upgrade\n-- downgrade irreversible: x\ny;",
        "4 irreversible-with-sql: SQL in an irreversible downgrade section",
    );
}

#[test]
fn lets_statements_decide_how_their_section_runs() {
    let concurrent = "create index concurrently i on t (a)";
    check_body(
        &format!("-- upgrade\n{concurrent};\nvacuum;"),
        &format!("autocommit [{concurrent}|vacuum] / missing"),
    );
    check_body(
        &format!("-- upgrade\nx\n-- downgrade\n{concurrent};"),
        &format!("[x] / autocommit [{concurrent}]"),
    );
    check_body(
        &format!("-- upgrade autocommit\nx;{concurrent};"),
        &format!("autocommit [x|{concurrent}] / missing"),
    );
    check_body(
        &format!("-- upgrade\nx;\n\n{concurrent};\n"),
        "5 needs-autocommit: `create index concurrently` cannot run in a transaction with other statements",
    );
    for options in ["", " autocommit"] {
        check_body(
            &format!("-- upgrade{options}\nx;\nCOMMIT;\n"),
            "4 transaction-control: `commit` in a migration",
        );
    }
    let error = parse("-- revision: a1\n-- upgrade\nx;\nbegin;\ny").unwrap_err();
    assert_eq!(
        error.place().unwrap().to_string(),
        format!("{PATH}:4 (statement 2 of 3)")
    );
}

#[test]
fn refuses_a_new_enum_value_in_the_transaction_that_adds_it() {
    let add = "alter type mood add value 'calm';";
    check_body(
        &format!("-- upgrade\n{add}\ninsert into m\nvalues ('calm');"),
        "5 new-enum-value: value `calm` of type `mood` is used in the transaction that adds it",
    );
    check_body(
        &format!("-- upgrade\nx\n-- downgrade\n{add}\nselect 'calm';"),
        "6 new-enum-value: value `calm` of type `mood` is used in the transaction that adds it",
    );
    check_body(
        &format!("-- upgrade\n{add} x\n-- downgrade\nselect 'calm';"),
        "[alter type mood add value 'calm'|x] / [select 'calm']",
    );
    check_body(
        &format!("-- upgrade autocommit\n{add} select 'calm';"),
        "autocommit [alter type mood add value 'calm'|select 'calm'] / missing",
    );
}

#[test]
fn refuses_what_sends_data_to_the_client() {
    for options in ["", " autocommit"] {
        check_body(
            &format!("-- upgrade{options}\nx;\ncopy t to stdout;\n"),
            "4 copy-to-stdout: `copy … to stdout` in a migration",
        );
    }
}

#[test]
fn refuses_what_is_no_text_or_never_closes() {
    check_body(
        "-- upgrade\nx\n'a\nb",
        "4 unterminated: string is never closed",
    );
    check_body(
        "-- upgrade\n-- downgrade\n$$ a",
        "4 unterminated: dollar-quoted body is never closed",
    );
    check_body(
        "-- upgrade\n\\i x",
        "3 psql-command: `\\i` is a command of psql, not SQL",
    );
    check_body(
        "-- upgrade\ncopy t from stdin;\n1\n-- downgrade\n",
        "3 copy-data-unterminated: the data of `copy … from stdin` is never closed",
    );
    check_body("-- upgrade\n-- \0", "3 nul-byte: NUL byte in the SQL");
    let error = Script::parse(PATH, b"-- a\n-- b \xff\n".to_vec()).unwrap_err();
    assert_eq!((error.code(), error.place().unwrap().line), ("not-utf8", 2));
    assert!(Script::parse(PATH, b"\xff\xfe-\0-\0".to_vec()).is_err());
}

#[test]
fn canonical_sum_sees_the_upgrade_and_nothing_else() {
    let sum = |text: &str| {
        let checksums = parse(text).unwrap().checksums;
        (checksums.raw, checksums.canonical)
    };
    let file = "-- m\n-- revision: a1\n-- upgrade\nselect 1;\nselect 'a\nb';\n-- downgrade\nx;\n";
    let (raw, canonical) = sum(file);
    for same in [
        file.replace("-- m", "-- another message"),
        file.replace("revision: a1", "revision: a1 down_revision: b2"),
        file.replace("x;", "y;"),
        file.replace("\n-- downgrade\nx;\n", ""),
        file.replace("select 1", "SELECT /* why */ 1"),
        file.replace('\n', "\r\n"),
        format!("\u{feff}{file}"),
    ] {
        assert_eq!(sum(&same).1, canonical, "{same}");
        assert_ne!(sum(&same).0, raw, "{same}");
    }
    for edited in [
        file.replace("select 1", "select 2"),
        file.replace("'a\nb'", "'A\nb'"),
        file.replace("-- upgrade", "-- upgrade autocommit"),
        file.replace("-- upgrade", "-- upgrade lock_timeout=1s"),
        file.replace("-- upgrade", "-- upgrade statement_timeout=1s"),
        file.replace("-- upgrade\n", "-- upgrade\nselect 0;\n"),
    ] {
        assert_ne!(sum(&edited).1, canonical, "{edited}");
    }
    // Saying aloud what the statements decided changes nothing.
    let index = "-- revision: a1\n-- upgrade\ndrop index concurrently i;\n";
    assert_eq!(
        sum(index).1,
        sum(&index.replace("-- upgrade", "-- upgrade autocommit")).1
    );
}

#[test]
fn a_new_file_reads_back_as_what_was_asked_for() {
    let id = RevisionId::new("a1").unwrap();
    let parents = [
        RevisionId::new("b2").unwrap(),
        RevisionId::new("c3").unwrap(),
    ];
    let check = |message: &str, read_back: &str| {
        let labels = ["x".to_owned()];
        let draft = Draft {
            id: &id,
            message,
            down_revisions: &parents,
            depends_on: &[],
            branch_labels: &labels,
            options: ["destructive", ""],
            upgrade: "up;\n",
            downgrade: "",
            irreversible: None,
        };
        let shown = show(&parse(&render_new(&draft)).unwrap());
        assert_eq!(shown, format!("a1 ({read_back}) <b2,c3> <> <x> [up] / []"));
    };
    check("Add users", "Add users");
    check(" Two\nlines\0 ", "Two lines");
    check("fix: totals", "fix: totals");
    check("upgrade", "Upgrade.");
    check("upgrade the users", "Upgrade the users");
    check("Downgrade autocommit", "Downgrade autocommit.");
    check("revision: x", "revision - x");
    check("-- dashes", "dashes");
    check("", "Migration a1");
    check("ユーザー追加", "ユーザー追加");
    let empty = Draft {
        id: &id,
        message: "Add users",
        down_revisions: &parents[..1],
        depends_on: &[],
        branch_labels: &[],
        options: [""; 2],
        upgrade: "",
        downgrade: "",
        irreversible: None,
    };
    let expected =
        "-- Add users\n-- revision: a1\n-- down_revision: b2\n\n-- upgrade\n\n-- downgrade\n";
    assert_eq!(render_new(&empty), expected);
}

#[test]
fn names_a_new_file() {
    let id = RevisionId::new("a1").unwrap();
    let check = |message: &str, expected: &str| {
        let name = file_name("202611021014", &id, message);
        assert_eq!(name, format!("202611021014_a1{expected}.sql"));
    };
    check("Add user's avatar (again)", "_add_user_s_avatar_again");
    check(
        "one two three four five six seven eight nine ten",
        "_one_two_three_four_five_six_seven_eight",
    );
    check(&"x".repeat(60), &format!("_{}", "x".repeat(40)));
    check("../../etc", "_etc");
    check("ユーザー", "");
}
