//! Where settings come from, and which of them wins.

use std::fmt::Write as _;

use expect_test::expect;

use super::support::DEADLINE;
use super::support::PASSWORD;
use super::support::database::Database;
use super::support::project::{Migration, Project};
use super::support::server::{Server, USER};
use super::support::transcript::{prepare, run};
use super::support::web::{self, Report, Then};

fn project() -> Project {
    Project::with("aaaa11<-")
}

/// The same option in `castoff.toml`, then also in the environment, then also as a flag: what
/// `answer` finds in the output of `line` each time.
#[track_caller]
fn check_precedence(key: &str, values: [&str; 3], line: &str, answers: [&str; 3]) {
    let database = Server::shared().database();
    let newer = Project::with("aaaa11<- bbbb22<aaaa11");
    let project = ["one", "two", "three"]
        .iter()
        .fold(project(), |project, name| {
            // Directories with a revision of their name each.
            let text = format!("-- In {name}\n-- revision: {name}\n\n-- upgrade\n");
            project.file(&format!("{name}/202601010000_{name}_x.sql"), text)
        });
    if key == "on_newer" {
        run(&newer, Some(&database), "upgrade").status(0);
    }
    if key == "baseline" {
        database.sql("create table theirs ()");
    }
    let [file, environment, flag] = values;
    let project = project.file("castoff.toml", format!("{key} = '{file}'\n"));
    let flag_name = if key == "schema" {
        "ledger_schema"
    } else {
        key
    }
    .replace('_', "-");
    let variable = format!("CASTOFF_{}", key.to_uppercase());
    let lines = [
        line.to_owned(),
        format!("{variable}='{environment}' {line}"),
        format!("{variable}='{environment}' --{flag_name}='{flag}' {line}"),
        // Empty means not set.
        format!("{variable}= {line}"),
    ];
    for (line, answer) in lines
        .iter()
        .zip([answers[0], answers[1], answers[2], answers[0]])
    {
        let said = run(&project, Some(&database), line).to_string();
        assert!(said.contains(answer), "{line}: not `{answer}` in\n{said}");
    }
}

#[test]
fn a_flag_wins_over_the_environment_which_wins_over_the_file() {
    check_precedence(
        "migrations",
        ["one", "two", "three"],
        "history",
        ["In one", "In two", "In three"],
    );
    let bad = [
        "`schema` in castoff.toml",
        "`CASTOFF_SCHEMA`",
        "`--ledger-schema`",
    ];
    let long = "x".repeat(64);
    check_precedence("schema", [&long, &long, &long], "current", bad);
    for (key, value) in [
        ("wait_timeout", "a"),
        ("lock_timeout", "b"),
        ("create_database", "c"),
        ("ddl_lock_timeout", "g"),
        ("ddl_lock_budget", "h"),
        ("concurrent_budget", "i"),
        ("terminate_blockers", "j"),
        ("show_queries", "k"),
        ("on_newer", "d"),
        ("allow_destructive", "g"),
        ("hook_timeout", "h"),
        ("log", "e"),
        ("log_format", "f"),
    ] {
        let flag = format!("`--{}`: `3{value}`", key.replace('_', "-"));
        let variable = format!("`CASTOFF_{}`: `2{value}`", key.to_uppercase());
        let line = format!("`{key}` in castoff.toml: `1{value}`");
        let values = [
            format!("1{value}x"),
            format!("2{value}x"),
            format!("3{value}x"),
        ];
        let values = [values[0].as_str(), &values[1], &values[2]];
        let cut = |text: &str| text.trim_end_matches('`').to_owned();
        check_precedence(
            key,
            values,
            "history",
            [&cut(&line), &cut(&variable), &cut(&flag)],
        );
    }
    check_precedence(
        "on_newer",
        ["fail", "warn", "ok"],
        "upgrade",
        ["status 14", "warning: ", "status 0"],
    );
    check_precedence(
        "log",
        ["error", "info", "error"],
        "upgrade",
        ["status 0", "castoff: ", "status 0"],
    );
    check_precedence(
        "log_format",
        ["json", "text", "json"],
        "upgrade",
        ["\"level\"", "castoff: up", "\"level\""],
    );
    check_precedence(
        "baseline",
        ["n1", "n2", "n3"],
        "upgrade",
        ["`n1`", "`n2`", "`n3`"],
    );
}

#[test]
fn the_image_is_recorded() {
    let database = Server::shared().database();
    let project = Project::with("a<- b<a c<b d<c").file("castoff.toml", "image = 'file'\n");
    for line in [
        "upgrade +1",
        "CASTOFF_IMAGE=environment upgrade +1",
        "CASTOFF_IMAGE=e --image flag upgrade +1",
    ] {
        run(&project, Some(&database), line).status(0);
    }
    let images = "select image from castoff.history order by id";
    assert_eq!(database.rows(images), "file\nenvironment\nflag\n");
}

/// Lines that all lead to the database.
#[track_caller]
fn check_leads(
    project: &Project,
    database: &Database<'_>,
    variables: &[(&str, String)],
    line: &str,
) {
    let mut castoff = prepare(project, Some(database), line);
    for (name, value) in variables {
        castoff = castoff.env(name, value);
    }
    let finished = castoff.output();
    finished.status(0);
    assert_eq!(
        finished.stdout, "aaaa11 (head)\n",
        "{variables:?} {finished}"
    );
}

#[test]
fn the_database_can_be_named_in_every_usual_way() {
    let server = Server::shared();
    let database = server.database();
    let (port, name) = (server.port(), database.name());
    let socket = server.socket_directory().display().to_string();
    let project = project();
    run(&project, Some(&database), "upgrade").status(0);
    let rest = format!("{USER}:{PASSWORD}@127.0.0.1:{port}/{name}");
    let project = project
        .file("secret", format!("{}\n", database.url()))
        .file("passfile", format!("*:*:{name}:{USER}:{PASSWORD}\n"))
        .file("pg_service.conf", format!("[app]\nhost=127.0.0.1\nport={port}\ndbname={name}\nuser={USER}\npassword={PASSWORD}\n"))
        .file("url.toml", format!("database_url = '{}'\n", database.url()))
        .file("file.toml", "database_url_file = 'secret'\n");
    std::fs::set_permissions(
        project.path("passfile"),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    let passfile = project.path("passfile").display().to_string();
    let service = project.path("pg_service.conf").display().to_string();
    let none = ("DATABASE_URL", String::new());
    let wrong = "postgres://127.0.0.1:1/wrong".to_owned();
    let pg = [
        ("PGHOST", "127.0.0.1".to_owned()),
        ("PGPORT", port.to_string()),
        ("PGUSER", USER.to_owned()),
        ("PGDATABASE", name.to_owned()),
    ];
    let with = |more: &[(&'static str, String)]| {
        [std::slice::from_ref(&none), pg.as_slice(), more].concat()
    };
    let url = |text: String| vec![("DATABASE_URL", text)];
    let ways = [
        url(format!("postgres://{rest}")),
        url(format!("postgresql://{rest}")),
        url(format!("postgresql+psycopg2://{rest}")),
        url(format!("postgresql+asyncpg://{rest}?application_name=x")),
        url(format!("postgres://{}", rest.replace("hush", "%68ush"))),
        url(database.socket_url()),
        url(format!(
            "postgres:///{name}?host={socket}&port={port}&user={USER}&password={PASSWORD}"
        )),
        url(format!(
            "host='{socket}' port={port} user={USER} password='{PASSWORD}' dbname={name}"
        )),
        url(format!(
            "postgres://{USER}:{PASSWORD}@127.0.0.1:1,127.0.0.1:{port}/{name}?target_session_attrs=read-write"
        )),
        vec![none.clone(), ("DATABASE_URL_FILE", "secret".to_owned())],
        vec![
            ("DATABASE_URL", wrong.clone()),
            ("CASTOFF_DATABASE_URL", database.url()),
        ],
        vec![
            ("DATABASE_URL", wrong.clone()),
            ("CASTOFF_DATABASE_URL_FILE", "secret".to_owned()),
        ],
        with(&[("PGPASSWORD", PASSWORD.to_owned())]),
        with(&[("PGPASSFILE", passfile)]),
        vec![
            none.clone(),
            ("PGSERVICE", "app".to_owned()),
            ("PGSERVICEFILE", service),
        ],
        vec![none.clone(), ("CASTOFF_CONFIG", "url.toml".to_owned())],
        vec![none.clone(), ("CASTOFF_CONFIG", "file.toml".to_owned())],
    ];
    for way in ways {
        check_leads(&project, &database, &way, "current");
    }
    let flag = format!(
        "DATABASE_URL={wrong} CASTOFF_DATABASE_URL={wrong} --database-url {} current",
        database.url()
    );
    check_leads(&project, &database, &[], &flag);
}

#[test]
fn a_password_may_hold_anything_when_it_is_escaped() {
    let server = Server::shared();
    let database = server.database();
    let project = project();
    let role = format!("odd_{}", database.name());
    let password = "p@:/?#[]% ^&'\"\\é";
    database.sql(&format!(
        "set password_encryption = 'scram-sha-256'; create role {role} superuser login password '{}'",
        password.replace('\'', "''")
    ));
    let escaped = password.bytes().fold(String::new(), |mut text, byte| {
        write!(text, "%{byte:02X}").unwrap();
        text
    });
    let url = format!(
        "postgres://{role}:{escaped}@127.0.0.1:{}/{}",
        server.port(),
        database.name()
    );
    let finished = prepare(&project, None, "upgrade")
        .env("DATABASE_URL", url)
        .secret(password)
        .secret(&escaped)
        .output();
    database.sql(&format!("reassign owned by {role} to {USER}"));
    database.sql(&format!("drop role {role}"));
    finished.status(0);
}

#[test]
fn what_is_castoffs_alone_does_not_reach_the_server() {
    let database = Server::shared().database();
    let project = project().file("secret", database.url());
    let application = "postgres://app@nowhere/app";
    let castoff = prepare(&project, Some(&database), "run --")
        .env("DATABASE_URL", application)
        .env("CASTOFF_DATABASE_URL", database.url())
        .env("CASTOFF_IMAGE", "web:1")
        .env("OTHER", "kept");
    web::run_as(castoff, &project, "report", Then::Exit(0))
        .output()
        .status(0);
    let environment = Report::of(&project, DEADLINE).environment;
    let kept = |name: &str| environment.iter().any(|entry| entry.starts_with(name));
    assert!(!kept("CASTOFF_DATABASE_URL"), "{environment:?}");
    assert!(
        kept("OTHER=kept") && kept(&format!("DATABASE_URL={application}")),
        "{environment:?}"
    );
    let castoff = prepare(&project, None, "run --").env("CASTOFF_DATABASE_URL_FILE", "secret");
    web::run_as(castoff, &project, "second", Then::Exit(0))
        .output()
        .status(0);
    let environment = Report::read(&project.path("second"), DEADLINE).environment;
    assert!(
        !environment
            .iter()
            .any(|entry| entry.contains("DATABASE_URL")),
        "{environment:?}"
    );
}

#[test]
fn a_variable_that_nobody_knows_is_worth_a_warning() {
    let project = project();
    let said = run(
        &project,
        None,
        "CASTOFF_WAIT_TIMEUOT=5s CASTOFF_SERVICE_HOST=x CASTOFF_PORT=tcp://x heads",
    );
    expect![[r#"
        status 0
        --- stdout
        aaaa11 (head)
        --- stderr
        castoff: warning: `CASTOFF_WAIT_TIMEUOT` is not an option of castoff, and is ignored
    "#]]
    .assert_eq(&said.to_string());
}

#[test]
fn a_flag_that_does_nothing_is_worth_a_warning() {
    let database = Server::shared().database();
    let project = project();
    let warnings = |line: &str| {
        let said = run(&project, Some(&database), line);
        said.status(0);
        let lines = said.stderr.lines();
        let warnings = lines.filter_map(|line| line.strip_prefix("castoff: warning: "));
        warnings.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        warnings("run --grace 10s --rewrite TERM:QUIT --listen-handover close -- true"),
        [
            "`--listen-handover` does nothing without `--listen`",
            "`--rewrite` does nothing without `--init`",
            "`--grace` does nothing without `--init`",
        ]
    );
    // Variables may be there for other starts, and may be what a flag needs.
    let none: [String; 0] = [];
    assert_eq!(warnings("CASTOFF_GRACE=10s run -- true"), none);
    assert_eq!(warnings("CASTOFF_INIT=true run --grace 10s -- true"), none);
}

#[test]
fn a_section_may_set_its_own_timeouts() {
    let database = Server::shared().database();
    let project = Project::empty().migration(
        &Migration::new("aaaa11")
            .options("lock_timeout=2s statement_timeout=0")
            .upgrade("create table seen as select current_setting('lock_timeout') l, current_setting('statement_timeout') s;"),
    );
    run(&project, Some(&database), "upgrade").status(0);
    assert_eq!(database.rows("select * from seen"), "2s|0\n");
}
