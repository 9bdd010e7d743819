use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use super::*;
use crate::database::conninfo;
use crate::database::conninfo::Sources;

/// A server that answers each message it gets with the next of `answers`, and then hangs up.
fn server(answers: &'static [&'static [u8]]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            for answer in answers {
                // The client may have given up, which is what some of the tests are about.
                let _read = connection.read(&mut [0; 1024]);
                connection.write_all(answer).ok();
            }
        }
    });
    port
}

fn try_to_connect(url: &str, within: Duration) -> String {
    let sources = Sources {
        url: Some((url.to_owned(), "DATABASE_URL".to_owned())),
        environment: BTreeMap::new(),
        home: None,
        user: || None,
    };
    let conninfo = conninfo::resolve(&sources).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    match runtime.block_on(attempt(&conninfo, within)) {
        Ok(_) => "connected".to_owned(),
        Err(error) => {
            let all = format!("{error} {error:?} {}", error.help());
            assert!(!all.contains("hunter2"), "a password is shown: {all}");
            format!("{:?}: {error}", error.retry())
        }
    }
}

fn check_answers(answers: &'static [&'static [u8]], parameters: &str, expected: &str) {
    let port = server(answers);
    let url = format!("postgres://u:hunter2@127.0.0.1:{port}/app?{parameters}");
    assert_eq!(
        try_to_connect(&url, Duration::from_secs(10)),
        expected,
        "{url}"
    );
}

const PLAIN: &str = "sslmode=disable";

/// Messages of the kind `ErrorResponse`: type, length, fields.
const STARTING: &[u8] = b"E\0\0\0\x37SFATAL\0C57P03\0Mthe database system is starting up\0\0";
const NO_DATABASE: &[u8] = b"E\0\0\0\x20SFATAL\0C3D000\0Mno database\0\0";
const WRONG_PASSWORD: &[u8] = b"E\0\0\0\x1cSFATAL\0C28P01\0Mno pass\0\0";
const NO_HBA: &[u8] = b"E\0\0\0\x21SFATAL\0C28000\0Mpg_hba.conf!\0\0";
const BOUNCER: &[u8] = b"E\0\0\0\x35SFATAL\0C08P01\0Munsupported startup parameter: x\0\0";

/// Requests of the server for a login: Kerberos, and none.
const KERBEROS: &[u8] = b"R\0\0\0\x08\0\0\0\x07";
const TRUST: &[u8] = b"R\0\0\0\x08\0\0\0\0";

#[test]
fn names_the_cause() {
    check_answers(
        &[STARTING],
        PLAIN,
        "Later: the database system is starting up",
    );
    check_answers(
        &[b"N", STARTING],
        "",
        "Later: the database system is starting up",
    );
    check_answers(
        &[NO_DATABASE],
        PLAIN,
        "Never: database \"app\" does not exist",
    );
    let wrong = "Never: password authentication failed for user \"u\"";
    check_answers(&[WRONG_PASSWORD], PLAIN, wrong);
    check_answers(&[NO_HBA], PLAIN, "Never: no pg_hba.conf entry");
    check_answers(&[BOUNCER], PLAIN, "Never: unsupported startup parameter");
    check_answers(&[b""], PLAIN, "Later: connection closed during login");
    check_answers(&[b""], "", "Later: connection closed during login");
    check_answers(
        &[b"HTTP/1.1 400\r\n"],
        PLAIN,
        "Never: not a PostgreSQL server",
    );
    check_answers(&[b"HTTP/1.1 400\r\n"], "", "Never: not a PostgreSQL server");
    let refused = "Never: server does not support TLS, but sslmode=require";
    check_answers(&[b"N"], "sslmode=require", refused);
    let refused = "Never: server does not support TLS, but sslmode=verify-full";
    check_answers(&[b"N"], "sslmode=verify-full", refused);
    check_answers(
        &[b"E"],
        "sslmode=require",
        "Later: connection closed during login",
    );
    check_answers(
        &[b"S", b"nonsense"],
        "sslmode=require",
        "Never: TLS handshake failed",
    );
    check_answers(&[KERBEROS], PLAIN, "Never: unsupported authentication");
    check_answers(
        &[TRUST],
        "sslmode=disable&require_auth=scram-sha-256",
        "Never: server asks for the login `none`, which `require_auth` excludes",
    );
    check_answers(
        &[TRUST],
        "sslmode=disable&channel_binding=require",
        "Never: server does not offer channel binding, but channel_binding=require",
    );
}

#[test]
fn names_what_never_answers() {
    let port = {
        let gone = TcpListener::bind("127.0.0.1:0").unwrap();
        gone.local_addr().unwrap().port()
    };
    let refused = try_to_connect(
        &format!("postgres://u@127.0.0.1:{port}"),
        Duration::from_secs(9),
    );
    assert_eq!(refused, "Later: connection refused");
    // It accepts, as the kernel does, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = format!("postgres://u@127.0.0.1:{port}/");
    let timeout = try_to_connect(&url, Duration::from_millis(100));
    assert!(timeout.starts_with("Later: no answer within "), "{timeout}");
    let url = "host=/nonexistent/socket user=u";
    assert_eq!(
        try_to_connect(url, Duration::from_secs(9)),
        "Later: socket does not exist: `/nonexistent/socket/.s.PGSQL.5432`"
    );
}

#[test]
fn goes_on_to_the_next_host_until_one_refuses_for_good() {
    let (starting, wrong) = (server(&[STARTING]), server(&[WRONG_PASSWORD]));
    let list = |ports: [u16; 2]| {
        format!(
            "postgres://u:hunter2@127.0.0.1:{},127.0.0.1:{}/app?{PLAIN}",
            ports[0], ports[1]
        )
    };
    let within = Duration::from_secs(10);
    let never = "Never: password authentication failed for user \"u\"";
    assert_eq!(try_to_connect(&list([starting, wrong]), within), never);
    assert_eq!(try_to_connect(&list([wrong, starting]), within), never);
    let message = "the database system is starting up";
    assert_eq!(
        try_to_connect(&list([starting, starting]), within),
        format!("Later: 127.0.0.1:{starting}: {message}; 127.0.0.1:{starting}: {message}")
    );
}

fn check(text: &str, major: u32, minor: u32) {
    assert_eq!(
        ServerVersion::parse(text),
        ServerVersion { major, minor },
        "{text}"
    );
}

#[test]
fn reads_versions() {
    check("15.14 (Debian 15.14-0+deb12u1)", 15, 14);
    check("18.0", 18, 0);
    check("18beta1", 18, 0);
    check("18devel", 18, 0);
    check("9.6.24", 9, 6);
    check("", 0, 0);
}

#[test]
fn shares_the_time_out() {
    let now = Instant::now() + Duration::from_secs(6);
    let near = |duration: Duration, seconds: u64| {
        assert_eq!((duration.as_millis() + 50) / 1000, u128::from(seconds));
    };
    near(share(now, 0, None), 6);
    near(share(now, 2, None), 2);
    near(share(now, 0, Some(Duration::from_secs(1))), 1);
    assert_eq!(share(Instant::now(), 3, None), Duration::ZERO);
}

#[test]
fn shuffling_loses_nothing() {
    let mut items: Vec<u8> = (0..50).collect();
    shuffle(&mut items);
    items.sort_unstable();
    assert!(items.into_iter().eq(0..50));
}
