//! The commands that move a database, and those that say where it would go and where it is.

use expect_test::expect;
use serde_json::Value;

use super::support::database::Database;
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{run, transcript};

/// Two branches and their merge.
fn diamond() -> Project {
    Project::with("aaaa11<- bbbb22<aaaa11 cccc33<aaaa11 dddd44<bbbb22,cccc33")
}

fn tables(database: &Database<'_>) -> String {
    database
        .rows("select relname from pg_class where relname like 't\\_%' order by 1")
        .replace('\n', " ")
}

/// Each line, and the tables that are there behind it.
#[track_caller]
fn check_moves(project: &Project, moves: &[(&str, &str)]) {
    let database = Server::shared().database();
    for (line, expected) in moves {
        run(project, Some(&database), line).status(0);
        assert_eq!(tables(&database).trim(), *expected, "behind `{line}`");
    }
}

#[test]
fn a_target_can_be_written_in_many_ways() {
    let project = Project::with("aaaa11<- bbbb22<aaaa11 cccc33<bbbb22 dddd44<cccc33");
    let (one, two) = ("t_aaaa11", "t_aaaa11 t_bbbb22");
    let (three, four) = (
        "t_aaaa11 t_bbbb22 t_cccc33",
        "t_aaaa11 t_bbbb22 t_cccc33 t_dddd44",
    );
    check_moves(
        &project,
        &[
            ("upgrade +1", one),
            ("upgrade bbbb", two),
            ("upgrade bbbb22+1", three),
            ("upgrade", four),
            ("upgrade head", four),
            ("upgrade heads", four),
            ("downgrade", three),
            ("downgrade -1", two),
            ("upgrade dddd44-1", three),
            ("downgrade cccc33-2", one),
            ("upgrade head-1", three),
            ("downgrade base", ""),
            ("upgrade +2", two),
        ],
    );
}

#[test]
fn branches_are_reached_one_by_one_and_joined_by_their_merge() {
    let project = Project::with("aaaa11<-")
        .migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .header("branch_labels: billing")
                .upgrade("create table t_bbbb22 ();")
                .downgrade("drop table t_bbbb22;"),
        )
        .migration(
            &Migration::new("cccc33")
                .after("aaaa11")
                .header("branch_labels: people")
                .upgrade("create table t_cccc33 ();")
                .downgrade("drop table t_cccc33;"),
        );
    check_moves(
        &project,
        &[
            ("upgrade billing@head", "t_aaaa11 t_bbbb22"),
            ("upgrade people@head", "t_aaaa11 t_bbbb22 t_cccc33"),
            ("downgrade people@-1", "t_aaaa11 t_bbbb22"),
            ("upgrade heads", "t_aaaa11 t_bbbb22 t_cccc33"),
            ("downgrade aaaa11", "t_aaaa11"),
            ("upgrade people", "t_aaaa11 t_cccc33"),
        ],
    );
    check_moves(
        &diamond(),
        &[
            ("upgrade", "t_aaaa11 t_bbbb22 t_cccc33 t_dddd44"),
            // The other branch stays.
            ("downgrade bbbb22", "t_aaaa11 t_bbbb22 t_cccc33"),
            ("upgrade", "t_aaaa11 t_bbbb22 t_cccc33 t_dddd44"),
            ("downgrade base", ""),
        ],
    );
}

#[test]
fn each_step_is_told_and_a_second_upgrade_says_that_nothing_is_to_do() {
    let database = Server::shared().database();
    let lines = [
        "current",
        "upgrade +1",
        "upgrade",
        "upgrade",
        "current",
        "downgrade",
        "current",
        "downgrade base",
        "downgrade base",
        "current",
    ];
    let said = transcript(&diamond(), Some(&database), &lines);
    expect![[r#"
        $ castoff current
        status 0
        --- stderr
        castoff: nothing is applied: the database is empty

        $ castoff upgrade +1
        status 0
        --- stderr
        castoff: applied aaaa11 Make aaaa11 ([time])
        castoff: database is at aaaa11

        $ castoff upgrade
        status 0
        --- stderr
        castoff: applied bbbb22 Make bbbb22 ([time])
        castoff: applied cccc33 Make cccc33 ([time])
        castoff: applied dddd44 Make dddd44 ([time])
        castoff: database is at dddd44

        $ castoff upgrade
        status 0
        --- stderr
        castoff: up to date at dddd44

        $ castoff current
        status 0
        --- stdout
        dddd44 (head) (mergepoint)

        $ castoff downgrade
        status 14
        --- stderr
        error[ambiguous-target]: `-1` is ambiguous: next to `dddd44` are `bbbb22`, `cccc33`
          help: name the revision to reach instead of counting

        $ castoff current
        status 0
        --- stdout
        dddd44 (head) (mergepoint)

        $ castoff downgrade base
        status 0
        --- stderr
        castoff: reverted dddd44 Make dddd44 ([time])
        castoff: reverted cccc33 Make cccc33 ([time])
        castoff: reverted bbbb22 Make bbbb22 ([time])
        castoff: reverted aaaa11 Make aaaa11 ([time])
        castoff: database is at base

        $ castoff downgrade base
        status 0
        --- stderr
        castoff: up to date at base

        $ castoff current
        status 0
        --- stderr
        castoff: nothing is applied: the database is at base

    "#]]
    .assert_eq(&said);
}

#[test]
fn a_target_that_cannot_be_reached_says_why() {
    let database = Server::shared().database();
    let before = database.contents();
    let lines = [
        "upgrade +9",
        "upgrade nope",
        "upgrade aa",
        "upgrade bbbb23",
        "upgrade a:b",
        "upgrade %",
        "upgrade nope@head",
        "downgrade",
        "downgrade bbbb22",
        "upgrade -1",
        "downgrade +1",
    ];
    let said = transcript(&diamond(), Some(&database), &lines);
    expect![[r#"
        $ castoff upgrade +9
        status 14
        --- stderr
        error[ambiguous-target]: `+9` is ambiguous: next to `aaaa11` are `bbbb22`, `cccc33`
          help: name the revision to reach instead of counting

        $ castoff upgrade nope
        status 14
        --- stderr
        error[no-such-revision]: no revision or branch label is called `nope`
          help: see `castoff history` for the ids

        $ castoff upgrade aa
        status 14
        --- stderr
        error[prefix-too-short]: `aa` is too short for the beginning of a revision id
          help: give at least 4 characters of the id

        $ castoff upgrade bbbb23
        status 14
        --- stderr
        error[no-such-revision]: no revision or branch label is called `bbbb23`
          help: did you mean `bbbb22`? see `castoff history`

        $ castoff upgrade a:b
        status 2
        --- stderr
        error[invalid-target]: `a:b` is not a target
          help: write `head`, `heads`, `base`, a revision id, `+1`, `-1`, `3f2a+1` or `LABEL@head`

        $ castoff upgrade %
        status 14
        --- stderr
        error[no-such-revision]: no revision or branch label is called `%`
          help: see `castoff history` for the ids

        $ castoff upgrade nope@head
        status 14
        --- stderr
        error[no-such-revision]: no revision or branch label is called `nope`
          help: see `castoff history` for the ids

        $ castoff downgrade
        status 14
        --- stderr
        error[target-beyond-end]: `-1` leads beyond the first revision: only 0 that way
          help: say `base` to take back all

        $ castoff downgrade bbbb22
        status 14
        --- stderr
        error[not-applied]: revision `bbbb22` is not applied, so nothing can be taken back to it
          help: see `castoff current` for what is applied, and `castoff upgrade` to go forward

        $ castoff upgrade -1
        status 14
        --- stderr
        error[wrong-direction]: `-1` leads the other way
          help: go forward with `castoff upgrade` and back with `castoff downgrade`

        $ castoff downgrade +1
        status 14
        --- stderr
        error[wrong-direction]: `+1` leads the other way
          help: go forward with `castoff upgrade` and back with `castoff downgrade`

    "#]]
    .assert_eq(&said);
    assert_eq!(database.contents(), before);
}

#[test]
fn plan_shows_the_statements_and_changes_nothing() {
    let database = Server::shared().database();
    let project = Project::with("aaaa11<-").migration(
        &Migration::new("bbbb22")
            .after("aaaa11")
            .options("autocommit lock_timeout=2s")
            .upgrade("create table b (a text default ';');\n-- a note\ncreate index concurrently on b (a)"),
    );
    let before = database.contents();
    let lines = ["plan", "plan +1 --exit-status", "plan --format json"];
    let said = transcript(&project, Some(&database), &lines);
    expect![[r#"
        $ castoff plan
        status 0
        --- stdout
        -- aaaa11 Make aaaa11 (in one transaction)
        --   migrations/202601010001_aaaa11_make_aaaa11.sql
        create table t_aaaa11 (id integer);

        -- bbbb22 Make bbbb22 (statement by statement)
        --   migrations/202601010002_bbbb22_make_bbbb22.sql
        create table b (a text default ';');
        create index concurrently on b (a);

        $ castoff plan +1 --exit-status
        status 1
        --- stdout
        -- aaaa11 Make aaaa11 (in one transaction)
        --   migrations/202601010001_aaaa11_make_aaaa11.sql
        create table t_aaaa11 (id integer);

        $ castoff plan --format json
        status 0
        --- stdout
        [
          {
            "message": "Make aaaa11",
            "mode": "transaction",
            "path": "migrations/202601010001_aaaa11_make_aaaa11.sql",
            "revision": "aaaa11",
            "statements": [
              "create table t_aaaa11 (id integer)"
            ]
          },
          {
            "message": "Make bbbb22",
            "mode": "autocommit",
            "path": "migrations/202601010002_bbbb22_make_bbbb22.sql",
            "revision": "bbbb22",
            "statements": [
              "create table b (a text default ';')",
              "create index concurrently on b (a)"
            ]
          }
        ]

    "#]]
    .assert_eq(&said);
    assert_eq!(database.contents(), before);
    run(&project, Some(&database), "upgrade").status(0);
    let lines = ["plan", "plan --exit-status", "plan --format json"];
    let said = transcript(&project, Some(&database), &lines);
    expect![[r#"
        $ castoff plan
        status 0
        --- stderr
        castoff: nothing to do

        $ castoff plan --exit-status
        status 0
        --- stderr
        castoff: nothing to do

        $ castoff plan --format json
        status 0
        --- stdout
        []
        --- stderr
        castoff: nothing to do

    "#]]
    .assert_eq(&said);
}

#[test]
fn stamp_records_without_running() {
    let database = Server::shared().database();
    let project = diamond();
    let lines = [
        "stamp bbbb22",
        "current",
        "stamp bbbb22 cccc33",
        "current",
        "stamp aaaa11 bbbb22",
        "stamp head",
        "current",
        "stamp base",
        "current",
        "stamp --purge aaaa11",
        "current",
        "stamp nope",
        "stamp",
    ];
    let said = transcript(&project, Some(&database), &lines);
    expect![[r#"
        $ castoff stamp bbbb22
        status 0
        --- stderr
        castoff: database is at bbbb22

        $ castoff current
        status 0
        --- stdout
        bbbb22

        $ castoff stamp bbbb22 cccc33
        status 0
        --- stderr
        castoff: database is at bbbb22, cccc33

        $ castoff current
        status 0
        --- stdout
        bbbb22
        cccc33

        $ castoff stamp aaaa11 bbbb22
        status 14
        --- stderr
        error[overlapping-targets]: `bbbb22` already stands on `aaaa11`, so only one of them can be recorded
          help: run `castoff stamp bbbb22`

        $ castoff stamp head
        status 0
        --- stderr
        castoff: database is at dddd44

        $ castoff current
        status 0
        --- stdout
        dddd44 (head) (mergepoint)

        $ castoff stamp base
        status 0
        --- stderr
        castoff: database is at base

        $ castoff current
        status 0
        --- stderr
        castoff: nothing is applied: the database is at base

        $ castoff stamp --purge aaaa11
        status 0
        --- stderr
        castoff: database is at aaaa11

        $ castoff current
        status 0
        --- stdout
        aaaa11 (branchpoint)

        $ castoff stamp nope
        status 14
        --- stderr
        error[no-such-revision]: no revision or branch label is called `nope`
          help: see `castoff history` for the ids

        $ castoff stamp
        status 2
        --- stderr
        error: the following required arguments were not provided:
          <REV>...

        Usage: castoff stamp <REV>...

        For more information, try '--help'.

    "#]].assert_eq(&said);
    assert_eq!(tables(&database), "");
    let ledger = "select revision, direction, outcome, statements, last_statement from castoff.history order by id";
    expect![[r#"
        aaaa11|stamp|done|0|0
        bbbb22|stamp|done|0|0
        cccc33|stamp|done|0|0
        dddd44|stamp|done|0|0
        base|stamp|done|0|0
        aaaa11|stamp|done|0|0
    "#]]
    .assert_eq(&database.rows(ledger));
}

#[test]
fn purge_forgets_revisions_that_nobody_knows() {
    let database = Server::shared().database();
    let newer = Project::with("aaaa11<- zzzz99<aaaa11");
    run(&newer, Some(&database), "upgrade").status(0);
    database.sql("delete from castoff.history where revision = 'zzzz99'");
    let project = Project::with("aaaa11<-");
    let lines = [
        "upgrade",
        "current",
        "stamp aaaa11",
        "stamp --purge aaaa11",
        "upgrade",
    ];
    let said = transcript(&project, Some(&database), &lines);
    expect![[r#"
        $ castoff upgrade
        status 14
        --- stderr
        error[unknown-revision]: the database is at `zzzz99`, which these migrations do not have
          help: deploy the image that has that revision, or if it is gone for good, run `castoff stamp --purge <rev>`

        $ castoff current
        status 0
        --- stdout
        zzzz99 (unknown to these migrations)

        $ castoff stamp aaaa11
        status 14
        --- stderr
        error[unknown-revision]: the database is at `zzzz99`, which these migrations do not have
          help: deploy the image that has that revision, or if it is gone for good, run `castoff stamp --purge <rev>`

        $ castoff stamp --purge aaaa11
        status 0
        --- stderr
        castoff: database is at aaaa11

        $ castoff upgrade
        status 0
        --- stderr
        castoff: up to date at aaaa11

    "#]].assert_eq(&said);
}

#[test]
fn current_tells_more_and_checks_when_asked() {
    let database = Server::shared().database();
    let project = diamond();
    run(&project, Some(&database), "upgrade bbbb22").status(0);
    let lines = [
        "current -v",
        "current --check-heads",
        "current --format json",
    ];
    let said = transcript(&project, Some(&database), &lines);
    expect![[r#"
        $ castoff current -v
        status 0
        --- stdout
        Revision:    bbbb22
        Message:     Make bbbb22
        Parent:      aaaa11
        Children:    dddd44
        Path:        migrations/202601010002_bbbb22_make_bbbb22.sql
        Upgrade:     1 statement in one transaction
        Downgrade:   1 statement in one transaction
        Checksum:    a7fc9358670d2c00b1fe2bfdf47a63a8eb3e000392c6194dc1e0b01ea4b2173d

        $ castoff current --check-heads
        status 1
        --- stdout
        bbbb22

        $ castoff current --format json
        status 0
        --- stdout
        [
          {
            "branch_labels": [],
            "canonical_checksum": "a7fc9358670d2c00b1fe2bfdf47a63a8eb3e000392c6194dc1e0b01ea4b2173d",
            "children": [
              "dddd44"
            ],
            "depends_on": [],
            "down_revisions": [
              "aaaa11"
            ],
            "is_branch_point": false,
            "is_current": true,
            "is_head": false,
            "is_merge": false,
            "is_reversible": true,
            "message": "Make bbbb22",
            "path": "migrations/202601010002_bbbb22_make_bbbb22.sql",
            "raw_checksum": "d7f058ba9714a712e8b49f774c45809e7f5b4a9b3f1abf7ca46fe2a2149c4185",
            "revision": "bbbb22"
          }
        ]

    "#]].assert_eq(&said);
    run(&project, Some(&database), "upgrade").status(0);
    run(&project, Some(&database), "current --check-heads").status(0);
}

#[test]
fn every_data_command_prints_json_with_the_same_keys() {
    let database = Server::shared().database();
    let project = diamond();
    run(&project, Some(&database), "upgrade bbbb22").status(0);
    let lines = [
        "plan --format json",
        "current --format json",
        "history --format json",
        "history -i --format json",
        "heads --format json",
        "branches --format json",
        "show head --format json",
    ];
    let keys = |line: &&str| {
        let finished = run(&project, Some(&database), line);
        finished.status(0);
        let document: Value = serde_json::from_str(&finished.stdout).unwrap();
        let first = document[0].as_object().unwrap();
        let keys: Vec<&str> = first.keys().map(String::as_str).collect();
        format!("{line}: {}\n", keys.join(" "))
    };
    expect![[r#"
        plan --format json: message mode path revision statements
        current --format json: branch_labels canonical_checksum children depends_on down_revisions is_branch_point is_current is_head is_merge is_reversible message path raw_checksum revision
        history --format json: branch_labels canonical_checksum children depends_on down_revisions is_branch_point is_current is_head is_merge is_reversible message path raw_checksum revision
        history -i --format json: branch_labels canonical_checksum children depends_on down_revisions is_branch_point is_current is_head is_merge is_reversible message path raw_checksum revision
        heads --format json: branch_labels canonical_checksum children depends_on down_revisions is_branch_point is_current is_head is_merge is_reversible message path raw_checksum revision
        branches --format json: branch_labels canonical_checksum children depends_on down_revisions is_branch_point is_current is_head is_merge is_reversible message path raw_checksum revision
        show head --format json: branch_labels canonical_checksum children depends_on down_revisions is_branch_point is_current is_head is_merge is_reversible message path raw_checksum revision text
    "#]].assert_eq(&lines.iter().map(keys).collect::<String>());
}

#[test]
fn the_commands_that_need_no_database_ask_none() {
    let project = diamond();
    for line in [
        "history",
        "heads",
        "branches",
        "show head",
        "upgrade --sql",
        "stamp head --sql",
    ] {
        run(&project, None, line).status(0);
    }
    for line in [
        "current",
        "history -i",
        "plan",
        "upgrade",
        "downgrade",
        "stamp head",
    ] {
        run(
            &project,
            None,
            &format!("PGHOST=/nowhere {line} --wait-timeout 0"),
        )
        .status(11);
    }
}

#[test]
fn a_shell_and_a_reader_of_manuals_are_served() {
    let project = Project::empty();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let finished = run(&project, None, &format!("completions {shell}"));
        finished.status(0);
        assert!(finished.stdout.contains("downgrade"), "{shell}");
        assert_eq!(finished.stderr, "");
    }
    let bash = run(&project, None, "completions bash").stdout;
    let project = project.file("castoff.bash", bash);
    let status = std::process::Command::new("bash")
        .arg("-n")
        .arg(project.path("castoff.bash"))
        .status();
    assert!(status.unwrap().success());
    let page = run(&project, None, "man");
    page.status(0);
    assert!(page.stdout.starts_with(".ie"), "{page}");
    let said = transcript(
        &project,
        None,
        &["--version", "-h", "run -h", "completions csh", ""],
    );
    expect![[r#"
        $ castoff --version
        status 0
        --- stdout
        castoff 0.1.0

        $ castoff -h
        status 0
        --- stdout
        Waits for PostgreSQL, applies migrations under a lock, and becomes the web server

        Usage: castoff [OPTIONS] <COMMAND>

        Commands:
          run          Wait, upgrade to head, become CMD (same process)
          wait         Only wait until the database answers a query
          upgrade      Move forward to a target
          downgrade    Move back to a target
          plan         Show what `upgrade` would do, statement by statement; changes nothing
          stamp        Record revisions without running them
          current      Show where the database is
          history      List the revisions, newest first
          heads        List the revisions that nothing follows
          branches     List the revisions that several follow
          show         Show one revision
          revision     Write a new, empty migration file on the head
          init         Make a migrations directory, a configuration file and a first revision
          bundle       Write a copy of this program with the migrations embedded
          completions  Print the completions for a shell
          man          Print the manual page

        Options:
          -h, --help     Print help (see more with '--help')
          -V, --version  Print version

        Common options:
              --migrations <DIR>         Directory of migrations, instead of the embedded ones or ./migrations
              --wait-timeout <DURATION>  How long to wait for the database, connecting included [default: 60s]
              --lock-timeout <DURATION>  How long to wait while another castoff holds the migration lock [default: 10m]

        Every option can be given as CASTOFF_<OPTION> in the environment or as a key of castoff.toml;
        a flag wins over the environment, which wins over the file.
        Exit statuses and errors: docs/errors.md

        $ castoff run -h
        status 0
        --- stdout
        Wait, upgrade to head, become CMD (same process)

        Usage: castoff run [OPTIONS] -- <CMD>...

        Arguments:
          <CMD>...  The web server and its arguments

        Options:
          -h, --help  Print help (see more with '--help')

        Common options:
              --migrations <DIR>         Directory of migrations, instead of the embedded ones or ./migrations
              --wait-timeout <DURATION>  How long to wait for the database, connecting included [default: 60s]
              --lock-timeout <DURATION>  How long to wait while another castoff holds the migration lock [default: 10m]

        $ castoff completions csh
        status 2
        --- stderr
        error: invalid value 'csh' for '<SHELL>'
          [possible values: bash, elvish, fish, powershell, zsh]

          tip: a similar value exists: 'zsh'

        For more information, try '--help'.

        $ castoff 
        status 2
        --- stderr
        Waits for PostgreSQL, applies migrations under a lock, and becomes the web server

        Usage: castoff [OPTIONS] <COMMAND>

        Commands:
          run          Wait, upgrade to head, become CMD (same process)
          wait         Only wait until the database answers a query
          upgrade      Move forward to a target
          downgrade    Move back to a target
          plan         Show what `upgrade` would do, statement by statement; changes nothing
          stamp        Record revisions without running them
          current      Show where the database is
          history      List the revisions, newest first
          heads        List the revisions that nothing follows
          branches     List the revisions that several follow
          show         Show one revision
          revision     Write a new, empty migration file on the head
          init         Make a migrations directory, a configuration file and a first revision
          bundle       Write a copy of this program with the migrations embedded
          completions  Print the completions for a shell
          man          Print the manual page

        Options:
          -h, --help     Print help (see more with '--help')
          -V, --version  Print version

        Common options:
              --migrations <DIR>         Directory of migrations, instead of the embedded ones or ./migrations
              --wait-timeout <DURATION>  How long to wait for the database, connecting included [default: 60s]
              --lock-timeout <DURATION>  How long to wait while another castoff holds the migration lock [default: 10m]

        Every option can be given as CASTOFF_<OPTION> in the environment or as a key of castoff.toml;
        a flag wins over the environment, which wins over the file.
        Exit statuses and errors: docs/errors.md

    "#]].assert_eq(&said);
    // Each command is told about in the long help, and each option of it.
    let help = run(&project, None, "--help").stdout;
    for word in ["--database-url", "--on-newer", "--baseline", "completions"] {
        assert!(help.contains(word), "{word}: {help}");
    }
}
