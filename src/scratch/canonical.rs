//! Expressions in the form in which PostgreSQL keeps them.
//!
//! What the server prints of an expression is not always what it prints of that again:
//! `s in ('a')` on a varchar is printed as `(s)::text = ANY ((ARRAY['a'::character varying])::text[])`,
//! and that, run, as `(s)::text = ANY (ARRAY[('a'::character varying)::text])`. A migration has the
//! printed form, so the schema it makes would differ from the declared one for ever. So the objects
//! whose expressions differ are made once more from what was printed, with what they need and
//! nothing else, and the expressions compared that are printed then. Everything else is compared as
//! it is.

use std::collections::{BTreeMap, BTreeSet};

use tracing::debug;

use super::error::ScratchError;
use super::{Scratch, Snapshot};
use crate::error::Error;
use crate::schema::migration;
use crate::schema::model::{Aspect, Attributes, Id, Schema};
use crate::schema::render::Sides;
use crate::sql::ident::Ident;

/// The attributes that the server prints from a parsed expression.
const EXPRESSIONS: [&str; 10] = [
    "bound",
    "check",
    "default",
    "definition",
    "expression",
    "generated",
    "partition by",
    "using",
    "when",
    "where",
];

/// Attributes as they are printed when the object is made of what was printed.
pub(super) type Printed = BTreeMap<Id, Attributes>;

/// What both have, with expressions that differ.
pub(super) fn differing<'s>(old: &'s Schema, new: &Schema) -> BTreeSet<&'s Id> {
    let is_other = |id: &Id, old: &Attributes| {
        new.get(id).is_some_and(|new| {
            old != new
                && EXPRESSIONS.iter().any(|name| {
                    let (old, new) = (old.get(name), new.get(name));
                    old.is_some() && new.is_some() && old != new
                })
        })
    };
    let objects = old.objects.iter();
    objects
        .filter(|(id, old)| is_other(id, old))
        .map(|(id, _)| id)
        .collect()
}

/// The schema with the expressions of some objects as they are printed when they are made of what
/// was printed. As it is, where it cannot be made so.
pub(super) fn canonical(
    scratch: &Scratch<'_>,
    snapshot: &Snapshot,
    ids: &BTreeSet<&Id>,
) -> Result<Schema, Error> {
    let mut known = snapshot.printed.borrow_mut();
    let unknown: BTreeSet<&Id> = ids
        .iter()
        .copied()
        .filter(|id| !known.contains_key(id))
        .collect();
    if !unknown.is_empty() {
        let schema = &snapshot.schema;
        let printed = match printed_again(scratch, &schema.part(&unknown)) {
            // What the body of a function needs, nobody knows: it may be anything.
            Err(error) if cannot_be_made(&error) => {
                debug!("a part of a schema cannot be made by itself: {error}");
                printed_again(scratch, schema)
            }
            done => done,
        };
        match printed {
            Ok(printed) => {
                for id in unknown {
                    let attributes = printed.get(id).or_else(|| schema.get(id));
                    known.extend(attributes.map(|found| (id.clone(), found.clone())));
                }
            }
            Err(error) if cannot_be_made(&error) => {
                debug!("a schema cannot be made again of what the server prints: {error}");
                for id in unknown {
                    known.extend(schema.get(id).map(|found| (id.clone(), found.clone())));
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(with_expressions_of(&snapshot.schema, ids, &known))
}

fn cannot_be_made(error: &Error) -> bool {
    matches!(
        error,
        Error::Scratch(ScratchError::NotRunnable { .. } | ScratchError::Cycle(_))
    )
}

fn printed_again(scratch: &Scratch<'_>, schema: &Schema) -> Result<Schema, Error> {
    // Whom it belongs to makes no difference, and roles may be missing there.
    let mut schema = schema.clone();
    schema.forget(Aspect::Owner);
    schema.forget(Aspect::Privileges);
    let database = built_again(scratch, &schema)?;
    Ok(scratch.read(&database)?.schema)
}

/// A scratch database with a schema that was read elsewhere.
pub(super) fn built_again(scratch: &Scratch<'_>, schema: &Schema) -> Result<Ident, Error> {
    let database = scratch.create(None)?;
    let empty = scratch.read(&database)?;
    let sides = Sides {
        old: &empty.schema,
        new: schema,
        keywords: &empty.keywords,
        major: empty.major,
        online: false,
    };
    let changes = migration::changes(&sides).map_err(ScratchError::from)?;
    scratch.execute(&database, &changes.texts(), false)?;
    Ok(database)
}

fn with_expressions_of(schema: &Schema, ids: &BTreeSet<&Id>, printed: &Printed) -> Schema {
    let mut canonical = schema.clone();
    for id in ids {
        let (Some(attributes), Some(printed)) = (canonical.objects.get_mut(id), printed.get(id))
        else {
            continue;
        };
        for name in EXPRESSIONS {
            if let (true, Some(expression)) = (attributes.has(name), printed.get(name)) {
                attributes.set(name, expression);
            }
        }
    }
    canonical
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::model::Kind;

    fn id() -> Id {
        Id::new(Kind::Constraint, &["a", "b", "c"])
    }

    fn schema(attributes: &[(&str, &str)]) -> Schema {
        let mut schema = Schema::default();
        let mut all = Attributes::default();
        for (name, value) in attributes {
            all.set(name, value);
        }
        schema.objects.insert(id(), all);
        schema
    }

    #[test]
    fn only_expressions_are_taken_over() {
        let raw = schema(&[("definition", "x"), ("comment", "kept")]);
        let printed = schema(&[("definition", "y"), ("comment", "lost"), ("using", "z")]);
        let expected = schema(&[("definition", "y"), ("comment", "kept")]);
        let id = id();
        let canonical = with_expressions_of(&raw, &BTreeSet::from([&id]), &printed.objects);
        assert_eq!(canonical.objects, expected.objects);
        let others = with_expressions_of(&raw, &BTreeSet::new(), &printed.objects);
        assert_eq!(others.objects, raw.objects);
    }

    #[test]
    fn what_differs_in_an_expression_is_made_again() {
        let raw = schema(&[("definition", "x"), ("comment", "kept")]);
        let id = id();
        let check = |other: &Schema, expected: &[&Id]| {
            assert_eq!(differing(&raw, other), expected.iter().copied().collect());
        };
        check(&schema(&[("definition", "y"), ("comment", "kept")]), &[&id]);
        check(&schema(&[("definition", "x"), ("comment", "lost")]), &[]);
        check(&schema(&[("using", "y")]), &[]);
        check(&Schema::default(), &[]);
    }
}
