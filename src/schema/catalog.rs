//! Reading a schema from the catalogs of a database: a fixed number of queries at most, sent together,
//! in one snapshot.

mod queries;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::rc::Rc;

use futures_util::TryStreamExt as _;
use futures_util::future::try_join_all;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row, RowStream};

use super::links::Links;
use super::model::{Attributes, Id, Kind, Schema};
use super::names::Names;
use crate::database::failure::Failure;

/// Where something is in the catalogs: class, number, column.
type Address = (u32, u32, i32);

/// Constants and names are printed in the form that any session reads alike, and two sessions print
/// alike: the settings are those of `pg_dump`, and one time zone for all.
const BEGIN: &str = "begin transaction isolation level repeatable read read only; \
    set local search_path = ''; set local jit = off; set local datestyle = 'ISO, YMD'; \
    set local intervalstyle = 'postgres'; set local extra_float_digits = 3; \
    set local standard_conforming_strings = on; \
    set local bytea_output = 'hex'; set local timezone = 'UTC'; \
    set local quote_all_identifiers = off";

/// Reads the schema. What is in `ledger_schema` is left out.
pub async fn read(client: &Client, ledger_schema: &str) -> Result<Schema, Failure> {
    client.batch_execute(BEGIN).await?;
    let read = read_all(client, ledger_schema).await;
    client.batch_execute("rollback").await?;
    read
}

async fn read_all(client: &Client, ledger_schema: &str) -> Result<Schema, Failure> {
    let present = client.query_typed_one(queries::PRESENT, &[]).await?;
    let major = version(present.get(0));
    let present: Vec<&str> = present.get(1);
    let found = RefCell::new(Vec::new());
    let needed = queries::OBJECTS
        .iter()
        .filter_map(|query| query.needed(&present, major));
    let objects = try_join_all(needed.map(|query| {
        let found = &found;
        async move {
            let rows = client.query_typed_raw(&query, [(ledger_schema, Type::TEXT)]);
            each(rows.await?, |row| found.borrow_mut().push(object(row))).await
        }
    }));
    let mut aliases: BTreeMap<(u32, u32), Address> = BTreeMap::new();
    let alias = async {
        let query = queries::for_server(include_str!("sql/aliases.sql"), major);
        each(all(client, &query).await?, |row| {
            let (what, whose) = ((row.get(0), row.get(1)), address(row, 2));
            aliases.insert(what, whose);
        })
        .await
    };
    let mut dependencies: Vec<(Address, Address)> = Vec::new();
    let dependency = async {
        let rows = all(client, include_str!("sql/dependencies.sql")).await?;
        each(rows, |row| {
            dependencies.push((address(row, 0), address(row, 3)));
        })
        .await
    };
    let unknown = queries::for_server(include_str!("sql/unknown.sql"), major);
    let unknown = client.query_typed(&unknown, &[]);
    let role = client.query_typed("select current_user::text", &[]);
    let casts = client.query_typed(include_str!("sql/known_casts.sql"), &[]);
    // One behind the other on the wire, each read while the server works on the next.
    let ((), (), (), unknown, role, casts) = tokio::try_join!(
        async { objects.await.map(|_| ()) },
        alias,
        dependency,
        async { Ok(unknown.await?) },
        async { Ok(role.await?) },
        async { Ok(casts.await?) },
    )?;

    let mut schema = Schema::default();
    let pair = |row: &Row| {
        (
            Box::from(row.get::<_, &str>(0)),
            Box::from(row.get::<_, &str>(1)),
        )
    };
    schema.casts = casts.iter().map(pair).collect();
    for row in &unknown {
        let (kind, name): (&str, &str) = (row.get(0), row.get(1));
        schema.unknown.push(format!("{kind} {name}"));
    }
    if let Some(row) = role.first() {
        schema.role = row.get::<_, &str>(0).into();
    }
    let addresses = Addresses {
        numbers: schema.take(found.into_inner()),
        aliases,
    };
    for (who, whom) in dependencies {
        if let (Some(who), Some(whom)) = (addresses.find(who), addresses.find(whom)) {
            let (needing, needed) = (schema.links.id(who), schema.links.id(whom));
            if needed.kind == Kind::Index && schema.is_key(needing) {
                // The index of a partitioned table takes over the one that a key of a partition
                // has, when that is there.
                schema.links.add_numbers(whom, who);
            } else {
                schema.links.add_numbers(who, whom);
            }
        }
    }
    drop(addresses);
    add_containers(&mut schema);
    add_heirs(&mut schema);
    add_typings(&mut schema);
    schema.links.settle();
    Ok(schema)
}

/// A query without parameters.
async fn all(client: &Client, query: &str) -> Result<RowStream, Failure> {
    let nothing: [(&str, Type); 0] = [];
    Ok(client.query_typed_raw(query, nothing).await?)
}

/// Takes the rows as they come: all of them at once would be many times the schema.
async fn each(rows: RowStream, mut take: impl FnMut(&Row)) -> Result<(), Failure> {
    let mut rows = pin!(rows);
    while let Some(row) = rows.try_next().await? {
        take(&row);
    }
    Ok(())
}

fn address(row: &Row, first: usize) -> Address {
    (row.get(first), row.get(first + 1), row.get(first + 2))
}

/// An object as a row has it, and where it is in the catalogs.
fn object(row: &Row) -> (Id, Attributes, Address) {
    let kind: &str = row.get(3);
    let names: Vec<&str> = row.get(4);
    let id = Id {
        kind: Kind::of(kind).expect("the queries use the names of kinds"),
        names: Names::shared(&names),
    };
    let texts: Vec<Option<&str>> = row.get(5);
    let mut pairs = Vec::new();
    for pair in texts.chunks(2) {
        if let [Some(name), Some(value)] = pair {
            pairs.push((*name, *value));
        }
    }
    (id, Attributes::shared(&mut pairs), address(row, 0))
}

/// What is where in the catalogs.
struct Addresses {
    /// In order, with the objects' numbers among the links.
    numbers: Vec<(Address, u32)>,
    aliases: BTreeMap<(u32, u32), Address>,
}

impl Addresses {
    fn find(&self, address: Address) -> Option<u32> {
        let known = |address: Address| {
            let found = self.numbers.binary_search_by_key(&address, |(own, _)| *own);
            found.ok().map(|at| self.numbers[at].1)
        };
        let (mut class, mut number, mut column) = address;
        // An array of a row type of a table: no chain is longer.
        for _ in 0..4 {
            let found = known((class, number, column)).or_else(|| known((class, number, 0)));
            if found.is_some() {
                return found;
            }
            (class, number, column) = *self.aliases.get(&(class, number))?;
        }
        None
    }
}

impl Schema {
    /// Takes all objects that were read. Of two with one id the later counts.
    fn take(&mut self, mut found: Vec<(Id, Attributes, Address)>) -> Vec<(Address, u32)> {
        found.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        let mut ids: Vec<Id> = Vec::new();
        let mut numbers = Vec::new();
        for (id, _, address) in &found {
            if ids.last() != Some(id) {
                ids.push(id.clone());
            }
            let number = u32::try_from(ids.len() - 1);
            numbers.push((*address, number.expect("PostgreSQL numbers with 32 bit")));
        }
        // A stable order: of two at one address the later one counts.
        numbers.sort_by_key(|(address, _)| *address);
        numbers.dedup_by(|later, kept| {
            let is_there = later.0 == kept.0;
            if is_there {
                kept.1 = later.1;
            }
            is_there
        });
        self.links = Links::between(ids);
        let objects = found
            .into_iter()
            .map(|(id, attributes, _)| (id, attributes));
        self.objects = objects.collect();
        numbers
    }
}

/// What is a part of something needs it, whether or not the server says so.
fn add_containers(schema: &mut Schema) {
    let ids: Vec<Id> = schema.objects.keys().cloned().collect();
    for id in ids {
        match id.kind {
            Kind::Column
            | Kind::Constraint
            | Kind::Trigger
            | Kind::Rule
            | Kind::Policy
            | Kind::DomainConstraint => {
                if let Some(relation) = schema.relation_of(&id) {
                    schema.add_need(&id, &relation);
                }
            }
            Kind::Default | Kind::IdentitySequence => {
                let column = Id {
                    kind: Kind::Column,
                    names: id.names.clone(),
                };
                schema.add_need(&id, &column);
            }
            Kind::Schema
            | Kind::Extension
            | Kind::EventTrigger
            | Kind::DefaultPrivileges
            | Kind::Language
            | Kind::AccessMethod
            | Kind::Wrapper
            | Kind::Server
            | Kind::Cast
            | Kind::Transform
            | Kind::Publication => {}
            Kind::MemberPrivileges => {
                let extension = Id::new(Kind::Extension, &[id.name(0)]);
                schema.add_need(&id, &extension);
            }
            Kind::ViewColumn => {
                let kinds = [Kind::View, Kind::MaterializedView, Kind::Composite];
                for relation in kinds.map(|kind| id.table(kind)) {
                    if schema.objects.contains_key(&relation) {
                        schema.add_need(&id, &relation);
                    }
                }
            }
            Kind::UserMapping => {
                let server = Id::new(Kind::Server, &[id.name(0)]);
                schema.add_need(&id, &server);
            }
            Kind::PublicationTable => {
                let publication = Id::new(Kind::Publication, &[id.name(0)]);
                let table = Id::new(Kind::Table, &[id.name(1), id.name(2)]);
                schema.add_need(&id, &publication);
                schema.add_need(&id, &table);
            }
            Kind::PublicationSchema => {
                let publication = Id::new(Kind::Publication, &[id.name(0)]);
                let home = Id::new(Kind::Schema, &[id.name(1)]);
                schema.add_need(&id, &publication);
                schema.add_need(&id, &home);
            }
            _ => {
                let home = Id::new(Kind::Schema, &[id.name(0)]);
                if schema.objects.contains_key(&home) {
                    schema.add_need(&id, &home);
                }
            }
        }
    }
}

/// The server's keywords that are quoted when they are names, and its major version.
pub async fn words(client: &Client) -> Result<(BTreeSet<String>, u32), Failure> {
    let query = "select word from pg_catalog.pg_get_keywords() where catcode <> 'U'";
    let (rows, major) = tokio::join!(client.query_typed(query, &[]), major(client));
    let words = rows?.iter().map(|row| row.get(0)).collect();
    Ok((words, major?))
}

async fn major(client: &Client) -> Result<u32, Failure> {
    let row = client
        .query_typed("select current_setting('server_version_num')::integer", &[])
        .await?;
    Ok(row.first().map_or(0, |row| version(row.get(0))))
}

/// The major version of `server_version_num`.
fn version(number: i32) -> u32 {
    u32::try_from(number / 10_000).unwrap_or_default()
}

/// Indexes of one table, and whether each came from a parent's.
type Indexes = Vec<(Id, bool)>;

/// A partition or an heir joins when both tables are complete, and leaves before either changes.
/// What it has from its parent comes with the joining.
fn add_heirs(schema: &mut Schema) {
    let is_inheritance = |id: &&Id| id.kind == Kind::Inheritance;
    let ids: Vec<Id> = schema
        .objects
        .keys()
        .filter(is_inheritance)
        .cloned()
        .collect();
    let mut indexes: BTreeMap<(Rc<str>, Rc<str>), Indexes> = BTreeMap::new();
    for (id, attributes) in &schema.objects {
        if let (Kind::Index, Some(table)) = (id.kind, attributes.get("table")) {
            let table = (id.names[0].clone(), Rc::from(table));
            let index = (id.clone(), attributes.has("inherited"));
            indexes.entry(table).or_default().push(index);
        }
    }
    let indexes_of = |table: &Id| {
        let indexes = indexes.get(&(table.names[0].clone(), table.names[1].clone()));
        indexes.into_iter().flatten()
    };
    for id in ids {
        let relation = |names: [&str; 2]| {
            let kinds = [Kind::Table, Kind::ForeignTable];
            let ids = kinds.map(|kind| Id::new(kind, &names));
            ids.into_iter().find(|id| schema.objects.contains_key(id))
        };
        let child = relation([id.name(0), id.name(1)]);
        let parent = relation([id.name(2), id.name(3)]);
        let (Some(child), Some(parent)) = (child, parent) else {
            continue;
        };
        let mut needs = vec![(id.clone(), child.clone()), (id.clone(), parent.clone())];
        for kind in [Kind::Column, Kind::Constraint] {
            for (part, attributes) in schema.parts(&child, kind) {
                if !attributes.has("inherited") || kind == Kind::Column {
                    needs.push((id.clone(), part.clone()));
                } else {
                    needs.push((part.clone(), id.clone()));
                }
                let mut above = part.clone();
                above.names[0] = parent.names[0].clone();
                above.names[1] = parent.names[1].clone();
                if kind == Kind::Column
                    && attributes.has("inherited")
                    && schema.objects.contains_key(&above)
                {
                    needs.push((child.clone(), above.clone()));
                    needs.push((part.clone(), above));
                }
            }
            for (part, _) in schema.parts(&parent, kind) {
                needs.push((id.clone(), part.clone()));
            }
        }
        for (index, _) in indexes_of(&parent) {
            needs.push((id.clone(), index.clone()));
        }
        for (index, is_inherited) in indexes_of(&child) {
            needs.push(if *is_inherited {
                (index.clone(), id.clone())
            } else {
                (id.clone(), index.clone())
            });
        }
        for (who, whom) in needs {
            schema.add_need(&who, &whom);
        }
    }
}

/// A table becomes one of a type when its columns are the type's, and is none while they change.
fn add_typings(schema: &mut Schema) {
    let tables = schema.objects.iter();
    let typed: Vec<(Id, String)> = tables
        .filter(|(id, _)| id.kind == Kind::Table)
        .filter_map(|(id, table)| Some((id.clone(), table.get("of type")?.to_owned())))
        .collect();
    for (table, kind) in typed {
        let typing = Id {
            kind: Kind::Typing,
            names: table.names.clone(),
        };
        let mut attributes = Attributes::default();
        attributes.set("type", &kind);
        schema.objects.insert(typing.clone(), attributes);
        let of = schema.needs(&table).find(|one| one.kind == Kind::Composite);
        let of = of.cloned();
        let columns = schema.parts(&table, Kind::Column).map(|(id, _)| id.clone());
        let columns: Vec<Id> = columns.collect();
        for needed in of.iter().chain(&columns).chain([&table]) {
            schema.add_need(&typing, needed);
        }
    }
}
