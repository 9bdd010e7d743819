//! Whether two scratch databases have the same rows: what migrations write themselves.

use super::Scratch;
use crate::database::failure::Failure;
use crate::error::Error;
use crate::schema::model::{Id, Kind, Schema};
use crate::sql::ident::Ident;

/// The tables and sequences whose content is not the same in both databases, which have this
/// schema.
pub fn differing(
    scratch: &Scratch<'_>,
    schema: &Schema,
    one: &Ident,
    other: &Ident,
) -> Result<Vec<String>, Error> {
    let questions = questions(schema)?;
    let (one, other) = (
        answers(scratch, one, &questions)?,
        answers(scratch, other, &questions)?,
    );
    let pairs = questions.iter().zip(one.iter().zip(&other));
    Ok(pairs
        .filter(|(_, (one, other))| one != other)
        .map(|((name, _), _)| name.clone())
        .collect())
}

/// A name for people, and a query of one row and one column.
type Question = (String, String);

fn questions(schema: &Schema) -> Result<Vec<Question>, Error> {
    let mut questions = Vec::new();
    for (id, attributes) in &schema.objects {
        let home = || -> Result<String, Error> {
            let (home, own) = (Ident::new(id.name(0))?, Ident::new(id.name(1))?);
            Ok(format!("{home}.{own}"))
        };
        let name = format!("{}.{}", id.name(0), id.name(1));
        // Of a partitioned table, its partitions are asked for.
        if id.kind == Kind::Table && !attributes.has("partition by") {
            let columns = columns(schema, id)?;
            let relation = home()?;
            let sql = format!(
                "select pg_catalog.count(*)::text || pg_catalog.md5(coalesce(pg_catalog.string_agg(r::text, e'\\n' order by r::text collate \"C\"), '')) from (select row({columns}) as r from only {relation}) x"
            );
            questions.push((name, sql));
        } else if id.kind == Kind::Sequence {
            let relation = home()?;
            let sql = format!("select last_value::text || is_called::text from {relation}");
            questions.push((name, sql));
        }
    }
    Ok(questions)
}

/// The columns in the order of their names: the order in the table may be another one.
fn columns(schema: &Schema, table: &Id) -> Result<String, Error> {
    let names = schema.parts(table, Kind::Column);
    let names = names.map(|(column, _)| Ok(Ident::new(column.own_name())?.to_string()));
    Ok(names.collect::<Result<Vec<_>, Error>>()?.join(", "))
}

fn answers(
    scratch: &Scratch<'_>,
    database: &Ident,
    questions: &[Question],
) -> Result<Vec<String>, Error> {
    let context = scratch.context(database)?;
    context.block_on(async {
        let session = context.session().await?;
        let mut answers = Vec::new();
        for (_, sql) in questions {
            context.go_on()?;
            let row = session.client().query_typed(sql, &[]).await;
            let rows = row
                .map_err(Failure::from)
                .map_err(Error::asking("comparing rows"))?;
            answers.push(rows.first().map_or(String::new(), |row| row.get(0)));
        }
        Ok(answers)
    })
}
