//! `castoff merge`: one head from several.

use crate::cli::Merge;
use crate::config::Config;
use crate::error::Error;
use crate::revision::history::History;
use crate::revision::id::RevisionId;
use crate::revision::script::draft::Draft;

use super::revision::{history_in_directory, random_id, write_readable};

pub(super) fn merge(config: &Config, arguments: &Merge) -> Result<(), Error> {
    let (directory, history) = history_in_directory(config)?;
    let parents = parents(&history, &arguments.revisions)?;
    if parents.len() < 2 {
        return Err(Error::NothingToMerge);
    }
    let names: Vec<&str> = parents.iter().map(RevisionId::as_str).collect();
    let message = arguments
        .message
        .clone()
        .unwrap_or_else(|| format!("Merge {}", names.join(" and ")));
    let new = Draft {
        id: &random_id()?,
        message: &message,
        down_revisions: &parents,
        depends_on: &[],
        branch_labels: &[],
        options: [""; 2],
        upgrade: "",
        downgrade: "",
        irreversible: None,
    };
    write_readable(directory, &new)
}

/// The revisions that were named, or all heads, in the order of the history.
fn parents(history: &History, names: &[String]) -> Result<Vec<RevisionId>, Error> {
    let mut parents = Vec::new();
    for name in names {
        if name == "heads" {
            parents.extend(history.heads().into_iter().cloned());
        } else {
            let scripts = history.revisions(&name.parse()?)?.into_iter();
            parents.extend(scripts.map(|script| script.id.clone()));
        }
    }
    if names.is_empty() {
        parents.extend(history.heads().into_iter().cloned());
    }
    parents.sort();
    parents.dedup();
    // A merge of what is followed already would be one more head.
    for parent in &parents {
        if let Some(child) = history.children(parent).first() {
            return Err(Error::NotAHead {
                parent: parent.clone(),
                child: (*child).clone(),
            });
        }
    }
    Ok(parents)
}
