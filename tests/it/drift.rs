//! Edits that change nothing, and what `history` tells of all edits.

use expect_test::expect;

use super::support::database::Database;
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{run, transcript};

fn project() -> Project {
    Project::with("aaaa11<- bbbb22<aaaa11 cccc33<bbbb22")
}

/// The project with other comments.
fn commented() -> Project {
    project().file(
        "migrations/202601010001_aaaa11_make_aaaa11.sql",
        "-- Make aaaa11\r\n-- revision: aaaa11\r\n\r\n-- upgrade\r\n\
         CREATE table t_aaaa11 (id integer); -- one column\r\n\r\n\
         -- downgrade\r\ndrop table if exists t_aaaa11;\r\n",
    )
}

#[test]
fn cosmetic_edits_are_recorded_when_the_lock_is_held_anyway() {
    let database = Server::shared().database();
    run(&project(), Some(&database), "upgrade").status(0);
    let before = database.contents();
    let lines = ["upgrade", "history -v -r :aaaa11"];
    let first = transcript(&commented(), Some(&database), &lines);
    database.assert_unchanged(&before);
    let more = commented().migration(&Migration::new("dddd44").after("cccc33"));
    let lines = ["upgrade", "upgrade", "history -v -r :aaaa11"];
    let then = transcript(&more, Some(&database), &lines);
    expect![[r#"
        $ castoff upgrade
        status 0
        --- stderr
        castoff: up to date at cccc33

        $ castoff history -v -r :aaaa11
        status 0
        --- stdout
        Revision:    aaaa11
        Message:     Make aaaa11
        Parent:      <base>
        Children:    bbbb22
        Path:        migrations/202601010001_aaaa11_make_aaaa11.sql
        Upgrade:     1 statement in one transaction
        Downgrade:   1 statement in one transaction
        Checksum:    d15c2a5ab3bc321a189aacc2acbe9d5634ef858cfb7d205623d5b6258bf19c26
        Ledger:      cosmetic edit since it was applied

        $ castoff upgrade
        status 0
        --- stderr
        castoff: applied dddd44 Make dddd44 ([time])
        castoff: recorded cosmetic edits of aaaa11
        castoff: database is at dddd44

        $ castoff upgrade
        status 0
        --- stderr
        castoff: up to date at dddd44

        $ castoff history -v -r :aaaa11
        status 0
        --- stdout
        Revision:    aaaa11
        Message:     Make aaaa11
        Parent:      <base>
        Children:    bbbb22
        Path:        migrations/202601010001_aaaa11_make_aaaa11.sql
        Upgrade:     1 statement in one transaction
        Downgrade:   1 statement in one transaction
        Checksum:    d15c2a5ab3bc321a189aacc2acbe9d5634ef858cfb7d205623d5b6258bf19c26
        Ledger:      as recorded

    "#]]
    .assert_eq(&[first, then].concat());
    let recorded = "select reason, to_json(downgrade_text), statements from castoff.history \
                    where direction = 'repair'";
    expect![[r#"
        cosmetic edit|"drop table if exists t_aaaa11;\r\n"|0
    "#]]
    .assert_eq(&database.rows(recorded));
}

#[test]
fn a_ledger_that_takes_no_note_of_a_cosmetic_edit_does_not_stop_the_server() {
    let database = Server::shared().database();
    run(&project(), Some(&database), "upgrade").status(0);
    database.sql(
        "create function refuse() returns trigger language plpgsql as \
         $$ begin raise 'no room'; end $$; \
         create trigger refuse before insert on castoff.history for each row \
         when (new.direction = 'repair') execute function refuse()",
    );
    let more = commented().migration(&Migration::new("dddd44").after("cccc33"));
    let lines = ["run -- /bin/echo served", "run -- /bin/echo served"];
    expect![[r#"
        $ castoff run -- /bin/echo served
        status 0
        --- stdout
        served
        --- stderr
        castoff: applied dddd44 Make dddd44 ([time])
        castoff: warning: cosmetic edits of applied files were not recorded: nothing was recorded: P0001 no room
        castoff: database is at dddd44

        $ castoff run -- /bin/echo served
        status 0
        --- stdout
        served
        --- stderr
        castoff: up to date at dddd44

    "#]]
    .assert_eq(&transcript(&more, Some(&database), &lines));
    // A person's own wish is not passed over.
    let said = transcript(&more, Some(&database), &["repair --all --reason x"]);
    expect![[r#"
        $ castoff repair --all --reason x
        status 12
        --- stderr
        error[stamp-failed]: nothing was recorded
          caused by: P0001 no room
          postgres context: PL/pgSQL function refuse() line 1 at RAISE
          help: look at the server's log

    "#]]
    .assert_eq(&said);
    assert_eq!(
        database.rows("select from castoff.history where direction = 'repair'"),
        ""
    );
}

#[test]
fn history_tells_of_the_ledger_only_where_there_is_one_to_ask() {
    let project = Project::with("aaaa11<-")
        .migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .upgrade("select 1;"),
        )
        .migration(&Migration::new("cccc33").after("bbbb22"));
    let told = |database: Option<&Database<'_>>, line: &str| {
        let finished = run(&project, database, line);
        finished.status(0);
        let ledger = finished
            .stdout
            .lines()
            .filter(|line| line.starts_with("Ledger:"));
        let lines: Vec<&str> = ledger.collect();
        format!("{line}: {}\n{}", lines.join(", "), finished.stderr)
    };
    let database = Server::shared().database();
    let mut all = told(None, "history -v");
    all += &told(
        None,
        "PGHOST=/nowhere PGUSER=u history -v --wait-timeout 1h",
    );
    all += &told(Some(&database), "history -v");
    run(
        &Project::with("aaaa11<- bbbb22<aaaa11"),
        Some(&database),
        "upgrade",
    )
    .status(0);
    all += &told(Some(&database), "history -v");
    all += &told(Some(&database), "history -vi");
    all += &told(Some(&database), "history");
    expect![[r#"
        history -v: 
        PGHOST=/nowhere PGUSER=u history -v --wait-timeout 1h: 
        castoff: waiting for database u@/nowhere:5432/u: socket does not exist: `/nowhere/.s.PGSQL.5432`
        castoff: warning: without the ledger, the files alone are shown: database u@/nowhere:5432/u is not ready after 0 s: socket does not exist: `/nowhere/.s.PGSQL.5432`
        history -v: Ledger:      not applied, Ledger:      not applied, Ledger:      not applied
        history -v: Ledger:      not applied, Ledger:      edited since it was applied, Ledger:      as recorded
        history -vi: Ledger:      not applied, Ledger:      edited since it was applied, Ledger:      as recorded
        history: 
    "#]].assert_eq(&all);
}
