//! The queries that read a schema, and which of them a database needs.

/// What lists objects of some kinds.
pub(super) struct Query {
    /// Answers with where each object is in the catalogs (class, number, column), its kind, its
    /// names, and its attributes as names and values in turn. The parameter is the schema that is
    /// left out.
    sql: &'static str,
    /// Catalogs of [`PRESENT`]: without a row of somebody's own in any of them there is nothing to
    /// list. None at all: every database has something, and it is always asked.
    catalogs: &'static [&'static str],
}

impl Query {
    const fn always(sql: &'static str) -> Self {
        Self { sql, catalogs: &[] }
    }

    const fn when(catalogs: &'static [&'static str], sql: &'static str) -> Self {
        Self { sql, catalogs }
    }

    /// The text for a server, unless there is nothing to list.
    pub(super) fn needed(&self, present: &[&str], major: u32) -> Option<String> {
        let is_there = |catalog: &&str| present.contains(catalog);
        let is_needed = self.catalogs.is_empty() || self.catalogs.iter().any(is_there);
        is_needed.then(|| for_server(self.sql, major))
    }
}

/// The version of the server, and the catalogs in which somebody has something. To plan a query
/// takes the server longer than to find that a small schema has nothing for it.
pub(super) const PRESENT: &str = include_str!("../sql/present.sql");

/// All that list objects.
pub(super) const OBJECTS: [Query; 33] = [
    Query::always(include_str!("../sql/schemas.sql")),
    Query::when(&["pg_extension"], include_str!("../sql/extensions.sql")),
    Query::always(include_str!("../sql/types.sql")),
    Query::always(include_str!("../sql/sequences.sql")),
    Query::always(include_str!("../sql/identity_sequences.sql")),
    Query::when(&["pg_proc"], include_str!("../sql/functions.sql")),
    Query::when(&["pg_proc"], include_str!("../sql/aggregates.sql")),
    Query::always(include_str!("../sql/relations.sql")),
    Query::always(include_str!("../sql/columns.sql")),
    Query::always(include_str!("../sql/defaults.sql")),
    Query::always(include_str!("../sql/constraints.sql")),
    Query::always(include_str!("../sql/indexes.sql")),
    Query::when(&["pg_statistic_ext"], include_str!("../sql/statistics.sql")),
    Query::when(&["pg_rewrite"], include_str!("../sql/rules.sql")),
    Query::when(&["pg_trigger"], include_str!("../sql/triggers.sql")),
    Query::when(&["pg_policy"], include_str!("../sql/policies.sql")),
    Query::when(
        &["pg_event_trigger"],
        include_str!("../sql/event_triggers.sql"),
    ),
    Query::when(
        &["pg_default_acl"],
        include_str!("../sql/default_privileges.sql"),
    ),
    Query::when(
        &["pg_foreign_data_wrapper"],
        include_str!("../sql/foreign.sql"),
    ),
    Query::when(
        &["pg_foreign_data_wrapper"],
        include_str!("../sql/servers.sql"),
    ),
    Query::when(
        &["pg_foreign_data_wrapper"],
        include_str!("../sql/user_mappings.sql"),
    ),
    Query::when(&["pg_collation"], include_str!("../sql/collations.sql")),
    Query::when(&["pg_cast"], include_str!("../sql/casts.sql")),
    Query::when(&["pg_operator"], include_str!("../sql/operators.sql")),
    Query::when(
        &["pg_opclass", "pg_opfamily"],
        include_str!("../sql/operator_classes.sql"),
    ),
    Query::when(
        &[
            "pg_ts_config",
            "pg_ts_dict",
            "pg_ts_parser",
            "pg_ts_template",
        ],
        include_str!("../sql/text_search.sql"),
    ),
    Query::when(
        &["pg_am", "pg_conversion", "pg_language", "pg_transform"],
        include_str!("../sql/others.sql"),
    ),
    Query::when(&["pg_publication"], include_str!("../sql/publications.sql")),
    Query::when(
        &["pg_publication"],
        include_str!("../sql/publication_tables.sql"),
    ),
    Query::when(
        &["pg_publication"],
        include_str!("../sql/publication_schemas.sql"),
    ),
    Query::when(&["pg_inherits"], include_str!("../sql/inheritance.sql")),
    Query::always(include_str!("../sql/view_columns.sql")),
    Query::when(
        &["pg_extension"],
        include_str!("../sql/member_privileges.sql"),
    ),
];

/// A query without the lines that are for other servers: `-- since 14` ends a line that older ones
/// do not understand, `-- before 14` one that newer ones do not.
pub(super) fn for_server(query: &str, major: u32) -> String {
    let is_meant = |line: &&str| {
        let Some((_, mark)) = line.rsplit_once("-- ") else {
            return true;
        };
        match mark.split_once(' ') {
            Some(("since", version)) => version.parse().is_ok_and(|first: u32| major >= first),
            // `15 to 16`: only those.
            Some((first, rest)) if first.parse::<u32>().is_ok() => {
                let last = rest.strip_prefix("to ").and_then(|last| last.parse().ok());
                first.parse().is_ok_and(|first: u32| major >= first)
                    && last.is_some_and(|last: u32| major <= last)
            }
            Some(("before", version)) => version.parse().is_ok_and(|first: u32| major < first),
            _ => true,
        }
    };
    query
        .lines()
        .filter(is_meant)
        .fold(String::new(), |query, line| query + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_for_other_servers_are_left_out() {
        let query = "a\nb -- since 14\nc -- before 14\n-- A sentence.\n";
        assert_eq!(for_server(query, 13), "a\nc -- before 14\n-- A sentence.\n");
        assert_eq!(for_server(query, 14), "a\nb -- since 14\n-- A sentence.\n");
    }

    #[test]
    fn only_what_has_something_to_list_is_asked() {
        let asked = |present: &[&str]| {
            let needed = |query: &Query| query.needed(present, 15).is_some();
            OBJECTS.iter().filter(|query| needed(query)).count()
        };
        let always = asked(&[]);
        assert!(always < OBJECTS.len() / 2, "{always}");
        assert_eq!(asked(&["pg_policy"]), always + 1);
        assert_eq!(asked(&["pg_opfamily"]), always + 1);
        assert_eq!(asked(&["pg_opclass", "pg_opfamily"]), always + 1);
        assert_eq!(asked(&["pg_publication"]), always + 3);
    }

    /// A name that is nowhere told of would leave its objects out for ever.
    #[test]
    fn of_each_catalog_somebody_tells_whether_it_has_anything() {
        for catalog in OBJECTS.iter().flat_map(|query| query.catalogs) {
            let told = format!("select '{catalog}' where exists (select from {catalog}");
            assert!(PRESENT.contains(&told), "{catalog}");
        }
    }
}
