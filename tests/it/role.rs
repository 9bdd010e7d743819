//! `--role`: castoff logs in as one role and works as another, the owner of everything.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use expect_test::expect;

use super::support::DEADLINE;
use super::support::castoff::Castoff;
use super::support::clients::client;
use super::support::database::{Database, Session};
use super::support::project::{Migration, Project};
use super::support::server::{Server, USER, free_port};
use super::support::supervisor::as_server;
use super::support::{PASSWORD, until};

/// A role that owns and cannot log in, one that logs in and may take it, and one that may not.
fn roles(database: &Database<'_>) {
    database.sql(&format!(
        "set password_encryption = 'scram-sha-256'; \
         create role \"the owner\"; \
         create role deployer login password '{PASSWORD}' in role \"the owner\"; \
         create role stranger login password '{PASSWORD}'; \
         revoke all on schema public from public; \
         grant all on schema public to \"the owner\"; \
         grant create on database {} to \"the owner\"",
        database.name()
    ));
}

/// castoff logging in as this role.
fn castoff<'p, const N: usize>(
    project: &'p Project,
    database: &Database<'_>,
    login: &str,
    arguments: [&str; N],
) -> Castoff<'p> {
    let url = database.url().replacen(USER, login, 1);
    let castoff = project.castoff(arguments).database(database);
    castoff
        .env("DATABASE_URL", url)
        .env("CASTOFF_ROLE", "the owner")
}

/// Everything that is owned, by owner.
fn owners(database: &Database<'_>) -> String {
    database.rows(
        "select relowner::regrole, string_agg(relname, ' ' order by relname) from pg_class \
         where relnamespace in ('public'::regnamespace, 'castoff'::regnamespace) \
             and relkind = 'r' group by 1; \
         select nspowner::regrole from pg_namespace where nspname = 'castoff'; \
         select distinct role from castoff.history",
    )
}

/// Scripts that try to get out of the role, each in its own way.
fn escaping() -> Project {
    Project::empty()
        .migration(
            &Migration::new("aaaa11")
                .upgrade("create table a (id integer);\nset role pg_monitor;")
                .downgrade("drop table a;"),
        )
        .migration(
            &Migration::new("bbbb22")
                .after("aaaa11")
                .upgrade("reset role;\nreset all;\nreset session authorization;\nreset role;\ncreate table b (id integer);")
                .downgrade("set local role none;"),
        )
        .migration(
            &Migration::new("cccc33")
                .after("bbbb22")
                .options("autocommit")
                .upgrade("create table c (id integer);\ncreate index concurrently i on c (id);\nset role none;\nset session authorization default;")
                .downgrade("drop table c;"),
        )
        .migration(
            &Migration::new("dddd44")
                .after("cccc33")
                .options("autocommit")
                .upgrade("set role none;\nvacuum;\nreset role;\ncreate table d (id integer);")
                .downgrade("drop table d;"),
        )
}

#[test]
fn everything_belongs_to_the_role_whatever_a_script_does() {
    let server = Server::start(&[]);
    let database = server.database();
    roles(&database);
    database.sql("grant pg_monitor to deployer, \"the owner\"");
    let project = escaping();
    castoff(&project, &database, "deployer", ["upgrade"])
        .output()
        .status(0);
    assert_eq!(
        owners(&database),
        "\"the owner\"|a b batch c d history revision\n\"the owner\"\ndeployer\n"
    );
    castoff(&project, &database, "deployer", ["downgrade", "aaaa11"])
        .output()
        .status(0);
    assert_eq!(
        database.rows("select revision from castoff.revision"),
        "aaaa11\n"
    );
    // Without the role the login may not even look.
    castoff(&project, &database, "stranger", ["current"])
        .env("CASTOFF_ROLE", "")
        .output()
        .status(12);
}

#[test]
fn a_role_that_cannot_be_taken_is_named() {
    let server = Server::start(&[]);
    let database = server.database();
    roles(&database);
    let project = Project::with("aaaa11<-");
    let before = database.contents();
    castoff(&project, &database, "stranger", ["upgrade"])
        .output()
        .check(&expect![[r#"
            status 11
            --- stderr
            error[login-role]: database stranger@127.0.0.1:[port]/[database] cannot be used
              caused by: role "the owner" cannot be taken
              caused by: 42501 permission denied to set role "the owner"
              help: grant it with `grant "the owner" to "stranger"`
        "#]]);
    castoff(
        &project,
        &database,
        "deployer",
        ["upgrade", "--role", "nobody at all"],
    )
    .output()
    .check(&expect![[r#"
        status 11
        --- stderr
        error[login-role]: database deployer@127.0.0.1:[port]/[database] cannot be used
          caused by: role "nobody at all" cannot be taken
          caused by: 22023 role "nobody at all" does not exist
          help: create it with `create role "nobody at all"`, or correct --role (CASTOFF_ROLE)
    "#]]);
    database.assert_unchanged(&before);
}

#[test]
fn a_start_at_head_still_asks_one_question() {
    let server = Server::start(&["log_statement = all"]);
    let database = server.database();
    roles(&database);
    let project = Project::with("aaaa11<-");
    castoff(&project, &database, "deployer", ["upgrade"])
        .output()
        .status(0);
    let before = server.log().len();
    castoff(&project, &database, "deployer", ["upgrade"])
        .output()
        .status(0);
    let log = server.log()[before..].to_owned();
    let statements: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("castoff on ") && line.contains("LOG:"))
        .collect();
    assert_eq!(statements.len(), 1, "{log}");
    assert!(statements[0].contains("Where the database is"), "{log}");
}

#[test]
fn who_waits_still_sees_who_holds_the_lock() {
    let server = Server::start(&[]);
    let database = server.database();
    roles(&database);
    let project = Project::with("aaaa11<-");
    let gated = Migration::new("bbbb22")
        .after("aaaa11")
        .upgrade("lock table gate;");
    let project = project.migration(&gated);
    castoff(&project, &database, "deployer", ["upgrade", "aaaa11"])
        .output()
        .status(0);
    database.sql("create table gate (); alter table gate owner to \"the owner\"");
    let session = database.session();
    session.sql("begin; lock table gate in share mode");
    let first = castoff(&project, &database, "deployer", ["upgrade"]).spawn();
    until("the first waits at the gate", DEADLINE, || {
        let waiting = "select from pg_locks where not granted and relation = 'gate'::regclass";
        (database.rows(waiting) == "\n").then_some(())
    });
    let mut second = castoff(&project, &database, "deployer", ["upgrade"]).spawn();
    second.stderr_until(
        "waiting for the migration lock: held by `castoff on ",
        DEADLINE,
    );
    session.sql("commit");
    first.wait(DEADLINE).status(0);
    second.wait(DEADLINE).status(0);
}

#[test]
fn the_script_for_psql_takes_the_role_too() {
    let server = Server::start(&[]);
    let database = server.database();
    roles(&database);
    database.sql("grant pg_monitor to deployer, \"the owner\"");
    let project = escaping();
    let script = castoff(&project, &database, "deployer", ["upgrade", "--sql"]).output();
    script.status(0);
    let project = project.file("script.sql", &script.stdout);
    let output = Command::new(client("psql"))
        .env_clear()
        .args(["--no-psqlrc", "--quiet", "--file"])
        .arg(project.path("script.sql"))
        .arg(database.url().replacen(USER, "deployer", 1))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\nin:\n{}", script.stdout);
    // psql has no role to come back to, so what a script itself resets stays reset.
    assert_eq!(
        database.rows(
            "select relowner::regrole from pg_class \
             where oid in ('a'::regclass, 'castoff.history'::regclass) group by 1"
        ),
        "\"the owner\"\n"
    );
    castoff(&project, &database, "deployer", ["current"])
        .output()
        .status(0);
}

/// `PgBouncer`, ended with the value.
struct Pooler(Child);

impl Drop for Pooler {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_pooler_that_drops_the_role_is_noticed_before_anything_is_done() {
    let places = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"];
    let Some(pgbouncer) = places.into_iter().find(|path| Path::new(path).is_file()) else {
        eprintln!("SKIPPED: no pgbouncer here");
        return;
    };
    let server = Server::start(&[]);
    let database = server.database();
    roles(&database);
    // Its directory belongs to the user that servers of the tests run as.
    let directory = server.socket_directory();
    let port = free_port();
    let settings = format!(
        "[databases]\n\
         * = host=127.0.0.1 port={} user=deployer password={PASSWORD}\n\
         [pgbouncer]\n\
         listen_addr = 127.0.0.1\n\
         listen_port = {port}\n\
         unix_socket_dir =\n\
         auth_type = any\n\
         pool_mode = session\n\
         ignore_startup_parameters = options\n",
        server.port()
    );
    server.write("pgbouncer.ini", &settings);
    let pooler = as_server(Command::new(pgbouncer))
        .arg(directory.join("data/pgbouncer.ini"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut pooler = Pooler(pooler.unwrap());
    let url = format!("postgres://deployer@127.0.0.1:{port}/{}", database.name());
    until("the pooler lets in", DEADLINE, || {
        assert!(pooler.0.try_wait().unwrap().is_none(), "the pooler ended");
        Session::open(&url).ok()
    });
    let project = Project::with("aaaa11<-");
    let before = database.contents();
    let finished = castoff(&project, &database, "deployer", ["upgrade"])
        .env("DATABASE_URL", &url)
        .output();
    drop(pooler);
    finished.check(&expect![[r#"
        status 12
        --- stderr
        error[role-dropped]: statements do not run as role "the owner": a pooler in between drops what the login asks for
          help: set CASTOFF_DATABASE_URL to the URL of the server itself, not of the pooler
    "#]]);
    database.assert_unchanged(&before);
}
