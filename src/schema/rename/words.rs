//! The statements of renames, and those that take them back.

use super::item::{Item, Part, What};
use super::plan::Step;
use crate::schema::model::{Id, Kind};
use crate::schema::render::Sides;
use crate::schema::statement::Statement;
use crate::sql::ident::Literal;

/// A statement and its way back for each step. The way back has to be gone from behind.
pub fn statements(sides: &Sides<'_>, steps: &[Step]) -> Vec<(Statement, Statement)> {
    let pair = |there: String, back: String| (Statement::new(there), Statement::new(back));
    steps
        .iter()
        .map(|step| match step {
            Step::CreateSchema(name) => {
                let name = sides.name(name);
                pair(
                    format!("create schema {name}"),
                    format!("drop schema {name}"),
                )
            }
            Step::Rename(item, to) => {
                let mut renamed = item.clone();
                if let Some(own) = renamed.names.last_mut() {
                    own.clone_from(to);
                }
                pair(rename(sides, item, to), rename(sides, &renamed, item.own()))
            }
            Step::Move(item, to) => {
                let mut moved = item.clone();
                let from = std::mem::replace(&mut moved.names[0], to.clone());
                let go = |item: &Item, to: &str| {
                    let target = target(sides, item);
                    format!("alter {target} set schema {}", sides.name(to))
                };
                pair(go(item, to), go(&moved, &from))
            }
        })
        .collect()
}

fn rename(sides: &Sides<'_>, item: &Item, to: &str) -> String {
    let own = sides.name(item.own());
    let to_name = sides.name(to);
    let container = || qualified(sides, item.container());
    match item.what {
        What::Part(Part::Value) => format!(
            "alter type {} rename value {} to {}",
            container(),
            Literal(item.own()),
            Literal(to)
        ),
        What::Part(Part::Attribute) => {
            // A table of the type has the attribute as a column.
            let kind = container();
            let is_of_it = |id: &Id| {
                let table = sides.old.get(id);
                table.and_then(|table| table.get("of type")) == Some(kind.as_str())
            };
            let cascade = if sides.old.objects.keys().any(is_of_it) {
                " cascade"
            } else {
                ""
            };
            format!("alter type {kind} rename attribute {own} to {to_name}{cascade}")
        }
        What::Part(Part::ViewColumn) => {
            let view = Id {
                kind: Kind::View,
                names: item.container().to_vec(),
            };
            let word = match sides.old.get(&view) {
                Some(_) => "view",
                None => "materialized view",
            };
            format!(
                "alter {word} {} rename column {own} to {to_name}",
                container()
            )
        }
        What::Object(Kind::Column) => {
            format!(
                "alter table {} rename column {own} to {to_name}",
                container()
            )
        }
        What::Object(Kind::Constraint) => {
            format!(
                "alter table {} rename constraint {own} to {to_name}",
                container()
            )
        }
        What::Object(Kind::DomainConstraint) => {
            format!(
                "alter domain {} rename constraint {own} to {to_name}",
                container()
            )
        }
        What::Object(kind @ (Kind::Trigger | Kind::Policy | Kind::Rule)) => {
            let word = kind.name();
            format!("alter {word} {own} on {} rename to {to_name}", container())
        }
        What::Object(_) => format!("alter {} rename to {to_name}", target(sides, item)),
    }
}

/// What stands behind `alter`.
fn target(sides: &Sides<'_>, item: &Item) -> String {
    let name = qualified(sides, &item.names);
    let arguments = item.arguments.as_deref().unwrap_or_default();
    match item.what {
        What::Object(Kind::Enum | Kind::Composite | Kind::Range) => format!("type {name}"),
        What::Object(Kind::Function) => format!("routine {name}({arguments})"),
        What::Object(Kind::Aggregate) => format!("aggregate {name}({arguments})"),
        what => format!("{} {name}", what.name()),
    }
}

fn qualified(sides: &Sides<'_>, names: &[Box<str>]) -> String {
    let names: Vec<String> = names.iter().map(|name| sides.name(name)).collect();
    names.join(".")
}
