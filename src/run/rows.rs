//! Whether rows that are there stand in the way of what is pending: the probes of migration files,
//! asked of the database as it is now, read only and not for long.
//!
//! What they find is true now. Where a statement that changes rows comes before, it may have made
//! room by then, and where one changes what the probe asks about, there is nothing to ask yet.

use serde_json::{Value, json};

use crate::database::failure::{Failure, Refusal};
use crate::database::session::{Open, Session};
use crate::database::sqlstate;
use crate::place::Place;
use crate::revision::plan::Step;
use crate::revision::script::Script;
use crate::revision::script::probe::Probe;

/// What an asked probe may take.
const LIMITS: &str = "begin read only; set local statement_timeout = '5s'; \
    set local lock_timeout = '1s'";

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The line of the probe.
    pub line: usize,
    /// What would stand in the way.
    pub says: String,
    /// Whether it does.
    pub answer: Answer,
}

/// Whether rows stand in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// No.
    Passes,
    /// Yes, and nothing before it changes rows.
    WouldFail,
    /// Yes, unless a statement before it changes them.
    MayFail,
    /// It could not be asked, and why.
    Unknown(String),
}

impl Answer {
    /// Its name, in the JSON of a plan and for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Passes => "passes",
            Self::WouldFail => "would fail",
            Self::MayFail => "may fail",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl Finding {
    /// For people; nothing if all is well.
    pub fn line_of_text(&self) -> Option<String> {
        let Self { line, says, answer } = self;
        match answer {
            Answer::Passes => None,
            Answer::WouldFail => Some(format!("would fail in line {line}: {says}")),
            Answer::MayFail => Some(format!(
                "may fail in line {line}, unless the statements before change that: {says}"
            )),
            Answer::Unknown(why) => Some(format!("not known, line {line}: {says} ({why})")),
        }
    }

    /// For programs.
    pub fn as_json(&self) -> Value {
        let reason = match &self.answer {
            Answer::Unknown(why) => Some(why),
            Answer::Passes | Answer::WouldFail | Answer::MayFail => None,
        };
        let mut value = json!({
            "line": self.line,
            "says": self.says,
            "result": self.answer.name(),
        });
        if let Some(reason) = reason {
            value["reason"] = reason.as_str().into();
        }
        value
    }
}

/// Whether there is anything to ask.
pub fn has_probes(steps: &[Step<'_>]) -> bool {
    steps.iter().any(|step| !step.script.probes.is_empty())
}

/// Asks the probes of pending upgrades, step by step. `done` tells how many statements of a script
/// are done already.
pub async fn look(
    session: &Session<Open>,
    steps: &[Step<'_>],
    done: impl Fn(&Script) -> usize,
) -> Result<Vec<Vec<Finding>>, Failure> {
    let mut found = Vec::new();
    let mut before = Before::default();
    for step in steps {
        let done = done(step.script);
        let section = &step.script.upgrade;
        let mut findings = Vec::new();
        for probe in &step.script.probes {
            if probe.behind < done {
                continue;
            }
            let upto = before.and(step.script, done..probe.behind);
            findings.extend(ask(session, step.script, probe, upto).await?);
        }
        before = before.and(step.script, done..section.statements.len());
        before.changes_rows |= section.options.batch.is_some();
        found.push(findings);
    }
    Ok(found)
}

/// What comes before a probe and is not done yet.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    is_anything: bool,
    changes_rows: bool,
}

impl Before {
    fn and(self, script: &Script, range: std::ops::Range<usize>) -> Self {
        let statements = script.upgrade.statements.get(range).unwrap_or_default();
        let mut texts = statements
            .iter()
            .filter_map(|statement| script.text.get(statement.span.clone()));
        Self {
            is_anything: self.is_anything || !statements.is_empty(),
            changes_rows: self.changes_rows || texts.any(changes_rows),
        }
    }
}

/// Whether a statement may change rows, told by its words.
fn changes_rows(statement: &str) -> bool {
    const CHANGING: [&str; 9] = [
        "insert", "update", "delete", "merge", "truncate", "copy", "call", "execute", "perform",
    ];
    let text = statement.to_ascii_lowercase();
    let mut words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    match words.next() {
        Some("do" | "with") => words.any(|word| CHANGING.contains(&word)),
        Some(first) => CHANGING.contains(&first),
        None => false,
    }
}

/// Asks one. Nothing, if what it asks about is not there yet.
async fn ask(
    session: &Session<Open>,
    script: &Script,
    probe: &Probe,
    before: Before,
) -> Result<Option<Finding>, Failure> {
    let client = session.client();
    client.batch_execute(LIMITS).await?;
    let row = client.query_typed_opt(&probe.query, &[]).await;
    client.batch_execute("rollback").await?;
    let answer = match row.map(|row| row.and_then(|row| row.try_get::<_, Option<bool>>(0).ok())) {
        Ok(Some(Some(true))) if before.changes_rows => Answer::MayFail,
        Ok(Some(Some(true))) => Answer::WouldFail,
        Ok(Some(Some(false))) => Answer::Passes,
        Ok(_) => Answer::Unknown("the query does not return one truth value".to_owned()),
        Err(error) => match Failure::from(error) {
            Failure::Refused(refusal) if before.is_anything && is_not_there_yet(&refusal) => {
                return Ok(None);
            }
            Failure::Refused(refusal) => Answer::Unknown(refusal.to_string()),
            failure @ (Failure::Lost(_) | Failure::Protocol(_)) => return Err(failure),
        },
    };
    let place = Place::of(
        &script.path,
        &script.text,
        probe.offset,
        probe.offset.saturating_add(1),
    );
    Ok(Some(Finding {
        line: place.line,
        says: probe.says.clone(),
        answer,
    }))
}

/// Undefined or of another type: something before it makes it, or makes it so.
fn is_not_there_yet(refusal: &Refusal) -> bool {
    let code = refusal.sqlstate.as_str();
    let undefined = [
        sqlstate::UNDEFINED_TABLE,
        sqlstate::UNDEFINED_COLUMN,
        sqlstate::UNDEFINED_FUNCTION,
        sqlstate::UNDEFINED_OBJECT,
        sqlstate::INVALID_SCHEMA_NAME,
        sqlstate::DATATYPE_MISMATCH,
    ];
    undefined.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_change_rows_is_told_by_its_words() {
        for statement in [
            "update t set a = 1",
            "INSERT into t values (1)",
            "with gone as (delete from t returning *) select from gone",
            "do $$ begin update t set a = 1; end $$",
            "call fill()",
        ] {
            assert!(changes_rows(statement), "{statement}");
        }
        for statement in [
            "alter table t alter a set not null",
            "do $$ begin if exists (select from t) then raise exception 'x'; end if; end $$",
            "create table updates ()",
            "select setval('s', 1)",
        ] {
            assert!(!changes_rows(statement), "{statement}");
        }
    }
}
