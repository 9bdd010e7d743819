//! The documentation is true: the sessions in it are run.
//!
//! A fenced block marked `console` is a session: each line with `$ ` is run, and must print what
//! stands below it. A block of any kind behind a line that ends with a file name in backticks and
//! a colon is a file of the project that the session runs in. Where castoff makes up a revision, the
//! page's own word for it stands for that one from there on.

use std::os::unix::fs::PermissionsExt;

use super::docs::read;
use super::support::castoff::Status;
use super::support::database::Database;
use super::support::project::Project;
use super::support::redact::redact;
use super::support::server::Server;
use super::support::supervisor::binaries;
use super::support::transcript::prepare;

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
    let mut made_up = Vec::new();
    for block in blocks {
        match block {
            Block::File { path, text } => {
                let [path, text] = [path, text].map(|text| renamed(&text, &made_up));
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
                    let command = renamed(command, &made_up);
                    let answers = answer(&project, &database, &command, &mut status);
                    if let Some(pair) = written(&expected).zip(written(&answers[0])) {
                        made_up.push(pair);
                    }
                    let back: Vec<_> = made_up.iter().cloned().map(|(a, b)| (b, a)).collect();
                    let expected = comparable(&expected, &known);
                    let [one, other] =
                        answers.map(|answer| comparable(&renamed(&answer, &back), &known));
                    // A terminal shows two streams as they come; either may be the first.
                    let said = if other == expected { other } else { one };
                    assert_eq!(said, expected, "{page}: {command}");
                }
            }
        }
    }
    assert!(sessions > 0, "{page} has no session");
}

/// The revision that castoff made up.
fn written(answer: &str) -> Option<String> {
    let (_, rest) = answer.split_once("wrote revision ")?;
    Some(rest.split_whitespace().next()?.to_owned())
}

/// The text with one word for another.
fn renamed(text: &str, words: &[(String, String)]) -> String {
    words.iter().fold(text.to_owned(), |text, (word, other)| {
        text.replace(word, other)
    })
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
