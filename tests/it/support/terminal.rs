//! A terminal with castoff on it, and what somebody sees there.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

use nix::fcntl::OFlag;
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::castoff::{Castoff, Status};
use super::{DEADLINE, until, within};

/// The columns of a terminal that does not say how many it has.
const WIDTH: usize = 80;

/// Written behind everything else.
const END: &str = "[the end]";

/// castoff, or the server that it became, on a terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    child: Child,
    written: Arc<Mutex<Vec<u8>>>,
    own: File,
    keyboard: File,
}

impl Terminal {
    /// Starts castoff with both outputs on a terminal of this kind (`TERM`).
    pub(crate) fn start(castoff: Castoff<'_>, kind: &str) -> Self {
        Self::open(castoff.env("TERM", kind), |_| Stdio::null())
    }

    /// Starts castoff with its input on the terminal as well. A terminal controls whoever asks for
    /// it, by `setsid --ctty` say.
    pub(crate) fn start_with_input(castoff: Castoff<'_>) -> Self {
        Self::open(castoff.env("TERM", "dumb"), |own| {
            own.try_clone().unwrap().into()
        })
    }

    fn open(castoff: Castoff<'_>, input: impl Fn(&File) -> Stdio) -> Self {
        // Not `openpty`: other tests' processes would inherit what it opens.
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let master = posix_openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let own = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlag::O_NOCTTY.bits())
            .open(ptsname_r(&master).unwrap())
            .unwrap();
        let keyboard = File::from(OwnedFd::from(master));
        let mut master = keyboard.try_clone().unwrap();
        let written = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&written);
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // Reading ends with an error when the last who has the terminal ends.
            while let Ok(length) = master.read(&mut piece) {
                to.lock().unwrap().extend_from_slice(&piece[..length]);
            }
        });
        let output = || own.try_clone().unwrap().into();
        let castoff = castoff.with(|command| {
            command.stdin(input(&own));
        });
        let child = castoff.spawn_with(output(), output());
        Self {
            child,
            written,
            own,
            keyboard,
        }
    }

    /// The process that was started.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    /// Types this: `\u{3}` is Ctrl-C, `\u{1a}` is Ctrl-Z.
    pub(crate) fn type_keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// All that was written so far, drawn lines and their escape sequences included.
    pub(crate) fn written(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().unwrap()).into_owned()
    }

    /// Returns when one of the lines that were ever drawn has all of these in it.
    #[track_caller]
    pub(crate) fn until_drawn(&self, texts: &[&str]) {
        let drawn = within(DEADLINE, || {
            let written = self.written();
            let mut lines = written.split(['\r', '\n', '\u{1b}']);
            lines
                .any(|line| texts.iter().all(|text| line.contains(text)))
                .then_some(())
        });
        assert!(drawn.is_some(), "no {texts:?} in {:?}", self.written());
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Waits for its end. How it ended, and all that was written.
    pub(crate) fn wait(mut self) -> (Status, String) {
        let child = &mut self.child;
        let status = until("it ends", DEADLINE, || child.try_wait().unwrap());
        self.own.write_all(END.as_bytes()).unwrap();
        let written = until("all is read", DEADLINE, || {
            let written = self.written();
            written.strip_suffix(END).map(str::to_owned)
        });
        (Status::from(status), written)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// What stays on the screen when all of it was written: its lines, to the last that is not empty.
/// Knows the escape sequences that a progress bar needs, and refuses others.
pub(crate) fn screen(written: &str) -> Vec<String> {
    let mut lines: Vec<Vec<char>> = vec![Vec::new()];
    let (mut row, mut column) = (0_usize, 0_usize);
    let mut rest = written.chars();
    while let Some(character) = rest.next() {
        match character {
            '\r' => column = 0,
            '\n' => row += 1,
            '\u{1b}' => {
                assert_eq!(rest.next(), Some('['), "{written:?}");
                let mut number = String::new();
                let command = loop {
                    match rest.next() {
                        Some(digit) if digit.is_ascii_digit() => number.push(digit),
                        command => break command,
                    }
                };
                let number: usize = number.parse().unwrap_or(1);
                match command {
                    Some('A') => row = row.saturating_sub(number),
                    Some('B') => row += number,
                    Some('K') => lines[row].clear(),
                    _ => panic!("unknown sequence in {written:?}"),
                }
            }
            character => {
                // A longer line of the story wraps; a drawn one must not.
                assert!(column < WIDTH || !is_drawn(&lines[row]), "{written:?}");
                let line = &mut lines[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = character;
                column += 1;
            }
        }
        lines.resize(lines.len().max(row + 1), Vec::new());
    }
    let mut lines: Vec<String> = lines
        .into_iter()
        .map(|line| line.into_iter().collect::<String>().trim_end().to_owned())
        .collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// Whether it is the line at the foot of the terminal: `castoff: 1 of 2, a [==>   ] 30%`.
fn is_drawn(line: &[char]) -> bool {
    let line: String = line.iter().collect();
    let inner = line.strip_prefix("castoff: ").unwrap_or_default();
    inner.starts_with(|first: char| first.is_ascii_digit() || "[(".contains(first))
}

mod tests {
    use super::screen;

    fn check(written: &str, expected: &[&str]) {
        assert_eq!(screen(written), expected);
    }

    #[test]
    fn a_screen_shows_what_stays() {
        check("one\r\ntwo\r\n", &["one", "two"]);
        check("drawn\r\u{1b}[2Kstory\r\n", &["story"]);
        check("drawn\rstory\r\n", &["story"]);
        check("half", &["half"]);
        check("a\nb", &["a", " b"]);
        check("a\r\nb\u{1b}[1A\r\u{1b}[2Kc", &["c", "b"]);
    }
}
