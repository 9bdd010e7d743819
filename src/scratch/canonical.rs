//! Expressions in the form in which PostgreSQL keeps them.
//!
//! What the server prints of an expression is not always what it prints of that again:
//! `s in ('a')` on a varchar is printed as `(s)::text = ANY ((ARRAY['a'::character varying])::text[])`,
//! and that, run, as `(s)::text = ANY (ARRAY[('a'::character varying)::text])`. A migration has the
//! printed form, so the schema it makes would differ from the declared one for ever. So where
//! expressions differ, both schemas are made once more from what was printed, and the expressions
//! compared that are printed then. Everything else is compared as it is.

use tracing::debug;

use super::error::ScratchError;
use super::{Scratch, Snapshot};
use crate::error::Error;
use crate::schema::migration;
use crate::schema::model::Schema;
use crate::schema::render::Sides;

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

/// Whether an expression differs of something that both have.
pub(super) fn is_needed(old: &Schema, new: &Schema) -> bool {
    old.objects.iter().any(|(id, old)| {
        new.get(id).is_some_and(|new| {
            EXPRESSIONS
                .iter()
                .any(|name| old.has(name) && new.has(name) && old.get(name) != new.get(name))
        })
    })
}

/// The schema with its expressions as they are printed when it is made of what was printed. As it
/// is, where it cannot be made so.
pub(super) fn canonical<'s>(
    scratch: &Scratch<'_>,
    snapshot: &'s Snapshot,
) -> Result<&'s Schema, Error> {
    if let Some(schema) = snapshot.canonical.get() {
        return Ok(schema);
    }
    let schema = match printed_again(scratch, snapshot) {
        Ok(printed) => with_expressions_of(&snapshot.schema, &printed),
        Err(error @ Error::Scratch(ScratchError::NotRunnable { .. } | ScratchError::Cycle(_))) => {
            debug!("a schema cannot be made again of what the server prints: {error}");
            snapshot.schema.clone()
        }
        Err(error) => return Err(error),
    };
    Ok(snapshot.canonical.get_or_init(|| schema))
}

fn printed_again(scratch: &Scratch<'_>, snapshot: &Snapshot) -> Result<Schema, Error> {
    let database = scratch.create(None)?;
    let empty = scratch.read(&database)?;
    let sides = Sides {
        old: &empty.schema,
        new: &snapshot.schema,
        keywords: &empty.keywords,
        major: empty.major,
        online: false,
    };
    let changes = migration::changes(&sides).map_err(ScratchError::from)?;
    scratch.execute(&database, &changes.texts())?;
    Ok(scratch.read(&database)?.schema)
}

fn with_expressions_of(schema: &Schema, printed: &Schema) -> Schema {
    let mut canonical = schema.clone();
    for (id, attributes) in &mut canonical.objects {
        let Some(printed) = printed.get(id) else {
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
    use crate::schema::model::{Attributes, Id, Kind};

    fn schema(attributes: &[(&str, &str)]) -> Schema {
        let mut schema = Schema::default();
        let mut all = Attributes::default();
        for (name, value) in attributes {
            all.set(name, value);
        }
        schema
            .objects
            .insert(Id::new(Kind::Constraint, &["a", "b", "c"]), all);
        schema
    }

    #[test]
    fn only_expressions_are_taken_over() {
        let raw = schema(&[("definition", "x"), ("comment", "kept")]);
        let printed = schema(&[("definition", "y"), ("comment", "lost"), ("using", "z")]);
        let expected = schema(&[("definition", "y"), ("comment", "kept")]);
        let canonical = with_expressions_of(&raw, &printed);
        assert_eq!(canonical.objects, expected.objects);
        assert!(is_needed(&raw, &printed));
        assert!(!is_needed(&raw, &schema(&[("definition", "x")])));
        assert!(!is_needed(&raw, &Schema::default()));
    }
}
