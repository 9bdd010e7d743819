//! The commands that say where the database is and where it would go, for people and for programs.

use expect_test::expect;
use serde_json::Value;

use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{run, transcript};

/// Two branches and their merge.
fn diamond() -> Project {
    Project::with("aaaa11<- bbbb22<aaaa11 cccc33<aaaa11 dddd44<bbbb22,cccc33")
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
            "destructive": [],
            "direction": "upgrade",
            "done": 0,
            "message": "Make aaaa11",
            "mode": "transaction",
            "path": "migrations/202601010001_aaaa11_make_aaaa11.sql",
            "probes": [],
            "revision": "aaaa11",
            "statements": [
              "create table t_aaaa11 (id integer)"
            ]
          },
          {
            "destructive": [],
            "direction": "upgrade",
            "done": 0,
            "message": "Make bbbb22",
            "mode": "autocommit",
            "path": "migrations/202601010002_bbbb22_make_bbbb22.sql",
            "probes": [],
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
            "breaking": null,
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
            "ledger": null,
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
        plan --format json: destructive direction done message mode path probes revision statements
        current --format json: branch_labels breaking canonical_checksum children depends_on down_revisions is_branch_point is_current is_head is_merge is_reversible ledger message path raw_checksum revision
        history --format json: branch_labels breaking canonical_checksum children depends_on down_revisions is_branch_point is_current is_head is_merge is_reversible ledger message path raw_checksum revision
        history -i --format json: branch_labels breaking canonical_checksum children depends_on down_revisions is_branch_point is_current is_head is_merge is_reversible ledger message path raw_checksum revision
        heads --format json: branch_labels breaking canonical_checksum children depends_on down_revisions is_branch_point is_current is_head is_merge is_reversible ledger message path raw_checksum revision
        branches --format json: branch_labels breaking canonical_checksum children depends_on down_revisions is_branch_point is_current is_head is_merge is_reversible ledger message path raw_checksum revision
        show head --format json: branch_labels breaking canonical_checksum children depends_on down_revisions is_branch_point is_current is_head is_merge is_reversible ledger message path raw_checksum revision text
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
