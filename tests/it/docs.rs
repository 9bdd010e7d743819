//! The documentation is true: sessions in it are run, tables and lists are compared with the
//! sources.
//!
//! A fenced block marked `console` is a session: each line with `$ ` is run, and must print what
//! stands below it. A block of any kind behind a line that ends with a file name in backticks and
//! a colon is a file of the project that the session runs in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use expect_test::expect_file;

use super::support::castoff::Status;
use super::support::database::Database;
use super::support::project::Project;
use super::support::redact::redact;
use super::support::server::Server;
use super::support::supervisor::binaries;
use super::support::transcript::{prepare, run};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

// --- sessions -------------------------------------------------------------------------------------

/// A fenced block that means something to these tests.
#[derive(Debug, PartialEq, Eq)]
enum Block {
    File { path: String, text: String },
    Session(String),
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut before = "";
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            if !line.is_empty() {
                before = line;
            }
            continue;
        };
        let text = lines
            .by_ref()
            .take_while(|line| *line != "```")
            .fold(String::new(), |text, line| text + line + "\n");
        let path = before
            .strip_suffix("`:")
            .and_then(|line| Some(line.rsplit_once('`')?.1.to_owned()));
        match path {
            _ if language == "console" => blocks.push(Block::Session(text)),
            Some(path) => blocks.push(Block::File { path, text }),
            None => {}
        }
        before = "";
    }
    blocks
}

/// Does what a page says, from its beginning to its end, in an empty directory with an empty
/// database.
fn follow(page: &str) {
    let database = Server::shared().database();
    let text = read(page);
    let blocks = blocks(&text);
    let known = blocks.iter().fold(String::new(), |known, block| {
        if let Block::File { path, text } = block {
            known + path + text
        } else {
            known
        }
    });
    let mut project = Project::empty();
    let mut sessions = 0;
    let mut status = Status::Code(0);
    for block in blocks {
        match block {
            Block::File { path, text } => {
                let is_program = text.starts_with("#!");
                project = project.file(&path, text);
                if is_program {
                    let mode = std::fs::Permissions::from_mode(0o755);
                    std::fs::set_permissions(project.path(&path), mode).unwrap();
                }
            }
            Block::Session(text) => {
                sessions += 1;
                for (command, expected) in steps(&text) {
                    let expected = comparable(&expected, &known);
                    let [one, other] = answer(&project, &database, command, &mut status)
                        .map(|answer| comparable(&answer, &known));
                    // A terminal shows two streams as they come; either may be the first.
                    let said = if other == expected { other } else { one };
                    assert_eq!(said, expected, "{page}: {command}");
                }
            }
        }
    }
    assert!(sessions > 0, "{page} has no session");
}

/// The commands of a session, each with what it prints.
fn steps(session: &str) -> Vec<(&str, String)> {
    let mut steps: Vec<(&str, String)> = Vec::new();
    for line in session.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push((command, String::new()));
        } else {
            let (_, said) = steps.last_mut().expect("a session begins with a command");
            said.push_str(line);
            said.push('\n');
        }
    }
    steps
}

/// What is said on both streams, in both orders. Words that this does not know fail the test.
fn answer(
    project: &Project,
    database: &Database<'_>,
    command: &str,
    status: &mut Status,
) -> [String; 2] {
    if command == "echo $?" {
        let Status::Code(code) = status else {
            panic!("ended by a signal: {status}");
        };
        return [(); 2].map(|()| format!("{code}\n"));
    }
    if let Some(sql) = command.strip_prefix("psql -c ") {
        let quote = &sql[..1];
        let sql = sql.strip_prefix(quote).unwrap().strip_suffix(quote);
        database.sql(sql.unwrap_or_else(|| panic!("an open quote: {command}")));
        return [String::new(), String::new()];
    }
    let (variables, arguments) = command
        .split_once("castoff ")
        .unwrap_or_else(|| panic!("cannot run `{command}`"));
    let arguments = arguments.replace('"', "'");
    let line = format!("{variables}{arguments}");
    let path = format!("{}:/usr/bin:/bin", binaries().display());
    let finished = prepare(project, Some(database), &line)
        .env("PATH", path)
        .output();
    *status = finished.status;
    let (said, data) = (finished.stderr, finished.stdout);
    [format!("{said}{data}"), format!("{data}{said}")]
}

/// The text without what differs from run to run: durations, and the ids and dates of files that
/// castoff named.
fn comparable(text: &str, known: &str) -> String {
    let text = redact(text, &[]);
    let mut done = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_hexdigit() {
            word.push(c);
            continue;
        }
        if word.len() == 12 && !known.contains(&word) {
            done.push_str("[id]");
        } else {
            done.push_str(&word);
        }
        word.clear();
        done.push(c);
    }
    done
}

#[test]
fn the_readme_does_as_it_says() {
    follow("README.md");
}

#[test]
fn the_page_on_migrations_does_as_it_says() {
    follow("docs/migrations.md");
}

#[test]
fn the_page_on_flask_migrate_does_as_it_says() {
    // The server binaries of npm come without clients.
    if binaries().join("pg_dump").is_file() {
        follow("docs/from-flask-migrate.md");
    }
}

#[test]
fn a_page_is_cut_into_files_and_sessions() {
    let page =
        "A\n\n`a/b.sql`:\n\n```sql\nx\n```\n\n```sh\ny\n```\nNo `c`: z\n```console\n$ w\nv\n```\n";
    let file = Block::File {
        path: "a/b.sql".to_owned(),
        text: "x\n".to_owned(),
    };
    assert_eq!(blocks(page), [file, Block::Session("$ w\nv\n".to_owned())]);
    assert_eq!(
        comparable("applied 3f2a9c1b7d04 (8 ms), 0123456789ab.", "3f2a9c1b7d04"),
        "applied 3f2a9c1b7d04 ([time]), [id].\n"
    );
}

// --- generated and listed -------------------------------------------------------------------------

const COMMANDS: &str = "\
# Commands

What `castoff --help` and `castoff COMMAND --help` print. This page is made by the test
`the_page_on_commands_is_what_the_program_says` (`UPDATE_EXPECT=1` writes it again).
";

#[test]
fn the_page_on_commands_is_what_the_program_says() {
    let project = Project::empty();
    let help = |line: &str| {
        let finished = run(&project, None, line);
        finished.status(0);
        assert_eq!(finished.stderr, "");
        finished.stdout
    };
    let all = help("--help");
    let names = all
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next());
    let mut page = format!("{COMMANDS}\n## castoff\n\n```text\n{all}```\n");
    let mut count = 0;
    for name in names {
        let help = help(&format!("{name} --help"));
        // The same for all commands, and told above.
        let own = match help.split_once("\nCommon options:") {
            Some((own, _)) => own,
            None => &help,
        };
        write!(page, "\n## castoff {name}\n\n```text\n{own}```\n").unwrap();
        count += 1;
    }
    assert!(count >= 16, "{count} commands in {all}");
    expect_file!["../../docs/commands.md"].assert_eq(&page);
}

/// The bodies of the functions of this name, by file. A body ends where the brace of its line does.
fn bodies(name: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for source in super::tidy::sources("src") {
        let mut lines = source.text.lines();
        while let Some(line) = lines.next() {
            let start = line.trim_start();
            if start.starts_with(&format!("pub fn {name}(")) {
                let end = format!("{}}}", &line[..line.len() - start.len()]);
                let body = lines.by_ref().take_while(|line| *line != end);
                let body = body.fold(String::new(), |body, line| body + line + "\n");
                found.insert(source.path.clone(), body);
            }
        }
    }
    assert!(!found.is_empty(), "no function `{name}`");
    found
}

/// The codes of all errors, with the files that give them.
fn codes() -> BTreeMap<String, Vec<String>> {
    let mut codes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, body) in bodies("code") {
        let before = codes.len();
        for code in body.split('"').skip(1).step_by(2) {
            let is_code = code
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte.is_ascii_digit());
            assert!(is_code, "{path}: `{code}` is no code");
            codes.entry(code.to_owned()).or_default().push(path.clone());
        }
        assert!(codes.len() > before, "{path} gives no code of its own");
    }
    // A panic is told without an error type.
    assert!(read("src/report.rs").contains("error[bug]"));
    codes.insert("bug".to_owned(), Vec::new());
    codes
}

/// The exit status of all errors of a file, where it is one for all of them.
const STATUSES: [(&str, u8); 10] = [
    ("src/bundle.rs", 17),
    ("src/config/mod.rs", 10),
    ("src/database/connect_error.rs", 11),
    ("src/database/conninfo_error.rs", 10),
    ("src/migrations.rs", 17),
    ("src/revision/history_error.rs", 14),
    ("src/revision/plan_error.rs", 14),
    ("src/revision/script/error.rs", 17),
    ("src/revision/target.rs", 2),
    ("src/sql/split.rs", 17),
];

/// The headings for codes, each with the text below it.
fn headings(page: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for part in page.split("\n### `").skip(1) {
        let (code, text) = part.split_once("`\n").unwrap();
        let twice = found.insert(code.to_owned(), text.to_owned());
        assert_eq!(twice, None, "`{code}` has two headings");
    }
    found
}

#[test]
fn every_error_has_a_heading_and_every_heading_an_error() {
    let codes = codes();
    let headings = headings(&read("docs/errors.md"));
    let listed: BTreeSet<&String> = headings.keys().collect();
    assert_eq!(codes.keys().collect::<BTreeSet<_>>(), listed);
    let known = statuses();
    for (code, text) in &headings {
        let text = text.trim_start();
        let (first, rest) = text.split_once(". ").unwrap_or((text, ""));
        let numbers = numbers(first.strip_prefix("Exit status ").unwrap_or_default());
        assert!(
            !numbers.is_empty(),
            "`{code}` names no exit status: {first}"
        );
        assert!(numbers.is_subset(&known), "`{code}`: {first}");
        assert!(
            rest.contains("**Do:** "),
            "`{code}` does not say what to do"
        );
        for path in &codes[code] {
            let status = STATUSES.iter().find(|(known, _)| known == path);
            if let Some((_, status)) = status {
                assert!(numbers.contains(status), "`{code}`: {first}");
            }
        }
    }
}

fn numbers(text: &str) -> BTreeSet<u8> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter_map(|word| word.parse().ok()).collect()
}

/// Every status that castoff ends with, of its own.
fn statuses() -> BTreeSet<u8> {
    let bodies = bodies("exit_status");
    let own: BTreeSet<u8> = bodies.values().flat_map(|body| numbers(body)).collect();
    // `main` has the first two from the standard library.
    own.into_iter().chain([0, 1]).collect()
}

#[test]
fn the_table_of_exit_statuses_is_complete() {
    for page in ["README.md", "docs/errors.md"] {
        let text = read(page);
        let (_, table) = text
            .split_once("| status | means |\n|---|---|\n")
            .unwrap_or_else(|| panic!("{page} has no table of exit statuses"));
        let rows = table.lines().take_while(|line| line.starts_with('|'));
        let listed: BTreeSet<u8> = rows
            .filter_map(|row| row.split('|').nth(1))
            .flat_map(numbers)
            .collect();
        assert_eq!(listed, statuses(), "{page}");
    }
}

#[test]
fn every_key_of_the_configuration_is_described() {
    let readme = read("README.md");
    let page = read("docs/configuration.md");
    let keys = read("src/config/layer.rs");
    let (_, keys) = keys.split_once("const KEYS: ").unwrap();
    let (keys, _) = keys.split_once("];").unwrap();
    let keys: Vec<&str> = keys.split('"').skip(1).step_by(2).collect();
    assert!(keys.len() >= 12, "{keys:?}");
    for key in keys {
        let variable = match key {
            "database_url" | "database_url_file" => key.to_ascii_uppercase(),
            key => format!("CASTOFF_{}", key.to_ascii_uppercase()),
        };
        assert!(page.contains(&format!("`{key}`")), "{key}");
        for text in [&readme, &page] {
            assert!(text.contains(&format!("`{variable}`")), "{variable}");
        }
    }
}
