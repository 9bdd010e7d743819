use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::{describe, sources};
use crate::database::conninfo::Sources;

/// A home directory of its own for one test.
struct Home(PathBuf);

impl Home {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("castoff-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, mode: u32, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.display().to_string()
    }

    fn describe(&self, url: &str, environment: &[(&str, &str)]) -> String {
        let sources = Sources {
            home: Some(self.0.clone()),
            ..sources(url, environment)
        };
        describe(&sources).replace(&self.0.display().to_string(), "~")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn takes_passwords_from_the_password_file() {
    let home = Home::new("passfile");
    let check = |url: &str, environment: &[(&str, &str)], expected: &str| {
        assert_eq!(home.describe(url, environment), expected, "{url}");
    };
    check("postgres://u@db", &[], "u@db:5432/u");
    home.write(
        ".pgpass",
        0o600,
        "a:*:*:u:pa\nb:5433:app:*:pb\nlocalhost:*:*:*:ps\n",
    );
    let other = home.write("other", 0o600, "*:*:*:*:po\n");
    check("postgres://u@a", &[], "u@a:5432/u password=pa");
    check(
        "postgres://u@a,b:5433,c/app",
        &[],
        "u@a:5432,b:5433,c:5432/app password=pa,pb,-",
    );
    check("host=/tmp user=u", &[], "u@/tmp:5432/u password=ps");
    check("postgres://u:p@a", &[], "u@a:5432/u password=p");
    check("host=a user=u password=''", &[], "u@a:5432/u password=pa");
    check(
        "postgres://u@a",
        &[("PGPASSWORD", "p")],
        "u@a:5432/u password=p",
    );
    check(
        "postgres://u@a",
        &[("PGPASSFILE", &other)],
        "u@a:5432/u password=po",
    );
    check(
        &format!("host=a passfile={other}"),
        &[],
        "me@a:5432/me password=po",
    );
    check(
        "postgres://u@a",
        &[("PGPASSFILE", "/dev/null")],
        "u@a:5432/u",
    );
    check(
        "postgres://u@a",
        &[("PGPASSFILE", "/nowhere")],
        "u@a:5432/u",
    );
    home.write(".pgpass", 0o640, "*:*:*:*:hunter2\n");
    check(
        "postgres://u@a",
        &[],
        "error: the password file `~/.pgpass` can be read by others (mode 0640)",
    );
    check("postgres://u:p@a", &[], "u@a:5432/u password=p");
}

#[test]
fn the_service_stands_between_the_string_and_the_environment() {
    let home = Home::new("service");
    let check = |url: &str, environment: &[(&str, &str)], expected: &str| {
        assert_eq!(home.describe(url, environment), expected, "{url}");
    };
    check(
        "service=app",
        &[],
        "error: the service `app` is not defined",
    );
    home.write(
        ".pg_service.conf",
        0o644,
        "[app]\nhost=db\nport=1\nuser=su\n[bad]\ncolour=red\n",
    );
    let other = home.write("other", 0o644, "[app]\nhost=other\npassword=po\n");
    home.write(
        "pg_service.conf",
        0o644,
        "[app]\nhost=no\n[system]\nhost=sys\n",
    );
    let folder = home.0.display().to_string();
    check("service=app", &[], "su@db:1/su");
    check("postgres://?service=app", &[], "su@db:1/su");
    check("postgres://u@x?service=app", &[("PGPORT", "9")], "u@x:1/u");
    check(
        "",
        &[("PGSERVICE", "app"), ("PGUSER", "no"), ("PGDATABASE", "d")],
        "su@db:1/d",
    );
    check(
        "",
        &[("PGSERVICE", "app"), ("PGSERVICEFILE", &other)],
        "me@other:5432/me password=po",
    );
    check(
        &format!("service=app servicefile={other}"),
        &[],
        "me@other:5432/me password=po",
    );
    check(
        "service=system",
        &[("PGSYSCONFDIR", &folder)],
        "me@sys:5432/me",
    );
    check("service=app", &[("PGSYSCONFDIR", &folder)], "su@db:1/su");
    check(
        "service=none",
        &[("PGSYSCONFDIR", &folder)],
        "error: the service `none` is not defined",
    );
    check(
        "service=bad",
        &[],
        "error: `colour` in `~/.pg_service.conf` is not a connection parameter",
    );
    check(
        "service=app",
        &[("PGSERVICEFILE", "/nowhere")],
        "error: `/nowhere` cannot be read (entity not found)",
    );
}
