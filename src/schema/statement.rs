//! One statement of a generated migration, and what is to be known of it.

/// A statement without its semicolon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The SQL.
    pub sql: String,
    /// How it has to run.
    pub runs: Runs,
    /// What it loses, for people; nothing if no data goes.
    pub loses: Option<String>,
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
}
