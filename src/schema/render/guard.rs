//! Steps that fail early and clearly where rows stand in the way, instead of with the words of a
//! cast that knows neither the table nor the way out.

use crate::schema::probe::Probe;
use crate::schema::statement::Statement;
use crate::sql::ident::{Literal, dollar_quoted};

/// Fails when there is a row like this: `rest` is what follows `from`.
pub(super) fn no_rows(rest: &str, says: &str, hint: &str) -> Statement {
    // The message is a format.
    let message = says.replace('%', "%%");
    let body = format!(
        " begin if exists (select from {rest}) then\n    \
         raise exception {}\n        using hint = {}; end if; end ",
        Literal(&message),
        Literal(hint)
    );
    Statement::new(format!("do {}", dollar_quoted(&body))).probing([Probe::exists(rest, says)])
}
