//! The words: how each kind of object is made, changed and dropped.
//!
//! Names are quoted where the server would quote them: [`Names`] has the server's own keywords.

pub mod arrival;
mod carry;
mod cast;
mod chosen;
mod column;
mod common;
mod family;
mod foreign;
mod function;
mod guard;
mod identity;
pub(super) mod inheritance;
mod not_null;
pub mod online;
mod plain;
mod privilege;
pub mod probes;
mod publication;
pub(super) mod range;
pub(super) mod rebuild;
mod relation;
pub(super) mod remake;
mod retype;
mod scan;
mod table;
pub(super) mod types;
mod typing;

use std::collections::BTreeSet;

use super::model::{Attributes, Id, Kind, Schema};
use super::statement::{Runs, Statement};

/// How an object that is in both schemas comes from one state to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alteration {
    /// By these statements; what needs it stays as it is.
    InPlace(Vec<Statement>),
    /// By these statements, while what needs it, of these kinds, is not there.
    Without(Vec<Statement>, &'static [Kind]),
    /// It is dropped and made again, and so is all that needs it.
    Replace,
    /// It is made again with the rows of the old one, and so is all that needs it.
    Rebuild,
    /// It is made again under its name, while what needs it, of these kinds, is not there; columns
    /// move over from the old one.
    Remake(&'static [Kind]),
}

/// Both sides, and what is needed to write names.
#[derive(Debug)]
pub struct Sides<'s> {
    /// The schema as it is.
    pub old: &'s Schema,
    /// The schema as it is to be.
    pub new: &'s Schema,
    /// Words that are quoted when they are names.
    pub keywords: &'s BTreeSet<String>,
    /// The server's major version.
    pub major: u32,
    /// Whether tables that are there may be in use: then nothing locks them for long.
    pub online: bool,
}

impl Sides<'_> {
    /// A name as SQL has it.
    pub fn name(&self, name: &str) -> String {
        let mut letters = name.chars();
        let begins = letters
            .next()
            .is_some_and(|first| first.is_ascii_lowercase() || first == '_');
        let goes_on = letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if begins && goes_on && !self.keywords.contains(name) {
            name.to_owned()
        } else {
            format!("\"{}\"", name.replace('"', "\"\""))
        }
    }

    /// The first two names: schema and relation, type or function.
    pub fn qualified(&self, id: &Id) -> String {
        format!("{}.{}", self.name(id.name(0)), self.name(id.name(1)))
    }

    /// Whether a type, as the server writes it, is one of either schema's enums.
    fn is_own_type(&self, kind: &str) -> bool {
        let kind = kind.trim_end_matches("[]");
        let schemas = [self.old, self.new].into_iter();
        let mut enums = schemas.flat_map(|schema| schema.of_kind(Kind::Enum));
        enums.any(|(id, _)| self.qualified(id) == kind)
    }

    /// What a type is made of, if it is a domain of the schema; else itself.
    fn base_of<'k>(&self, schema: &'k Schema, kind: &'k str) -> &'k str {
        let mut domains = schema.of_kind(Kind::Domain);
        let domain = domains.find(|(id, _)| self.qualified(id) == kind);
        domain
            .and_then(|(_, domain)| domain.get("type"))
            .map_or(kind, |base| self.base_of(schema, base))
    }

    /// Whether the table of a column is made, and the column with it.
    pub fn is_of_a_new_table(&self, id: &Id) -> bool {
        let kinds = [Kind::Table, Kind::ForeignTable];
        let tables = kinds.map(|kind| id.table(kind));
        let mut tables = tables.iter().filter(|id| self.new.get(id).is_some());
        tables.any(|id| self.old.get(id).is_none() || self.is_rebuilt(id) || self.is_moved(id))
    }

    /// Whether a foreign table goes to another server, or its server is made again: so is it.
    fn is_moved(&self, id: &Id) -> bool {
        let server = |schema: &Schema| {
            let table = schema.get(id).filter(|_| id.kind == Kind::ForeignTable)?;
            table.get("server").map(str::to_owned)
        };
        let is_made_again = |name: &str| {
            let id = Id::new(Kind::Server, &[name]);
            let (old, new) = (self.old.get(&id), self.new.get(&id));
            old.zip(new).is_some_and(|(old, new)| {
                ["type", "wrapper"]
                    .into_iter()
                    .any(|one| old.get(one) != new.get(one))
            })
        };
        server(self.old).is_some_and(|old| is_made_again(&old) || server(self.new) != Some(old))
    }

    /// Whether a table becomes partitioned, or otherwise partitioned, or ordinary: that needs
    /// another table.
    pub fn is_rebuilt(&self, table: &Id) -> bool {
        if table.kind != Kind::Table {
            return false;
        }
        let key = |schema: &Schema| {
            let table = schema.get(table)?;
            Some(table.get("partition by").map(str::to_owned))
        };
        match (key(self.old), key(self.new)) {
            (Some(old), Some(new)) if old != new => true,
            _ if typing::needs_another_table(self, table) => true,
            (Some(Some(_)), Some(_)) => self.is_key_rebuilt(table),
            _ => false,
        }
    }

    /// Whether a column of the key gets another type, which the server does not allow: of a
    /// partitioned table, or of a partition that is partitioned itself.
    fn is_key_rebuilt(&self, table: &Id) -> bool {
        let keys = self
            .old
            .get(table)
            .and_then(|table| table.get("key columns"));
        let keys: Vec<String> = keys
            .and_then(|keys| serde_json::from_str(keys).ok())
            .unwrap_or_default();
        let mut columns = keys
            .iter()
            .map(|name| Id::new(Kind::Column, &[table.name(0), table.name(1), name]));
        let retypes = |column: Id| {
            let (Some(old), Some(new)) = (self.old.get(&column), self.new.get(&column)) else {
                return true;
            };
            let mut needs = self.old.needs(&column);
            old.get("type") != new.get("type")
                || old.get("collation") != new.get("collation")
                || needs
                    .any(|id| remake::is_remade(self, id) || remake::successor(self, id).is_some())
        };
        columns.any(retypes)
            || self.new.needed_by(table).any(|join| {
                let child = Id::new(Kind::Table, &[join.name(0), join.name(1)]);
                let is_child = join.kind == Kind::Inheritance && child != *table;
                is_child && self.old.get(join).is_some() && self.is_rebuilt(&child)
            })
    }

    /// What an object is called while another takes its place: a name that nothing has.
    fn aside(&self, id: &Id) -> Id {
        let name = |number: u32| {
            let ending = match number {
                0 => "_before".to_owned(),
                number => format!("_before{number}"),
            };
            let own = chosen::clipped(id.name(1), chosen::LONGEST - ending.len());
            Id::new(id.kind, &[id.name(0), &format!("{own}{ending}")])
        };
        let is_free = |aside: &Id| {
            let kinds = [
                Kind::Table,
                Kind::ForeignTable,
                Kind::View,
                Kind::MaterializedView,
                Kind::Index,
                Kind::Sequence,
                Kind::Enum,
                Kind::Domain,
                Kind::Composite,
                Kind::Range,
                Kind::Collation,
            ];
            kinds.into_iter().all(|kind| {
                let one = aside.table(kind);
                self.old.get(&one).is_none() && self.new.get(&one).is_none()
            })
        };
        let mut numbers = 0..;
        let free = numbers.find_map(|number| Some(name(number)).filter(is_free));
        free.unwrap_or_else(|| name(0))
    }

    /// The last name.
    pub fn own(&self, id: &Id) -> String {
        self.name(id.own_name())
    }
}

/// The statements that make an object of the new schema.
pub fn create(sides: &Sides<'_>, id: &Id) -> Vec<Statement> {
    let Some(attributes) = sides.new.get(id) else {
        return Vec::new();
    };
    let mut statements = match id.kind {
        Kind::Schema => vec![Statement::new(format!("create schema {}", sides.own(id)))],
        Kind::Extension => common::create_extension(sides, id, attributes),
        Kind::Enum => types::create_enum(sides, id, attributes),
        Kind::Domain => match sides.old.get(id) {
            Some(old) if !remake::is_remade(sides, id) => {
                return types::set_default_again(sides, id, old, attributes);
            }
            Some(_) | None => types::create_domain(sides, id, attributes),
        },
        Kind::Composite => types::create_composite(sides, id, attributes),
        Kind::Range => range::create(sides, id, attributes),
        Kind::DomainConstraint => types::create_constraint(sides, id, attributes),
        Kind::Sequence => common::create_sequence(sides, id, attributes),
        Kind::Function => function::create(attributes),
        Kind::Aggregate => function::create_aggregate(sides, id, attributes),
        Kind::Table | Kind::ForeignTable => table::create(sides, id, attributes),
        // It came with its table.
        Kind::Column if sides.is_of_a_new_table(id) => Vec::new(),
        Kind::Column => column::add(sides, id, attributes),
        Kind::Default if arrival::is_there(sides, id) => Vec::new(),
        Kind::Default => column::set_default(sides, id, attributes),
        Kind::IdentitySequence => identity::create(sides, id, attributes),
        Kind::Inheritance => inheritance::join(sides, id, attributes),
        Kind::Typing => typing::begin(sides, id, attributes),
        Kind::MemberPrivileges => privilege::of_member(sides, id, None, Some(attributes)),
        // Its relation made it.
        Kind::ViewColumn => column::finish(sides, id, attributes),
        Kind::Constraint => table::add_constraint(sides, id, attributes),
        Kind::View | Kind::MaterializedView => relation::create_view(sides, id, attributes),
        Kind::Index => relation::create_index(sides, id, attributes),
        Kind::Statistics => relation::create_statistics(sides, id, attributes),
        Kind::Rule => relation::create_rule(sides, id, attributes),
        Kind::Trigger => relation::create_trigger(sides, id, attributes),
        Kind::Policy => relation::create_policy(sides, id, attributes),
        Kind::EventTrigger => common::create_event_trigger(sides, id, attributes),
        Kind::Language
        | Kind::AccessMethod
        | Kind::Collation
        | Kind::SearchParser
        | Kind::SearchTemplate
        | Kind::SearchDictionary
        | Kind::SearchConfiguration
        | Kind::Conversion
        | Kind::Cast
        | Kind::Transform
        | Kind::Operator
        | Kind::OperatorFamily
        | Kind::OperatorClass => plain::create(sides, id, attributes),
        Kind::Wrapper | Kind::Server | Kind::UserMapping => foreign::create(sides, id, attributes),
        Kind::Publication => publication::create(sides, id, attributes),
        Kind::PublicationTable => publication::add_table(sides, id, attributes),
        Kind::PublicationSchema => publication::schema(sides, id, "add"),
        Kind::DefaultPrivileges => privilege::default_privileges(sides, id, None, Some(attributes)),
    };
    statements.extend(common::after_create(sides, id, attributes));
    statements.extend(remake::take_over(sides, id, attributes));
    statements
}

/// The statements that bring the rows of a table that was made anew, or that end a type which was.
pub fn move_rows(sides: &Sides<'_>, id: &Id) -> Vec<Statement> {
    if id.kind == Kind::Table {
        rebuild::move_rows(sides, id)
    } else {
        remake::end(sides, id)
    }
}

/// The statements that drop an object of the old schema.
pub fn drop(sides: &Sides<'_>, id: &Id) -> Vec<Statement> {
    let Some(attributes) = sides.old.get(id) else {
        return Vec::new();
    };
    if remake::is_remade(sides, id) || remake::successor(sides, id).is_some() {
        return remake::set_aside(sides, id);
    }
    let qualified = || sides.qualified(id);
    let own = || sides.own(id);
    let word = id.kind.name();
    let table = match (id.kind, attributes.get("table")) {
        (Kind::Index, Some(table)) => Id::new(Kind::Table, &[id.name(0), table]),
        _ => id.table(Kind::Table),
    };
    let is_part = matches!(id.kind, Kind::Index) || id.names.len() > 2;
    if is_part && rebuild::goes_with_that_of_its_parent(sides, id, &table) {
        return Vec::new();
    }
    match id.kind {
        Kind::Extension if attributes.has("holds rows") => vec![Statement::losing(
            format!("drop extension {}", own()),
            "the tables of the extension and their rows",
        )],
        Kind::Schema | Kind::Extension | Kind::EventTrigger => {
            vec![Statement::new(format!("drop {word} {}", own()))]
        }
        Kind::Enum | Kind::Composite | Kind::Range => {
            vec![Statement::new(format!("drop type {}", qualified()))]
        }
        Kind::Domain if sides.new.get(id).is_some() => types::unset_default(sides, id),
        Kind::Domain
        | Kind::View
        | Kind::Statistics
        | Kind::MaterializedView
        | Kind::ForeignTable => {
            vec![Statement::new(format!("drop {word} {}", qualified()))]
        }
        Kind::Sequence => vec![Statement::losing(
            format!("drop sequence {}", qualified()),
            "the sequence's place",
        )],
        Kind::Table if sides.is_rebuilt(id) => rebuild::set_aside(sides, id),
        Kind::Table if rebuild::goes_with_its_parent(sides, id) => Vec::new(),
        Kind::Column if sides.is_rebuilt(&table) => column::drop_computed(sides, id, attributes),
        Kind::Column if sides.new.get(id).is_some() && sides.is_of_a_new_table(id) => Vec::new(),
        Kind::Inheritance => inheritance::leave(sides, id, attributes),
        Kind::Typing => typing::end(sides, id),
        Kind::MemberPrivileges => privilege::of_member(sides, id, Some(attributes), None),
        // The column goes.
        Kind::IdentitySequence => Vec::new(),
        Kind::ViewColumn => common::unsay(sides, id, attributes),
        Kind::Table => vec![Statement::losing(
            format!("drop table {}", qualified()),
            "the table and its rows",
        )],
        Kind::Column => column::drop(sides, id, attributes),
        Kind::Default => column::drop_default(sides, id),
        Kind::Constraint => table::drop_constraint(sides, id, attributes),
        Kind::DomainConstraint => vec![Statement::new(format!(
            "alter domain {} drop constraint {}",
            qualified(),
            own()
        ))],
        Kind::Function => function::drop(sides, id, attributes),
        Kind::Aggregate => function::drop_aggregate(sides, id, attributes),
        Kind::Index => relation::drop_index(sides, id, attributes),
        Kind::Rule | Kind::Trigger | Kind::Policy => {
            // What came with a parent's goes with it, or when the partition leaves.
            if attributes.has("inherited") {
                return Vec::new();
            }
            vec![Statement::new(format!(
                "drop {word} {} on {}",
                own(),
                qualified()
            ))]
        }
        Kind::Language
        | Kind::AccessMethod
        | Kind::Collation
        | Kind::SearchParser
        | Kind::SearchTemplate
        | Kind::SearchDictionary
        | Kind::SearchConfiguration
        | Kind::Conversion
        | Kind::Cast
        | Kind::Transform
        | Kind::Operator
        | Kind::OperatorFamily
        | Kind::OperatorClass => {
            vec![Statement::new(format!("drop {}", plain::target(sides, id)))]
        }
        Kind::Wrapper | Kind::Server | Kind::UserMapping => {
            vec![Statement::new(format!(
                "drop {}",
                foreign::target(sides, id)
            ))]
        }
        Kind::Publication => vec![Statement::new(format!("drop {word} {}", own()))],
        Kind::PublicationTable => publication::drop_table(sides, id),
        Kind::PublicationSchema => publication::schema(sides, id, "drop"),
        Kind::DefaultPrivileges => privilege::default_privileges(sides, id, Some(attributes), None),
    }
}

/// How an object that is in both schemas, and not the same, is changed.
pub fn alter(sides: &Sides<'_>, id: &Id, old: &Attributes, new: &Attributes) -> Alteration {
    if sides.is_rebuilt(id) {
        return Alteration::Rebuild;
    }
    if remake::is_remade(sides, id) {
        return Alteration::Remake(remake::IN_THE_WAY);
    }
    let mut rest = old.differing(new);
    let after = common::alter_common(sides, id, old, new);
    let everywhere: &[&str] = match id.kind {
        // Privileges are all that there is to them.
        Kind::DefaultPrivileges | Kind::MemberPrivileges => &["comment"],
        _ => &["owner", "acl", "comment"],
    };
    for name in everywhere {
        rest.remove(name);
    }
    if rest.is_empty() {
        return Alteration::InPlace(after);
    }
    let alteration = match id.kind {
        Kind::Extension => common::alter_extension(sides, id, new, &rest),
        Kind::Enum => types::alter_enum(sides, id, old, new),
        Kind::Domain => types::alter_domain(sides, id, old, new, &rest),
        Kind::Composite => types::alter_composite(sides, id, old, new),
        Kind::Sequence => common::alter_sequence(sides, id, old, new, &rest),
        Kind::Function => function::alter(old, new),
        Kind::Table | Kind::ForeignTable => table::alter(sides, id, old, new, &rest),
        Kind::Column | Kind::ViewColumn => column::alter(sides, id, old, new, &rest),
        Kind::IdentitySequence => identity::alter(sides, id, old, new, &rest),
        Kind::OperatorFamily => Alteration::InPlace(family::alter(sides, id, old, new)),
        Kind::Default => Alteration::InPlace(column::set_default(sides, id, new)),
        Kind::MemberPrivileges => {
            Alteration::InPlace(privilege::of_member(sides, id, Some(old), Some(new)))
        }
        Kind::Range => range::alter(sides, id, old, new),
        Kind::SearchConfiguration => plain::alter_configuration(sides, id, old, new, &rest),
        Kind::Constraint => table::alter_constraint(sides, id, old, new, &rest),
        Kind::View | Kind::MaterializedView => relation::alter_view(sides, id, old, new, &rest),
        Kind::Index => relation::alter_index(sides, id, old, new, &rest),
        Kind::Statistics => relation::alter_statistics(sides, id, new, &rest),
        Kind::Trigger => relation::alter_trigger(sides, id, new, &rest),
        Kind::Rule => relation::alter_rule(sides, id, new, &rest),
        Kind::EventTrigger => common::alter_event_trigger(sides, id, new, &rest),
        Kind::Policy => relation::alter_policy(sides, id, old, new, &rest),
        Kind::DefaultPrivileges => Alteration::InPlace(privilege::default_privileges(
            sides,
            id,
            Some(old),
            Some(new),
        )),
        Kind::Wrapper | Kind::Server | Kind::UserMapping => {
            foreign::alter(sides, id, old, new, &rest)
        }
        // What the rows of a partition have in common follows from the bounds of others too.
        Kind::Inheritance if !rest.contains("bound") => Alteration::InPlace(Vec::new()),
        Kind::Publication => publication::alter(sides, id, new, &rest),
        Kind::Inheritance
        | Kind::Typing
        | Kind::Language
        | Kind::AccessMethod
        | Kind::Collation
        | Kind::SearchParser
        | Kind::SearchTemplate
        | Kind::SearchDictionary
        | Kind::Conversion
        | Kind::Cast
        | Kind::Transform
        | Kind::Operator
        | Kind::OperatorClass
        | Kind::PublicationTable
        | Kind::PublicationSchema
        | Kind::Schema
        | Kind::Aggregate
        | Kind::DomainConstraint => Alteration::Replace,
    };
    match alteration {
        Alteration::InPlace(mut statements) => {
            insert(&mut statements, after);
            Alteration::InPlace(statements)
        }
        Alteration::Without(mut statements, kinds) => {
            insert(&mut statements, after);
            Alteration::Without(statements, kinds)
        }
        whole @ (Alteration::Replace | Alteration::Rebuild | Alteration::Remake(_)) => whole,
    }
}

/// Puts statements behind those that run with them in one transaction.
fn insert(statements: &mut Vec<Statement>, more: Vec<Statement>) {
    let is_alone = |statement: &Statement| statement.runs == Runs::Alone;
    let at = statements.iter().position(is_alone);
    let at = at.unwrap_or(statements.len());
    statements.splice(at..at, more);
}
