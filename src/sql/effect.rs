//! What a statement leaves in the database, as far as its text tells: what to look for when nobody
//! knows whether it ran to its end, and what it keeps in the session alone.
//!
//! Only statements that PostgreSQL refuses inside a transaction need this: every other one commits
//! together with the note that it is done. Names are given as the statement writes them; the
//! server takes them apart.

use crate::sql::lexer::{Kind, Lexer, Token};

/// How an unknown outcome of a statement can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect<'s> {
    /// Running it again does no harm: it leads to the same state, however often it runs.
    Repeats,
    /// `create index concurrently`.
    Builds(Build<'s>),
    /// `drop index concurrently`, of this index.
    DropsIndex(&'s str),
    /// `reindex … concurrently`, which is repeated once its leftovers are gone.
    Reindexes(Scope<'s>),
    /// `alter table … detach partition … concurrently`.
    Detaches {
        /// The partitioned table.
        parent: &'s str,
        /// The partition.
        partition: &'s str,
    },
    /// Makes something of this name.
    Creates(Thing, &'s str),
    /// Takes something of this name away.
    Drops(Thing, &'s str),
    /// Only a person can tell: it may commit by itself, or castoff knows nothing to look for.
    Untold,
}

/// Something outside any schema, looked up by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A database.
    Database,
    /// A tablespace.
    Tablespace,
    /// A subscription.
    Subscription,
}

impl Thing {
    /// As the statement calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Tablespace => "tablespace",
            Self::Subscription => "subscription",
        }
    }
}

/// Where a `reindex` may have left an index behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'s> {
    /// On the table of this index.
    Index(&'s str),
    /// On this table.
    Table(&'s str),
    /// In this schema.
    Schema(&'s str),
    /// Anywhere in the database.
    Database,
}

/// The parts of a `create index concurrently`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Build<'s> {
    /// Whether it is a unique index.
    pub uniqueness: Uniqueness,
    /// What it says about an index of this name that is there already.
    pub presence: Presence,
    /// The index; nothing where the server chooses the name.
    pub index: Option<&'s str>,
    /// The table.
    pub table: &'s str,
    /// Everything behind the table: method, columns, predicate.
    pub definition: &'s str,
}

/// Whether an index is unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uniqueness {
    /// `create unique index`
    Unique,
    /// `create index`
    Plain,
}

/// What an index of the same name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// An error.
    Refused,
    /// Nothing to do: `if not exists`.
    Accepted,
}

impl<'s> Effect<'s> {
    /// Reads one statement, given from its first token to its last.
    pub fn of(statement: &'s str) -> Self {
        Words::new(statement).effect().unwrap_or(Self::Untold)
    }
}

/// The command, if what the statement makes ends with the session, so that a start which goes on
/// behind it would miss it. `set` and `reset` are not among these: they are simply run again.
pub fn kept_in_session(statement: &str) -> Option<&'static str> {
    let mut words = Words::new(statement);
    if words.eat("create") {
        if words.eat("or") {
            words.eat("replace");
        }
        if !words.eat("local") {
            words.eat("global");
        }
        return (words.eat("temp") || words.eat("temporary")).then_some("create temporary");
    }
    let commands = ["declare", "listen", "prepare"];
    commands.into_iter().find(|command| words.eat(command))
}

/// The tokens of a statement without comments, one after the other.
struct Words<'s> {
    statement: &'s str,
    lexer: Lexer<'s>,
    next: Option<Token>,
}

impl<'s> Words<'s> {
    fn new(statement: &'s str) -> Self {
        let mut words = Self {
            statement,
            lexer: Lexer::new(statement.as_bytes(), 0),
            next: None,
        };
        words.advance();
        words
    }

    /// Ends early where the text is broken.
    fn advance(&mut self) -> Option<Token> {
        let token = self.next.take();
        self.next = loop {
            match self.lexer.next_token() {
                Ok(Some(token)) if token.kind == Kind::LineComment => {}
                other => break other.ok().flatten(),
            }
        };
        token
    }

    fn text(&self, token: Token) -> &'s str {
        self.statement.get(token.start..token.end).unwrap_or("")
    }

    /// Passes over this word, if it comes next.
    fn eat(&mut self, word: &str) -> bool {
        let is_next = self.next.is_some_and(|token| {
            token.kind == Kind::Word && self.text(token).eq_ignore_ascii_case(word)
        });
        if is_next {
            self.advance();
        }
        is_next
    }

    fn need(&mut self, word: &str) -> Option<()> {
        self.eat(word).then_some(())
    }

    fn is_at(&self, kind: Kind, text: &str) -> bool {
        self.next
            .is_some_and(|token| token.kind == kind && self.text(token) == text)
    }

    /// A name, with the names of schemas before it: `"S" . t`.
    fn name(&mut self) -> Option<&'s str> {
        let first = self.advance()?;
        let mut last = first;
        loop {
            if !matches!(last.kind, Kind::Word | Kind::QuotedName) {
                return None;
            }
            if !self.is_at(Kind::Mark, ".") {
                return self.statement.get(first.start..last.end);
            }
            self.advance();
            last = self.advance()?;
        }
    }

    /// `if exists` or `if not exists`.
    fn condition(&mut self) -> Presence {
        if !self.eat("if") {
            return Presence::Refused;
        }
        self.eat("not");
        self.eat("exists");
        Presence::Accepted
    }

    fn effect(&mut self) -> Option<Effect<'s>> {
        let repeats = [
            "analyse",
            "analyze",
            "checkpoint",
            "cluster",
            "discard",
            "refresh",
            "reset",
            "set",
            "show",
            "vacuum",
        ];
        if repeats.into_iter().any(|word| self.eat(word)) {
            Some(Effect::Repeats)
        } else if self.eat("create") {
            self.creation()
        } else if self.eat("drop") {
            if self.eat("index") {
                self.need("concurrently")?;
                self.condition();
                return Some(Effect::DropsIndex(self.name()?));
            }
            let thing = self.thing()?;
            self.condition();
            Some(Effect::Drops(thing, self.name()?))
        } else if self.eat("alter") {
            self.alteration()
        } else {
            self.need("reindex")?;
            self.reindexing()
        }
    }

    fn thing(&mut self) -> Option<Thing> {
        let things = [Thing::Database, Thing::Tablespace, Thing::Subscription];
        things.into_iter().find(|thing| self.eat(thing.as_str()))
    }

    fn creation(&mut self) -> Option<Effect<'s>> {
        let uniqueness = if self.eat("unique") {
            Uniqueness::Unique
        } else if let Some(thing) = self.thing() {
            return Some(Effect::Creates(thing, self.name()?));
        } else {
            Uniqueness::Plain
        };
        self.need("index")?;
        self.need("concurrently")?;
        let presence = self.condition();
        let index = if self.eat("on") {
            None
        } else {
            let index = self.name()?;
            self.need("on")?;
            Some(index)
        };
        self.eat("only");
        let table = self.name()?;
        let definition = self.statement.get(self.next?.start..)?;
        Some(Effect::Builds(Build {
            uniqueness,
            presence,
            index,
            table,
            definition,
        }))
    }

    fn alteration(&mut self) -> Option<Effect<'s>> {
        if self.eat("system") {
            return Some(Effect::Repeats);
        }
        if self.eat("database") {
            self.name()?;
            self.need("set")?;
            self.need("tablespace")?;
            return Some(Effect::Repeats);
        }
        if self.eat("subscription") {
            self.name()?;
            // `add` and `drop` refuse a publication that is there, or not there, already.
            return (self.eat("refresh") || self.eat("set")).then_some(Effect::Repeats);
        }
        self.need("table")?;
        self.condition();
        self.eat("only");
        let parent = self.name()?;
        if self.is_at(Kind::Operator, "*") {
            self.advance();
        }
        self.need("detach")?;
        self.need("partition")?;
        let partition = self.name()?;
        self.need("concurrently")?;
        Some(Effect::Detaches { parent, partition })
    }

    /// `reindex [(options)] what [concurrently] name`. Without `concurrently` nothing is left over,
    /// and looking for it does no harm.
    fn reindexing(&mut self) -> Option<Effect<'s>> {
        if self.is_at(Kind::Open, "(") {
            while self.advance()?.kind != Kind::Close {}
        }
        let kinds = ["index", "table", "schema", "database", "system"];
        let kind = kinds.into_iter().find(|kind| self.eat(kind))?;
        self.eat("concurrently");
        let scope = match kind {
            "index" => Scope::Index(self.name()?),
            "table" => Scope::Table(self.name()?),
            "schema" => Scope::Schema(self.name()?),
            _ => Scope::Database,
        };
        Some(Effect::Reindexes(scope))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(statement: &str, expected: Effect<'_>) {
        assert_eq!(Effect::of(statement), expected, "{statement}");
    }

    #[test]
    fn reads_the_parts_of_an_index() {
        let plain = Build {
            uniqueness: Uniqueness::Plain,
            presence: Presence::Refused,
            index: Some("i"),
            table: "t",
            definition: "(a)",
        };
        check(
            "create index concurrently i on t (a)",
            Effect::Builds(plain),
        );
        check(
            "CREATE UNIQUE INDEX CONCURRENTLY i ON ONLY t USING gin (a) where b",
            Effect::Builds(Build {
                uniqueness: Uniqueness::Unique,
                definition: "USING gin (a) where b",
                ..plain
            }),
        );
        check(
            "create index concurrently if not exists i on t(a)",
            Effect::Builds(Build {
                presence: Presence::Accepted,
                ..plain
            }),
        );
        check(
            "create index /* big */ concurrently -- why\n \"I x\" on \"S\" . t (a)",
            Effect::Builds(Build {
                index: Some("\"I x\""),
                table: "\"S\" . t",
                ..plain
            }),
        );
        check(
            "create index concurrently on t (a)",
            Effect::Builds(Build {
                index: None,
                ..plain
            }),
        );
        for statement in [
            "create index i on t (a)",
            "create table t (a integer)",
            "create index concurrently i",
            "create index concurrently i on t",
            "create index concurrently 1 on t (a)",
            "",
        ] {
            check(statement, Effect::Untold);
        }
    }

    #[test]
    fn knows_what_to_look_for() {
        for (statement, expected) in [
            (
                "drop index concurrently if exists s.i cascade",
                Effect::DropsIndex("s.i"),
            ),
            ("drop index i", Effect::Untold),
            (
                "reindex index concurrently i",
                Effect::Reindexes(Scope::Index("i")),
            ),
            (
                "REINDEX (verbose, concurrently on) TABLE s.t",
                Effect::Reindexes(Scope::Table("s.t")),
            ),
            (
                "reindex schema concurrently s",
                Effect::Reindexes(Scope::Schema("s")),
            ),
            (
                "reindex database concurrently",
                Effect::Reindexes(Scope::Database),
            ),
            (
                "alter table if exists only a.b * detach partition \"C\" concurrently",
                Effect::Detaches {
                    parent: "a.b",
                    partition: "\"C\"",
                },
            ),
            ("alter table a detach partition b", Effect::Untold),
            ("alter table a add b integer", Effect::Untold),
            (
                "create database \"X\" owner o",
                Effect::Creates(Thing::Database, "\"X\""),
            ),
            (
                "drop database if exists x",
                Effect::Drops(Thing::Database, "x"),
            ),
            (
                "create tablespace x location '/x'",
                Effect::Creates(Thing::Tablespace, "x"),
            ),
            (
                "create subscription s connection 'c' publication p",
                Effect::Creates(Thing::Subscription, "s"),
            ),
            (
                "drop subscription s",
                Effect::Drops(Thing::Subscription, "s"),
            ),
        ] {
            check(statement, expected);
        }
    }

    #[test]
    fn knows_what_may_run_again() {
        for statement in [
            "vacuum (full) t",
            "ANALYZE t",
            "cluster",
            "alter system set work_mem = '1MB'",
            "alter database d set tablespace t",
            "alter subscription s refresh publication",
            "alter subscription s set publication p",
            "set role r",
            "discard all",
            "refresh materialized view concurrently v",
        ] {
            check(statement, Effect::Repeats);
        }
        for statement in [
            "call p()",
            "do 'begin commit; end'",
            "alter subscription s add publication p",
            "insert into t values (1)",
            "select 1",
        ] {
            check(statement, Effect::Untold);
        }
    }

    #[test]
    fn knows_what_ends_with_the_session() {
        for (statement, expected) in [
            ("create temp table t ()", Some("create temporary")),
            (
                "CREATE or replace LOCAL TEMPORARY view v as select 1",
                Some("create temporary"),
            ),
            ("prepare p as select 1", Some("prepare")),
            ("listen x", Some("listen")),
            ("declare c cursor with hold for select 1", Some("declare")),
            ("create table temp ()", None),
            ("create index temp on t (a)", None),
            ("set a.b = 'c'", None),
            ("select 1", None),
            ("", None),
        ] {
            assert_eq!(kept_in_session(statement), expected, "{statement}");
        }
    }
}
