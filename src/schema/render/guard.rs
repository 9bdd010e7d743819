//! Steps that fail early and clearly where rows stand in the way, instead of with the words of a
//! cast that knows neither the table nor the way out.

use crate::schema::probe::Probe;
use crate::schema::statement::Statement;
use crate::sql::guard::guard;

/// Fails when there is a row like this: `rest` is what follows `from`.
pub(super) fn no_rows(rest: &str, says: &str, hint: &str) -> Statement {
    Statement::new(guard(rest, says, hint)).probing([Probe::exists(rest, says)])
}
