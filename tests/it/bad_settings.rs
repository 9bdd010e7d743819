//! Settings that cannot be what was meant: each has its error, which names the place and no password.

use std::fmt::Write as _;

use expect_test::expect;

use super::support::project::Project;
use super::support::transcript::prepare;

#[test]
fn a_url_that_is_not_understood_is_told_without_its_password() {
    let project = Project::with("aaaa11<-");
    let urls = [
        "mysql://u:sesame@h/d",
        "postgres://u:sesame@h:port/d",
        "postgres://u:ses#ame@127.0.0.1:1/d",
        "postgres://u:ses?ame@127.0.0.1:1/d",
        "postgres://u:ses%ame@h/d",
        "postgres://u:sesame@h/d?sslmod=require",
        "postgres://u:sesame@h/d?sslmode=maybe",
        "postgres://u:sesame@[::1/d",
        "u:sesame@h/d",
        "host=h password=sesame nonsense",
        "host=h password='sesame",
        " ",
        "",
    ];
    let mut said = String::new();
    for url in urls {
        let finished = prepare(&project, None, "upgrade --wait-timeout 200ms")
            .env("DATABASE_URL", url)
            .secret("sesame")
            .secret("ses#ame")
            .secret("ses?ame")
            .secret("ses%ame")
            .output();
        writeln!(said, "{url:?}\n{finished}").unwrap();
    }
    expect![[r#"
        "mysql://u:sesame@h/d"
        status 10
        --- stderr
        error[database-url-malformed]: `DATABASE_URL` is not understood: `mysql://` is not a scheme of PostgreSQL
          help: castoff works with PostgreSQL: write `postgresql://…`

        "postgres://u:sesame@h:port/d"
        status 10
        --- stderr
        error[database-url-malformed]: `DATABASE_URL` is not understood: what follows `host:` is not a port number
          help: write a port from 1 to 65535; if it is part of the password, escape `@` as `%40`, `/` as `%2F` and `:` as `%3A`

        "postgres://u:ses#ame@127.0.0.1:1/d"
        status 11
        --- stderr
        castoff: waiting for database u@127.0.0.1:1/d: connection refused
        error[not-ready]: database u@127.0.0.1:1/d is not ready after [time]
          caused by: connection refused
          help: check the database service, or raise `--wait-timeout` (`CASTOFF_WAIT_TIMEOUT`)

        "postgres://u:ses?ame@127.0.0.1:1/d"
        status 11
        --- stderr
        castoff: waiting for database u@127.0.0.1:1/d: connection refused
        error[not-ready]: database u@127.0.0.1:1/d is not ready after [time]
          caused by: connection refused
          help: check the database service, or raise `--wait-timeout` (`CASTOFF_WAIT_TIMEOUT`)

        "postgres://u:ses%ame@h/d"
        status 10
        --- stderr
        error[database-url-malformed]: `DATABASE_URL` is not understood: `%` in the password must be followed by two hexadecimal digits; a real `%` is written `%25`
          help: write `%25` for a percent sign

        "postgres://u:sesame@h/d?sslmod=require"
        status 10
        --- stderr
        error[connection-parameter-unknown]: `sslmod` in `DATABASE_URL` is not a connection parameter
          help: write `sslmode`, or remove the parameter

        "postgres://u:sesame@h/d?sslmode=maybe"
        status 10
        --- stderr
        error[connection-parameter-value]: `maybe` in `DATABASE_URL` is not a value of `sslmode` (disable, allow, prefer, require, verify-ca, verify-full)
          help: correct the value of `sslmode`

        "postgres://u:sesame@[::1/d"
        status 10
        --- stderr
        error[database-url-malformed]: `DATABASE_URL` is not understood: the brackets around an IPv6 address are not closed, or not followed by `:port`
          help: write `[2001:db8::1]:5432`

        "u:sesame@h/d"
        status 10
        --- stderr
        error[database-url-malformed]: `DATABASE_URL` is not understood: it is neither a URL nor a list of `name=value`
          help: write `postgresql://user:password@host:5432/database`, or `host=… dbname=…`

        "host=h password=sesame nonsense"
        status 10
        --- stderr
        error[database-url-malformed]: `DATABASE_URL` is not understood: the password seems to hold a space, but does not stand in quotes
          help: write `password='…'`, with `\'` for a quote inside

        "host=h password='sesame"
        status 10
        --- stderr
        error[database-url-malformed]: `DATABASE_URL` is not understood: a quoted value does not end
          help: end the value with `'`; a quote inside is `\'`

        " "
        status 10
        --- stderr
        error[database-missing]: no database is named
          help: set `DATABASE_URL`, as in `postgresql://user:password@host:5432/database`

        ""
        status 10
        --- stderr
        error[database-missing]: no database is named
          help: set `DATABASE_URL`, as in `postgresql://user:password@host:5432/database`

    "#]].assert_eq(&said);
}

#[test]
fn flags_and_settings_that_are_not_understood_are_named() {
    let project = Project::with("aaaa11<-")
        .file(
            "unknown.toml",
            "migrations = 'migrations'\n\nwait_timeuot = '5s'\n",
        )
        .file("type.toml", "wait_timeout = ['5s']\n")
        .file("syntax.toml", "migrations = migrations\n")
        .file("twice.toml", "image = 'a'\nimage = 'b'\n")
        .file("table.toml", "[database]\nurl = 'x'\n")
        .file("value.toml", "on_newer = 'ignore'\n")
        .file(
            "database.toml",
            "database_url = 'postgres://u:sesame@h:port/d'\n",
        )
        .file("binary.toml", b"image = '\xff'\n");
    let lines = [
        "upgrade --frobnicate",
        "upgarde",
        "upgrade a b",
        "history --format yaml",
        "upgrade --wait-timeout soon",
        "CASTOFF_WAIT_TIMEOUT=-1 upgrade",
        "CASTOFF_LOCK_TIMEOUT=5x upgrade",
        "CASTOFF_CREATE_DATABASE=perhaps upgrade",
        "--log loud upgrade",
        "--log-format xml upgrade",
        "--on-newer=never upgrade",
        "--config unknown.toml upgrade",
        "--config type.toml upgrade",
        "--config syntax.toml upgrade",
        "--config twice.toml upgrade",
        "--config table.toml upgrade",
        "--config value.toml upgrade",
        "--config database.toml upgrade",
        "--config binary.toml upgrade",
        "--config nowhere.toml upgrade",
        "CASTOFF_CONFIG=nowhere.toml upgrade",
        "DATABASE_URL_FILE=/nowhere/secret upgrade",
        "DATABASE_URL_FILE=migrations upgrade",
        "DATABASE_URL=postgres://u:sesame@h/d DATABASE_URL_FILE=x upgrade",
        "CASTOFF_DATABASE_URL=postgres://u:sesame@h/d CASTOFF_DATABASE_URL_FILE=x upgrade",
    ];
    let mut said = String::new();
    for line in lines {
        let finished = prepare(&project, None, line).output();
        assert!(!finished.to_string().contains("sesame"), "{finished}");
        writeln!(said, "$ castoff {line}\n{finished}").unwrap();
    }
    expect![[r#"
        $ castoff upgrade --frobnicate
        status 2
        --- stderr
        error: unexpected argument '--frobnicate' found

          tip: a similar argument exists: '--before'

        Usage: castoff upgrade --before <COMMAND> [TARGET]

        For more information, try '--help'.

        $ castoff upgarde
        status 2
        --- stderr
        error: unrecognized subcommand 'upgarde'

          tip: a similar subcommand exists: 'upgrade'

        Usage: castoff [OPTIONS] <COMMAND>

        For more information, try '--help'.

        $ castoff upgrade a b
        status 2
        --- stderr
        error: unexpected argument 'b' found

        Usage: castoff upgrade [OPTIONS] [TARGET]

        For more information, try '--help'.

        $ castoff history --format yaml
        status 2
        --- stderr
        error: invalid value 'yaml' for '--format <FORMAT>'
          [possible values: text, json, mermaid, dot]

        For more information, try '--help'.

        $ castoff upgrade --wait-timeout soon
        status 10
        --- stderr
        error[config-value]: `--wait-timeout`: `soon` is not a duration such as 90s, 500ms or 2m
          help: set `--wait-timeout` to a duration such as 90s, 500ms or 2m

        $ castoff CASTOFF_WAIT_TIMEOUT=-1 upgrade
        status 10
        --- stderr
        error[config-value]: `CASTOFF_WAIT_TIMEOUT`: `-1` is not a duration such as 90s, 500ms or 2m
          help: set `CASTOFF_WAIT_TIMEOUT` to a duration such as 90s, 500ms or 2m

        $ castoff CASTOFF_LOCK_TIMEOUT=5x upgrade
        status 10
        --- stderr
        error[config-value]: `CASTOFF_LOCK_TIMEOUT`: `5x` is not a duration such as 90s, 500ms or 2m
          help: set `CASTOFF_LOCK_TIMEOUT` to a duration such as 90s, 500ms or 2m

        $ castoff CASTOFF_CREATE_DATABASE=perhaps upgrade
        status 10
        --- stderr
        error[config-value]: `CASTOFF_CREATE_DATABASE`: `perhaps` is not true or false
          help: set `CASTOFF_CREATE_DATABASE` to true or false

        $ castoff --log loud upgrade
        status 10
        --- stderr
        error[config-value]: `--log`: `loud` is not error, warn, info or debug
          help: set `--log` to error, warn, info or debug

        $ castoff --log-format xml upgrade
        status 10
        --- stderr
        error[config-value]: `--log-format`: `xml` is not text or json
          help: set `--log-format` to text or json

        $ castoff --on-newer=never upgrade
        status 10
        --- stderr
        error[config-value]: `--on-newer`: `never` is not ok, warn or fail
          help: set `--on-newer` to ok, warn or fail

        $ castoff --config unknown.toml upgrade
        status 10
        --- stderr
        error[config-file]: unknown field `wait_timeuot`
          --> unknown.toml:3
           3 | wait_timeuot = '5s'
          help: the keys of castoff.toml are: database_url, database_url_file, migrations, schema, wait_timeout, lock_timeout, ddl_lock_timeout, ddl_lock_budget, concurrent_budget, terminate_blockers, show_queries, create_database, baseline, on_newer, role, allow_destructive, before, after, hook_timeout, listen, listen_handover, holding_page, user, no_new_privs, expand_secrets, init, kill_group, grace, parent_death_signal, status_file, metrics_file, termination_log, declared, schema_command, scratch_url, online, strict, image, log, log_format, for, before_exec, unset_env, rewrite, remap_status, without, rename

        $ castoff --config type.toml upgrade
        status 10
        --- stderr
        error[config-file]: not a text, a whole number, true or false
          --> type.toml:1
           1 | wait_timeout = ['5s']
          help: write it as `key = "value"`, each key once

        $ castoff --config syntax.toml upgrade
        status 10
        --- stderr
        error[config-file]: string values must be quoted
          --> syntax.toml:1
           1 | migrations = migrations
          help: write it as `key = "value"`, each key once

        $ castoff --config twice.toml upgrade
        status 10
        --- stderr
        error[config-file]: duplicate key
          --> twice.toml:2
           2 | image = 'b'
          help: write it as `key = "value"`, each key once

        $ castoff --config table.toml upgrade
        status 10
        --- stderr
        error[config-file]: unknown field `database`
          --> table.toml:1
           1 | [database]
          help: the keys of castoff.toml are: database_url, database_url_file, migrations, schema, wait_timeout, lock_timeout, ddl_lock_timeout, ddl_lock_budget, concurrent_budget, terminate_blockers, show_queries, create_database, baseline, on_newer, role, allow_destructive, before, after, hook_timeout, listen, listen_handover, holding_page, user, no_new_privs, expand_secrets, init, kill_group, grace, parent_death_signal, status_file, metrics_file, termination_log, declared, schema_command, scratch_url, online, strict, image, log, log_format, for, before_exec, unset_env, rewrite, remap_status, without, rename

        $ castoff --config value.toml upgrade
        status 10
        --- stderr
        error[config-value]: `on_newer` in value.toml: `ignore` is not ok, warn or fail
          help: set `on_newer` in value.toml to ok, warn or fail

        $ castoff --config database.toml upgrade
        status 10
        --- stderr
        error[database-url-malformed]: `database_url in database.toml` is not understood: what follows `host:` is not a port number
          help: write a port from 1 to 65535; if it is part of the password, escape `@` as `%40`, `/` as `%2F` and `:` as `%3A`

        $ castoff --config binary.toml upgrade
        status 10
        --- stderr
        error[config-unreadable]: `binary.toml` (named by `--config`) cannot be read
          caused by: stream did not contain valid UTF-8
          help: check that `--config` names a file that this user may read

        $ castoff --config nowhere.toml upgrade
        status 10
        --- stderr
        error[config-unreadable]: `nowhere.toml` (named by `--config`) cannot be read
          caused by: No such file or directory (os error 2)
          help: check that `--config` names a file that this user may read

        $ castoff CASTOFF_CONFIG=nowhere.toml upgrade
        status 10
        --- stderr
        error[config-unreadable]: `nowhere.toml` (named by `CASTOFF_CONFIG`) cannot be read
          caused by: No such file or directory (os error 2)
          help: check that `CASTOFF_CONFIG` names a file that this user may read

        $ castoff DATABASE_URL_FILE=/nowhere/secret upgrade
        status 10
        --- stderr
        error[config-unreadable]: `/nowhere/secret` (named by `DATABASE_URL_FILE`) cannot be read
          caused by: No such file or directory (os error 2)
          help: check that `DATABASE_URL_FILE` names a file that this user may read

        $ castoff DATABASE_URL_FILE=migrations upgrade
        status 10
        --- stderr
        error[config-unreadable]: `migrations` (named by `DATABASE_URL_FILE`) cannot be read
          caused by: Is a directory (os error 21)
          help: check that `DATABASE_URL_FILE` names a file that this user may read

        $ castoff DATABASE_URL=postgres://u:sesame@h/d DATABASE_URL_FILE=x upgrade
        status 10
        --- stderr
        error[config-twice]: `DATABASE_URL` and `DATABASE_URL_FILE` are both set
          help: unset one of `DATABASE_URL` and `DATABASE_URL_FILE`

        $ castoff CASTOFF_DATABASE_URL=postgres://u:sesame@h/d CASTOFF_DATABASE_URL_FILE=x upgrade
        status 10
        --- stderr
        error[config-twice]: `CASTOFF_DATABASE_URL` and `CASTOFF_DATABASE_URL_FILE` are both set
          help: unset one of `CASTOFF_DATABASE_URL` and `CASTOFF_DATABASE_URL_FILE`

    "#]].assert_eq(&said);
}
