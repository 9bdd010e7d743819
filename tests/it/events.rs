//! The page on events is true: every event of the sources has a row with its fields, and every row an
//! event.

use std::collections::{BTreeMap, BTreeSet};

use super::docs::read;
use super::tidy::sources;

/// Events by their names, each with its fields.
type Events = BTreeMap<String, BTreeSet<String>>;

/// Names that are chosen while castoff runs, by what stands in the sources.
const CHOSEN: [(&str, &[&str]); 2] = [
    ("verb", &["applied", "reverted"]),
    ("wish.verb()", &["pause", "resume", "abort", "retry"]),
];

/// The arguments of every call of these macros that names an event.
fn calls(text: &str) -> Vec<Vec<String>> {
    let mut calls = Vec::new();
    for name in ["info!(", "warn!(", "debug!(", "error!("] {
        for (at, _) in text.match_indices(name) {
            let arguments = arguments(&text[at + name.len()..]);
            if arguments.iter().any(|one| one.starts_with("event = ")) {
                calls.push(arguments);
            }
        }
    }
    calls
}

/// The arguments of a call, cut at its commas, up to its closing parenthesis.
fn arguments(text: &str) -> Vec<String> {
    let mut arguments = vec![String::new()];
    let (mut depth, mut quoted) = (0, false);
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        let last = arguments.last_mut().unwrap();
        match c {
            '\\' if quoted => {
                last.push(c);
                last.extend(characters.next());
                continue;
            }
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' if !quoted && depth == 0 => break,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                arguments.push(String::new());
                continue;
            }
            _ => {}
        }
        last.push(c);
    }
    let trimmed = arguments.iter().map(|one| one.trim().to_owned());
    trimmed.filter(|one| !one.is_empty()).collect()
}

/// The names that an argument `event = …` may have.
fn names(value: &str) -> Vec<String> {
    if let Some(name) = value.strip_prefix('"') {
        return vec![name.trim_end_matches('"').to_owned()];
    }
    let chosen = CHOSEN.iter().find(|(expression, _)| *expression == value);
    let (_, names) = chosen.unwrap_or_else(|| panic!("`event = {value}`: which names are these?"));
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn events_of(text: &str) -> Events {
    let mut events = Events::new();
    for call in calls(text) {
        // Behind the fields come the message, and what is put into it.
        let fields = call.iter().take_while(|one| !one.starts_with('"'));
        let fields: Vec<(&str, &str)> = fields
            .map(|one| one.split_once(" = ").unwrap_or((one, one)))
            .collect();
        for (_, value) in fields.iter().filter(|(field, _)| *field == "event") {
            for name in names(value) {
                let known = events.entry(name).or_default();
                let others = fields.iter().filter(|(field, _)| *field != "event");
                known.extend(others.map(|(field, _)| (*field).to_owned()));
            }
        }
    }
    events
}

/// The fields that the body of a function of `report` sets by hand.
fn set_in(function: &str) -> BTreeSet<String> {
    let report = read("src/report.rs");
    let (_, body) = report
        .split_once(&format!("fn {function}("))
        .unwrap_or_else(|| panic!("no fn {function}"));
    let body = body.split("\n}\n").next().unwrap();
    let body = body.split("\n    }\n\n").next().unwrap();
    let calls = body.split("set(").skip(1);
    let names = calls.filter_map(|call| call.trim_start().strip_prefix('"'));
    let fields: BTreeSet<String> = names
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    assert!(!fields.is_empty(), "fn {function} sets nothing");
    fields
}

fn events_of_the_sources() -> Events {
    let mut events = Events::new();
    for source in sources("src") {
        let lines = source.code().map(|(_, line)| line);
        let text = lines.fold(String::new(), |text, line| text + line + "\n");
        for (name, fields) in events_of(&text) {
            events.entry(name).or_default().extend(fields);
        }
    }
    let phase = events.get_mut("phase").expect("phases are events");
    phase.extend(set_in("complete"));
    let mut error = set_in("error_as_json");
    // Every object has these.
    for common in ["event", "timestamp", "level", "message"] {
        assert!(error.remove(common), "{common}");
    }
    events.insert("error".to_owned(), error);
    events
}

/// The rows of the page: a name, and fields.
fn events_of_the_page() -> Events {
    let page = read("docs/events.md");
    let mut events = Events::new();
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').collect();
        let words = |cell: &str| -> BTreeSet<String> {
            let words = cell.split('`').skip(1).step_by(2);
            words.map(str::to_owned).collect()
        };
        assert!(cells.len() == 5 && !cells[3].trim().is_empty(), "{row}");
        let name = words(cells[1]).pop_first().unwrap();
        let twice = events.insert(name, words(cells[2]));
        assert_eq!(twice, None, "{row}");
    }
    events
}

fn shown(events: &Events) -> String {
    let line = |(name, fields): (&String, &BTreeSet<String>)| {
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        format!("{name}: {}\n", fields.join(" "))
    };
    events.iter().map(line).collect()
}

#[test]
fn every_event_has_a_row_with_its_fields_and_every_row_an_event() {
    let sources = events_of_the_sources();
    assert!(sources.len() > 40, "{}", shown(&sources));
    assert_eq!(shown(&events_of_the_page()), shown(&sources));
}

#[test]
fn events_are_found_as_they_are_written() {
    let check = |text: &str, expected: &str| assert_eq!(shown(&events_of(text)), expected);
    check("info!(event = \"a\", \"says, {x}\", b = 1);", "a: \n");
    check(
        "warn!(event = \"a\", b = f(1, \",\"), c, d = %e,\n\"{}\", g);",
        "a: b c d\n",
    );
    check("info!(\"no event = 1\");", "");
    check(
        "info!(event = verb, b, \"x\");",
        "applied: b\nreverted: b\n",
    );
    check(
        "info!(event = \"a\", b, \"x\"); info!(event = \"a\", c, \"x\");",
        "a: b c\n",
    );
}
