//! The least that castoff and its server can live with, and what the server must never have.

use expect_test::expect;

use super::docs;
use super::support::PASSWORD;
use super::support::database::Session;
use super::support::found::{self, Found};
use super::support::project::{Migration, Project};
use super::support::server::{Server, USER};
use super::support::stage::in_own_mounts;

#[test]
fn nothing_of_the_migration_role_reaches_the_server() {
    let server = Server::shared();
    let database = server.database();
    let project = Project::with("a<-").file("url", database.url());
    let bare = format!(
        "postgres://{USER}@127.0.0.1:{}/{}",
        server.port(),
        database.name()
    );
    let web = "postgres://web:word@nowhere/app";
    let flag = format!("--database-url={}", database.url());
    let file = project.path("url").display().to_string();
    let ways = [
        (None, vec![("CASTOFF_DATABASE_URL", database.url())]),
        (None, vec![("CASTOFF_DATABASE_URL_FILE", file)]),
        (
            None,
            vec![
                ("CASTOFF_DATABASE_URL", bare.clone()),
                ("PGPASSWORD", PASSWORD.to_owned()),
            ],
        ),
        (
            Some(flag),
            vec![("CASTOFF_PLACEHOLDER_X", PASSWORD.to_owned())],
        ),
    ];
    for (flag, variables) in ways {
        let castoff = project
            .castoff(["run"])
            .env("DATABASE_URL", web)
            .env("PATH", "/usr/bin:/bin");
        let castoff = castoff.with(|command| {
            command.args(flag).envs(variables.iter().cloned());
        });
        found::server(castoff, &project).output().status(0);
        let found = Found::of(&project);
        assert_eq!(found.variable("DATABASE_URL"), Some(web.as_bytes()));
        let is_in = |text: &[u8]| {
            let needle = PASSWORD.as_bytes();
            text.windows(needle.len()).any(|part| part == needle)
        };
        let mut seen = found.environment.iter().chain(&found.arguments);
        assert!(!seen.any(|text| is_in(text)), "{variables:?}");
        assert!(
            !found.descriptors.contains("socket:"),
            "{}",
            found.descriptors
        );
    }
    // Around a pooler both are the same role, and the password is the server's too.
    let pooled = format!("postgres://{USER}@nowhere/app");
    let castoff = project
        .castoff(["run"])
        .env("DATABASE_URL", pooled)
        .env("CASTOFF_DATABASE_URL", &bare)
        .env("PGPASSWORD", PASSWORD)
        .env("PATH", "/usr/bin:/bin");
    found::server(castoff, &project).output().status(0);
    let found = Found::of(&project);
    assert_eq!(found.variable("PGPASSWORD"), Some(PASSWORD.as_bytes()));
}

/// A container as spare as they come: the system without `/tmp`, `/etc`, `/dev` and `/proc`, nothing to
/// write to, an arbitrary user without a capability, and an empty environment but for the database.
const SPARE: &str = r#"
shift
chroot=$(command -v chroot)
root=$(mktemp -d "$PWD/root.XXXXXX")
chmod 755 "$root"
mount --bind "$root" "$root"
mkdir "$root/project"
for name in usr bin lib lib64; do
    if [ -L "/$name" ]; then
        cp -P "/$name" "$root/"
    elif [ -d "/$name" ]; then
        mkdir "$root/$name"
        mount --bind "/$name" "$root/$name"
    fi
done
mount --bind . "$root/project"
if [ "$keep" = proc ]; then
    mkdir "$root/proc"
    mount -t proc proc "$root/proc"
fi
mount -o remount,bind,ro "$root/project"
mount -o remount,bind,ro "$root"
unset PATH
exec "$chroot" "$root" /usr/bin/setpriv --reuid=1000680000 --regid=0 --clear-groups \
    --bounding-set=-all --inh-caps=-all --no-new-privs /project/castoff "$@"
"#;

/// What the server sees of it, by a shell's own means.
const LOOK: &str = r#"
for path in /tmp /etc /dev/null /proc/self; do [ ! -e $path ] || echo "there is $path"; done
(: >/project/file) 2>&- && echo "the project can be written"
(: >/file) 2>&- && echo "the root can be written"
echo "$(/usr/bin/id -u):$(/usr/bin/id -g) HOME=$HOME KEY=$KEY"
"#;

#[test]
fn a_spare_container_is_enough() {
    let database = Server::shared().database();
    let project = Project::with("a<-").file("key", "hush\n");
    let run = |keep: &str| {
        let castoff = in_own_mounts(&project, &format!("keep={keep}\n{SPARE}"))?;
        let castoff = castoff.database(&database).args([
            "run",
            "--migrations=/project/migrations",
            "--user=1000680000",
            "--no-new-privs",
            "--expand-secrets=KEY",
            "--",
            "/bin/sh",
            "-c",
            LOOK,
        ]);
        let castoff = castoff.env("KEY_FILE", "/project/key");
        Some(castoff.output())
    };
    let Some(finished) = run("nothing") else {
        return;
    };
    finished.check(&expect![[r#"
        status 0
        --- stdout
        1000680000:0 HOME= KEY=hush
        --- stderr
        castoff: applied a Make a ([time])
        castoff: database is at a
    "#]]);
    run("proc").unwrap().check(&expect![[r#"
        status 0
        --- stdout
        there is /proc/self
        1000680000:0 HOME= KEY=hush
        --- stderr
        castoff: up to date at a
    "#]]);
}

#[test]
fn the_two_roles_of_the_page_are_what_castoff_and_the_server_need() {
    let page = docs::read("docs/security.md");
    let (_, block) = page.split_once("```sql\ncreate role").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let server = Server::shared();
    let database = server.database();
    let name = database.name();
    let sql = format!("create role{block}").replace("shop", name);
    database.sql(&format!("set password_encryption = 'scram-sha-256'; {sql}"));
    let url = |role: &str, password: &str| {
        format!(
            "postgres://{name}_{role}:{password}@127.0.0.1:{}/{name}",
            server.port()
        )
    };
    let web = url("web", "another%20secret");
    let project = Project::with("a<-").migration(
        &Migration::new("b")
            .after("a")
            .upgrade("create table numbered (id serial primary key, note text);"),
    );
    let castoff = project
        .castoff(["run"])
        .database(&database)
        .env("CASTOFF_DATABASE_URL", url("migrator", "one%20secret"))
        .env("DATABASE_URL", &web)
        .env("PATH", "/usr/bin:/bin")
        .secret("one%20secret")
        .secret("one secret");
    found::server(castoff, &project).output().status(0);
    assert_eq!(
        Found::of(&project).variable("DATABASE_URL"),
        Some(web.as_bytes())
    );

    let session = Session::open(&web).unwrap();
    session.sql("insert into numbered (note) values ('x'); update numbered set note = 'y'; delete from numbered");
    for refused in [
        "create table public.mine ()",
        "create schema mine",
        "alter table numbered add column other text",
        "drop table numbered",
        "truncate numbered",
        "select * from castoff.revision",
    ] {
        let error = session.try_rows(refused).unwrap_err();
        let code = error.code().map(|code| code.code().to_owned());
        assert_eq!(code.as_deref(), Some("42501"), "{refused}");
    }

    // What a start with nothing to do needs, as the page says.
    let castoff = || {
        let castoff = project.castoff(["run", "--", "true"]).database(&database);
        castoff
            .env("DATABASE_URL", &web)
            .env("PATH", "/usr/bin:/bin")
            .output()
    };
    castoff().status(12);
    let (_, grants) = page.split_once("so say once\n").unwrap();
    let grants: Vec<&str> = grants.split('`').skip(1).step_by(2).take(2).collect();
    for grant in grants {
        database.sql(&grant.replace("shop", name));
    }
    castoff().status(0);
}
