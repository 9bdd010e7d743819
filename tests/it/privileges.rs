//! What the server may do and see: its user, its rights, its secrets, and nothing of castoff's.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use expect_test::expect;
use nix::unistd::geteuid;

use super::support::castoff::Castoff;
use super::support::database::Database;
use super::support::found::{self, Found};
use super::support::project::Project;
use super::support::server::Server;
use super::support::stage::{behind, in_own_mounts, is_root, nowhere};

/// What a server has that may do nothing.
fn rights_of(ids: &str, group: &str, groups: &str, no_new_privs: u8) -> String {
    let four = |id: &str| [id; 4].join(" ");
    let none = "0000000000000000";
    format!(
        "Uid: {}\nGid: {}\nGroups: {groups}\nCapInh: {none}\nCapPrm: {none}\nCapEff: {none}\n\
         CapAmb: {none}\nNoNewPrivs: {no_new_privs}\n",
        four(ids),
        four(group)
    )
}

#[test]
fn the_server_runs_as_the_user_and_group_that_was_asked_for() {
    if !is_root("another user") {
        return;
    }
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let run = |option: &str| {
        let castoff = project.castoff(["run", option]).database(&database);
        let castoff = castoff
            .env("HOME", "/root")
            .env("USER", "root")
            .env("LOGNAME", "root")
            .env("PATH", "/usr/bin:/bin");
        found::server(castoff, &project).output().status(0);
        let found = Found::of(&project);
        assert_eq!(found.variable("HOME"), Some(&b"/"[..]), "{option}");
        assert_eq!(found.variable("USER"), None, "{option}");
        assert_eq!(found.variable("LOGNAME"), None, "{option}");
        found
    };
    let found = run("--user=12345:54321");
    assert_eq!(found.rights(), rights_of("12345", "54321", "54321", 0));
    assert_eq!(database.rows("select to_regclass('t_a')"), "t_a\n");
    // A number without an entry has its own group, not root's.
    let found = run("--user=12345");
    assert_eq!(found.rights(), rights_of("12345", "12345", "12345", 0));
    let found = run("--user=1000680000:0");
    assert_eq!(found.rights(), rights_of("1000680000", "0", "0", 0));
}

#[test]
fn a_name_means_the_entry_with_its_group_groups_and_home() {
    let database = Server::shared().database();
    let project = Project::with("a<-")
        .file(
            "passwd",
            "root:x:0:0::/root:/bin/sh\napp:x:4321:100::/srv/app:/bin/sh\n",
        )
        .file(
            "group",
            "root:x:0:\nusers:x:100:\nssl:x:110:app\nother:x:111:apple\nlog:x:9:x,app\n",
        );
    let bind = "mount --bind passwd /etc/passwd; mount --bind group /etc/group";
    let run = |option: &str| {
        let castoff = in_own_mounts(&project, bind)?;
        let castoff = castoff.args(["run", option]).database(&database);
        found::server(castoff.env("HOME", "/root"), &project)
            .output()
            .status(0);
        let found = Found::of(&project);
        for (name, value) in [("HOME", "/srv/app"), ("USER", "app"), ("LOGNAME", "app")] {
            assert_eq!(found.variable(name), Some(value.as_bytes()), "{name}");
        }
        Some(found.rights())
    };
    let groups = rights_of("4321", "100", "9 100 110", 0);
    for (option, expected) in [
        ("--user=app", &groups),
        ("--user=4321", &groups),
        ("--user=app:ssl", &rights_of("4321", "110", "110", 0)),
        ("--user=4321:12", &rights_of("4321", "12", "12", 0)),
    ] {
        let Some(rights) = run(option) else { return };
        assert_eq!(&rights, expected, "{option}");
    }
    let refused = |option: &str| {
        let castoff = nowhere(in_own_mounts(&project, bind).unwrap());
        castoff.args(["run", option, "--", "true"]).output()
    };
    refused("--user=nobody").check(&expect![[r#"
        status 10
        --- stderr
        error[user-unknown]: there is no user `nobody` in /etc/passwd
          help: write its number in --user (CASTOFF_USER), which needs no entry
    "#]]);
    refused("--user=app:nogroup").check(&expect![[r#"
        status 10
        --- stderr
        error[user-unknown]: there is no group `nogroup` in /etc/group
          help: write its number in --user (CASTOFF_USER), which needs no entry
    "#]]);
}

#[test]
fn no_capability_is_left_for_the_server_however_castoff_got_them() {
    if !is_root("capabilities") {
        return;
    }
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let some = "--inh-caps=+setuid,+setgid,+net_raw";
    let ambient = "--ambient-caps=+setuid,+setgid,+net_raw";
    // Root with capabilities for others, as older engines start it; and a user who never was root.
    for stage in [
        &["setpriv", some, ambient][..],
        &[
            "setpriv",
            "--reuid=1000",
            "--regid=1000",
            "--clear-groups",
            some,
            ambient,
        ],
    ] {
        let castoff = behind(&project, stage).args(["run", "--user=12345:54321"]);
        let castoff = castoff.database(&database).env("PATH", "/usr/bin:/bin");
        found::server(castoff, &project).output().status(0);
        let rights = Found::of(&project).rights();
        assert_eq!(rights, rights_of("12345", "54321", "54321", 0), "{stage:?}");
    }
}

#[test]
fn who_runs_as_that_user_already_needs_no_right_to_change() {
    if !is_root("another user") {
        return;
    }
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let stage = [
        "setpriv",
        "--reuid=1000680000",
        "--regid=0",
        "--groups=2000",
        "--bounding-set=-all",
    ];
    for option in ["--user=1000680000", "--user=1000680000:0"] {
        let castoff = behind(&project, &stage).args(["run", option]);
        let castoff = castoff.database(&database).env("HOME", "/app");
        found::server(castoff.env("PATH", "/usr/bin:/bin"), &project)
            .output()
            .status(0);
        let found = Found::of(&project);
        assert_eq!(found.rights(), rights_of("1000680000", "0", "2000", 0));
        assert_eq!(found.variable("HOME"), Some(&b"/app"[..]));
    }
}

#[test]
fn a_user_that_castoff_cannot_become_is_told_before_the_database_is_touched() {
    if !is_root("another user") {
        return;
    }
    let project = Project::with("a<-");
    let refused = |stage: &[&str], option: &str| {
        let castoff = nowhere(behind(&project, stage));
        castoff.args(["run", option, "--", "true"]).output()
    };
    let somebody = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"];
    refused(&somebody, "--user=12345").check(&expect![[r#"
        status 10
        --- stderr
        error[user-refused]: the server cannot run as user 12345: castoff may not change its supplementary groups
          caused by: Operation not permitted (os error 1)
          help: start the container as root with the capabilities SETUID and SETGID, or as that user, or leave --user (CASTOFF_USER) out
    "#]]);
    refused(&somebody, "--user=0").status(10);
    refused(&somebody, "--user=1000:5").status(10);
    // Root in a container without capabilities.
    let dropped = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    refused(&dropped, "--user=12345").status(10);
    let without_setuid = ["setpriv", "--bounding-set=-setuid"];
    refused(&without_setuid, "--user=12345").check(&expect![[r#"
        status 10
        --- stderr
        error[user-refused]: the server cannot run as user 12345: castoff may not become that user
          caused by: Operation not permitted (os error 1)
          help: start the container as root with the capabilities SETUID and SETGID, or as that user, or leave --user (CASTOFF_USER) out
    "#]]);
    // Where SIGCHLD is ignored, nobody can be waited for.
    let deaf = [
        "/bin/sh",
        "-c",
        "trap '' CHLD; exec setpriv --bounding-set=-setgid \"$@\"",
        "sh",
    ];
    refused(&deaf, "--user=12345").status(10);
    // A user namespace has places for some ids only.
    let unmapped = ["unshare", "--user", "--map-root-user"];
    if Command::new("unshare")
        .args(&unmapped[1..])
        .arg("true")
        .status()
        .is_ok_and(|s| s.success())
    {
        refused(&unmapped, "--user=12345").status(10);
    }
}

#[test]
fn a_server_that_its_user_may_not_execute_is_told_before_the_database_is_touched() {
    if !is_root("another user") {
        return;
    }
    let project = Project::with("a<-").file("server", "#!/bin/sh\nexit 7\n");
    found::open(&project);
    let server = project.path("server");
    std::fs::set_permissions(&server, PermissionsExt::from_mode(0o700)).unwrap();
    let castoff = project.castoff(["run", "--user=12345", "--", "./server"]);
    nowhere(castoff).output().check(&expect![[r#"
        status 126
        --- stderr
        error[exec-failed]: `./server` cannot be executed by user 12345
          caused by: Permission denied (os error 13)
          help: make it readable and executable for that user, and every directory above it, with `chmod o+rx`
    "#]]);
    // Root may, and so may its owner.
    let database = Server::shared().database();
    let castoff = project.castoff(["run", "--", "./server"]);
    castoff.database(&database).output().status(7);
}

#[test]
fn the_server_can_open_its_standard_streams_by_name() {
    if !is_root("another user") {
        return;
    }
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let script = "echo out >/proc/self/fd/1; echo error >/proc/self/fd/2";
    let castoff = project.castoff(["run", "--user=12345", "--", "/bin/sh", "-c", script]);
    let castoff = castoff.database(&database).env("CASTOFF_LOG", "error");
    castoff.output().check(&expect![[r#"
        status 0
        --- stdout
        out
        --- stderr
        error
    "#]]);
}

#[test]
fn a_server_without_new_privileges_stays_as_it_is() {
    let database = Server::shared().database();
    let project = Project::with("a<-");
    let run = |option: &str| {
        let castoff = project.castoff(["run"]).env("CASTOFF_NO_NEW_PRIVS", option);
        let castoff = castoff.database(&database).env("PATH", "/usr/bin:/bin");
        found::server(castoff, &project).output().status(0);
        Found::of(&project).status["NoNewPrivs"].clone()
    };
    assert_eq!(run("true"), "1");
    assert_eq!(run("false"), "0");
}

/// Runs castoff with secrets, and returns what the server found.
fn expand(project: &Project, database: &Database<'_>, castoff: Castoff<'_>) -> Found {
    let castoff = castoff.database(database).env("PATH", "/usr/bin:/bin");
    found::server(castoff, project).output().status(0);
    Found::of(project)
}

#[test]
fn a_secret_file_becomes_a_variable() {
    let database = Server::shared().database();
    let project = Project::with("a<-")
        .file("key", b"\xff\xfe hush\n \r\n\n")
        .file("mail", "pass word\n")
        .file("empty", "");
    let castoff = project
        .castoff([
            "run",
            "--expand-secrets=SECRET_KEY,MAIL_PASSWORD,EMPTY,SET,MISSING",
        ])
        .env("SECRET_KEY_FILE", project.path("key"))
        .env("MAIL_PASSWORD_FILE", "mail")
        .env("MAIL_PASSWORD", "")
        .env("EMPTY_FILE", project.path("empty"))
        .env("SET", "directly")
        .env("OTHER_FILE", project.path("key"));
    let found = expand(&project, &database, castoff);
    let other = project.path("key");
    for (name, value) in [
        ("SECRET_KEY", Some(&b"\xff\xfe hush\n "[..])),
        ("SECRET_KEY_FILE", None),
        ("MAIL_PASSWORD", Some(b"pass word")),
        ("MAIL_PASSWORD_FILE", None),
        ("EMPTY", Some(b"")),
        ("EMPTY_FILE", None),
        ("SET", Some(b"directly")),
        ("MISSING", None),
        ("OTHER", None),
        ("OTHER_FILE", Some(other.as_os_str().as_bytes())),
    ] {
        assert_eq!(found.variable(name), value, "{name}");
    }
}

#[test]
fn without_names_the_files_of_the_secrets_directory_are_expanded() {
    let database = Server::shared().database();
    let project = Project::with("a<-")
        .file("url", format!("{}\n", database.url()))
        .file("migrator", database.url())
        .file("cert.pem", "no secret");
    let mounts = "mount -t tmpfs tmpfs /run; mkdir /run/secrets; cp url migrator /run/secrets";
    let Some(castoff) = in_own_mounts(&project, mounts) else {
        return;
    };
    let castoff = castoff
        .args(["run", "--expand-secrets"])
        .env("DATABASE_URL_FILE", "/run/secrets/url")
        .env("CASTOFF_DATABASE_URL_FILE", "/run/secrets/migrator")
        .env("SSL_CERT_FILE", project.path("cert.pem"));
    found::server(castoff, &project).output().status(0);
    let found = Found::of(&project);
    let url = database.url();
    assert_eq!(found.variable("DATABASE_URL"), Some(url.as_bytes()));
    assert_eq!(found.variable("DATABASE_URL_FILE"), None);
    assert_eq!(found.variable("CASTOFF_DATABASE_URL_FILE"), None);
    assert_eq!(found.variable("CASTOFF_DATABASE_URL"), None);
    assert!(found.variable("SSL_CERT_FILE").is_some());
}

#[test]
fn a_secret_that_is_no_variable_is_told_before_the_database_is_touched() {
    let project = Project::with("a<-")
        .file("nul", b"hush\0hush")
        .file("long", "x".repeat(200_000));
    let fifo = project.path("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let refused = |name: &str| {
        let castoff = nowhere(project.castoff(["run", "--expand-secrets=KEY", "--", "true"]));
        castoff
            .env("KEY_FILE", project.path(name))
            .secret("hush")
            .output()
    };
    refused("none").check(&expect![[r#"
        status 10
        --- stderr
        error[config-unreadable]: `[dir]/none` (named by `KEY_FILE`) cannot be read
          caused by: No such file or directory (os error 2)
          help: check that `KEY_FILE` names a file that castoff's user may read
    "#]]);
    refused("nul").check(&expect![[r#"
        status 10
        --- stderr
        error[secret-invalid]: `[dir]/nul` (named by `KEY_FILE`) cannot be a variable: it has a NUL byte
          help: let the server read `KEY_FILE` itself: leave KEY out of --expand-secrets (CASTOFF_EXPAND_SECRETS)
    "#]]);
    refused("long").check(&expect![[r#"
        status 10
        --- stderr
        error[secret-invalid]: `[dir]/long` (named by `KEY_FILE`) cannot be a variable: with its name it is longer than 128 KiB
          help: let the server read `KEY_FILE` itself: leave KEY out of --expand-secrets (CASTOFF_EXPAND_SECRETS)
    "#]]);
    refused("fifo").check(&expect![[r#"
        status 10
        --- stderr
        error[config-unreadable]: `[dir]/fifo` (named by `KEY_FILE`) cannot be read
          caused by: not a regular file
          help: check that `KEY_FILE` names a file that castoff's user may read
    "#]]);
    refused("migrations").status(10);
    let both = nowhere(project.castoff(["run", "--expand-secrets=KEY", "--", "true"]));
    let both = both.env("KEY_FILE", project.path("nul")).env("KEY", "hush");
    both.secret("hush").output().check(&expect![[r#"
        status 10
        --- stderr
        error[config-twice]: `KEY` and `KEY_FILE` are both set
          help: unset one of `KEY` and `KEY_FILE`
    "#]]);
    // Another command does not need them.
    let heads = project
        .castoff(["heads"])
        .env("CASTOFF_EXPAND_SECRETS", "KEY");
    heads
        .env("KEY_FILE", "none")
        .env("KEY", "x")
        .output()
        .status(0);
}

#[test]
fn what_these_options_cannot_take_is_refused() {
    let project = Project::with("a<-");
    let refused = |option: &str| {
        let castoff = nowhere(project.castoff(["run", option, "--", "true"]));
        castoff.output()
    };
    refused("--user=").status(10);
    refused("--user=4294967295").check(&expect![[r#"
        status 10
        --- stderr
        error[config-value]: `--user`: `4294967295` is not a user or USER:GROUP, by number or by name
          help: set `--user` to a user or USER:GROUP, by number or by name
    "#]]);
    refused("--expand-secrets=KEY_FILE").check(&expect![[r#"
        status 10
        --- stderr
        error[config-value]: `--expand-secrets`: `KEY_FILE` is not true, false, or names of variables without their `_FILE`
          help: set `--expand-secrets` to true, false, or names of variables without their `_FILE`
    "#]]);
    refused("--unset-env=A=B").check(&expect![[r#"
        status 10
        --- stderr
        error[config-value]: `--unset-env`: `A=B` is not the name of a variable
          help: set `--unset-env` to the name of a variable
    "#]]);
    let toml = |text: &str| {
        let project = Project::with("a<-").file("castoff.toml", text);
        nowhere(project.castoff(["run", "--", "true"]))
            .output()
            .status(10);
    };
    toml("unset_env = [\"A\\u0000\"]");
    toml("user = -1");
}

#[test]
fn variables_that_were_named_do_not_reach_the_server() {
    let database = Server::shared().database();
    let project = Project::with("a<-").file("key", "hush");
    let castoff = project
        .castoff([
            "run",
            "--unset-env",
            "AWS_SECRET",
            "--unset-env=KEY",
            "--expand-secrets=KEY",
        ])
        .env(
            "CASTOFF_BEFORE",
            "/bin/sh -c 'echo \"the hook has $AWS_SECRET\" >hook'",
        )
        .env("AWS_SECRET", "x=y")
        .env("AWS_SECRET_TOO", "kept")
        .env("KEY_FILE", project.path("key"));
    let found = expand(&project, &database, castoff);
    assert_eq!(found.variable("AWS_SECRET"), None);
    assert_eq!(found.variable("AWS_SECRET_TOO"), Some(&b"kept"[..]));
    assert_eq!(found.variable("KEY"), None, "taken out whoever put it in");
    let hook = std::fs::read_to_string(project.path("hook")).unwrap();
    assert_eq!(
        hook, "the hook has x=y\n",
        "hooks are castoff's, not the server's"
    );

    let castoff = project
        .castoff(["run"])
        .env("CASTOFF_UNSET_ENV", "ONE 'TWO'");
    let found = expand(
        &project,
        &database,
        castoff.env("ONE", "1").env("TWO", "2").env("THREE", "3"),
    );
    let names = ["ONE", "TWO", "THREE"].map(|name| found.variable(name).is_some());
    assert_eq!(names, [false, false, true]);
}

#[test]
fn arguments_and_environment_arrive_byte_for_byte_with_every_option() {
    let database = Server::shared().database();
    let project = Project::with("a<-").file("key", b"\xfe=\xff\n");
    let mut castoff = project.castoff([
        "run",
        "--no-new-privs",
        "--expand-secrets=KEY",
        "--unset-env=GONE",
    ]);
    if is_root("another user here") {
        castoff = castoff.args(["--user=12345"]);
    }
    let odd = OsStr::from_bytes(b"\xff\xfe = \n'\"$HOME\\");
    let castoff = castoff
        .database(&database)
        .env("PATH", "/usr/bin:/bin")
        .env("KEY_FILE", project.path("key"))
        .env("GONE", "x")
        .env("ODD", odd)
        .env("EMPTY", "");
    let arguments = [
        odd,
        OsStr::new(""),
        OsStr::new("--user=0"),
        OsStr::new("--"),
    ];
    let castoff = found::server(castoff, &project).with(|command| {
        command
            .args(arguments)
            .env(OsStr::from_bytes(b"NAME\xff"), odd);
    });
    castoff.output().status(0);
    let found = Found::of(&project);
    let last = &found.arguments[found.arguments.len() - 4..];
    assert_eq!(last, arguments.map(|argument| argument.as_bytes().to_vec()));
    let entry = |name: &[u8], value: &[u8]| [name, b"=", value].concat();
    let mut expected = vec![
        entry(b"PATH", b"/usr/bin:/bin"),
        entry(b"DATABASE_URL", database.url().as_bytes()),
        entry(b"KEY", b"\xfe=\xff"),
        entry(b"ODD", odd.as_bytes()),
        entry(b"EMPTY", b""),
        entry(b"NAME\xff", odd.as_bytes()),
    ];
    if geteuid().is_root() {
        expected.push(entry(b"HOME", b"/"));
    }
    expected.sort();
    assert_eq!(found.environment, expected);
}
