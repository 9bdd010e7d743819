//! What castoff says when something fails, and the status that it ends with.

use std::fmt::Write as _;

use expect_test::expect;

use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{prepare, run, transcript};

/// A project whose second migration does this.
fn second(sql: &str) -> Project {
    Project::with("aaaa11<-").migration(&Migration::new("bbbb22").after("aaaa11").upgrade(sql))
}

/// Upgrades an empty database: the first migration is applied, the second fails and leaves nothing.
fn failing(project: &Project) -> String {
    let database = Server::shared().database();
    run(project, Some(&database), "upgrade +1").status(0);
    // Numbers that a sequence gave out do not come back.
    let contents = || {
        let contents = database.contents();
        let lines = contents
            .lines()
            .filter(|line| !line.starts_with("rows castoff.history_id_seq"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let before = contents();
    let finished = run(project, Some(&database), "upgrade --allow-destructive");
    finished.status(15);
    assert_eq!(contents(), before);
    finished.to_string()
}

#[test]
fn a_failed_statement_is_shown_with_its_place_and_the_servers_own_words() {
    let sql = [
        "create table invoice (total numeric);\nalter table invoice\n    add constraint positive check (totl > 0);",
        "create table a (id integer primary key);\ninsert into a values (1);\ninsert into a values (1);\nselect 1;",
        "select 'äöü€😀', x\n  from (select 1) s;",
        "select 1;\nselect 'äöü€' as \"😀\"; selec 2;",
        "create function f() returns void language plpgsql as $$\nbegin\n  raise exception using message = 'no', detail = 'one\ntwo', hint = 'three';\nend $$;\nselect f();",
        "do $$ begin perform 1/0; end $$;",
        "drop table t_nobody;",
        "create table wide (\n    a integer,\n    b integer,\n    c integer,\n    d integer,\n    e integer,\n    f integer,\n    g integer,\n    h intger,\n    i integer\n);",
        "copy t_aaaa11 from stdin;\n1\nx\n\\.\n",
        "set local lock_timeout = 'soon';",
    ];
    let said = sql.iter().fold(String::new(), |mut text, sql| {
        writeln!(text, "{}", failing(&second(sql))).unwrap();
        text
    });
    expect![[r#"
        status 15
        --- stderr
        error[apply-failed]: revision bbbb22 failed and was rolled back
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:7 (statement 2 of 2)
           7 | alter table invoice
           8 |     add constraint positive check (totl > 0);
          caused by: 42703 column "totl" does not exist
          postgres hint: Perhaps you meant to reference the column "invoice.total".
          help: correct the SQL and deploy again; the database is unchanged

        status 15
        --- stderr
        error[apply-failed]: revision bbbb22 failed and was rolled back
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:8 (statement 3 of 4)
           8 | insert into a values (1);
          caused by: 23505 duplicate key value violates unique constraint "a_pkey"
          postgres detail: Key (id)=(1) already exists.
          help: correct the SQL and deploy again; the database is unchanged

        status 15
        --- stderr
        error[apply-failed]: revision bbbb22 failed and was rolled back
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:6 (statement 1 of 1)
           6 | select 'äöü€😀', x
           7 |   from (select 1) s;
          caused by: 42703 column "x" does not exist
          help: correct the SQL and deploy again; the database is unchanged

        status 15
        --- stderr
        error[apply-failed]: revision bbbb22 failed and was rolled back
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:7 (statement 3 of 3)
           7 | select 'äöü€' as "😀"; selec 2;
          caused by: 42601 syntax error at or near "selec"
          help: correct the SQL and deploy again; the database is unchanged

        status 15
        --- stderr
        error[apply-failed]: revision bbbb22 failed and was rolled back
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:11 (statement 2 of 2)
          11 | select f();
          caused by: P0001 no
          postgres detail: one
            two
          postgres hint: three
          postgres context: PL/pgSQL function f() line 3 at RAISE
          help: correct the SQL and deploy again; the database is unchanged

        status 15
        --- stderr
        error[apply-failed]: revision bbbb22 failed and was rolled back
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:6 (statement 1 of 1)
           6 | do $$ begin perform 1/0; end $$;
          caused by: 22012 division by zero
          postgres context: SQL statement "SELECT 1/0"
            PL/pgSQL function inline_code_block line 1 at PERFORM
          help: correct the SQL and deploy again; the database is unchanged

        status 15
        --- stderr
        error[apply-failed]: revision bbbb22 failed and was rolled back
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:6 (statement 1 of 1)
           6 | drop table t_nobody;
          caused by: 42P01 table "t_nobody" does not exist
          help: correct the SQL and deploy again; the database is unchanged

        status 15
        --- stderr
        error[apply-failed]: revision bbbb22 failed and was rolled back
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:14 (statement 1 of 1)
          14 |     h intger,
          15 |     i integer
          16 | );
          caused by: 42704 type "intger" does not exist
          help: correct the SQL and deploy again; the database is unchanged

        status 15
        --- stderr
        error[apply-failed]: revision bbbb22 failed and was rolled back
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:6 (statement 1 of 1)
           6 | copy t_aaaa11 from stdin;
          caused by: 22P02 invalid input syntax for type integer: "x"
          postgres context: COPY t_aaaa11, line 2, column id: "x"
          help: correct the SQL and deploy again; the database is unchanged

        status 15
        --- stderr
        error[apply-failed]: revision bbbb22 failed and was rolled back
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:6 (statement 1 of 1)
           6 | set local lock_timeout = 'soon';
          caused by: 22023 invalid value for parameter "lock_timeout": "soon"
          help: correct the SQL and deploy again; the database is unchanged

    "#]]
    .assert_eq(&said);
}

#[test]
fn a_constraint_that_is_checked_at_commit_blames_the_whole_file() {
    let project = second(
        "create table child (id integer primary key, parent integer references child deferrable initially deferred);\n\
         insert into child values (1, 2);",
    );
    expect![[r#"
        status 15
        --- stderr
        error[apply-failed]: revision bbbb22 failed and was rolled back
          --> migrations/202601010002_bbbb22_make_bbbb22.sql (at commit)
          caused by: 23503 insert or update on table "child" violates foreign key constraint "child_parent_fkey"
          postgres detail: Key (parent)=(2) is not present in table "child".
          help: correct the SQL and deploy again; the database is unchanged
    "#]].assert_eq(&failing(&project));
}

#[test]
fn the_failing_statement_is_found_among_many() {
    // Several messages of 64 KiB each.
    let many = |bad: usize| {
        let mut sql = String::from("create table many (id integer, text text);\n");
        for n in 2..=5000 {
            if n == bad {
                writeln!(sql, "insert into many values ('bäd', '');").unwrap();
            } else {
                writeln!(sql, "insert into many values ({n}, 'é{n:050}');").unwrap();
            }
        }
        failing(&second(&sql))
    };
    for bad in [2, 700, 2500, 5000] {
        let said = many(bad);
        assert!(
            said.contains(&format!(":{} (statement {bad} of 5000)", bad + 5)),
            "{said}"
        );
        assert!(
            said.contains("insert into many values ('bäd', '');"),
            "{said}"
        );
    }
    expect![[r#"
        status 15
        --- stderr
        error[apply-failed]: revision bbbb22 failed and was rolled back
          --> migrations/202601010002_bbbb22_make_bbbb22.sql:3005 (statement 3000 of 5000)
        3005 | insert into many values ('bäd', '');
          caused by: 22P02 invalid input syntax for type integer: "bäd"
          help: correct the SQL and deploy again; the database is unchanged
    "#]]
    .assert_eq(&many(3000));
}

#[test]
fn each_status_has_a_run_that_ends_with_it() {
    let server = Server::shared();
    let database = server.database();
    let name = database.name().to_owned();
    let url = |role: &str| {
        format!(
            "DATABASE_URL=postgres://{role}@127.0.0.1:{}/{name}",
            server.port()
        )
    };
    let project = Project::with("aaaa11<-");
    let reader = format!("reader_{name}");
    database.sql(&format!(
        "set password_encryption = 'scram-sha-256'; create role {reader} login password 'sesame'"
    ));
    let lines = [
        "upgrade --nonsense".to_owned(),
        "upgrade --wait-timeout soon".to_owned(),
        format!("{} upgrade", url("nobody:wrong")),
        "PGHOST=127.0.0.1 PGPORT=1 DATABASE_URL= upgrade --wait-timeout 100ms".to_owned(),
        format!("{} upgrade", url(&format!("{reader}:sesame"))),
        "upgrade nope".to_owned(),
        "upgrade --migrations nowhere".to_owned(),
        "PATH=/bin run -- no-such-server --port 1".to_owned(),
        "run -- ./migrations".to_owned(),
        "run -- ./server.txt".to_owned(),
        "run --".to_owned(),
        "run no-such-server".to_owned(),
    ];
    let project = project.file("server.txt", "just text");
    let before = database.contents();
    let said = lines.iter().fold(String::new(), |mut text, line| {
        let finished = prepare(&project, Some(&database), line)
            .secret("sesame")
            .redact(&reader, "[reader]")
            .output();
        let line = line
            .replace(&name, "[database]")
            .replace(&server.port().to_string(), "[port]");
        writeln!(text, "$ castoff {line}\n{finished}").unwrap();
        text
    });
    assert_eq!(database.contents(), before);
    database.sql(&format!("drop role {reader}"));
    expect![[r#"
        $ castoff upgrade --nonsense
        status 2
        --- stderr
        error: unexpected argument '--nonsense' found

          tip: to pass '--nonsense' as a value, use '-- --nonsense'

        Usage: castoff upgrade [OPTIONS] [TARGET]

        For more information, try '--help'.

        $ castoff upgrade --wait-timeout soon
        status 10
        --- stderr
        error[config-value]: `--wait-timeout`: `soon` is not a duration such as 90s, 500ms or 2m
          help: set `--wait-timeout` to a duration such as 90s, 500ms or 2m

        $ castoff DATABASE_URL=postgres://nobody:wrong@127.0.0.1:[port]/[database] upgrade
        status 11
        --- stderr
        error[login-password-wrong]: database nobody@127.0.0.1:[port]/[database] cannot be used
          caused by: password authentication failed for user "nobody"
          help: correct user and password in `DATABASE_URL`

        $ castoff PGHOST=127.0.0.1 PGPORT=1 DATABASE_URL= upgrade --wait-timeout 100ms
        status 11
        --- stderr
        castoff: waiting for database root@127.0.0.1:1/root: connection refused
        error[not-ready]: database root@127.0.0.1:1/root is not ready after [time]
          caused by: connection refused
          help: check the database service, or raise `--wait-timeout` (`CASTOFF_WAIT_TIMEOUT`)

        $ castoff DATABASE_URL=postgres://reader_[database]:sesame@127.0.0.1:[port]/[database] upgrade
        status 12
        --- stderr
        error[database]: creating the ledger failed
          caused by: 42501 permission denied for database [database]
          help: grant the role what is missing, or give castoff a role of its own in CASTOFF_DATABASE_URL

        $ castoff upgrade nope
        status 14
        --- stderr
        error[no-such-revision]: no revision or branch label is called `nope`
          help: see `castoff history` for the ids

        $ castoff upgrade --migrations nowhere
        status 17
        --- stderr
        error[files-unreadable]: `nowhere` cannot be read
          caused by: No such file or directory (os error 2)
          help: check the name in --migrations or CASTOFF_MIGRATIONS, and that this user may read it

        $ castoff PATH=/bin run -- no-such-server --port 1
        status 127
        --- stderr
        error[exec-not-found]: `no-such-server` is not found
          help: write the full path after `--`, or correct PATH

        $ castoff run -- ./migrations
        status 126
        --- stderr
        error[exec-failed]: `./migrations` cannot be executed
          caused by: is a directory
          help: name the program in it, after `--`

        $ castoff run -- ./server.txt
        status 126
        --- stderr
        error[exec-failed]: `./server.txt` cannot be executed
          caused by: permission denied
          help: make it executable with `chmod +x`, and check that it is built for this machine

        $ castoff run --
        status 2
        --- stderr
        error: the following required arguments were not provided:
          <CMD>...

        Usage: castoff run -- <CMD>...

        For more information, try '--help'.

        $ castoff run no-such-server
        status 2
        --- stderr
        error: unexpected argument 'no-such-server' found

        Usage: castoff run [OPTIONS] -- <CMD>...

        For more information, try '--help'.

    "#]].assert_eq(&said);
}

#[test]
fn a_lock_that_is_not_released_names_its_holder() {
    let database = Server::shared().database();
    let holder = database.session();
    holder.sql("set application_name = 'a test'");
    holder.sql("select pg_advisory_lock(1667330932, hashtext('castoff'))");
    let project = Project::with("aaaa11<-");
    let before = database.contents();
    // Long enough for a second look on a slow machine: at the first one nobody would have waited.
    let said = transcript(&project, Some(&database), &["upgrade --lock-timeout 3s"]);
    expect![[r#"
        $ castoff upgrade --lock-timeout 3s
        status 13
        --- stderr
        castoff: waiting for the migration lock: held by `a test` (127.0.0.1, pid [pid], connected for [time], idle: select)
        error[lock-timeout]: the migration lock was not obtained after 3 s: held by `a test` (127.0.0.1, pid [pid], connected for [time], idle: select)
          help: inspect it with `select * from pg_stat_activity where pid = [pid]`, or raise --lock-timeout (CASTOFF_LOCK_TIMEOUT)

    "#]].assert_eq(&said);
    assert_eq!(database.contents(), before);
}
