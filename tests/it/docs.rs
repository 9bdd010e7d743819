//! The documentation is complete: its tables and lists are compared with the sources, and the page
//! on the commands is made from what the program says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use expect_test::expect_file;

use super::support::project::Project;
use super::support::transcript::run;
use super::tidy::sources;

/// The text of a file, by its path from the root.
pub(super) fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

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
    let names = |help: &str| -> Vec<String> {
        let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let lines = lines.take_while(|line| !line.is_empty());
        lines
            .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
            .collect()
    };
    let mut links = String::new();
    let mut page = format!("\n## castoff\n\n```text\n{all}```\n");
    let mut count = 0;
    for name in names(&all) {
        let help = |line: &str| {
            let help = help(line);
            // The same for all commands, and told above.
            match help.split_once("\nCommon options:") {
                Some((own, common)) => match common.split_once("\nExamples:") {
                    Some((_, examples)) => format!("{own}\nExamples:{examples}"),
                    None => own.to_owned(),
                },
                None => help,
            }
        };
        let own = help(&format!("{name} --help"));
        writeln!(links, "[{name}](#castoff-{name})").unwrap();
        write!(page, "\n## castoff {name}\n\n```text\n{own}```\n").unwrap();
        for below in names(&own) {
            let own = help(&format!("{name} {below} --help"));
            write!(page, "\n### castoff {name} {below}\n\n```text\n{own}```\n").unwrap();
        }
        count += 1;
    }
    let links = links.trim_end().replace('\n', " ·\n");
    let page = format!("{COMMANDS}\n{links}\n{page}");
    assert!(count >= 16, "{count} commands in {all}");
    expect_file!["../../docs/commands.md"].assert_eq(&page);
}

/// The bodies of the functions of this name, by file. A body ends where the brace of its line does.
fn bodies(name: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for source in sources("src") {
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
    let (_, keys) = keys.split_once("\noptions! {").unwrap();
    let (keys, _) = keys.split_once("\n}").unwrap();
    let keys: Vec<&str> = keys.split('"').skip(1).step_by(2).collect();
    assert!(keys.len() >= 12, "{keys:?}");
    for key in keys {
        let variable = match key {
            "database_url" | "database_url_file" => key.to_ascii_uppercase(),
            key => format!("CASTOFF_{}", key.to_ascii_uppercase()),
        };
        assert!(page.contains(&format!("`{key}`")), "{key}");
        assert!(page.contains(&format!("`{variable}`")), "{variable}");
    }
    // The README shows a selection, and nothing that does not exist.
    let shown = readme
        .split('`')
        .filter(|text| text.starts_with("CASTOFF_"));
    let shown = shown.filter(|text| text.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
    for variable in shown {
        assert!(page.contains(&format!("`{variable}`")), "{variable}");
    }
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let text: String = heading.chars().filter(kept).collect();
    text.trim().to_lowercase().replace(' ', "-")
}

#[test]
fn every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = root.join("docs").read_dir().unwrap();
    let docs = docs.map(|entry| format!("docs/{}", entry.unwrap().file_name().display()));
    let pages = [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "ARCHITECTURE.md",
    ];
    let mut links = 0;
    for page in pages.map(str::to_owned).into_iter().chain(docs) {
        let text = read(&page);
        let directory = Path::new(&page).parent().unwrap();
        for link in text.split("](").skip(1) {
            let (link, _) = link.split_once(')').unwrap();
            if link.contains("://") {
                continue;
            }
            links += 1;
            let (file, wanted) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => Path::new(&page).to_owned(),
                file => directory.join(file),
            };
            assert!(root.join(&target).exists(), "{page}: {link}");
            if !wanted.is_empty() {
                let target = read(target.to_str().unwrap());
                let mut headings = target.lines().filter(|line| line.starts_with('#'));
                let found = headings.any(|line| anchor(line.trim_start_matches('#')) == wanted);
                assert!(found, "{page}: {link}");
            }
        }
    }
    assert!(links > 10, "{links} links");
}

#[test]
fn the_readme_leads_to_every_page() {
    let readme = read("README.md");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = 0;
    for entry in root.join("docs").read_dir().unwrap() {
        let page = format!("docs/{}", entry.unwrap().file_name().display());
        assert!(readme.contains(&format!("]({page})")), "{page}");
        pages += 1;
    }
    assert!(pages > 10, "{pages} pages");
}

#[test]
fn the_architecture_names_what_is_there() {
    let page = read("ARCHITECTURE.md");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut named = BTreeSet::new();
    for word in page.split('`').skip(1).step_by(2) {
        let is_path = ["src/", "tests/", "benches/", "docs/", "examples/"]
            .iter()
            .any(|room| word.starts_with(room));
        if is_path {
            assert!(root.join(word).exists(), "ARCHITECTURE.md: {word}");
            named.insert(word);
        } else if let Some((module, test)) = word.split_once("::") {
            let path = format!("tests/it/{module}.rs");
            assert!(
                read(&path).contains(&format!("fn {test}(")),
                "ARCHITECTURE.md: {word}"
            );
        }
    }
    assert!(named.len() > 20, "{named:?}");
    // The tables of the files have each of them, or the file that it is a part of, and no other.
    for room in ["src/run", "src/schema", "src/scratch"] {
        let head = format!("| in `{room}/` | |\n|---|---|\n");
        let (_, table) = page.split_once(&head).unwrap();
        let rows = table.lines().take_while(|line| line.starts_with('|'));
        let listed: BTreeSet<String> = rows
            .flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2))
            .map(|name| format!("{room}/{name}.rs"))
            .collect();
        let there: BTreeSet<String> = sources(room)
            .into_iter()
            .map(|source| source.path)
            .collect();
        let is_listed = |path: &String| {
            // What is below a file that is listed is a part of it.
            let parent = path
                .rsplit_once('/')
                .map(|(folder, _)| format!("{folder}.rs"));
            listed.contains(path) || parent.is_some_and(|parent| listed.contains(&parent))
        };
        let missing: Vec<&String> = there.iter().filter(|path| !is_listed(path)).collect();
        let gone: Vec<&String> = listed.difference(&there).collect();
        assert_eq!((missing, gone), (vec![], vec![]), "ARCHITECTURE.md: {room}");
    }
}
