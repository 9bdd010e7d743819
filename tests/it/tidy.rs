//! The rules of the sources that can be read from the sources: who may use what, and how long a
//! file may be.

use std::path::Path;

/// One file of the sources.
pub(super) struct Source {
    /// Its path from the root: `src/run/mod.rs`.
    pub(super) path: String,
    pub(super) text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// The lines that are in the program: no comments, nothing from the first test on. Tests come
    /// last in a file.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = self.text.find("#[cfg(test)]\nmod tests {");
        let program = match end {
            _ if self.is_test() => "",
            Some(end) => &self.text[..end],
            None => &self.text,
        };
        let numbered = program.lines().enumerate();
        numbered
            .map(|(index, line)| (index + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Whether it holds tests and nothing else.
    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// Whether it is this file, or in this directory.
    fn is_in(&self, room: &str) -> bool {
        self.path == room || (room.ends_with('/') && self.path.starts_with(room))
    }
}

/// What some files may not say.
struct Rule {
    /// The files and directories (with a slash) it holds for.
    rooms: &'static [&'static str],
    /// Those among them that are the exception.
    except: &'static [&'static str],
    /// What may not be said.
    words: &'static [&'static str],
}

const RULES: [Rule; 10] = [
    // What happens in production knows nothing of what a person types.
    Rule {
        rooms: &["src/run/"],
        except: &[],
        words: &["crate::command", "super::command"],
    },
    // Deciding needs no database, no files, no clock and no environment.
    Rule {
        rooms: &["src/revision/", "src/sql/", "src/place.rs"],
        except: &[],
        words: &[
            "std::fs",
            "std::env",
            "std::net",
            "std::process",
            "std::thread",
            "SystemTime",
            "Instant",
            "time::OffsetDateTime",
            "getrandom",
            "tokio",
            "crate::database",
            "crate::config",
            "crate::run",
        ],
    },
    // A schema is a value. Only reading it needs a database.
    Rule {
        rooms: &["src/schema/"],
        except: &["src/schema/catalog.rs"],
        words: &[
            "std::fs",
            "std::env",
            "std::net",
            "std::process",
            "std::thread",
            "SystemTime",
            "Instant",
            "getrandom",
            "tokio",
            "crate::config",
            "crate::database",
            "crate::report",
            "crate::run",
            "crate::scratch",
        ],
    },
    // Scratch databases are for those who write migrations. Nothing on the way to the server's start
    // may need one.
    Rule {
        rooms: &[
            "src/run/",
            "src/database/",
            "src/revision/",
            "src/supervise/",
        ],
        except: &[],
        words: &["crate::scratch", "crate::schema::catalog"],
    },
    // Parts of what happens in production that decide and no more.
    Rule {
        rooms: &[
            "src/run/activation.rs",
            "src/run/attempt.rs",
            "src/run/holding/accept.rs",
            "src/run/holding/answer.rs",
            "src/run/offline.rs",
            "src/run/pace.rs",
        ],
        except: &[],
        words: &[
            "std::fs",
            "std::env",
            "std::net",
            "std::process",
            "std::thread",
            "::now()",
            "tokio",
        ],
    },
    // The status is what the story says: whoever shows it, or writes it down, does the work.
    Rule {
        rooms: &["src/status/"],
        except: &[],
        words: &[
            "std::fs",
            "std::env",
            "std::net",
            "std::process",
            "std::thread",
            "tokio",
            "crate::config",
            "crate::health",
            "crate::observe",
            "crate::run",
        ],
    },
    // Writing the status down holds nobody up, and needs no database.
    Rule {
        rooms: &["src/observe/"],
        except: &[],
        words: &[
            "tokio",
            "crate::command",
            "crate::database",
            "crate::health",
            "crate::run",
        ],
    },
    // A health check asks those who know, and never the database.
    Rule {
        rooms: &["src/health/"],
        except: &[],
        words: &["tokio", "crate::command", "crate::database", "crate::run"],
    },
    // A setting has one name and one parser.
    Rule {
        rooms: &["src/"],
        except: &["src/config/"],
        words: &["env::var"],
    },
    // What reaches the terminal has one form, and one place where a password could slip through.
    Rule {
        rooms: &["src/"],
        except: &["src/report.rs", "src/report/"],
        words: &[
            "print!(",
            "println!(",
            "eprint!(",
            "eprintln!(",
            "dbg!(",
            "io::stdout",
            "io::stderr",
            "stdout()",
            "stderr()",
        ],
    },
];

/// Where a rule is broken: `src/run/mod.rs:7: crate::command`.
fn broken(rule: &Rule, sources: &[Source]) -> Vec<String> {
    let is_meant = |source: &&Source| {
        rule.rooms.iter().any(|room| source.is_in(room))
            && !rule.except.iter().any(|room| source.is_in(room))
    };
    sources
        .iter()
        .filter(is_meant)
        .flat_map(|source| said(source, rule.words))
        .collect()
}

fn said(source: &Source, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in source.code() {
        let words = words.iter().filter(|word| line.contains(**word));
        found.extend(words.map(|word| format!("{}:{number}: {word}", source.path)));
    }
    found
}

/// All Rust files of a directory, in the order of their paths.
pub(super) fn sources(directory: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut open = vec![root.join(directory)];
    while let Some(directory) = open.pop() {
        for entry in directory.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root).unwrap().display().to_string();
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(!found.is_empty(), "no sources in {directory}");
    found
}

#[test]
fn every_room_keeps_to_what_it_may_use() {
    let sources = sources("src");
    for rule in &RULES {
        assert_eq!(broken(rule, &sources), Vec::<String>::new());
        // A rule about a file that was moved would hold for ever.
        for room in rule.rooms.iter().chain(rule.except) {
            assert!(sources.iter().any(|source| source.is_in(room)), "{room}");
        }
        for room in rule.except {
            let mut excepted = sources.iter().filter(|source| source.is_in(room));
            assert!(
                excepted.any(|source| !said(source, rule.words).is_empty()),
                "{room} needs no exception"
            );
        }
    }
}

#[test]
fn a_broken_rule_is_found() {
    let check = |rule: &Rule, path: &str, text: &str, expected: &[&str]| {
        assert_eq!(broken(rule, &[Source::new(path, text)]), expected, "{text}");
    };
    let [
        run,
        pure,
        schema,
        scratch,
        _,
        status,
        _,
        _,
        environment,
        terminal,
    ] = &RULES;
    let path = "src/run/x.rs";
    check(
        run,
        path,
        "//! x\nuse crate::command::y;",
        &["src/run/x.rs:2: crate::command"],
    );
    check(run, path, "// not crate::command", &[]);
    check(run, "src/runner.rs", "use crate::command;", &[]);
    check(
        pure,
        "src/place.rs",
        "std::fs::read(a)",
        &["src/place.rs:1: std::fs"],
    );
    let path = "src/schema/x.rs";
    check(
        schema,
        path,
        "tokio::spawn()",
        &["src/schema/x.rs:1: tokio"],
    );
    check(
        schema,
        "src/schema/catalog.rs",
        "use crate::database::a;",
        &[],
    );
    let path = "src/run/x.rs";
    check(
        scratch,
        path,
        "crate::scratch::y",
        &["src/run/x.rs:1: crate::scratch"],
    );
    check(
        status,
        "src/status/x.rs",
        "use crate::run::y;",
        &["src/status/x.rs:1: crate::run"],
    );
    let tests = "fn f() {}\n#[cfg(test)]\nmod tests {\nuse std::env::var;";
    check(environment, "src/a.rs", tests, &[]);
    check(environment, "src/config/a.rs", "std::env::var(b)", &[]);
    check(
        environment,
        "src/a.rs",
        "use std::env;\nenv::vars()",
        &["src/a.rs:2: env::var"],
    );
    check(
        terminal,
        "src/a.rs",
        "eprint!(\"x\")",
        &["src/a.rs:1: print!(", "src/a.rs:1: eprint!("],
    );
}

#[test]
fn every_file_says_what_it_owns_and_is_short_enough_to_read() {
    const LIMIT: usize = 600;
    for source in [sources("src"), sources("tests/it")].into_iter().flatten() {
        let path = &source.path;
        let lines = source.text.lines().count();
        assert!(lines <= LIMIT, "{path} has {lines} lines");
        // The tests of a module are explained by the module.
        let says = source.is_test() || source.text.starts_with("//! ");
        assert!(says, "{path} does not say what it is");
    }
}
