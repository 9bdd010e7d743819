//! The executable that carries its migrations.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use expect_test::expect;

use super::support::castoff::{Castoff, Finished};
use super::support::database::Database;
use super::support::project::Project;
use super::support::server::Server;
use super::support::transcript::run;

fn bundled(graph: &str) -> Project {
    let project = Project::with(graph);
    run(&project, None, "bundle -o app").status(0);
    project
}

/// Runs the bundle in a directory that has nothing.
fn app(project: &Project, database: &Database<'_>, line: &str) -> Finished {
    app_in(&Project::empty(), &project.path("app"), database, line)
}

fn app_in(place: &Project, app: &Path, database: &Database<'_>, line: &str) -> Finished {
    Castoff::program(place.directory(), app)
        .database(database)
        .with(|command| {
            command.args(line.split(' '));
        })
        .output()
}

/// Makes `to` by a shell. A file that this process itself writes may still be open in a process
/// that another test just forked, and such a file cannot be executed.
fn shell(project: &Project, script: &str) {
    let status = Command::new("/bin/sh")
        .args(["-ec", script])
        .current_dir(project.directory())
        .status();
    assert!(status.unwrap().success(), "{script}");
}

#[test]
fn a_bundle_needs_no_files() {
    let database = Server::shared().database();
    let project = Project::with("aaaa11<- bbbb22<aaaa11");
    let said = run(&project, None, "bundle -o app").to_string();
    expect![[r#"
        status 0
        --- stderr
        castoff: embedded 2 migrations in app
    "#]]
    .assert_eq(&said);
    let mode = std::fs::metadata(project.path("app"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o111, 0o111);
    std::fs::remove_dir_all(project.path("migrations")).unwrap();
    let lines = [
        "upgrade +1",
        "run -- /bin/echo served",
        "run -- /bin/echo served",
        "history",
        "downgrade base",
    ];
    let said = lines.map(|line| app(&project, &database, line).to_string());
    expect![[r#"
        status 0
        --- stderr
        castoff: applied aaaa11 Make aaaa11 ([time])
        castoff: database is at aaaa11
        status 0
        --- stdout
        served
        --- stderr
        castoff: applied bbbb22 Make bbbb22 ([time])
        castoff: database is at bbbb22
        status 0
        --- stdout
        served
        --- stderr
        castoff: up to date at bbbb22
        status 0
        --- stdout
        aaaa11 -> bbbb22 (head), Make bbbb22
        <base> -> aaaa11, Make aaaa11
        status 0
        --- stderr
        castoff: reverted bbbb22 Make bbbb22 ([time])
        castoff: reverted aaaa11 Make aaaa11 ([time])
        castoff: database is at base
    "#]]
    .assert_eq(&said.concat());
}

#[test]
fn a_directory_that_is_named_wins_over_the_bundle_and_the_bundle_over_the_current_one() {
    let database = Server::shared().database();
    let project = bundled("aaaa11<-");
    let other = Project::with("xxxx11<-");
    let path = project.path("app");
    let history = |line: &str| app_in(&other, &path, &database, line).stdout;
    assert_eq!(history("history"), "<base> -> aaaa11 (head), Make aaaa11\n");
    assert_eq!(
        history("history --migrations migrations"),
        "<base> -> xxxx11 (head), Make xxxx11\n"
    );
}

#[test]
fn the_same_migrations_make_the_same_bytes() {
    let one = bundled("aaaa11<- bbbb22<aaaa11");
    let two = bundled("aaaa11<- bbbb22<aaaa11");
    let bytes = |project: &Project, name: &str| std::fs::read(project.path(name)).unwrap();
    assert!(bytes(&one, "app") == bytes(&two, "app"));
    let database = Server::shared().database();
    // A bundle of a bundle replaces its migrations.
    let other = bundled("xxxx11<-");
    let line = "bundle -o app --migrations migrations";
    app_in(&two, &other.path("app"), &database, line).status(0);
    assert!(bytes(&one, "app") == bytes(&two, "app"));
    // And over itself.
    app_in(&other, &other.path("app"), &database, line).status(0);
    app_in(&one, &one.path("app"), &database, "bundle -o again").status(0);
    assert!(bytes(&one, "app") == bytes(&one, "again"));
}

/// Where the parts of a bundle start: body, header, footer.
fn parts(bytes: &[u8]) -> (usize, usize, usize) {
    let footer = bytes.len() - 64;
    let length = u64::from_le_bytes(bytes[footer + 32..footer + 40].try_into().unwrap());
    let header = footer - usize::try_from(length).unwrap();
    let text: serde_json::Value = serde_json::from_slice(&bytes[header..footer]).unwrap();
    let body = usize::try_from(text["body_start"].as_u64().unwrap()).unwrap();
    (body, header, footer)
}

#[test]
fn a_bundle_that_was_cut_is_refused() {
    let database = Server::shared().database();
    let before = database.contents();
    let project = bundled("aaaa11<-");
    let bytes = std::fs::read(project.path("app")).unwrap();
    let (body, header, footer) = parts(&bytes);
    let ends = [
        body + 1,
        body + 512,
        usize::midpoint(body, header),
        header,
        header + 1,
        footer,
        footer + 32,
        bytes.len() - 16,
        bytes.len() - 1,
    ];
    shell(&project, "cp app cut");
    for end in ends.into_iter().rev() {
        shell(&project, &format!("truncate -s {end} cut"));
        for line in ["run -- /bin/true", "history", "bundle -o again"] {
            let said = app_in(&project, &project.path("cut"), &database, line);
            said.status(17);
            assert!(
                said.stderr.starts_with("error[bundle-truncated]"),
                "{end}: {said}"
            );
        }
    }
    let said = app_in(&project, &project.path("cut"), &database, "upgrade").to_string();
    expect![[r#"
        status 17
        --- stderr
        error[bundle-truncated]: the migrations embedded in this executable are truncated
          help: build the image again with `castoff bundle`, or name a directory with --migrations
    "#]]
    .assert_eq(&said);
    // The directory that somebody names is used all the same.
    let cut = project.path("cut");
    app_in(&project, &cut, &database, "history --migrations migrations").status(0);
    // Without its last piece altogether, it is castoff without migrations.
    shell(&project, &format!("truncate -s {body} cut"));
    let said = app_in(&Project::empty(), &cut, &database, "history");
    assert!(said.stderr.starts_with("error[no-migrations]"), "{said}");
    assert_eq!(database.contents(), before);
}

#[test]
fn a_bundle_with_a_changed_byte_is_refused() {
    let database = Server::shared().database();
    let before = database.contents();
    let project = bundled("aaaa11<- bbbb22<aaaa11");
    let bytes = std::fs::read(project.path("app")).unwrap();
    let (body, header, footer) = parts(&bytes);
    let places = [
        body,
        body + 520,
        header - 1,
        header,
        header + 20,
        footer - 1,
        footer,
        footer + 31,
        footer + 32,
        footer + 39,
        footer + 40,
        footer + 48,
        bytes.len() - 1,
    ];
    let mut said = Vec::new();
    for place in places {
        let byte = bytes[place] ^ 1;
        let script = format!(
            "cp app changed; printf '\\{byte:03o}' | dd of=changed bs=1 seek={place} conv=notrunc 2>/dev/null"
        );
        shell(&project, &script);
        let finished = app_in(&project, &project.path("changed"), &database, "upgrade");
        finished.status(17);
        if said.last() != Some(&finished.stderr) {
            said.push(finished.stderr);
        }
    }
    expect![[r#"
        error[bundle-tampered]: the migrations embedded in this executable were altered (migrations)
          help: build the image again with `castoff bundle`, or name a directory with --migrations
        error[bundle-tampered]: the migrations embedded in this executable were altered (header)
          help: build the image again with `castoff bundle`, or name a directory with --migrations
        error[bundle-tampered]: the migrations embedded in this executable were altered (footer)
          help: build the image again with `castoff bundle`, or name a directory with --migrations
        error[bundle-truncated]: the migrations embedded in this executable are truncated
          help: build the image again with `castoff bundle`, or name a directory with --migrations
    "#]]
    .assert_eq(&said.concat());
    assert_eq!(database.contents(), before);
}

#[test]
fn a_bundle_that_cannot_be_written_leaves_nothing() {
    let project = Project::with("aaaa11<-").file("taken/file", "");
    let said = [
        "bundle -o nowhere/app",
        "bundle -o taken",
        "bundle -o .",
        "bundle -o ''",
    ]
    .map(|line| run(&project, None, line).to_string());
    expect![[r#"
        status 17
        --- stderr
        error[bundle-unwritable]: `nowhere/app` cannot be written
          caused by: No such file or directory (os error 2)
          help: name a file in a directory that this user may write
        status 17
        --- stderr
        error[bundle-unwritable]: `taken` cannot be written
          caused by: Is a directory (os error 21)
          help: name a file in a directory that this user may write
        status 17
        --- stderr
        error[bundle-unwritable]: `.` cannot be written
          caused by: Device or resource busy (os error 16)
          help: name a file in a directory that this user may write
        status 2
        --- stderr
        error: a value is required for '--output <FILE>' but none was supplied

        For more information, try '--help'.
    "#]]
    .assert_eq(&said.concat());
    let names = std::fs::read_dir(project.directory()).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["migrations", "taken"]);
}
