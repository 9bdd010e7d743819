//! Running statements on a scratch database: many in one message, as a round trip and a commit for
//! each is most of the time that small ones take.

use tokio_postgres::Client;

use super::error::ScratchError;
use crate::database::failure::Failure;
use crate::error::Error;

/// How many statements go in one message, at most: it is a transaction, which keeps its locks.
const MOST: usize = 64;

/// What was read with that setting is written with it.
pub(super) const STRINGS: &str = "set standard_conforming_strings = on";

/// How many bytes, unless one statement alone has more.
const MOST_BYTES: usize = 64 << 10;

/// Runs statements in their order, each for itself, or all in one transaction.
pub(super) async fn execute(
    client: &Client,
    statements: &[String],
    together: bool,
) -> Result<(), Error> {
    one(client, STRINGS).await?;
    if !together {
        for message in messages(statements) {
            // Nothing of a message that fails is left; and not every statement can share one.
            if message.len() == 1 || run(client, &message.join("\n;\n")).await.is_err() {
                one_by_one(client, message).await?;
            }
        }
        return Ok(());
    }
    let all = async {
        run(client, "begin").await?;
        for message in messages(statements) {
            run(client, &message.join("\n;\n")).await?;
        }
        run(client, "commit").await
    };
    if all.await.is_err() {
        // Which one it is shows when they run alone.
        one(client, "rollback").await?;
        one(client, "begin").await?;
        one_by_one(client, statements).await?;
        one(client, "commit").await?;
    }
    Ok(())
}

async fn one_by_one(client: &Client, statements: &[String]) -> Result<(), Error> {
    for statement in statements {
        one(client, statement).await?;
    }
    Ok(())
}

/// Runs one, and says which if it fails.
pub(super) async fn one(client: &Client, statement: &str) -> Result<(), Error> {
    run(client, statement).await.map_err(trying(statement))
}

async fn run(client: &Client, text: &str) -> Result<(), Failure> {
    Ok(client.batch_execute(text).await?)
}

fn trying(statement: &str) -> impl FnOnce(Failure) -> Error {
    move |failure| match failure {
        Failure::Refused(refusal) => ScratchError::NotRunnable {
            statement: statement.to_owned(),
            refusal,
        }
        .into(),
        failure @ (Failure::Lost(_) | Failure::Protocol(_)) => {
            Error::asking("trying the migration")(failure)
        }
    }
}

/// The statements, cut into what goes together.
fn messages(statements: &[String]) -> impl Iterator<Item = &[String]> {
    let mut rest = statements;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fit = rest.iter().take(MOST).take_while(|statement| {
            bytes += statement.len();
            bytes <= MOST_BYTES
        });
        let count = fit.count().max(1);
        let (message, behind) = rest.split_at_checked(count)?;
        rest = behind;
        Some(message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lengths: &[usize], expected: &[usize]) {
        let statements: Vec<String> = lengths.iter().map(|length| "x".repeat(*length)).collect();
        let counts: Vec<usize> = messages(&statements).map(<[String]>::len).collect();
        assert_eq!(counts, expected, "{lengths:?}");
    }

    #[test]
    fn a_message_has_so_many_statements_and_so_many_bytes() {
        check(&[], &[]);
        check(&[1, 2, 3], &[3]);
        check(&[1; 2 * MOST + 1], &[MOST, MOST, 1]);
        check(&[MOST_BYTES - 1, 1, 1], &[2, 1]);
        check(&[1, MOST_BYTES + 1, 1], &[1, 1, 1]);
    }
}
