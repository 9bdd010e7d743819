//! Every connection parameter of libpq, and what castoff does with each.
//!
//! One table: the name in a URL, the environment variable, and whether it works here. What does
//! not work is refused by name, because a parameter that is silently ignored (a revocation list,
//! say) is worse than one that is missing. Also the parameters of other tools that are often
//! found in a `DATABASE_URL`, so that the error can say whose they are.

/// What castoff does with a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It works as in libpq.
    Works,
    /// It cannot work here, for this reason.
    Refused(&'static str),
    /// It works with these values only; the others are refused for the reason.
    Only(&'static [&'static str], &'static str),
}

/// One parameter of libpq.
#[derive(Debug)]
pub struct Parameter {
    /// The name in a URL, a keyword/value string or a service file.
    pub name: &'static str,
    /// The environment variable that sets it.
    pub variable: Option<&'static str>,
    /// What castoff does with it.
    pub support: Support,
}

const fn works(name: &'static str, variable: Option<&'static str>) -> Parameter {
    Parameter {
        name,
        variable,
        support: Support::Works,
    }
}

const fn refused(
    name: &'static str,
    variable: Option<&'static str>,
    why: &'static str,
) -> Parameter {
    Parameter {
        name,
        variable,
        support: Support::Refused(why),
    }
}

const fn only(
    name: &'static str,
    variable: Option<&'static str>,
    values: &'static [&'static str],
    why: &'static str,
) -> Parameter {
    Parameter {
        name,
        variable,
        support: Support::Only(values, why),
    }
}

const NO_KERBEROS: &str = "castoff has no Kerberos";
const NO_OAUTH: &str = "castoff cannot log in with OAuth";
const NO_REVOCATION: &str = "castoff cannot check revocation lists";

/// The parameters of PostgreSQL 18, in the order of its manual, section 34.1.2.
pub static PARAMETERS: &[Parameter] = &[
    works("host", Some("PGHOST")),
    works("hostaddr", Some("PGHOSTADDR")),
    works("port", Some("PGPORT")),
    works("dbname", Some("PGDATABASE")),
    works("user", Some("PGUSER")),
    works("password", Some("PGPASSWORD")),
    works("passfile", Some("PGPASSFILE")),
    works("require_auth", Some("PGREQUIREAUTH")),
    works("channel_binding", Some("PGCHANNELBINDING")),
    works("connect_timeout", Some("PGCONNECT_TIMEOUT")),
    only(
        "client_encoding",
        Some("PGCLIENTENCODING"),
        &[
            "auto", "utf8", "UTF8", "utf-8", "UTF-8", "unicode", "UNICODE",
        ],
        "castoff always speaks UTF-8 with the server",
    ),
    works("options", Some("PGOPTIONS")),
    works("application_name", Some("PGAPPNAME")),
    works("fallback_application_name", None),
    works("keepalives", None),
    works("keepalives_idle", None),
    works("keepalives_interval", None),
    works("keepalives_count", None),
    works("tcp_user_timeout", None),
    only(
        "replication",
        None,
        &["false", "off", "no", "0"],
        "a replication connection cannot run migrations",
    ),
    only(
        "gssencmode",
        Some("PGGSSENCMODE"),
        &["disable", "prefer"],
        NO_KERBEROS,
    ),
    works("sslmode", Some("PGSSLMODE")),
    works("sslnegotiation", Some("PGSSLNEGOTIATION")),
    only(
        "sslcompression",
        Some("PGSSLCOMPRESSION"),
        &["0"],
        "TLS compression is unsafe",
    ),
    works("sslcert", Some("PGSSLCERT")),
    works("sslkey", Some("PGSSLKEY")),
    refused(
        "sslkeylogfile",
        None,
        "it would write the session's keys to a file",
    ),
    refused(
        "sslpassword",
        None,
        "castoff cannot decrypt private keys; decrypt it with `openssl pkey`",
    ),
    only(
        "sslcertmode",
        Some("PGSSLCERTMODE"),
        &["disable", "allow"],
        "castoff cannot tell whether the server asked for the certificate",
    ),
    works("sslrootcert", Some("PGSSLROOTCERT")),
    refused("sslcrl", Some("PGSSLCRL"), NO_REVOCATION),
    refused("sslcrldir", Some("PGSSLCRLDIR"), NO_REVOCATION),
    works("sslsni", Some("PGSSLSNI")),
    refused(
        "requirepeer",
        Some("PGREQUIREPEER"),
        "castoff cannot ask a socket who serves it",
    ),
    works("ssl_min_protocol_version", Some("PGSSLMINPROTOCOLVERSION")),
    works("ssl_max_protocol_version", Some("PGSSLMAXPROTOCOLVERSION")),
    only(
        "min_protocol_version",
        Some("PGMINPROTOCOLVERSION"),
        &["3.0"],
        "castoff speaks version 3.0 of the protocol",
    ),
    only(
        "max_protocol_version",
        Some("PGMAXPROTOCOLVERSION"),
        &["3.0", "3.2", "latest"],
        "castoff speaks version 3.0 of the protocol",
    ),
    refused("krbsrvname", Some("PGKRBSRVNAME"), NO_KERBEROS),
    refused("gsslib", Some("PGGSSLIB"), NO_KERBEROS),
    only(
        "gssdelegation",
        Some("PGGSSDELEGATION"),
        &["0"],
        NO_KERBEROS,
    ),
    refused(
        "scram_client_key",
        None,
        "castoff logs in with the password itself",
    ),
    refused(
        "scram_server_key",
        None,
        "castoff logs in with the password itself",
    ),
    works("service", Some("PGSERVICE")),
    works("servicefile", Some("PGSERVICEFILE")),
    works("target_session_attrs", Some("PGTARGETSESSIONATTRS")),
    works("load_balance_hosts", Some("PGLOADBALANCEHOSTS")),
    refused("oauth_issuer", None, NO_OAUTH),
    refused("oauth_client_id", None, NO_OAUTH),
    refused("oauth_client_secret", None, NO_OAUTH),
    refused("oauth_scope", None, NO_OAUTH),
];

/// Parameters that other tools put into a database URL, and whose they are.
static FOREIGN: &[(&str, &str)] = &[
    ("adapter", "Rails"),
    ("async_fallback", "SQLAlchemy"),
    ("autosave", "JDBC"),
    ("charset", "MySQL"),
    ("checkout_timeout", "Rails"),
    ("command_timeout", "asyncpg"),
    ("connection_limit", "Prisma"),
    ("conn_max_age", "Django"),
    ("conn_health_checks", "Django"),
    ("currentschema", "JDBC"),
    ("encoding", "Rails"),
    ("executemany_mode", "SQLAlchemy"),
    ("logintimeout", "JDBC"),
    ("max_inactive_connection_lifetime", "asyncpg"),
    ("max_overflow", "SQLAlchemy"),
    ("pgbouncer", "Prisma"),
    ("pool", "Rails"),
    ("pool_max_conns", "pgx"),
    ("pool_min_conns", "pgx"),
    ("pool_mode", "Supabase"),
    ("pool_pre_ping", "SQLAlchemy"),
    ("pool_recycle", "SQLAlchemy"),
    ("pool_size", "SQLAlchemy"),
    ("pool_timeout", "Prisma and SQLAlchemy"),
    ("preparethreshold", "JDBC"),
    ("prepared_statement_cache_size", "SQLAlchemy"),
    ("prepared_statement_name_func", "SQLAlchemy"),
    ("prepared_statements", "Rails"),
    ("reaping_frequency", "Rails"),
    ("schema", "Prisma"),
    ("search_path", "pgx"),
    ("server_settings", "asyncpg"),
    ("serverversion", "Doctrine"),
    ("socket_timeout", "Prisma"),
    ("sockettimeout", "JDBC"),
    ("sslaccept", "Prisma"),
    ("sslfactory", "JDBC"),
    ("sslidentity", "Prisma"),
    ("ssl", "asyncpg and node-postgres"),
    ("statement_cache_size", "asyncpg"),
    ("statement_timeout", "node-postgres"),
    ("use_native_hstore", "SQLAlchemy"),
];

/// The parameter of this name. Names are compared as libpq does, by their bytes.
pub fn find(name: &str) -> Option<&'static Parameter> {
    PARAMETERS.iter().find(|parameter| parameter.name == name)
}

/// Whose parameter `name` is, if another tool is known to use it.
pub fn foreign_owner(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    FOREIGN
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, owner)| *owner)
}

/// The known parameter nearest to a misspelt one, if any is near.
pub fn nearest(name: &str) -> Option<&'static str> {
    let folded = name.to_ascii_lowercase().replace('-', "_");
    let synonym = match folded.as_str() {
        "database" | "db" | "db_name" => Some("dbname"),
        "username" | "usr" | "role" => Some("user"),
        "pass" | "pwd" | "passwd" => Some("password"),
        "hostname" | "server" | "address" => Some("host"),
        "timeout" => Some("connect_timeout"),
        "keepalives_retries" => Some("keepalives_count"),
        _ => None,
    };
    synonym.or_else(|| {
        PARAMETERS
            .iter()
            .map(|parameter| (distance(&folded, parameter.name), parameter.name))
            .filter(|(distance, known)| *distance <= 2.min(known.len() / 3))
            .min()
            .map(|(_, known)| known)
    })
}

/// How many insertions, removals and replacements of a byte make `left` of `right`.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, a) in left.bytes().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (column, b) in right.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: Option<&str>) {
        assert_eq!(nearest(name), expected, "{name}");
    }

    #[test]
    fn suggests_the_nearest_name() {
        check("sslmod", Some("sslmode"));
        check("ssl_mode", Some("sslmode"));
        check("SSLMODE", Some("sslmode"));
        check("sslrootcrt", Some("sslrootcert"));
        check("connect-timeout", Some("connect_timeout"));
        check("aplication_name", Some("application_name"));
        check("database", Some("dbname"));
        check("username", Some("user"));
        check("target_session_attr", Some("target_session_attrs"));
        check("colour", None);
        check("x", None);
        check("", None);
    }

    #[test]
    fn knows_whose_a_foreign_parameter_is() {
        assert_eq!(foreign_owner("pgbouncer"), Some("Prisma"));
        assert_eq!(foreign_owner("currentSchema"), Some("JDBC"));
        assert_eq!(foreign_owner("sslmode"), None);
    }

    #[test]
    fn names_and_variables_are_unique() {
        for (index, parameter) in PARAMETERS.iter().enumerate() {
            let rest = &PARAMETERS[index + 1..];
            assert!(rest.iter().all(|other| other.name != parameter.name));
            assert!(parameter.variable.is_none_or(|variable| {
                variable.starts_with("PG")
                    && rest.iter().all(|other| other.variable != Some(variable))
            }));
            assert_eq!(foreign_owner(parameter.name), None, "{}", parameter.name);
        }
    }
}
