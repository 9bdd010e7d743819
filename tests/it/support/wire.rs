//! PostgreSQL's protocol as bytes, for what a client library hides: how the server cuts a message
//! into statements, without running any of them.

use std::io::{BufReader, Read, Write};
use std::os::unix::net::UnixStream;

use super::DEADLINE;
use super::database::Database;
use super::server::{Server, USER};

/// What the server makes of a text that is offered as one statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Comments and blanks.
    Nothing,
    /// One statement that the grammar knows.
    One,
    /// More than one statement.
    Several,
    /// The grammar refuses it, or the lexer does. Holds the server's message.
    Syntax(String),
}

/// The answer to one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Statements that were answered as done, empty ones included.
    pub(crate) done: usize,
    /// The error that ended it.
    pub(crate) error: Option<Refused>,
}

/// An error of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: String,
    pub(crate) message: String,
    /// The character it points at, counted from 1.
    pub(crate) position: Option<usize>,
}

/// A connection over the socket of a server that trusts it.
#[derive(Debug)]
pub(crate) struct Wire {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
}

/// A server of the test's own that asks nobody on its socket for a password.
pub(crate) fn trusting(settings: &[&str]) -> Server {
    let server = Server::stopped(settings);
    server.write(
        "pg_hba.conf",
        "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n",
    );
    server.up();
    server
}

impl Wire {
    /// Logs in.
    pub(crate) fn open(database: &Database<'_>) -> Self {
        let server = database.server();
        let path = server
            .socket_directory()
            .join(format!(".s.PGSQL.{}", server.port()));
        let writer = UnixStream::connect(path).unwrap();
        writer.set_read_timeout(Some(DEADLINE)).unwrap();
        let reader = BufReader::new(writer.try_clone().unwrap());
        let mut wire = Self { reader, writer };
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        let database = database.name();
        for text in [
            "user",
            USER,
            "database",
            database,
            "client_encoding",
            "utf8",
        ] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        body.push(0);
        let length = u32::try_from(body.len() + 4).unwrap();
        wire.writer.write_all(&length.to_be_bytes()).unwrap();
        wire.writer.write_all(&body).unwrap();
        let answer = wire.answer("");
        assert_eq!(answer.error, None);
        wire
    }

    /// Runs a message of the simple protocol. `copy … from stdin` in it gets this data.
    pub(crate) fn query(&mut self, text: &str, data: &str) -> Answer {
        self.send(b'Q', &[text.as_bytes(), &[0]].concat());
        self.answer(data)
    }

    /// Asks what the server makes of each text, without running or even analysing it: inside a
    /// transaction that has failed, the server's parser works and nothing else does. Statements
    /// that end a transaction are parsed to the end, which changes nothing either.
    pub(crate) fn verdicts<'t>(
        &mut self,
        texts: impl IntoIterator<Item = &'t str>,
    ) -> Vec<Verdict> {
        assert_eq!(self.query("begin; select 1/0", "").done, 1);
        let texts: Vec<_> = texts.into_iter().collect();
        let mut verdicts = Vec::new();
        // A few at a time, so that neither side's buffer is full while it waits for the other.
        for some in texts.chunks(16) {
            for text in some {
                self.send(b'P', &[&[0], text.as_bytes(), &[0, 0, 0]].concat());
                self.send(b'S', &[]);
            }
            for text in some {
                let answer = self.answer("");
                verdicts.push(verdict(text, answer));
            }
        }
        self.query("rollback", "");
        verdicts
    }

    fn send(&mut self, kind: u8, body: &[u8]) {
        let length = u32::try_from(body.len() + 4).unwrap();
        let message = [&[kind][..], &length.to_be_bytes(), body].concat();
        self.writer.write_all(&message).unwrap();
    }

    /// Reads until the server is ready for the next message.
    fn answer(&mut self, data: &str) -> Answer {
        let mut answer = Answer::default();
        loop {
            let mut head = [0; 5];
            self.reader.read_exact(&mut head).unwrap();
            let length = u32::from_be_bytes(head[1..].try_into().unwrap());
            let mut body = vec![0; usize::try_from(length).unwrap() - 4];
            self.reader.read_exact(&mut body).unwrap();
            match head[0] {
                b'Z' => return answer,
                // CommandComplete, EmptyQueryResponse.
                b'C' | b'I' => answer.done += 1,
                b'E' => answer.error = Some(refused(&body)),
                b'G' => {
                    self.send(b'd', data.as_bytes());
                    self.send(b'c', &[]);
                }
                // Rows, notices, parameters, `ParseComplete`, what `copy … to stdout` sends.
                _ => {}
            }
        }
    }
}

fn refused(body: &[u8]) -> Refused {
    let mut refused = Refused::default();
    for field in body.split(|&byte| byte == 0) {
        let text = String::from_utf8_lossy(field.get(1..).unwrap_or_default()).into_owned();
        match field.first() {
            Some(b'C') => refused.code = text,
            Some(b'M') => refused.message = text,
            Some(b'P') => refused.position = text.parse().ok(),
            _ => {}
        }
    }
    refused
}

fn verdict(text: &str, answer: Answer) -> Verdict {
    let Some(Refused { code, message, .. }) = answer.error else {
        // What ends a transaction is allowed in one that has failed; else the text was empty.
        let text = text.to_ascii_lowercase();
        let ends = ["abort", "commit", "end", "prepare", "rollback"];
        return if ends.iter().any(|word| text.contains(word)) {
            Verdict::One
        } else {
            Verdict::Nothing
        };
    };
    match code.as_str() {
        "25P02" => Verdict::One,
        "42601" if message.starts_with("cannot insert multiple commands") => Verdict::Several,
        _ => Verdict::Syntax(message),
    }
}
