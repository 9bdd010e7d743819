//! Who answers at the server's port: castoff's holding page, or the server.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Answer, State};
use crate::config::holding::{Host, Listen};
use crate::status::phase::Phase;

/// The time for everything. Docker's own limit for a health check is 30 s.
const WITHIN: Duration = Duration::from_secs(3);

/// More than castoff's own answer ever has.
const LONGEST: usize = 64 * 1024;

/// Asks at the address that castoff listens at. `None` where it names none: `fd:3`.
pub fn ask(listen: &Listen) -> Option<Answer> {
    let (host, port) = address(listen)?;
    let (state, phase, reason) = match question(&host, port) {
        Ok(response) => judge(&response),
        Err(error) => (State::Down, None, format!("no answer: {}", error.kind())),
    };
    Some(Answer {
        state,
        from: "page",
        phase,
        reason: format!("{reason} (at {host}:{port})"),
    })
}

/// Where to connect to, for an address to listen at.
fn address(listen: &Listen) -> Option<(String, u16)> {
    let Listen::Address { host, port } = listen else {
        return None;
    };
    let host = match host {
        Host::Any => Ipv4Addr::LOCALHOST.to_string(),
        Host::Ip(IpAddr::V4(address)) if address.is_unspecified() => {
            Ipv4Addr::LOCALHOST.to_string()
        }
        Host::Ip(IpAddr::V6(address)) if address.is_unspecified() => {
            Ipv6Addr::LOCALHOST.to_string()
        }
        Host::Ip(address) => address.to_string(),
        Host::Name(name) => name.clone(),
    };
    Some((host, *port))
}

/// Asks `/readyz` there, which castoff's page answers and most servers do not know.
fn question(host: &str, port: u16) -> io::Result<Vec<u8>> {
    let began = Instant::now();
    let left = || WITHIN.saturating_sub(began.elapsed());
    let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    let mut refused = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        // No time at all would be an error of its own.
        let most = left().max(Duration::from_millis(1));
        match TcpStream::connect_timeout(&address, most) {
            Ok(stream) => return exchange(stream, host, left),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn exchange(mut stream: TcpStream, host: &str, left: impl Fn() -> Duration) -> io::Result<Vec<u8>> {
    stream.set_write_timeout(Some(WITHIN))?;
    let request = format!(
        "GET /readyz HTTP/1.1\r\nHost: {host}\r\nUser-Agent: castoff/{}\r\n\
         Accept: application/json\r\nConnection: close\r\n\r\n",
        env!("CARGO_PKG_VERSION")
    );
    stream.write_all(request.as_bytes())?;
    let mut response = Vec::new();
    let mut buffer = [0; 4096];
    while response.len() < LONGEST {
        let left = left();
        if left.is_zero() {
            break;
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => response.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // What has come by then is answer enough.
            Err(_) if !response.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(response)
}

/// Tells castoff from its server by castoff's own JSON. A server need not know the path: any answer is
/// its, and only one that says that the server itself is in trouble counts against it.
fn judge(response: &[u8]) -> (State, Option<String>, String) {
    let text = String::from_utf8_lossy(response);
    let Some(line) = text.lines().next() else {
        let reason = "the connection was closed without an answer";
        return (State::Down, None, reason.to_owned());
    };
    let code = line.strip_prefix("HTTP/1.").and_then(|rest| {
        let mut words = rest.split(' ').skip(1);
        words.next()?.parse::<u16>().ok()
    });
    let serving = Some(Phase::Serving.name().to_owned());
    let Some(code) = code else {
        // A server that speaks TLS, say. castoff's page would have spoken HTTP.
        let reason = "the server answers, though not in HTTP";
        return (State::Serving, serving, reason.to_owned());
    };
    if let Some((phase, step)) = phase_of(&text) {
        let reason = step.unwrap_or_else(|| "castoff is still at work".to_owned());
        return (State::Holding, Some(phase.name().to_owned()), reason);
    }
    let reason = format!("the server answers with status {code}");
    let state = if code >= 500 {
        State::Down
    } else {
        State::Serving
    };
    (state, serving, reason)
}

/// The phase in castoff's own answer and, where there is a plan, the step that is under way.
fn phase_of(response: &str) -> Option<(Phase, Option<String>)> {
    let (_, body) = response.split_once("\r\n\r\n")?;
    let body = body.get(body.find('{')?..=body.rfind('}')?)?;
    let body: Value = serde_json::from_str(body).ok()?;
    if body.get("status")?.as_str()? != "unavailable" {
        return None;
    }
    let phase = Phase::of(body.get("phase")?.as_str()?)?;
    let number = |key| body.get(key).and_then(Value::as_u64);
    let step = number("step").zip(number("steps"));
    Some((
        phase,
        step.map(|(step, steps)| format!("step {step} of {steps}")),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_to_listen_at_is_one_to_connect_to() {
        let check = |host: Host, expected: &str| {
            let listen = Listen::Address { host, port: 8000 };
            let expected = Some((expected.to_owned(), 8000));
            assert_eq!(address(&listen), expected, "{listen}");
        };
        let ip = |text: &str| Host::Ip(text.parse().unwrap());
        check(Host::Any, "127.0.0.1");
        check(ip("0.0.0.0"), "127.0.0.1");
        check(ip("::"), "::1");
        check(ip("fe80::1"), "fe80::1");
        check(Host::Name("localhost".to_owned()), "localhost");
        assert_eq!(address(&Listen::Inherited), None);
    }

    #[test]
    fn castoff_is_told_from_its_server() {
        let check = |response: &str, state: State, phase: Option<&str>| {
            let judged = judge(response.as_bytes());
            assert_eq!(
                (judged.0, judged.1.as_deref()),
                (state, phase),
                "{response}"
            );
        };
        let castoff = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\r\n\
            {\"status\": \"unavailable\", \"phase\": \"migrating\", \"step\": 1}\n";
        check(castoff, State::Holding, Some("migrating"));
        let serving = Some("serving");
        check("HTTP/1.1 200 OK\r\n\r\nok", State::Serving, serving);
        check("HTTP/1.0 404 Not Found\r\n\r\n", State::Serving, serving);
        check("HTTP/1.1 301 Moved\r\n\r\n", State::Serving, serving);
        check(
            "HTTP/1.1 503 Oh\r\n\r\n{\"phase\": 1}",
            State::Down,
            serving,
        );
        check("HTTP/1.1 500 Oh\r\n\r\n", State::Down, serving);
        check("\u{15}\u{3}\u{3}", State::Serving, serving);
        check("", State::Down, None);
        // A server with a health page of its own.
        let other = "HTTP/1.1 200 OK\r\n\r\n{\"status\": \"ok\", \"phase\": \"waiting\"}";
        check(other, State::Serving, serving);
    }
}
