//! The SQLSTATE codes that castoff decides on, in one place.
//!
//! The names and meanings are PostgreSQL's, appendix A of its manual.

/// The protocol was violated; `PgBouncer` says so of a startup parameter it does not know.
pub const PROTOCOL_VIOLATION: &str = "08P01";
/// The login is not allowed: no line of `pg_hba.conf`, a role without `login`, no such role.
pub const INVALID_AUTHORIZATION: &str = "28000";
/// The password is wrong.
pub const INVALID_PASSWORD: &str = "28P01";
/// No such database.
pub const INVALID_CATALOG_NAME: &str = "3D000";
/// No connection slot is free.
pub const TOO_MANY_CONNECTIONS: &str = "53300";
/// Somebody, or `pg_terminate_backend`, ended the session; a fast shutdown does too.
pub const ADMIN_SHUTDOWN: &str = "57P01";
/// Another session crashed, and the server restarts all of them.
pub const CRASH_SHUTDOWN: &str = "57P02";
/// The server is starting up, shutting down or recovering.
pub const CANNOT_CONNECT_NOW: &str = "57P03";
/// A lock was not obtained within `lock_timeout`.
pub const LOCK_NOT_AVAILABLE: &str = "55P03";
/// An enum value is used in the transaction that adds it.
pub const UNSAFE_NEW_ENUM_VALUE: &str = "55P04";
/// Two sessions waited for each other, and the server ended this one's statement.
pub const DEADLOCK_DETECTED: &str = "40P01";
/// The transaction met a newer one and must be run again.
pub const SERIALIZATION_FAILURE: &str = "40001";
/// A cancel request, or `statement_timeout`, ended the statement.
pub const QUERY_CANCELED: &str = "57014";
/// The server cannot do it, as a standby cannot write.
pub const FEATURE_NOT_SUPPORTED: &str = "0A000";
/// A setting cannot have this value, as `role` cannot name a role that is not there.
pub const INVALID_PARAMETER_VALUE: &str = "22023";
/// The role lacks a right.
pub const INSUFFICIENT_PRIVILEGE: &str = "42501";
/// No such table.
pub const UNDEFINED_TABLE: &str = "42P01";
/// No such column.
pub const UNDEFINED_COLUMN: &str = "42703";
/// No such function, or operator for these types.
pub const UNDEFINED_FUNCTION: &str = "42883";
/// No such type, or another object that has no code of its own.
pub const UNDEFINED_OBJECT: &str = "42704";
/// A value of another type is wanted.
pub const DATATYPE_MISMATCH: &str = "42804";
/// No such schema.
pub const INVALID_SCHEMA_NAME: &str = "3F000";
/// A unique constraint holds the value already.
pub const UNIQUE_VIOLATION: &str = "23505";
/// The database is there already.
pub const DUPLICATE_DATABASE: &str = "42P04";
/// The statement cannot run inside a transaction block.
pub const ACTIVE_SQL_TRANSACTION: &str = "25001";
/// A procedure or a block commits by itself, inside a transaction that is not its own.
pub const INVALID_TRANSACTION_TERMINATION: &str = "2D000";
/// The transaction is read-only: a standby, or `default_transaction_read_only`.
pub const READ_ONLY_SQL_TRANSACTION: &str = "25006";

/// The class of a code, its first two characters: `08` is all connection trouble.
pub fn class(code: &str) -> &str {
    code.get(..2).unwrap_or(code)
}

/// Whether a server that refuses a login with `code` may accept the same login later.
///
/// Connection trouble (class 08, but not a protocol violation, which repeats itself), lack of
/// resources (class 53) and a server on its way up or down (57P01 to 57P03) pass. Credentials,
/// names and features do not.
pub fn passes_with_time(code: &str) -> bool {
    match code {
        PROTOCOL_VIOLATION => false,
        ADMIN_SHUTDOWN | CRASH_SHUTDOWN | CANNOT_CONNECT_NOW => true,
        _ => matches!(class(code), "08" | "53" | "58"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, expected: bool) {
        assert_eq!(passes_with_time(code), expected, "{code}");
    }

    #[test]
    fn knows_which_refusals_pass() {
        for code in [
            "57P03", "57P01", "57P02", "53300", "53400", "53200", "08006", "08001",
        ] {
            check(code, true);
        }
        for code in [
            "28P01", "28000", "3D000", "0A000", "08P01", "42501", "57P04", "", "é",
        ] {
            check(code, false);
        }
    }
}
