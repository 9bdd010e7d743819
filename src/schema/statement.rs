//! One statement of a generated migration, and what is to be known of it.

use super::effect::Effect;
use super::probe::Probe;

/// A statement without its semicolon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The SQL.
    pub sql: String,
    /// How it has to run.
    pub runs: Runs,
    /// What it loses, for people; nothing if no data goes.
    pub loses: Option<String>,
    /// Rows that would make it fail.
    pub probes: Vec<Probe>,
    /// What it does to relations that were there, once that was measured.
    pub effects: Vec<Effect>,
}

/// How a statement has to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// In one transaction with the others.
    Together,
    /// In a transaction, and what it makes may be used only when that has committed: a value of an
    /// enum.
    Before,
    /// In no transaction with others: `concurrently`, and what scans a table and lets others work.
    Alone,
}

impl Statement {
    /// An ordinary statement.
    pub fn new(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            runs: Runs::Together,
            loses: None,
            probes: Vec::new(),
            effects: Vec::new(),
        }
    }

    /// A statement that destroys something.
    pub fn losing(sql: impl Into<String>, loses: impl Into<String>) -> Self {
        Self {
            loses: Some(loses.into()),
            ..Self::new(sql)
        }
    }

    /// A statement that is a transaction of its own.
    pub fn alone(sql: impl Into<String>) -> Self {
        Self {
            runs: Runs::Alone,
            ..Self::new(sql)
        }
    }

    /// A statement whose effect counts only after a commit.
    pub fn before(sql: impl Into<String>) -> Self {
        Self {
            runs: Runs::Before,
            ..Self::new(sql)
        }
    }

    /// The same, and the rows that would make it fail.
    #[must_use]
    pub fn probing(mut self, probes: impl IntoIterator<Item = Probe>) -> Self {
        self.probes.extend(probes);
        self
    }

    /// What stands above it in a migration file, a comment a line, without the dashes.
    pub fn remarks(&self) -> impl Iterator<Item = String> {
        let loses = self.loses.iter().map(|loses| format!("loses: {loses}"));
        let effects = self.effects.iter().map(ToString::to_string);
        let probes = self.probes.iter().map(Probe::line);
        // A name may have line ends, and what stands behind one would be SQL.
        let in_one_line = |remark: String| remark.replace(['\r', '\n'], " ");
        loses.chain(effects).chain(probes).map(in_one_line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_remark_has_two_lines() {
        let mut statement = Statement::losing("drop table t", "the columns a\n; drop schema b");
        statement.effects = vec![Effect {
            relation: "\"c\r\nd\"".to_owned(),
            below: 0,
            lock: None,
            reads: true,
            rewrites: false,
        }];
        let remarks: Vec<String> = statement.remarks().collect();
        assert_eq!(
            remarks,
            [
                "loses: the columns a ; drop schema b",
                "reads all of \"c  d\""
            ]
        );
    }
}
