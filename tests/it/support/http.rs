//! A client of web servers that sees what browsers hide: resets, and connections that just end.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use super::DEADLINE;

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// By name, in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// A header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(header, _)| header == name)?;
        Some(value)
    }

    /// Whether the server ends the connection.
    pub(crate) fn is_last(&self) -> bool {
        self.header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// Connects to a port of this machine.
pub(crate) fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    Ok(stream)
}

/// Sends this request and reads to the end of the connection.
#[track_caller]
pub(crate) fn exchange(port: u16, request: &str) -> Answer {
    let mut stream = connect(port).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    to_the_end(&mut stream).unwrap()
}

/// `GET` with these header lines.
#[track_caller]
pub(crate) fn get(port: u16, path: &str, headers: &[&str]) -> Answer {
    exchange(port, &request("GET", path, headers))
}

/// The text of a request without a body.
pub(crate) fn request(method: &str, path: &str, headers: &[&str]) -> String {
    let first = format!("{method} {path} HTTP/1.1");
    let lines = [first.as_str(), "Host: test"].into_iter();
    let lines: Vec<&str> = lines.chain(headers.iter().copied()).collect();
    format!("{}\r\n\r\n", lines.join("\r\n"))
}

/// Reads until the server ends the connection. An answer that is cut short is an error.
pub(crate) fn to_the_end(stream: &mut TcpStream) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let (mut answer, body) = head(&bytes).ok_or(io::ErrorKind::UnexpectedEof)?;
    answer.body = String::from_utf8_lossy(&bytes[body..]).into_owned();
    Ok(answer)
}

/// Reads one answer, by its length, so that the connection can be used again.
pub(crate) fn one(stream: &mut TcpStream) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some((mut answer, body)) = head(&bytes) {
            let length = answer.header("content-length").map(str::parse::<usize>);
            let length = length
                .and_then(Result::ok)
                .ok_or(io::ErrorKind::InvalidData)?;
            if bytes.len() >= body + length {
                answer.body = String::from_utf8_lossy(&bytes[body..]).into_owned();
                return Ok(answer);
            }
        }
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

/// The answer without its body, and where that begins.
fn head(bytes: &[u8]) -> Option<(Answer, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = text.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let answer = Answer {
        status,
        headers: lines.filter_map(header).collect(),
        body: String::new(),
    };
    Some((answer, end + 4))
}
