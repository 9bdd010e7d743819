//! `castoff show`: one revision, with its file.

use serde_json::Value;

use super::listing::{self, Detail};
use crate::cli::{Format, Show};
use crate::config::Config;
use crate::error::Error;
use crate::revision::history::History;
use crate::revision::plan_error::PlanError;
use crate::revision::script::Script;
use crate::{migrations, report};

pub(super) fn show(config: &Config, arguments: &Show) -> Result<(), Error> {
    let history = migrations::find(&config.migrations)?.history()?;
    let scripts = match arguments.revision.as_str() {
        "head" => vec![only_head(&history)?],
        "heads" => history
            .heads()
            .into_iter()
            .filter_map(|id| history.get(id))
            .collect(),
        name => match history.revisions(&name.parse()?)?.as_slice() {
            // `base` is no revision.
            [] => vec![history.resolve(name)?],
            scripts => scripts.to_vec(),
        },
    };
    match arguments.format {
        Format::Text => {
            listing::print(&history, &scripts, &[], Detail::Full, Format::Text)?;
            for script in &scripts {
                report::print(&script.text)?;
            }
        }
        Format::Json => {
            let document = |script: &&Script| {
                let mut document = listing::as_json(&history, script, &[]);
                if let Value::Object(fields) = &mut document {
                    fields.insert("text".to_owned(), script.text.clone().into());
                }
                document
            };
            report::print_json(&scripts.iter().map(document).collect::<Vec<_>>().into())?;
        }
    }
    Ok(())
}

fn only_head(history: &History) -> Result<&Script, PlanError> {
    match history.heads().as_slice() {
        [head] => history.get(head).ok_or_else(|| several(history)),
        _ => Err(several(history)),
    }
}

fn several(history: &History) -> PlanError {
    let heads = history.heads().into_iter().cloned().collect();
    PlanError::SeveralHeads {
        target: "head".to_owned(),
        heads,
    }
}
