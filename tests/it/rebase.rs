//! My revision behind a colleague's that was merged first: which file changes, and what of it.

use std::os::unix::fs::PermissionsExt;

use expect_test::expect;

use super::support::castoff::Castoff;
use super::support::project::{Migration, Project};
use super::support::server::Server;
use super::support::transcript::{run, transcript};

/// Two people on the same head; mine are two revisions, the first one older than theirs.
fn fork() -> Project {
    let project = Project::with("f0f0<-");
    let mine = |id: &str, after: &str| {
        Migration::new(id)
            .after(after)
            .upgrade(&format!("create table t_{id} ();"))
            .downgrade(&format!("drop table t_{id};"))
    };
    project
        .migration(&mine("m1m1", "f0f0"))
        .migration(&mine("m2m2", "m1m1"))
        .migration(&mine("t1t1", "f0f0"))
        .migration(&mine("t2t2", "t1t1"))
}

fn files(project: &Project) -> Vec<(String, Vec<u8>)> {
    let entries = project.path("migrations").read_dir().unwrap();
    let mut files: Vec<(String, Vec<u8>)> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn my_chain_follows_theirs_and_is_applied_behind_it() {
    let database = Server::shared().database();
    let project = fork();
    let before = files(&project);
    let lines = [
        "upgrade",
        "rebase",
        "rebase m2m2",
        "history --graph",
        "upgrade",
        "rebase m2m2",
        "rebase m2m2 --onto t2t2",
    ];
    let said = transcript(&project, Some(&database), &lines);
    expect![[r#"
        $ castoff upgrade
        status 14
        --- stderr
        error[several-heads]: `head` means several revisions: `m2m2`, `t2t2`
          help: make one head with `castoff merge` or `castoff rebase`, name one of them, or say `heads`

        $ castoff rebase
        status 2
        --- stderr
        error[rebase-ambiguous]: which revision is to move? the heads are `m2m2`, `t2t2`
          help: name yours, the one that no database has yet: `castoff rebase REV`

        $ castoff rebase m2m2
        status 0
        --- stdout
        migrations/202601010006_m1m1_make_m1m1.sql
        migrations/202601010007_m2m2_make_m2m2.sql
        --- stderr
        castoff: revision m1m1 follows t2t2 now, instead of f0f0
        castoff: where m1m1 is applied already, take it back first, with the old file (castoff downgrade)
        castoff: renamed migrations/202601010002_m1m1_make_m1m1.sql to migrations/202601010006_m1m1_make_m1m1.sql
        castoff: renamed migrations/202601010003_m2m2_make_m2m2.sql to migrations/202601010007_m2m2_make_m2m2.sql

        $ castoff history --graph
        status 0
        --- stdout
        *  m2m2 (head), Make m2m2
        *  m1m1, Make m1m1
        *  t2t2, Make t2t2
        *  t1t1, Make t1t1
        *  f0f0, Make f0f0

        $ castoff upgrade
        status 0
        --- stderr
        castoff: applied f0f0 Make f0f0 ([time])
        castoff: applied t1t1 Make t1t1 ([time])
        castoff: applied t2t2 Make t2t2 ([time])
        castoff: applied m1m1 Make m1m1 ([time])
        castoff: applied m2m2 Make m2m2 ([time])
        castoff: database is at m2m2

        $ castoff rebase m2m2
        status 2
        --- stderr
        error[nothing-to-rebase]: there is nothing to rebase: there is at most one head
          help: see `castoff history --graph`

        $ castoff rebase m2m2 --onto t2t2
        status 2
        --- stderr
        error[nothing-to-rebase]: revision `m2m2` already stands on `t2t2`
          help: see `castoff history --graph`

    "#]].assert_eq(&said);
    let moved = |(name, bytes): &(String, Vec<u8>)| match name.as_str() {
        "202601010002_m1m1_make_m1m1.sql" => {
            let text = String::from_utf8(bytes.clone()).unwrap();
            let text = text.replace("down_revision: f0f0", "down_revision: t2t2");
            (
                "202601010006_m1m1_make_m1m1.sql".to_owned(),
                text.into_bytes(),
            )
        }
        "202601010003_m2m2_make_m2m2.sql" => {
            ("202601010007_m2m2_make_m2m2.sql".to_owned(), bytes.clone())
        }
        _ => (name.clone(), bytes.clone()),
    };
    let mut expected: Vec<(String, Vec<u8>)> = before.iter().map(moved).collect();
    expected.sort();
    assert_eq!(
        files(&project),
        expected,
        "one line of one file, and two names"
    );
}

#[test]
fn every_other_byte_of_the_file_stays() {
    let text = "\u{feff}--revision: mine  down_revision:f0f0\t depends_on:\r\n\
                -- Größe\r\n\r\n-- upgrade\r\nselect '-- down_revision: f0f0';\r\n\
                -- downgrade\n-- down_revision: f0f0 \n\n";
    let name = "migrations/mine.sql";
    let project = Project::with("f0f0<- t1t1<f0f0").file(name, text);
    let path = project.path(name);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    let link = project.path("migrations/linked.sql");
    let target = project.path("mine.txt");
    std::fs::rename(&path, &target).unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();

    let rebased = run(&project, None, "rebase mine");
    rebased.status(0);
    assert_eq!(
        rebased.stdout, "migrations/linked.sql\n",
        "the name has no time"
    );
    let expected = text.replacen("down_revision:f0f0", "down_revision:t1t1", 1);
    assert_eq!(std::fs::read_to_string(&target).unwrap(), expected);
    let mode = std::fs::metadata(&target).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert!(link.is_symlink());
    let names: Vec<String> = files(&project).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 3, "nothing is left behind: {names:?}");
}

#[test]
fn where_it_is_applied_already_the_next_start_refuses_it() {
    let database = Server::shared().database();
    let project = Project::with("f0f0<- m1m1<f0f0 t1t1<f0f0");
    run(&project, Some(&database), "upgrade m1m1").status(0);
    let old = files(&project);
    run(&project, Some(&database), "rebase m1m1").status(0);
    let said = transcript(&project, Some(&database), &["upgrade"]);
    expect![[r#"
        $ castoff upgrade
        status 14
        --- stderr
        error[parents-mismatch]: revision m1m1 no longer follows what it followed when it was applied
          --> migrations/202601010004_m1m1_make_m1m1.sql
          was: f0f0
          help: restore its down_revision, and put new revisions behind the head; if the new order is right, record it with `castoff repair m1m1`

    "#]].assert_eq(&said);
    // The way out that the documentation tells: back with the old file, then forward with the new.
    let new = files(&project);
    let old_project = old.iter().fold(Project::empty(), |project, (name, bytes)| {
        project.file(&format!("migrations/{name}"), bytes)
    });
    run(&old_project, Some(&database), "downgrade f0f0").status(0);
    run(&project, Some(&database), "upgrade").status(0);
    assert_eq!(
        database.rows("select revision from castoff.revision"),
        "m1m1\n"
    );
    assert_eq!(files(&project), new);
}

#[test]
fn what_cannot_move_is_refused_and_no_file_changes() {
    let project =
        Project::with("f0f0<- aaaa<f0f0 bbbb<f0f0 cccc<aaaa,bbbb t1t1<f0f0 x0x0<- x1x1<x0x0");
    let before = files(&project);
    let lines = [
        "rebase",
        "rebase cccc",
        "rebase --onto cccc",
        "rebase cccc --onto t1t1",
        "rebase x1x1 --onto t1t1",
        "rebase f0f0 --onto t1t1",
        "rebase t1t1 --onto t1t1",
        "rebase t1t1 --onto f0f0",
        "rebase base --onto t1t1",
        "rebase nope",
        "rebase head",
        "rebase a:b",
    ];
    let said = transcript(&project, None, &lines);
    expect![[r#"
        $ castoff rebase
        status 2
        --- stderr
        error[rebase-ambiguous]: which revision is to move? the heads are `cccc`, `t1t1`, `x1x1`
          help: name yours, the one that no database has yet: `castoff rebase REV`

        $ castoff rebase cccc
        status 2
        --- stderr
        error[rebase-ambiguous]: there are several heads beside `cccc`: `t1t1`, `x1x1`
          help: name one of them as `--onto REV`

        $ castoff rebase --onto cccc
        status 2
        --- stderr
        error[rebase-ambiguous]: there are several heads beside `cccc`: `t1t1`, `x1x1`
          help: name one of them as `REV`

        $ castoff rebase cccc --onto t1t1
        status 2
        --- stderr
        error[rebase-merge]: revision `cccc` is a merge, and neither of its parents is below `t1t1`
          help: name the first revision of the line that is to move: see `castoff history --graph`

        $ castoff rebase x1x1 --onto t1t1
        status 2
        --- stderr
        error[rebase-unrelated]: `x1x1` and `t1t1` have no revision in common
          help: join them with `castoff merge`, or move all of it with `castoff rebase x0x0 --onto t1t1`

        $ castoff rebase f0f0 --onto t1t1
        status 2
        --- stderr
        error[rebase-cycle]: revision `f0f0` cannot follow `t1t1`, which stands on it
          help: name a head that does not stand on `f0f0`: see `castoff heads`

        $ castoff rebase t1t1 --onto t1t1
        status 2
        --- stderr
        error[rebase-cycle]: revision `t1t1` cannot follow itself
          help: name a head that does not stand on `t1t1`: see `castoff heads`

        $ castoff rebase t1t1 --onto f0f0
        status 2
        --- stderr
        error[nothing-to-rebase]: revision `t1t1` already stands on `f0f0`
          help: see `castoff history --graph`

        $ castoff rebase base --onto t1t1
        status 2
        --- stderr
        error[not-a-revision]: `base` is not a revision
          help: name a revision: see `castoff heads`

        $ castoff rebase nope
        status 14
        --- stderr
        error[no-such-revision]: no revision or branch label is called `nope`
          help: see `castoff history` for the ids

        $ castoff rebase head
        status 14
        --- stderr
        error[several-heads]: `head` means several revisions: `cccc`, `t1t1`, `x1x1`
          help: make one head with `castoff merge` or `castoff rebase`, name one of them, or say `heads`

        $ castoff rebase a:b
        status 2
        --- stderr
        error[invalid-target]: `a:b` is not a target
          help: write `head`, `heads`, `base`, a revision id, `+1`, `-1`, `3f2a+1` or `LABEL@head`

    "#]].assert_eq(&said);
    assert_eq!(files(&project), before);
    let one = Project::with("aaaa<- bbbb<aaaa");
    let said = transcript(&one, None, &["rebase", "rebase bbbb", "rebase --onto bbbb"]);
    expect![[r#"
        $ castoff rebase
        status 2
        --- stderr
        error[nothing-to-rebase]: there is nothing to rebase: there is at most one head
          help: see `castoff history --graph`

        $ castoff rebase bbbb
        status 2
        --- stderr
        error[nothing-to-rebase]: there is nothing to rebase: there is at most one head
          help: see `castoff history --graph`

        $ castoff rebase --onto bbbb
        status 2
        --- stderr
        error[nothing-to-rebase]: there is nothing to rebase: there is at most one head
          help: see `castoff history --graph`

    "#]]
    .assert_eq(&said);
}

#[test]
fn embedded_migrations_have_no_files_to_change() {
    let project = fork();
    run(&project, None, "rebase m1m1").status(0);
    run(&project, None, "bundle -o app").status(0);
    std::fs::rename(project.path("migrations"), project.path("away")).unwrap();
    let app = project.path("app");
    let castoff = |line: &str| {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Castoff::program(project.directory(), &app)
            .with(|command| {
                command.args(words);
            })
            .output()
    };
    let refused = castoff("rebase m1m1");
    refused.check(&expect![[r#"
        status 17
        --- stderr
        error[migrations-embedded]: `migrations` is not there: the migrations are embedded in this executable
          help: name the directory of their files with --migrations
    "#]]);
    castoff("rebase m1m1 --migrations nowhere").check(&expect![[r#"
        status 17
        --- stderr
        error[no-migrations]: no migrations: none are embedded, and `nowhere` is not there
          help: name the directory with --migrations, embed it with `castoff bundle`, or start one with `castoff init` or `castoff migrate`
    "#]]);
    // The directory is what changes, also for an executable that carries the same migrations.
    castoff("rebase m1m1 --migrations away").status(2);
}
