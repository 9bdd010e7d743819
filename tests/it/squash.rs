//! `castoff squash`: several revisions as one, and databases that see no difference.

use expect_test::expect;

use super::support::database::Database;
use super::support::dump::dump;
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{run, transcript};

/// Five in a row; from the second to the fourth without a statement that changes rows.
fn row() -> Project {
    Project::empty()
        .migration(
            &Migration::new("aaaa11")
                .upgrade("create table a (id bigint primary key, b text);")
                .downgrade("drop table a;"),
        )
        .migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .header("branch_labels: billing")
                .upgrade("create type mood as enum ('x');\nalter table a add m mood;")
                .downgrade("alter table a drop m;\ndrop type mood;"),
        )
        .migration(
            &Migration::new("cccc33")
                .after("bbbb22")
                .header("breaking: older images write the old mood")
                .upgrade("alter type mood add value 'y';"),
        )
        .migration(
            &Migration::new("dddd44")
                .after("cccc33")
                .options("autocommit")
                .upgrade(
                    "create index concurrently a_b on a (b);\nalter table a alter m set default 'y';",
                )
                .downgrade("alter table a alter m drop default;\ndrop index a_b;"),
        )
        .migration(
            &Migration::new("eeee55")
                .after("dddd44")
                .upgrade("create table e (a bigint references a);")
                .downgrade("drop table e;"),
        )
}

/// The text of the file of a revision.
fn file(project: &Project, id: &str) -> String {
    let entries = project.path("migrations").read_dir().unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    let is_its = |path: &std::path::PathBuf| path.to_string_lossy().contains(id);
    std::fs::read_to_string(paths.find(is_its).unwrap()).unwrap()
}

/// Without the checksums, which the file also has.
fn without_sums(text: &str) -> String {
    let words = text.split_inclusive([' ', '\n']);
    let shown = words.map(|word| match word.trim_end() {
        sum if sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            word.replace(sum, "SUM")
        }
        _ => word.to_owned(),
    });
    shown.collect()
}

/// What there is, without the ledger.
fn structure(database: &Database<'_>) -> Option<Vec<String>> {
    let text = dump(database, [])?;
    let lines = text.lines().filter(|line| !line.starts_with('\\'));
    let mut lines: Vec<String> = lines
        .map(|line| line.trim_end_matches(',').to_owned())
        .collect();
    lines.sort();
    Some(lines)
}

#[test]
fn databases_at_the_last_one_or_above_see_no_difference() {
    let server = Server::shared();
    let project = row();
    let (last, above, below, between) = (
        server.database(),
        server.database(),
        server.database(),
        server.database(),
    );
    for (database, target) in [
        (&last, "dddd44"),
        (&above, "head"),
        (&below, "aaaa11"),
        (&between, "cccc33"),
    ] {
        run(&project, Some(database), &format!("upgrade {target}")).status(0);
    }
    let lineage = "select lineage from castoff.revision";
    let before = above.rows(lineage);
    run(&project, Some(&last), "squash bbbb22:dddd44").status(0);
    assert_eq!(project.path("migrations").read_dir().unwrap().count(), 3);
    expect![[r#"
        -- Squash bbbb22 to dddd44
        -- revision: dddd44
        -- down_revision: aaaa11
        -- branch_labels: billing
        -- breaking: older images write the old mood
        -- replaces: bbbb22 SUM aaaa11
        -- replaces: cccc33 SUM bbbb22
        -- replaces: dddd44 SUM cccc33
        -- squashed: SUM

        -- upgrade
        create type public.mood as enum ('x', 'y');
        alter table public.a add column m public.mood default 'y'::public.mood;
        CREATE INDEX a_b ON public.a USING btree (b);

        -- downgrade
        -- Loses what was written into what the upgrade made.

        drop index public.a_b;

        -- loses: the column and its values
        alter table public.a drop column m;
        drop type public.mood;
    "#]]
    .assert_eq(&without_sums(&file(&project, "dddd44")));

    let said = transcript(&project, Some(&above), &["upgrade", "plan --exit-status"]);
    expect![[r#"
        $ castoff upgrade
        status 0
        --- stderr
        castoff: up to date at eeee55

        $ castoff plan --exit-status
        status 0
        --- stderr
        castoff: nothing to do

    "#]]
    .assert_eq(&said);
    let between = transcript(&project, Some(&between), &["upgrade", "run -- true"]);
    expect![[r#"
        $ castoff upgrade
        status 14
        --- stderr
        error[inside-squash]: the database is at `cccc33`, which was squashed into `dddd44`
          help: deploy the image from before the squash once, which takes the database to `dddd44`, and then this one

        $ castoff run -- true
        status 14
        --- stderr
        error[inside-squash]: the database is at `cccc33`, which was squashed into `dddd44`
          help: deploy the image from before the squash once, which takes the database to `dddd44`, and then this one

    "#]].assert_eq(&between);
    // Those who come from below, or from nothing, get the same ledger as those who were there.
    let new = server.database();
    for database in [&last, &below, &new] {
        run(&project, Some(database), "upgrade").status(0);
        assert_eq!(database.rows(lineage), before);
        assert_eq!(structure(database), structure(&above));
    }
    // All of them can be taken back by the new file, and go forward again.
    for database in [&above, &below, &new] {
        run(&project, Some(database), "downgrade base").status(0);
        run(&project, Some(database), "upgrade").status(0);
        assert_eq!(database.rows(lineage), before);
        assert_eq!(structure(database), structure(&last));
    }
    run(&project, Some(&new), "check --schema-command 'echo --'").status(1);
}

#[test]
fn an_image_from_before_goes_on_with_what_the_new_file_made() {
    let server = Server::shared();
    let (old, new) = (row(), row());
    let database = server.database();
    run(&new, Some(&database), "squash :dddd44").status(0);
    run(&new, Some(&database), "upgrade").status(0);
    let said = transcript(&old, Some(&database), &["upgrade", "plan --exit-status"]);
    assert!(said.contains("up to date at eeee55"), "{said}");
}

#[test]
fn a_squash_of_a_squash_is_what_the_files_were_at_first() {
    let server = Server::shared();
    let database = server.database();
    let project = row();
    run(&project, Some(&database), "upgrade").status(0);
    run(&project, Some(&database), "squash bbbb22:cccc33").status(0);
    run(&project, Some(&database), "upgrade").status(0);
    run(&project, Some(&database), "squash :").status(0);
    run(&project, Some(&database), "plan --exit-status").status(0);
    let text = file(&project, "eeee55");
    assert_eq!(text.matches("-- replaces: ").count(), 5, "{text}");
    assert_eq!(project.path("migrations").read_dir().unwrap().count(), 1);
}

fn with_rows() -> Project {
    Project::empty()
        .migration(
            &Migration::new("aaaa11")
                .upgrade("create table a (id bigint primary key, n text);\ninsert into a values (1, 'x;');")
                .downgrade("drop table a;"),
        )
        .migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .upgrade("alter table a add m text;\nupdate a set m = n;\ncopy a (id) from stdin;\n7\n8\n\\.\n")
                .downgrade("alter table a drop m;"),
        )
}

#[test]
fn statements_that_change_rows_are_not_lost_in_silence() {
    let server = Server::shared();
    let database = server.database();
    let project = with_rows();
    let said = transcript(&project, Some(&database), &["squash :bbbb22"]);
    expect![[r#"
        $ castoff squash :bbbb22
        status 14
        --- stderr
        error[squash-data]: 3 statements of the range may change rows, which a comparison of schemas does not see
          --> migrations/202601010001_aaaa11_make_aaaa11.sql:6
           6 | insert into a values (1, 'x;');
          also: migrations/202601010002_bbbb22_make_bbbb22.sql:7
            migrations/202601010002_bbbb22_make_bbbb22.sql:8
          help: keep them behind the other statements with `--data keep`, or leave them out with `--data drop`

    "#]].assert_eq(&said);
    let (by_old, by_new) = (server.database(), server.database());
    run(&project, Some(&by_old), "upgrade").status(0);
    run(&project, Some(&database), "squash :bbbb22 --data keep").status(0);
    run(&project, Some(&by_new), "upgrade").status(0);
    let rows = "select id, n, m from a order by id";
    assert_eq!(by_new.rows(rows), by_old.rows(rows));
    assert!(by_new.rows(rows).contains('8'));

    let dropped = with_rows();
    run(&dropped, Some(&database), "squash :bbbb22 --data drop").status(0);
    let empty = server.database();
    run(&dropped, Some(&empty), "upgrade").status(0);
    assert_eq!(empty.rows("select count(*) from a"), "0\n");
}

#[test]
fn rows_that_would_be_others_are_found_out() {
    // No statement changes rows by its words; the column's first default does.
    let defaults = Project::empty()
        .migration(
            &Migration::new("aaaa11")
                .upgrade("create table a (id bigint);\ninsert into a values (1);")
                .downgrade("drop table a;"),
        )
        .migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .upgrade("alter table a add n integer default 5;")
                .downgrade("alter table a drop n;"),
        )
        .migration(
            &Migration::new("cccc33")
                .after("bbbb22")
                .upgrade("alter table a alter n drop default;")
                .downgrade("alter table a alter n set default 5;"),
        );
    // A kept statement meets a table that is further on.
    let later = Project::empty()
        .migration(
            &Migration::new("aaaa11")
                .upgrade("create table a (id bigint);\ninsert into a values (1);\ndelete from a;")
                .downgrade("drop table a;"),
        )
        .migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .upgrade("alter table a add n integer not null;")
                .downgrade("alter table a drop n;"),
        );
    let database = Server::shared().database();
    let mut said = transcript(&defaults, Some(&database), &["squash bbbb22:cccc33"]);
    said += &transcript(&later, Some(&database), &["squash :bbbb22 --data keep"]);
    expect![[r#"
        $ castoff squash bbbb22:cccc33
        status 1
        --- stderr
        error[squash-rows]: the squashed upgrade does not leave the same rows in `public.a`: nothing was written
          help: end the range before the migration that changes those rows, or begin it behind; or leave rows out of it with `--data drop`

        $ castoff squash :bbbb22 --data keep
        status 1
        --- stderr
        error[squash-not-kept]: a statement that is kept is refused behind the others: nothing was written
          caused by: 23502 null value in column "n" of relation "a" violates not-null constraint
          postgres detail: Failing row contains (1, null).
          statement: insert into a values (1);
          help: end the range before the migration that changes what it needs, or leave it out with `--data drop`

    "#]].assert_eq(&said);
    assert!(defaults.path("migrations").read_dir().unwrap().count() == 3);
}

#[test]
fn what_loses_data_on_the_way_is_said() {
    let project = Project::empty()
        .migration(
            &Migration::new("aaaa11")
                .upgrade("create table a (id bigint, old text);")
                .downgrade("drop table a;"),
        )
        .migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .upgrade("alter table a rename old to new;")
                .downgrade("alter table a rename new to old;"),
        )
        .migration(
            &Migration::new("cccc33")
                .after("bbbb22")
                .upgrade("create index on a (new);")
                .downgrade("drop index a_new_idx;"),
        );
    let database = Server::shared().database();
    let refused = run(&project, Some(&database), "squash bbbb22:cccc33");
    refused.status(14);
    assert!(
        refused.stderr.contains("error[would-lose-data]"),
        "{refused}"
    );
    // From the first on there is nothing to lose.
    run(&project, Some(&database), "squash :cccc33").status(0);
    assert!(file(&project, "cccc33").contains("new text"));
}

#[test]
fn what_cannot_be_one_is_refused() {
    let database = Server::shared().database();
    let fork = Project::with("aaaa11<- bbbb22<aaaa11 cccc33<aaaa11 dddd44<bbbb22,cccc33");
    let mut said = transcript(
        &fork,
        Some(&database),
        &[
            "squash bbbb22:dddd44",
            "squash aaaa11:bbbb22",
            "squash bbbb22:bbbb22",
            "squash dddd44:aaaa11",
            "squash current:",
            "squash nothing:",
        ],
    );
    let values = Project::with("aaaa11<-").migration(
        &Migration::new("bbbb22")
            .after("aaaa11")
            .header("placeholders: app")
            .upgrade("comment on table t_aaaa11 is ${app};"),
    );
    said += &transcript(&values, Some(&database), &["squash :"]);
    expect![[r#"
        $ castoff squash bbbb22:dddd44
        status 14
        --- stderr
        error[squash-branch]: `dddd44` follows `cccc33`, which is not in the range
          help: begin below the fork, so that `cccc33` is in the range too, or behind the merge

        $ castoff squash aaaa11:bbbb22
        status 14
        --- stderr
        error[squash-branch]: `cccc33` stands on `aaaa11`, which is inside the range
          help: end the range at `aaaa11`, or begin it behind

        $ castoff squash bbbb22:bbbb22
        status 2
        --- stderr
        error[nothing-to-squash]: there is only `bbbb22` in the range
          help: name the first and the last revision, as in `castoff squash 3f2a:9c41`

        $ castoff squash dddd44:aaaa11
        status 2
        --- stderr
        error[nothing-to-squash]: `dddd44` is not below `aaaa11`
          help: name the older one first, as in `castoff squash aaaa11:dddd44`, and see `castoff history --graph`

        $ castoff squash current:
        status 2
        --- stderr
        error[not-a-revision]: `current` is not a revision
          help: name a revision: see `castoff history`

        $ castoff squash nothing:
        status 14
        --- stderr
        error[no-such-revision]: no revision or branch label is called `nothing`
          help: see `castoff history` for the ids

        $ castoff squash :
        status 14
        --- stderr
        error[squash-placeholders]: `bbbb22` has placeholders
          help: leave `bbbb22` out: end the range before it, or begin it behind

    "#]].assert_eq(&said);
    // Both sides of the fork and the merge become one.
    let at_head = Server::shared().database();
    run(&fork, Some(&at_head), "upgrade").status(0);
    run(&fork, Some(&database), "squash :").status(0);
    run(&fork, Some(&at_head), "plan --exit-status").status(0);
}

#[test]
fn one_that_was_stopped_half_way_is_done() {
    let server = Server::shared();
    let (database, project) = (server.database(), row());
    run(&project, Some(&database), "upgrade").status(0);
    let path = "migrations/202601010002_bbbb22_make_bbbb22.sql";
    let old = std::fs::read_to_string(project.path(path)).unwrap();
    run(&project, Some(&database), "squash bbbb22:dddd44").status(0);
    // As if castoff had been killed before it removed this one.
    let project = project.file(path, old);
    let lines = ["plan --exit-status", "heads"];
    let said = transcript(&project, Some(&database), &lines);
    expect![[r#"
        $ castoff plan --exit-status
        status 0
        --- stderr
        castoff: nothing to do

        $ castoff heads
        status 0
        --- stdout
        eeee55 (head)

    "#]]
    .assert_eq(&said);
    // Somebody's branch that begins in between is told where to.
    let project = project.migration(&Migration::new("ffff66").after("cccc33"));
    let said = transcript(&project, Some(&database), &["heads"]);
    expect![[r#"
        $ castoff heads
        status 14
        --- stderr
        error[squashed-parent]: revision `ffff66` follows `cccc33`, which was squashed into `dddd44`
          --> migrations/202601010006_ffff66_make_ffff66.sql:3
           3 | -- down_revision: cccc33
          help: write `dddd44` instead in `migrations/202601010006_ffff66_make_ffff66.sql`

    "#]]
    .assert_eq(&said);
}

#[test]
fn an_edit_of_a_squashed_file_is_an_edit() {
    let server = Server::shared();
    let (database, project) = (server.database(), row());
    run(&project, Some(&database), "squash :dddd44").status(0);
    run(&project, Some(&database), "upgrade").status(0);
    let path = "migrations/202601010004_dddd44_make_dddd44.sql";
    let text = std::fs::read_to_string(project.path(path)).unwrap();
    let project = project.file(path, text.replace("b text", "b text not null"));
    let refused = run(&project, Some(&database), "upgrade");
    refused.status(14);
    assert!(
        refused.stderr.contains("error[checksum-mismatch]"),
        "{refused}"
    );
    let repaired = run(&project, Some(&database), "repair dddd44 --reason meant");
    repaired.status(0);
    run(&project, Some(&database), "upgrade").status(0);
}

#[test]
fn a_way_back_that_nobody_wanted_stays_closed() {
    let project = Project::with("aaaa11<-").file(
        "migrations/202601020000_bbbb22_x.sql",
        "-- b\n-- revision: bbbb22\n-- down_revision: aaaa11\n\n-- upgrade\ncreate table b ();\n\n-- downgrade irreversible: the old format is gone\n",
    );
    let database = Server::shared().database();
    run(&project, Some(&database), "squash : -m 'All of it'").status(0);
    let text = file(&project, "bbbb22");
    assert!(text.starts_with("-- All of it\n"), "{text}");
    assert!(
        text.ends_with("-- downgrade irreversible: the old format is gone\n"),
        "{text}"
    );
}
