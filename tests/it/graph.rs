//! Branches, merges and dependencies: where the ledger's rows are after each move. The rows are those
//! that Alembic 1.20 keeps for the same graph and the same targets.

use expect_test::expect;

use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{run, transcript};

/// One migration a word: `id<parents~depends_on@labels`.
pub(super) fn project(graph: &str) -> Project {
    graph
        .split_whitespace()
        .fold(Project::empty(), |project, word| {
            let (id, rest) = word.split_once('<').unwrap();
            let (rest, labels) = rest.split_once('@').unwrap_or((rest, ""));
            let (parents, depends_on) = rest.split_once('~').unwrap_or((rest, ""));
            let migration = Migration::new(id)
                .after(parents.trim_matches('-'))
                .header(&format!("depends_on: {depends_on}"))
                .header(&format!("branch_labels: {labels}"))
                .upgrade(&format!("create table t_{id} ();"))
                .downgrade(&format!("drop table t_{id};"));
            project.migration(&migration)
        })
}

/// Each line with the rows behind it, or the code of its error, which changes nothing. The tables
/// that are there must be those of the rows and all below them, and `stamp` makes none.
#[track_caller]
fn check(graph: &str, moves: &[(&str, &str)]) {
    let database = Server::shared().database();
    let project = project(graph);
    let rows = || {
        let there = "select to_regclass('castoff.revision') is not null";
        if database.rows(there) == "f\n" {
            return String::new();
        }
        let rows = database.rows("select revision from castoff.revision order by 1");
        rows.trim().replace('\n', " ")
    };
    let tables = "select count(*) from pg_class where relname like 't\\_%' and relkind = 'r'";
    let applied = "select coalesce(sum(case direction when 'upgrade' then 1 else -1 end), 0)
        from castoff.history where direction <> 'stamp'";
    for (line, expected) in moves {
        let before = rows();
        let finished = run(&project, Some(&database), line);
        if let Some(code) = expected.strip_prefix("error ") {
            finished.status(14);
            assert!(
                finished.stderr.contains(&format!("error[{code}]")),
                "{line}: {finished}"
            );
            assert_eq!(rows(), before, "behind `{line}`");
        } else {
            finished.status(0);
            assert_eq!(rows(), *expected, "behind `{line}`");
            assert_eq!(
                database.rows(tables),
                database.rows(applied),
                "behind `{line}`"
            );
        }
    }
}

#[test]
fn two_branches_and_their_merge() {
    check(
        "a1a1<- b1b1<a1a1@left c1c1<a1a1@right d1d1<b1b1,c1c1 e1e1<d1d1",
        &[
            ("upgrade b1b1", "b1b1"),
            ("upgrade right@+1", "b1b1 c1c1"),
            ("upgrade head", "e1e1"),
            ("downgrade d1d1", "d1d1"),
            ("downgrade -1", "error ambiguous-target"),
            ("downgrade left@-1", "error ambiguous-target"),
            ("downgrade d1d1-1", "error ambiguous-target"),
            ("downgrade b1b1", "b1b1 c1c1"),
            ("upgrade d1d1", "d1d1"),
            ("downgrade c1c1", "b1b1 c1c1"),
            ("downgrade right@-1", "b1b1"),
            ("upgrade e1e1-1", "d1d1"),
            ("downgrade a1a1", "a1a1"),
            ("upgrade +1", "error ambiguous-target"),
            ("upgrade b1b1+1", "d1d1"),
            ("upgrade heads", "e1e1"),
            ("downgrade e1e1-1", "d1d1"),
            ("downgrade base", ""),
        ],
    );
}

#[test]
fn a_tree_that_depends_on_another() {
    check(
        "p1p1<-@people p2p2<p1p1 p3p3<p2p2 b1b1<-~p2p2@billing b2b2<b1b1~p3p3 b3b3<b2b2",
        &[
            ("upgrade head", "error several-heads"),
            ("upgrade +1", "error ambiguous-target"),
            // What it depends on comes first, and has no row of its own.
            ("upgrade billing@+1", "b1b1"),
            ("upgrade people@+1", "b1b1 p3p3"),
            ("upgrade billing@head", "b3b3"),
            ("downgrade billing@-1", "b2b2"),
            ("upgrade billing@+1", "b3b3"),
            // Whatever depends on it goes before it.
            ("downgrade people@-1", "b1b1"),
            ("upgrade heads", "b3b3"),
            ("downgrade p2p2", "b1b1"),
            ("upgrade billing@head", "b3b3"),
            ("downgrade billing@base", "p3p3"),
            ("downgrade people@base", ""),
            ("upgrade b2b2", "b2b2"),
            ("downgrade b1b1", "b1b1 p3p3"),
            ("downgrade people@p1p1", "p1p1"),
            ("upgrade people@heads", "p3p3"),
            ("upgrade heads", "b3b3"),
            ("downgrade base", ""),
        ],
    );
}

#[test]
fn a_merge_of_three_and_two_heads_behind_it() {
    check(
        "f0f0<- a1a1<f0f0@aa b1b1<f0f0@bb c1c1<f0f0@cc m1m1<a1a1,b1b1,c1c1 n1n1<m1m1 n2n2<m1m1",
        &[
            ("upgrade aa", "a1a1"),
            ("upgrade bb@+1", "a1a1 b1b1"),
            ("upgrade cc@+2", "m1m1"),
            ("upgrade heads", "n1n1 n2n2"),
            ("downgrade n1n1", "n1n1 n2n2"),
            ("downgrade n1n1-1", "m1m1"),
            ("downgrade a1a1", "a1a1 b1b1 c1c1"),
            ("upgrade m1m1", "m1m1"),
            ("downgrade f0f0", "f0f0"),
            ("upgrade n2n2", "n2n2"),
            ("downgrade n2n2-1", "m1m1"),
            ("downgrade -1", "error ambiguous-target"),
            ("downgrade bb@f0f0", "a1a1 c1c1"),
            ("downgrade base", ""),
        ],
    );
}

#[test]
fn one_branch_goes_back_and_the_other_stays() {
    check(
        "f0f0<- a1a1<f0f0@aa a2a2<a1a1 b1b1<f0f0@bb b2b2<b1b1 b3b3<b2b2",
        &[
            ("upgrade heads", "a2a2 b3b3"),
            ("downgrade aa@-1", "a1a1 b3b3"),
            ("downgrade bb@-2", "a1a1 b1b1"),
            ("upgrade bb@+1", "a1a1 b2b2"),
            ("upgrade aa@head", "a2a2 b2b2"),
            ("downgrade b1b1", "a2a2 b1b1"),
            // Alembic takes back the branch that comes first, and warns that it will not any more.
            ("downgrade -1", "error ambiguous-target"),
            // Both stand on the base.
            ("downgrade aa@base", ""),
            ("upgrade aa@a1a1", "a1a1"),
            ("upgrade aa@b1b1", "error not-on-branch"),
            ("upgrade bb@b2b2", "a1a1 b2b2"),
            ("downgrade a1a1@f0f0", "b2b2"),
            ("upgrade b3b3-1", "b2b2"),
            ("downgrade +1", "error wrong-direction"),
            ("upgrade -1", "error wrong-direction"),
            ("upgrade +9", "error target-beyond-end"),
            ("downgrade -9", "error target-beyond-end"),
            ("downgrade bb@base", ""),
            ("upgrade nope@head", "error no-such-revision"),
            ("downgrade f0f0", "error not-applied"),
        ],
    );
}

#[test]
fn stamp_of_several_revisions_and_of_branches() {
    check(
        "f0f0<- a1a1<f0f0@aa b1b1<f0f0@bb c1c1<f0f0@cc m1m1<a1a1,b1b1,c1c1 n1n1<m1m1 n2n2<m1m1",
        &[
            ("upgrade bb", "b1b1"),
            ("stamp n1n1 n2n2", "n1n1 n2n2"),
            ("stamp m1m1", "m1m1"),
            ("stamp a1a1 b1b1", "a1a1 b1b1"),
            ("stamp heads", "n1n1 n2n2"),
            ("stamp --purge aa", "a1a1"),
            ("stamp base", ""),
            ("stamp bb cc", "b1b1 c1c1"),
            ("stamp aa@head", "error several-heads"),
            ("stamp a1a1 f0f0", "error overlapping-targets"),
            ("stamp n1n1", "n1n1"),
            ("stamp n2n2", "n1n1 n2n2"),
            ("stamp n1n1-1", "m1m1"),
            ("stamp --purge base", ""),
        ],
    );
    check(
        "a1a1<-@aa a2a2<a1a1 b1b1<-@bb b2b2<b1b1",
        &[
            ("stamp aa@head bb@head", "a2a2 b2b2"),
            ("stamp bb@base", "a2a2"),
            ("stamp bb", "a2a2 b1b1"),
            ("stamp a1a1", "a1a1 b1b1"),
            ("stamp --purge b2b2", "b2b2"),
        ],
    );
}

#[test]
fn a_beginning_that_several_ids_have_is_refused_by_each_command() {
    check(
        "abcd1234<- abcd5678<abcd1234 beef0001<abcd5678",
        &[
            ("upgrade abcd", "error ambiguous-prefix"),
            ("upgrade abcd1", "abcd1234"),
            ("upgrade abc", "error prefix-too-short"),
            ("upgrade zzzz", "error no-such-revision"),
            ("upgrade beef", "beef0001"),
            ("downgrade abcd", "error ambiguous-prefix"),
            ("downgrade beef-1", "abcd5678"),
            ("stamp abcd", "error ambiguous-prefix"),
            ("show abcd", "error ambiguous-prefix"),
            ("history -r abcd:", "error ambiguous-prefix"),
            ("rebase abcd", "error ambiguous-prefix"),
            ("merge abcd beef", "error ambiguous-prefix"),
            ("revision -m x --head abcd", "error ambiguous-prefix"),
            ("downgrade --sql abcd:base", "error ambiguous-prefix"),
            ("stamp beef", "beef0001"),
        ],
    );
}

/// The revisions of a script for psql, in its order.
fn scripted(project: &Project, line: &str) -> String {
    let finished = run(project, None, line);
    finished.status(0);
    let lines = finished.stdout.lines();
    // The record of a step repeats the statement.
    let statement = |line: &'_ str| {
        let rest = line.strip_prefix("create table t_");
        let id = rest.or(line.strip_prefix("drop table t_"))?.get(..4)?;
        Some(id.to_owned())
    };
    let mut ids: Vec<String> = lines.filter_map(statement).collect();
    ids.dedup();
    ids.join(" ")
}

#[test]
fn a_range_over_branches_is_scripted_in_order() {
    let check = |graph: &str, ranges: &[(&str, &str)]| {
        let project = project(graph);
        for (range, expected) in ranges {
            assert_eq!(
                scripted(&project, &format!("{range} --sql")),
                *expected,
                "{range}"
            );
        }
    };
    check(
        "a1a1<- b1b1<a1a1@left c1c1<a1a1@right d1d1<b1b1,c1c1 e1e1<d1d1",
        &[
            ("upgrade b1b1:e1e1", "c1c1 d1d1 e1e1"),
            ("upgrade :d1d1", "a1a1 b1b1 c1c1 d1d1"),
            ("upgrade a1a1:right@+1", "c1c1"),
            ("upgrade d1d1:+1", "e1e1"),
            ("upgrade e1e1", "a1a1 b1b1 c1c1 d1d1 e1e1"),
            ("downgrade e1e1:b1b1", "e1e1 d1d1"),
            ("downgrade d1d1:a1a1", "d1d1 c1c1 b1b1"),
            ("downgrade e1e1:-1", "e1e1"),
        ],
    );
    check(
        "p1p1<-@people p2p2<p1p1 p3p3<p2p2 b1b1<-~p2p2@billing b2b2<b1b1~p3p3 b3b3<b2b2",
        &[
            ("upgrade billing@head", "p1p1 p2p2 p3p3 b1b1 b2b2 b3b3"),
            ("upgrade p2p2:billing@head", "p3p3 b1b1 b2b2 b3b3"),
            ("upgrade b1b1:b3b3", "p3p3 b2b2 b3b3"),
            ("downgrade b3b3:billing@base", "b3b3 b2b2 b1b1"),
            ("downgrade b2b2:p2p2", "b2b2 p3p3"),
        ],
    );
}

#[test]
fn every_end_is_current_and_only_all_heads_are_enough() {
    let database = Server::shared().database();
    let project = project("p1p1<-@people p2p2<p1p1 b1b1<-~p2p2@billing q1q1<-");
    let lines = [
        "current --check-heads",
        "upgrade billing@head",
        "current",
        "current --check-heads --format json",
        "upgrade q1q1",
        "current --check-heads",
        "downgrade people@-1",
        "current --check-heads",
    ];
    let said = transcript(&project, Some(&database), &lines);
    expect![[r#"
        $ castoff current --check-heads
        status 1
        --- stderr
        castoff: nothing is applied: the database is empty

        $ castoff upgrade billing@head
        status 0
        --- stderr
        castoff: applied p1p1 Make p1p1 ([time])
        castoff: applied p2p2 Make p2p2 ([time])
        castoff: applied b1b1 Make b1b1 ([time])
        castoff: database is at b1b1

        $ castoff current
        status 0
        --- stdout
        b1b1 (head)
        p2p2 (implied) (head)

        $ castoff current --check-heads --format json
        status 1
        --- stdout
        [
          {
            "branch_labels": [
              "billing"
            ],
            "breaking": null,
            "canonical_checksum": "c13f4b32112233d59a3e7ae0fca603aabd714e779f5f7e17007db33122887d47",
            "children": [],
            "depends_on": [
              "p2p2"
            ],
            "down_revisions": [],
            "is_branch_point": false,
            "is_current": true,
            "is_head": true,
            "is_merge": false,
            "is_reversible": true,
            "ledger": null,
            "message": "Make b1b1",
            "path": "migrations/202601010003_b1b1_make_b1b1.sql",
            "raw_checksum": "014a3b527bcf69f1118983030e07701dac87a89c291f1fd81fbd15ae5b65dd8c",
            "revision": "b1b1"
          },
          {
            "branch_labels": [
              "people"
            ],
            "breaking": null,
            "canonical_checksum": "736632e55f04b17bc47f94a237d75a787bbc340ccb4a03c4daacf2af57899f93",
            "children": [],
            "depends_on": [],
            "down_revisions": [
              "p1p1"
            ],
            "is_branch_point": false,
            "is_current": false,
            "is_head": true,
            "is_merge": false,
            "is_reversible": true,
            "ledger": null,
            "message": "Make p2p2",
            "path": "migrations/202601010002_p2p2_make_p2p2.sql",
            "raw_checksum": "44ee414c1197dfc8e46406379fd62ba2922ef0c41d728c4c5100ffcf4079f034",
            "revision": "p2p2"
          }
        ]

        $ castoff upgrade q1q1
        status 0
        --- stderr
        castoff: applied q1q1 Make q1q1 ([time])
        castoff: database is at b1b1, q1q1

        $ castoff current --check-heads
        status 0
        --- stdout
        b1b1 (head)
        q1q1 (head)
        p2p2 (implied) (head)

        $ castoff downgrade people@-1
        status 0
        --- stderr
        castoff: reverted b1b1 Make b1b1 ([time])
        castoff: reverted p2p2 Make p2p2 ([time])
        castoff: database is at p1p1, q1q1

        $ castoff current --check-heads
        status 1
        --- stdout
        p1p1
        q1q1 (head)

    "#]].assert_eq(&said);
    // An older image in front of a newer database is not at its heads.
    run(&project, Some(&database), "upgrade heads").status(0);
    run(&project, Some(&database), "current --check-heads").status(0);
    let older = Project::with("q1q1<-");
    run(&older, Some(&database), "current --check-heads").status(1);
    let nothing = Server::shared().database();
    run(
        &Project::empty().file("migrations/none", ""),
        Some(&nothing),
        "current --check-heads",
    )
    .status(0);
}

#[test]
fn names_of_branches_are_taken_wherever_a_revision_is_named() {
    let project = project("a1a1<- b1b1<a1a1@left b2b2<b1b1 c1c1<a1a1@right c2c2<c1c1");
    let lines = [
        "revision -m Third --head left --rev-id b3b3",
        "revision -m Third --head left@head --rev-id b3b3 --depends-on right@head",
        "revision -m Other --head a1a1@head --rev-id d1d1",
        "merge left right@head",
        "merge left@head right@head -m Both",
        "heads",
        "show left@head-1",
        "show b3b3-1",
    ];
    let said: Vec<String> = lines
        .iter()
        .map(|line| {
            let finished = run(&project, None, line);
            let said = finished.stdout + &finished.stderr;
            let first = said.lines().next().unwrap_or_default();
            let first = first.split_once('_').map_or(first, |(_, rest)| rest);
            format!("{line}: {}: {}\n", finished.status, first)
        })
        .collect();
    let said = said.concat();
    let (before, _) = said.split_once("_both.sql").unwrap();
    let (_, merge) = before.rsplit_once(' ').unwrap();
    let said = said.replace(merge, "[merge]");
    expect![[r#"
        revision -m Third --head left --rev-id b3b3: status 2: error[not-a-head]: revision b1b1 is not a head: b2b2 follows it already
        revision -m Third --head left@head --rev-id b3b3 --depends-on right@head: status 0: b3b3_third.sql
        revision -m Other --head a1a1@head --rev-id d1d1: status 14: error[several-heads]: `a1a1@head` means several revisions: `c2c2`, `b3b3`
        merge left right@head: status 2: error[not-a-head]: revision b1b1 is not a head: b2b2 follows it already
        merge left@head right@head -m Both: status 0: [merge]_both.sql
        heads: status 0: [merge] (head) (mergepoint)
        show left@head-1: status 14: error[ambiguous-target]: `left@head-1` is ambiguous: next to `[merge]` are `b3b3`, `c2c2`
        show b3b3-1: status 0: Revision:    b2b2
    "#]].assert_eq(&said);
}
