//! A section in one transaction, together with its record.

use super::apply::ApplyError;
use super::section;
use super::work::{Work, timeouts};
use crate::database::record::Outcome;
use crate::revision::script::SectionOptions;

/// Gives the record back to the role that owns the ledger.
pub(super) const LEAVE_ROLE: &str = "reset session authorization; reset role;";

/// Runs the section and writes its record, both or neither.
pub(super) async fn run(work: &Work<'_>) -> Result<(), ApplyError> {
    let result = begin_and_run(work).await;
    if let Err(ApplyError::RolledBack { .. } | ApplyError::Fenced { .. }) = &result {
        // The connection still works; give the locks back before the story is told.
        work.session.client().batch_execute("rollback").await.ok();
    }
    result?;
    record_and_commit(work).await
}

async fn begin_and_run(work: &Work<'_>) -> Result<(), ApplyError> {
    let client = work.session.client();
    let begin = begin(
        work.session.reset(),
        work.section.map(|section| &section.options),
    );
    work.session
        .begin_and_move(&begin, &work.rows)
        .await
        .map_err(|fence| work.fenced(fence))?;
    let (text, statements) = work.section_parts();
    section::run(client, text, statements)
        .await
        .map_err(|failure| work.failed(failure))
}

/// Ends the transaction in any case: if one message fails, the `commit` behind it rolls back.
async fn record_and_commit(work: &Work<'_>) -> Result<(), ApplyError> {
    let client = work.session.client();
    let (_, statements) = work.section_parts();
    let record = work.record(Outcome::Done, statements.len());
    // What the script did to the session's role must not reach the record.
    let (recorded, committed) = tokio::join!(
        biased;
        work.session.record(LEAVE_ROLE, &record, &work.operator),
        client.batch_execute("commit")
    );
    recorded.map_err(|failure| work.failed_as_a_whole(failure))?;
    committed.map_err(|error| work.failed_as_a_whole(error.into()))
}

/// Opens a step's transaction. `begin` comes first: whatever follows it and fails, fails inside.
pub(super) fn begin(reset: &str, options: Option<&SectionOptions>) -> String {
    format!(
        "begin isolation level read committed read write; {reset}{}",
        timeouts(options, "set local")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_begins_before_anything_that_could_fail() {
        let options = SectionOptions {
            lock_timeout: Some("2s".into()),
            ..SectionOptions::default()
        };
        assert_eq!(
            begin("reset all; ", Some(&options)),
            "begin isolation level read committed read write; reset all; \
             set local lock_timeout = '2s';\n"
        );
    }
}
