//! How revisions are shown, in one way by every command that shows them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cli::Format;
use crate::error::Error;
use crate::report;
use crate::revision::drawing;
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::mend::Drift;
use crate::revision::script::{Downgrade, Mode, Script, Section};
use crate::run::newer::Widened;

/// How much is told of each revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// `85d490db548b -> 3f2a9c1b7d04 (head), add user avatar`.
    Edge,
    /// `3f2a9c1b7d04 (head)`.
    Name,
    /// Everything, on lines of its own.
    Full,
}

/// What a database says of the revisions that are shown.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The revisions it is at.
    pub(super) current: Vec<RevisionId>,
    /// How the files of the applied ones differ from what was recorded; nothing if nobody asked.
    pub(super) drifts: Option<BTreeMap<RevisionId, Drift>>,
    /// The files together with what only the ledger has, if it has more than the files.
    pub(super) wide: Option<Widened>,
}

impl Ledger {
    /// The graph that a revision is shown in: among the files it is as the files have it.
    fn history_of<'h>(&'h self, files: &'h History, script: &Script) -> &'h History {
        match &self.wide {
            Some(wide) if script.is_kept() => &wide.history,
            _ => files,
        }
    }

    /// How the revision and its record differ, for people and for programs.
    fn drift(&self, script: &Script) -> Option<(&'static str, &'static str)> {
        let drifts = self.drifts.as_ref()?;
        Some(match drifts.get(&script.id) {
            Some(drift) => (drift.told(), drift.word()),
            None if script.is_kept() => ("applied, and in no file", "only"),
            None => ("not applied", "none"),
        })
    }
}

/// Prints revisions in the order given, with what a database says of them.
pub(super) fn print_with(
    history: &History,
    scripts: &[&Script],
    ledger: &Ledger,
    detail: Detail,
    format: Format,
) -> Result<(), Error> {
    match format {
        Format::Text => {
            let line = |script: &&Script| {
                let history = ledger.history_of(history, script);
                let mut text = as_text(history, script, &ledger.current, detail);
                if let (Detail::Full, Some((told, _))) = (detail, ledger.drift(script)) {
                    text.truncate(text.trim_end().len());
                    // Writing to a String cannot fail.
                    write!(text, "\n{:<12} {told}\n\n", "Ledger:").ok();
                }
                text
            };
            report::print(&scripts.iter().map(line).collect::<String>())
        }
        Format::Json => {
            let document = |script: &&Script| {
                let history = ledger.history_of(history, script);
                let mut document = as_json(history, script, &ledger.current);
                if let Some((_, word)) = ledger.drift(script) {
                    document["ledger"] = word.into();
                }
                document
            };
            report::print_json(&scripts.iter().map(document).collect::<Vec<Value>>().into())
        }
    }
}

/// Prints revisions in the order given; `current` are those the database is at.
pub(super) fn print(
    history: &History,
    scripts: &[&Script],
    current: &[RevisionId],
    detail: Detail,
    format: Format,
) -> Result<(), Error> {
    match format {
        Format::Text => {
            let lines = scripts
                .iter()
                .map(|script| as_text(history, script, current, detail));
            report::print(&lines.collect::<String>())
        }
        Format::Json => {
            let documents = scripts
                .iter()
                .map(|script| as_json(history, script, current));
            report::print_json(&documents.collect::<Vec<Value>>().into())
        }
    }
}

/// The graph of these revisions, with the text of each beside its mark.
pub(super) fn drawn(
    history: &History,
    scripts: &[&Script],
    current: &[RevisionId],
    detail: Detail,
) -> String {
    let rows = drawing::draw(history, scripts, current);
    let width = |line: &str| line.chars().count();
    let widest = rows.iter().map(|row| width(&row.line)).max().unwrap_or(0);
    let mut drawn = String::new();
    for row in &rows {
        let lines = row.above.iter().map(|line| (line, ""));
        let text = match detail {
            Detail::Full => as_text(history, row.script, current, detail),
            Detail::Edge | Detail::Name => beside_graph(history, row.script, current),
        };
        let beside = std::iter::once(&row.line).chain(std::iter::repeat(&row.beside));
        for (graph, text) in lines.chain(beside.zip(text.lines())) {
            let line = format!("{graph:<widest$}  {text}");
            drawn.push_str(line.trim_end());
            drawn.push('\n');
        }
    }
    drawn
}

/// `3f2a9c1b7d04 (head) [billing], add user avatar`: the graph shows what it follows.
fn beside_graph(history: &History, script: &Script, current: &[RevisionId]) -> String {
    let marks = marks(history, script, current);
    let labels = if script.branch_labels.is_empty() {
        String::new()
    } else {
        format!(" [{}]", script.branch_labels.join(", "))
    };
    format!("{}{marks}{labels}, {}", script.id, script.message)
}

pub(super) fn as_text(
    history: &History,
    script: &Script,
    current: &[RevisionId],
    detail: Detail,
) -> String {
    text(history, script, &marks(history, script, current), detail)
}

/// The end of a branch that has no row of its own.
pub(super) fn implied(history: &History, script: &Script, detail: Detail) -> String {
    let marks = format!(" (implied){}", marks(history, script, &[]));
    text(history, script, &marks, detail)
}

fn text(history: &History, script: &Script, marks: &str, detail: Detail) -> String {
    match detail {
        Detail::Edge => {
            let parents = names(&script.down_revisions).unwrap_or_else(|| "<base>".into());
            format!("{parents} -> {}{marks}, {}\n", script.id, script.message)
        }
        Detail::Name => format!("{}{marks}\n", script.id),
        Detail::Full => full(history, script, marks),
    }
}

fn full(history: &History, script: &Script, marks: &str) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            // Writing to a String cannot fail.
            writeln!(text, "{name:<12} {value}").ok();
        }
    };
    let children: Vec<RevisionId> = history.children(&script.id).into_iter().cloned().collect();
    line("Revision:", Some(format!("{}{marks}", script.id)));
    line("Message:", Some(script.message.clone()));
    line(
        "Parent:",
        Some(names(&script.down_revisions).unwrap_or_else(|| "<base>".into())),
    );
    line("Children:", names(&children));
    line("Depends on:", names(&script.depends_on));
    line("Requires:", names(&script.requires_backfill));
    line("Breaking:", script.breaking.clone());
    let labels = history.labels_of(&script.id);
    line("Branch:", (!labels.is_empty()).then(|| labels.join(", ")));
    line("Path:", Some(script.path.clone()));
    line("Upgrade:", Some(mode(&script.upgrade)));
    line(
        "Downgrade:",
        Some(match &script.downgrade {
            Downgrade::Script(section) => mode(section),
            Downgrade::Irreversible { reason } => format!("irreversible: {reason}"),
            Downgrade::Missing => "missing".into(),
        }),
    );
    line("Checksum:", Some(script.checksums.canonical.to_string()));
    text.push('\n');
    text
}

fn mode(section: &Section) -> String {
    let statements = section.statements.len();
    let plural = if statements == 1 {
        "statement"
    } else {
        "statements"
    };
    let options = &section.options;
    match (&options.batch, options.mode) {
        (Some(batch), _) if batch.deferred => {
            format!("{statements} {plural} in batches, left to `castoff backfill`")
        }
        (Some(_), _) => format!("{statements} {plural} in batches"),
        (None, Mode::Transaction) => format!("{statements} {plural} in one transaction"),
        (None, Mode::Autocommit) => format!("{statements} {plural}, one by one"),
    }
}

/// ` (current) (head) (branchpoint) (mergepoint)`, Alembic's words.
fn marks(history: &History, script: &Script, current: &[RevisionId]) -> String {
    let marks = [
        ("current", current.contains(&script.id)),
        ("only in the ledger", script.is_kept()),
        ("head", history.is_head(&script.id) && !script.is_kept()),
        ("branchpoint", history.is_branch_point(&script.id)),
        ("mergepoint", history.is_merge(&script.id)),
    ];
    marks
        .iter()
        .filter(|(_, is)| *is)
        .flat_map(|(mark, _)| [" (", *mark, ")"])
        .collect()
}

fn names(ids: &[RevisionId]) -> Option<String> {
    let names: Vec<&str> = ids.iter().map(RevisionId::as_str).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// One revision as JSON.
pub(super) fn as_json(history: &History, script: &Script, current: &[RevisionId]) -> Value {
    let strings =
        |ids: &[RevisionId]| -> Vec<String> { ids.iter().map(ToString::to_string).collect() };
    json!({
        "revision": script.id.as_str(),
        "message": script.message,
        "path": script.path,
        "down_revisions": strings(&script.down_revisions),
        "depends_on": strings(&script.depends_on),
        "branch_labels": history.labels_of(&script.id),
        "children": history.children(&script.id).iter().map(ToString::to_string).collect::<Vec<_>>(),
        "is_head": history.is_head(&script.id) && !script.is_kept(),
        "is_branch_point": history.is_branch_point(&script.id),
        "is_merge": history.is_merge(&script.id),
        "is_current": current.contains(&script.id),
        "is_reversible": matches!(script.downgrade, Downgrade::Script(_)),
        "breaking": script.breaking,
        "ledger": null,
        "canonical_checksum": script.checksums.canonical.to_string(),
        "raw_checksum": script.checksums.raw.to_string(),
    })
}
