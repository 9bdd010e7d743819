use std::error::Error as _;

use super::*;

mod files;

/// What no message may hold.
const PASSWORD: &str = "hunter2";

fn sources(url: &str, environment: &[(&str, &str)]) -> Sources {
    let environment = environment.iter();
    Sources {
        url: (!url.is_empty()).then(|| (url.to_owned(), "DATABASE_URL".to_owned())),
        environment: environment
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect(),
        home: None,
        user: || Some("me".to_owned()),
    }
}

/// The parts of a description that differ from the defaults, or the error.
fn describe(sources: &Sources) -> String {
    let conninfo = match resolve(sources) {
        Ok(conninfo) => conninfo,
        Err(error) => {
            let source = error
                .source()
                .map(|source| format!(" ({source})"))
                .unwrap_or_default();
            let shown = format!("error: {error}{source}");
            let all = format!("{shown} {error:?} {} {:?}", error.help(), error.place());
            assert!(!all.contains(PASSWORD), "a password is shown: {all}");
            return shown;
        }
    };
    assert!(!format!("{conninfo} {conninfo:?}").contains(PASSWORD));
    let mut parts = vec![conninfo.to_string()];
    let passwords: Vec<_> = conninfo
        .hosts
        .iter()
        .map(|host| {
            host.password
                .as_ref()
                .map_or("-", Secret::expose)
                .to_owned()
        })
        .collect();
    if passwords.iter().any(|password| password != "-") {
        parts.push(format!("password={}", passwords.join(",")));
    }
    for host in &conninfo.hosts {
        if let Location::Network {
            address: Some(address),
            ..
        } = host.location
        {
            parts.push(format!("address={address}"));
        }
    }
    let mut part = |name: &str, value: Option<String>| {
        parts.extend(value.map(|value| format!("{name}={value}")));
    };
    part("options", conninfo.options);
    part("application_name", conninfo.application_name);
    part(
        "timeout",
        conninfo.connect_timeout.map(|d| format!("{d:?}")),
    );
    let tls = &conninfo.tls;
    part(
        "mode",
        Some(tls.mode.name().to_owned()).filter(|name| name != "prefer"),
    );
    parts.join(" ")
}

fn check(url: &str, expected: &str) {
    assert_eq!(describe(&sources(url, &[])), expected, "{url}");
}

fn check_with(url: &str, environment: &[(&str, &str)], expected: &str) {
    assert_eq!(
        describe(&sources(url, environment)),
        expected,
        "{url} {environment:?}"
    );
}

#[test]
fn fills_in_defaults() {
    check("postgres://db", "me@db:5432/me");
    check("postgres://u@db", "u@db:5432/u");
    check("postgres://u@db/app", "u@db:5432/app");
    check("postgres://u:p@db:1/app", "u@db:1/app password=p");
    check("  postgres://u@db/app\n", "u@db:5432/app");
    check("host=db dbname=app", "me@db:5432/app");
    check("host=db user=u password='a b'", "u@db:5432/u password=a b");
    check("host=db user='' dbname='' port=''", "me@db:5432/me");
    check("postgres://a:1,b/app", "me@a:1,b:5432/app");
    check("postgres://a,b/app?port=1", "me@a:1,b:1/app");
    check("host=a,b,c port=1,,3", "me@a:1,b:5432,c:3/me");
    check("postgres://[::1]:1/app", "me@[::1]:1/app");
    check("host=::1", "me@[::1]:5432/me");
    check("host=[::1]", "me@[::1]:5432/me");
    check("host=/tmp", "me@/tmp:5432/me");
    check("host=@castoff", "me@@castoff:5432/me");
    check(
        "postgresql://u@/app?host=/run/postgresql",
        "u@/run/postgresql:5432/app",
    );
    check(
        "postgresql://%2Frun%2Fpostgresql/app",
        "me@/run/postgresql:5432/app",
    );
    check(
        "host=db hostaddr=10.0.0.1",
        "me@db:5432/me address=10.0.0.1",
    );
    check("hostaddr=10.0.0.1", "me@10.0.0.1:5432/me address=10.0.0.1");
    check(
        "host=a,b hostaddr=10.0.0.1,::1",
        "me@a:5432,b:5432/me address=10.0.0.1 address=::1",
    );
}

#[test]
fn an_empty_host_is_the_usual_socket() {
    let conninfo = resolve(&sources("postgres:///app", &[])).unwrap();
    assert!(matches!(&conninfo.hosts[0].location, Location::Socket(_)));
    let conninfo = resolve(&sources("postgres://,db/app", &[])).unwrap();
    assert!(matches!(&conninfo.hosts[0].location, Location::Socket(_)));
    assert_eq!(conninfo.hosts[1].to_string(), "db:5432");
}

#[test]
fn the_string_wins_over_the_environment() {
    check_with("", &[("PGHOST", "db")], "me@db:5432/me");
    check_with(
        "",
        &[
            ("PGHOST", "db"),
            ("PGPORT", "1"),
            ("PGUSER", "u"),
            ("PGDATABASE", "d"),
        ],
        "u@db:1/d",
    );
    check_with(
        "postgres://db",
        &[("PGHOST", "no"), ("PGUSER", "u")],
        "u@db:5432/u",
    );
    check_with(
        "postgres://u@db",
        &[("PGUSER", "no"), ("PGPASSWORD", "p")],
        "u@db:5432/u password=p",
    );
    check_with(
        "postgres://u:p@db",
        &[("PGPASSWORD", "no")],
        "u@db:5432/u password=p",
    );
    check_with("postgres://db", &[("PGPORT", "7")], "me@db:7/me");
    check_with("postgres://db", &[("PGPORT", "")], "me@db:5432/me");
    check_with(
        "postgres://db",
        &[("PGSSLMODE", "require")],
        "me@db:5432/me mode=require",
    );
    check_with(
        "host=db sslmode=disable",
        &[("PGSSLMODE", "require")],
        "me@db:5432/me mode=disable",
    );
    check_with(
        "postgres://db",
        &[("PGAPPNAME", "a")],
        "me@db:5432/me application_name=a",
    );
    check_with(
        "postgres://db",
        &[("PGCONNECT_TIMEOUT", "3")],
        "me@db:5432/me timeout=3s",
    );
    check_with(
        "postgres://db",
        &[("PGOPTIONS", "-c a=b")],
        "me@db:5432/me options=-c a=b",
    );
    check_with(
        "postgres://db?options=-cc%3Dd",
        &[("PGTZ", "Europe/Berlin"), ("PGDATESTYLE", "ISO, DMY")],
        "me@db:5432/me options=-c datestyle=ISO,\\ DMY -c timezone=Europe/Berlin -cc=d",
    );
    check_with(
        "postgres://db",
        &[("PGDATA", "/data"), ("PG_COLOR", "x")],
        "me@db:5432/me",
    );
    check_with(
        "",
        &[("PGDATA", "/data"), ("PGPASSWORD", PASSWORD)],
        "error: no database is named",
    );
    check_with("", &[("PGHOST", "")], "error: no database is named");
    check_with(" \n", &[], "error: no database is named");
}

#[test]
fn honours_parameters() {
    check(
        "host=db application_name=a fallback_application_name=b",
        "me@db:5432/me application_name=a",
    );
    check(
        "host=db fallback_application_name=b",
        "me@db:5432/me application_name=b",
    );
    check("host=db connect_timeout=0", "me@db:5432/me");
    check("host=db connect_timeout=-1", "me@db:5432/me");
    check(
        "host=db client_encoding=utf8 gssencmode=prefer sslcompression=0",
        "me@db:5432/me",
    );
    check(
        "host=db gssencmode=disable replication=off",
        "me@db:5432/me",
    );
    check("host=db sslmode=verify-ca", "me@db:5432/me mode=verify-ca");
    check("host=db sslmode=allow", "me@db:5432/me mode=allow");
    check(
        "host=db sslrootcert=system",
        "me@db:5432/me mode=verify-full",
    );
    check(
        "host=db sslrootcert=system sslmode=verify-full",
        "me@db:5432/me mode=verify-full",
    );
    check(
        "host=db sslnegotiation=direct sslmode=require",
        "me@db:5432/me mode=require",
    );
    check("postgres://db?ssl=true", "me@db:5432/me mode=require");
    check(
        "host=db sslmode=disable sslmode=require",
        "me@db:5432/me mode=require",
    );
    let text = "host=db keepalives=0 keepalives_idle=1 keepalives_interval=2 keepalives_count=3 \
                tcp_user_timeout=4 target_session_attrs=prefer-standby load_balance_hosts=random \
                channel_binding=require require_auth=!password,!md5 sslsni=0 \
                ssl_min_protocol_version=TLSv1.3";
    let conninfo = resolve(&sources(text, &[])).unwrap();
    assert_eq!(
        conninfo.keepalives,
        Keepalives {
            enabled: false,
            idle: Some(Duration::from_secs(1)),
            interval: Some(Duration::from_secs(2)),
            count: Some(3),
            user_timeout: Some(Duration::from_millis(4)),
        }
    );
    assert_eq!(conninfo.target, TargetSession::PreferStandby);
    assert_eq!(conninfo.load_balance, LoadBalance::Random);
    assert_eq!(conninfo.channel_binding, ChannelBinding::Require);
    assert!(conninfo.require_auth.contains(&AuthMethod::Scram));
    assert!(!conninfo.require_auth.contains(&AuthMethod::Md5));
    assert!(!conninfo.tls.sni);
    assert_eq!(conninfo.tls.oldest, tls_options::TlsVersion::V13);
}

/// Parameters, and why they are refused. `URL` stands for the origin.
const REFUSED: &[(&str, &str)] = &[
    (
        "sslmod=require",
        "`sslmod` in URL is not a connection parameter",
    ),
    (
        "pgbouncer=true",
        "`pgbouncer` in URL is a parameter of Prisma, not of PostgreSQL",
    ),
    (
        "schema=public",
        "`schema` in URL is a parameter of Prisma, not of PostgreSQL",
    ),
    (
        "prepared_statement_cache_size=0",
        "`prepared_statement_cache_size` in URL is a parameter of SQLAlchemy, not of PostgreSQL",
    ),
    (
        "sslmode=on",
        "`on` in URL is not a value of `sslmode` (disable, allow, prefer, require, verify-ca, verify-full)",
    ),
    (
        "connect_timeout=5s",
        "`5s` in URL is not a value of `connect_timeout` (a whole number)",
    ),
    (
        "connect_timeout=99999999999",
        "`99999999999` in URL is not a value of `connect_timeout` (a whole number)",
    ),
    (
        "hostaddr=db",
        "`db` in URL is not a value of `hostaddr` (an IP address)",
    ),
    ("port=0", "`0` in URL is not a value of `port` (1 to 65535)"),
    ("port=1,2", "URL gives 2 values of `port` for 1 hosts"),
    (
        "hostaddr=10.0.0.1,10.0.0.2",
        "URL gives 1 values of `host` for 2 hosts",
    ),
    (
        "sslcrl=/crl",
        "`sslcrl` in URL is not supported: castoff cannot check revocation lists",
    ),
    (
        "sslpassword=hunter2",
        "`sslpassword` in URL is not supported: castoff cannot decrypt private keys; decrypt it with `openssl pkey`",
    ),
    (
        "gssencmode=require",
        "`gssencmode=require` in URL is not supported: castoff has no Kerberos",
    ),
    (
        "requirepeer=postgres",
        "`requirepeer` in URL is not supported: castoff cannot ask a socket who serves it",
    ),
    (
        "krbsrvname=x",
        "`krbsrvname` in URL is not supported: castoff has no Kerberos",
    ),
    (
        "replication=database",
        "`replication=database` in URL is not supported: a replication connection cannot run migrations",
    ),
    (
        "client_encoding=LATIN1",
        "`client_encoding=LATIN1` in URL is not supported: castoff always speaks UTF-8 with the server",
    ),
    (
        "keepalives=yes",
        "`yes` in URL is not a value of `keepalives` (0 or 1)",
    ),
    (
        "require_auth=md5,!password",
        "`md5,!password` in URL is not a value of `require_auth` (password, md5, gss, sspi, scram-sha-256, oauth, none; either all or none of them with `!`)",
    ),
    (
        "host=/tmp&require_auth=md5",
        "`require_auth` in URL is not supported: castoff cannot watch the login on a unix socket",
    ),
    (
        "target_session_attrs=master",
        "`master` in URL is not a value of `target_session_attrs` (any, read-write, read-only, primary, standby, prefer-standby)",
    ),
    (
        "channel_binding=yes",
        "`yes` in URL is not a value of `channel_binding` (disable, prefer, require)",
    ),
    (
        "load_balance_hosts=on",
        "`on` in URL is not a value of `load_balance_hosts` (disable, random)",
    ),
    (
        "sslrootcert=system&sslmode=require",
        "`sslmode=require` is too weak for `sslrootcert=system`",
    ),
    (
        "sslnegotiation=direct",
        "`sslmode=prefer` is too weak for `sslnegotiation=direct`",
    ),
    (
        "ssl_max_protocol_version=TLSv1.1",
        "`TLSv1.1` in URL is not a value of `ssl_max_protocol_version` (TLSv1.2, TLSv1.3)",
    ),
    (
        "ssl_min_protocol_version=TLSv1.3&ssl_max_protocol_version=TLSv1.2",
        "`TLSv1.2` in URL is not a value of `ssl_max_protocol_version` (not below ssl_min_protocol_version)",
    ),
];

#[test]
fn refuses_what_it_does_not_understand() {
    for (parameter, expected) in REFUSED {
        let shown = describe(&sources(&format!("postgres://db/app?{parameter}"), &[]));
        assert_eq!(
            shown.replace("`DATABASE_URL`", "URL"),
            format!("error: {expected}")
        );
    }
    check_with(
        "host=db",
        &[("PGSSLCRL", "/c")],
        "error: `PGSSLCRL` in `PGSSLCRL` is not supported: castoff cannot check revocation lists",
    );
    check_with(
        "",
        &[("PGHOST", "db"), ("PGPORT", "x")],
        "error: `x` in `PGPORT` is not a value of `port` (1 to 65535)",
    );
    check(
        "postgres.example",
        "error: `DATABASE_URL` is not understood: it is neither a URL nor a list of `name=value`",
    );
    check(
        "\"postgres://db\"",
        "error: `DATABASE_URL` is not understood: it stands in quotes, which are part of the value here",
    );
    check(
        "postgres://u:p\u{7}@db",
        "error: `DATABASE_URL` is not understood: it holds a control character (U+0007)",
    );
    check(
        "postgres://u:a\nb@db",
        "error: `DATABASE_URL` is not understood: it holds a control character (U+000A)",
    );
    let nobody = Sources {
        user: || None,
        ..sources("postgres://db", &[])
    };
    assert_eq!(
        describe(&nobody),
        "error: no database user is named, and this process has no user name"
    );
}

/// Each of these is wrong; `describe` fails if the message shows the password.
#[test]
fn never_shows_a_password() {
    for text in [
        "postgres://u:hunter2@x@db/app",
        "postgres://u:x@hunter2@db/app",
        "postgres://u:hunter2/x@db/app",
        "postgres://u:x/hunter2@db/app",
        "postgres://u:x?hunter2/y@db/app",
        "postgres://u:x@?hunter2=1@db/app",
        "postgres://u:hunter2%@db/app",
        "postgres://u:hunter2%zz@db/app",
        "postgres://u:hunter2",
        "postgres://u:hunter2/app",
        "postgres://db?user=u&password=x&hunter2=y",
        "postgres://db?user=u&password=x&hunter2",
        "postgres://db?user=u&password=hunter2%",
        "mysql://u:hunter2@db/app",
        "jdbc:postgresql://db/app?password=hunter2",
        "'postgres://u:hunter2@db/app'",
        "postgres://u:hunter2\n@db/app",
        "u:hunter2@db",
        "host=db password=x hunter2",
        "host=db password=x hunter2=y",
        "host=db password='hunter2",
        "host=db password=hunter2 sslmode=no",
        "host=db password=hunter2 colour=red",
        "password=hunter2 port=x",
        "host=db sslpassword=hunter2",
        "host=db oauth_client_secret=hunter2",
        "host=db scram_client_key=hunter2",
        "host=db password=hunter2 hostaddr=a,b",
    ] {
        assert!(
            describe(&sources(text, &[])).starts_with("error: "),
            "{text}"
        );
    }
}
