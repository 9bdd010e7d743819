//! Histories in one line, for tests: `b<a a<- c<b` are three revisions in a row.
//!
//! `ID<PARENTS~DEPENDS_ON@LABELS`, lists with commas, `-` for no parent. A `!` at the end means
//! that there is no way back, a `?` that nobody wrote one. Files stand in the order written.

use super::checksum::{Checksum, Checksums};
use super::history::History;
use super::id::RevisionId;
use super::script::{Downgrade, Script, Section, SectionOptions};

/// The history of a sketch that has no fault.
pub(super) fn history(sketch: &str) -> History {
    History::new(scripts(sketch)).unwrap()
}

/// The scripts of a sketch.
pub(super) fn scripts(sketch: &str) -> Vec<Script> {
    sketch
        .split_whitespace()
        .enumerate()
        .map(|(number, text)| script(number, text))
        .collect()
}

/// Ids separated by spaces.
pub(super) fn ids(text: &str) -> Vec<RevisionId> {
    text.split_whitespace()
        .map(|id| RevisionId::new(id).unwrap())
        .collect()
}

/// Ids with commas.
pub(super) fn shown<'i>(ids: impl IntoIterator<Item = &'i RevisionId>) -> String {
    let ids: Vec<&str> = ids.into_iter().map(RevisionId::as_str).collect();
    ids.join(",")
}

fn script(number: usize, text: &str) -> Script {
    let (text, way_back) = match text.strip_suffix(['!', '?']) {
        Some(rest) => (rest, text.chars().last()),
        None => (text, None),
    };
    let (id, rest) = text
        .split_once('<')
        .expect("a sketch has `<` after each id");
    let (rest, labels) = rest.split_once('@').unwrap_or((rest, ""));
    let (parents, depends_on) = rest.split_once('~').unwrap_or((rest, ""));
    let parents = parents.trim_matches('-');
    let text = format!(
        "-- make {id}\n-- revision: {id}\n-- down_revision: {parents}\n\
         -- depends_on: {depends_on}\n-- branch_labels: {labels}\n\n-- upgrade\n"
    );
    let downgrade = match way_back {
        Some('!') => Downgrade::Irreversible {
            reason: "the data is gone".into(),
        },
        Some(_) => Downgrade::Missing,
        None => Downgrade::Script(section()),
    };
    let split = |list: &str| ids(&list.replace(',', " "));
    Script {
        path: format!("migrations/{number:06}_{id}.sql"),
        id: RevisionId::new(id).unwrap(),
        message: format!("make {id}"),
        down_revisions: split(parents),
        depends_on: split(depends_on),
        placeholders: Vec::new(),
        branch_labels: labels
            .split(',')
            .filter(|l| !l.is_empty())
            .map(str::to_owned)
            .collect(),
        breaking: None,
        requires_backfill: Vec::new(),
        replaces: Vec::new(),
        squashed: None,
        upgrade: section(),
        probes: Vec::new(),
        downgrade,
        checksums: Checksums {
            raw: Checksum::of(text.as_bytes()),
            canonical: Checksum::of(id.as_bytes()),
        },
        text,
    }
}

fn section() -> Section {
    Section {
        options: SectionOptions::default(),
        span: 0..0,
        statements: Vec::new(),
    }
}
