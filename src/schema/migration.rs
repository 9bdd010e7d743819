//! From statements to the sections of migration files: what runs together, what alone, and what has
//! to be committed before the rest.

use std::fmt::Write as _;

use super::difference::{self, Change};
use super::effect::Effect;
use super::model::Kind;
use super::order::{self, Cycle};
use super::render::Sides;
use super::statement::{Runs, Statement};
use crate::sql::destructive;
use crate::sql::split::split;

/// Lets functions be made before what their bodies need, which nobody knows who does not run them.
const LATER_BODIES: &str = "check_function_bodies = off";

/// What leads from one schema to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// In an order in which they can run.
    pub statements: Vec<Statement>,
    /// Whether there are functions among what changes.
    pub makes_functions: bool,
    /// Whether something goes and comes back: nobody may see that it is away.
    pub takes_away: bool,
}

/// One section of a migration file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// What stands on its line.
    pub options: String,
    /// Its statements, with their semicolons.
    pub sql: String,
}

/// Compares two schemas.
pub fn changes(sides: &Sides<'_>) -> Result<Changes, Cycle> {
    let difference = difference::compare(sides);
    let mut changing = difference.changes.keys();
    let mut statements = order::statements(sides, &difference)?;
    let ordered = statements.len();
    // Each section says it for itself.
    let setting = format!("set {LATER_BODIES}");
    statements.retain(|statement| statement.sql != setting);
    let is_said = statements.len() < ordered;
    let comes_back = |change: &Change| matches!(change, Change::Replace | Change::Rebuild);
    Ok(Changes {
        takes_away: difference.changes.values().any(comes_back),
        makes_functions: is_said || changing.any(|id| id.kind == Kind::Function),
        statements,
    })
}

impl Changes {
    /// What goes into the first migration of a chain, and whether that is all. Values of enums come
    /// first, as nothing can use them before they are committed; otherwise as much as runs alike.
    pub fn first_part(&self) -> (Self, bool) {
        let before = |statement: &&Statement| statement.runs == Runs::Before;
        let mut part: Vec<Statement> = self.statements.iter().filter(before).cloned().collect();
        if part.is_empty() {
            let runs = self.statements.first().map(|first| first.runs);
            let alike = |statement: &&Statement| Some(statement.runs) == runs;
            part = self.statements.iter().take_while(alike).cloned().collect();
        }
        let is_all = part.len() == self.statements.len();
        let part = Self {
            statements: part,
            makes_functions: self.makes_functions,
            takes_away: self.takes_away,
        };
        (part, is_all)
    }

    /// What is lost, a line a statement: by the statement's own account, or by that of the guard
    /// that reads upgrades before they are applied, so that no file is written that it refuses.
    pub fn losses(&self) -> Vec<String> {
        let losing = self.statements.iter().filter_map(|statement| {
            let loses = loss(statement)?;
            Some(format!("{} ({loses})", first_line(&statement.sql)))
        });
        losing.collect()
    }

    /// The setting that goes before them, where there is one.
    pub fn setting(&self) -> Option<String> {
        self.makes_functions.then(|| format!("set {LATER_BODIES}"))
    }

    /// The statements as they are run one by one, with the setting that goes before them.
    pub fn texts(&self) -> Vec<String> {
        let statements = self.statements.iter().map(|statement| &statement.sql);
        let setting = self.setting().into_iter();
        setting.chain(statements.cloned()).collect()
    }

    /// What keeps others from their work for as long as it takes to go through all rows.
    pub fn long_locks(&self) -> Vec<String> {
        let effects = self.statements.iter().flat_map(|one| &one.effects);
        let long = effects.filter(|effect| effect.is_long());
        let mut told: Vec<String> = Vec::new();
        for effect in long.map(Effect::in_a_sentence) {
            if !told.contains(&effect) {
                told.push(effect);
            }
        }
        told
    }

    /// Whether they run in one transaction.
    pub fn run_together(&self) -> bool {
        let mut statements = self.statements.iter();
        statements.all(|statement| statement.runs == Runs::Together)
    }

    /// Whether they are better run in one transaction, with longer locks: some of them would be
    /// transactions of their own, and between the others something is away.
    pub fn would_be_torn(&self) -> bool {
        let is_alone = |statement: &Statement| statement.runs == Runs::Alone;
        self.takes_away
            && self.statements.iter().any(is_alone)
            && !self.statements.iter().all(is_alone)
    }

    /// The section that runs them: `options` is what else stands on its line.
    pub fn section(&self, options: &str, remarks: &[&str]) -> Section {
        // Values of enums that are added for nothing else to use are fine in one transaction.
        let alike = |runs| {
            self.statements
                .iter()
                .all(|statement| statement.runs == runs)
        };
        let is_autocommit = !self.run_together() && !alike(Runs::Before);
        let mut words = Vec::new();
        if is_autocommit {
            words.push("autocommit");
        }
        if !options.is_empty() {
            words.push(options);
        }
        let mut sql = String::new();
        for remark in remarks {
            // Writing to a string cannot fail.
            writeln!(sql, "-- {remark}").ok();
        }
        // What is said of the section is not said of its first statement.
        if !remarks.is_empty() {
            sql.push('\n');
        }
        if self.makes_functions && !alike(Runs::Before) {
            let local = if is_autocommit { "" } else { "local " };
            writeln!(sql, "set {local}{LATER_BODIES};").ok();
        }
        for (index, statement) in self.statements.iter().enumerate() {
            for (line, remark) in statement.remarks().enumerate() {
                let gap = if line == 0 && index > 0 { "\n" } else { "" };
                writeln!(sql, "{gap}-- {remark}").ok();
            }
            writeln!(sql, "{};", statement.sql.trim_end()).ok();
        }
        Section {
            options: words.join(" "),
            sql,
        }
    }
}

/// What a statement loses, by its own account or by its words.
pub fn loss(statement: &Statement) -> Option<String> {
    let said = statement.loses.clone();
    said.or_else(|| by_its_words(&statement.sql))
}

fn by_its_words(sql: &str) -> Option<String> {
    let statements = split(sql, 0..sql.len()).unwrap_or_default();
    let found = destructive::find(sql, &statements);
    found.first().map(|found| found.loss.to_string())
}

fn first_line(sql: &str) -> &str {
    sql.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `+a` a value, `!a` alone, `-a` with a loss, anything else together.
    fn changes(text: &str) -> Changes {
        let statement = |word: &str| match word.split_at(1) {
            ("+", _) => Statement::before(word),
            ("-", _) => Statement::losing(word, "x"),
            ("!", _) => Statement {
                runs: Runs::Alone,
                ..Statement::new(word)
            },
            _ => Statement::new(word),
        };
        Changes {
            statements: text.split_whitespace().map(statement).collect(),
            makes_functions: false,
            takes_away: false,
        }
    }

    fn check_part(text: &str, expected: &str, is_all: bool) {
        let (part, all) = changes(text).first_part();
        let part: Vec<&str> = part.statements.iter().map(|one| &*one.sql).collect();
        assert_eq!((part.join(" ").as_str(), all), (expected, is_all), "{text}");
    }

    #[test]
    fn values_of_enums_come_first_and_what_runs_alike_together() {
        check_part("a b", "a b", true);
        check_part("a +v b", "+v", false);
        check_part("+v", "+v", true);
        check_part("a b !c d", "a b", false);
        check_part("!c d", "!c", false);
    }

    fn check_section(text: &str, functions: bool, expected: &str) {
        let changes = Changes {
            makes_functions: functions,
            ..changes(text)
        };
        let Section { options, sql } = changes.section("", &["b"]);
        assert_eq!(format!("[{options}] {sql}"), expected, "{text}");
    }

    #[test]
    fn a_section_says_how_it_runs() {
        check_section("a", false, "[] -- b\n\na;\n");
        check_section("+a", false, "[] -- b\n\n+a;\n");
        check_section("a !b", false, "[autocommit] -- b\n\na;\n!b;\n");
        check_section(
            "a",
            true,
            "[] -- b\n\nset local check_function_bodies = off;\na;\n",
        );
        check_section(
            "!a",
            true,
            "[autocommit] -- b\n\nset check_function_bodies = off;\n!a;\n",
        );
    }

    #[test]
    fn losses_are_told_with_their_statements() {
        assert_eq!(changes("a -b").losses(), ["-b (x)"]);
        let by_words = Changes {
            statements: vec![Statement::new("drop table t")],
            makes_functions: false,
            takes_away: false,
        };
        assert_eq!(by_words.losses(), ["drop table t (drop table)"]);
    }
}
