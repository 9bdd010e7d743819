//! Steps that fail early and clearly where rows stand in the way, instead of with the words of a
//! cast that knows neither the table nor the way out.

use crate::schema::probe::Probe;
use crate::schema::statement::Statement;
use crate::sql::ident::Literal;

/// Fails when there is a row like this: `rest` is what follows `from`.
pub(super) fn no_rows(rest: &str, says: &str, hint: &str) -> Statement {
    let tag = if rest.contains("$$") || says.contains("$$") || hint.contains("$$") {
        "$guard$"
    } else {
        "$$"
    };
    // The message is a format.
    let message = says.replace('%', "%%");
    let sql = format!(
        "do {tag} begin if exists (select from {rest}) then\n    \
         raise exception {}\n        using hint = {}; end if; end {tag}",
        Literal(&message),
        Literal(hint)
    );
    Statement::new(sql).probing([Probe::exists(rest, says)])
}
