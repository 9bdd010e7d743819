//! Which process this is, and whether another one still lives: by `/proc`, see proc(5).

use std::fs;

use crate::status::document::Identity;

/// Whether a process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// The very same process is there.
    Alive,
    /// It is not.
    Gone,
    /// It is a process of another container or machine, which cannot be seen from here.
    Elsewhere,
}

/// This process.
pub fn this() -> Identity {
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    let namespace = fs::read_link("/proc/self/ns/pid");
    Identity {
        pid: std::process::id(),
        start_ticks: stat("self").map(|stat| stat.start_ticks),
        boot_id: boot_id.ok().map(|text| text.trim().to_owned()),
        pid_namespace: namespace.ok().map(|path| path.display().to_string()),
        host: host(),
    }
}

/// The name of this machine or container.
fn host() -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Whether `other` lives, as `this` process sees it.
pub fn look(other: &Identity, this: &Identity) -> Life {
    if other.boot_id != this.boot_id {
        return if other.host == this.host {
            Life::Gone
        } else {
            Life::Elsewhere
        };
    }
    if other.pid_namespace != this.pid_namespace {
        return Life::Elsewhere;
    }
    match stat(&other.pid.to_string()) {
        // One that has ended, and whose parent did not ask for its status yet.
        Some(stat) if matches!(stat.state, b'Z' | b'X') => Life::Gone,
        Some(stat) if Some(stat.start_ticks) == other.start_ticks => Life::Alive,
        _ => Life::Gone,
    }
}

/// What is needed of `/proc/PID/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    state: u8,
    start_ticks: u64,
}

fn stat(pid: &str) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name of the program, in parentheses, may have anything in it.
fn parse(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    Some(Stat {
        // Field 3, and field 22.
        state: *fields.next()?.as_bytes().first()?,
        start_ticks: fields.nth(18)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_name_of_a_program_may_look_like_fields() {
        let line = "7 (a) Z 1) S 1 7 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9";
        let expected = Stat {
            state: b'S',
            start_ticks: 4711,
        };
        assert_eq!(parse(line), Some(expected));
        assert_eq!(parse("7 (a) S 1"), None);
    }

    #[test]
    fn a_process_is_known_by_more_than_its_number() {
        let this = this();
        let like = |change: fn(&mut Identity)| {
            let mut other = this.clone();
            change(&mut other);
            look(&other, &this)
        };
        assert_eq!(like(|_| {}), Life::Alive);
        assert_eq!(like(|other| other.start_ticks = Some(1)), Life::Gone);
        assert_eq!(like(|other| other.boot_id = None), Life::Gone);
        assert_eq!(
            like(|other| other.pid_namespace = Some("pid:[1]".to_owned())),
            Life::Elsewhere
        );
        let elsewhere = |other: &mut Identity| {
            other.boot_id = None;
            other.host += "2";
        };
        assert_eq!(like(elsewhere), Life::Elsewhere);
    }

    #[test]
    fn one_that_nobody_collected_is_gone() {
        let mut child = Command::new("true").spawn().unwrap();
        let pid = child.id().to_string();
        let ended = loop {
            let stat = stat(&pid).unwrap();
            if stat.state == b'Z' {
                break stat;
            }
        };
        let this = this();
        let other = Identity {
            pid: child.id(),
            start_ticks: Some(ended.start_ticks),
            ..this.clone()
        };
        assert_eq!(look(&other, &this), Life::Gone);
        child.wait().unwrap();
    }
}
