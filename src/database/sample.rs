//! How busy the server is: what a batch asks before it adds to that.

use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::types::Type;

use super::failure::Failure;
use super::keyset::Table;
use super::session::Session;
use super::sqlstate;

/// What may be a reason to pause, as the server has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// How far the last standby is behind, in seconds.
    pub lag: Option<f64>,
    /// Sessions that wait for a lock on the table, or on a row of the open transaction.
    pub waiting: i64,
    /// A backend that keeps the table for maintenance.
    pub maintenance: Option<i32>,
    /// WAL files that wait to be archived.
    pub archive: Option<i64>,
    /// What the user's query returned, if it asks for a pause.
    pub wish: Option<String>,
}

/// Asks for all but the user's own reason. May run inside a batch's transaction.
pub async fn sample<S>(session: &Session<S>, table: Option<&Table>) -> Result<Sample, Failure> {
    let client = session.client();
    let oid = table.map_or(0, |table| table.oid);
    let sql = include_str!("sql/batch_sample.sql");
    let row = client.query_typed_one(sql, &[(&oid, Type::OID)]).await?;
    let archive = match table {
        Some(table) if table.sees_archive => {
            let sql = "select pg_catalog.count(*) from pg_catalog.pg_ls_archive_statusdir() f \
                       where f.name like '%.ready'";
            Some(client.query_typed_one(sql, &[]).await?.get(0))
        }
        _ => None,
    };
    Ok(Sample {
        lag: row.get(0),
        waiting: row.get(1),
        maintenance: row.get(2),
        archive,
        wish: None,
    })
}

/// Runs the user's own query, read only and not for long. What it returned, if that asks for a
/// pause: true, or a number above 0. A server too busy to answer asks for one too.
pub async fn wish<S>(session: &Session<S>, query: &str) -> Result<Option<String>, Failure> {
    let client = session.client();
    client
        .batch_execute("begin read only; set local statement_timeout = '5s'")
        .await?;
    let answers = client.simple_query(query).await;
    client.batch_execute("rollback").await?;
    let answers = match answers.map_err(Failure::from) {
        Err(failure) if failure.is(sqlstate::QUERY_CANCELED) => {
            return Ok(Some("no answer within 5 s".to_owned()));
        }
        answers => answers?,
    };
    let value = answers.into_iter().find_map(|answer| {
        let SimpleQueryMessage::Row(row) = answer else {
            return None;
        };
        row.get(0).map(str::to_owned)
    });
    Ok(value.filter(|value| asks_for_a_pause(value)))
}

fn asks_for_a_pause(value: &str) -> bool {
    value == "t" || value.parse::<f64>().is_ok_and(|number| number > 0.0)
}

/// Rows that are dead and rows that live, as the statistics have them.
pub async fn dead_rows<S>(session: &Session<S>, table: &Table) -> Result<(i64, i64), Failure> {
    let sql =
        "select pg_catalog.pg_stat_get_dead_tuples($1), pg_catalog.pg_stat_get_live_tuples($1)";
    let row = session
        .client()
        .query_typed_one(sql, &[(&table.oid, Type::OID)])
        .await?;
    Ok((row.get(0), row.get(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_asks_for_a_pause_by_true_or_by_a_number() {
        for (value, expected) in [
            ("t", true),
            ("1", true),
            ("0.5", true),
            ("f", false),
            ("0", false),
            ("-1", false),
            ("", false),
            ("x", false),
        ] {
            assert_eq!(asks_for_a_pause(value), expected, "{value}");
        }
    }
}
