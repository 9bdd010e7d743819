//! The variables of `sd_listen_fds(3)`, as the server is to find them. Pure.

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::config::holding::Activation;

/// The three variables.
const PID: &str = "LISTEN_PID";
const COUNT: &str = "LISTEN_FDS";
const NAMES: &str = "LISTEN_FDNAMES";

/// Says once more who the process is, since systemd 258. The server is another, or another program.
const PID_AGAIN: &str = "LISTEN_PIDFDID";

/// The processes that a socket may have been meant for, when castoff got it.
#[derive(Clone, Copy, Debug)]
pub struct Ids {
    /// castoff, and after the exec the server.
    pub own: u32,
    /// The castoff that stays as the init of this one, if one does.
    pub init: Option<u32>,
}

/// What changes in the environment.
#[derive(Debug, PartialEq, Eq)]
pub struct Variables {
    /// Variables to be taken out.
    pub unset: Vec<String>,
    /// Variables to be set.
    pub set: BTreeMap<OsString, OsString>,
}

/// The variables for a server that gets the socket as descriptor 3, or does not. Sockets that castoff
/// was given itself are passed on; those that somebody else was given are not the server's.
pub fn variables(given: &Activation, ids: Ids, gets_socket: bool) -> Variables {
    let is_for = |pid: u32| given.pid.as_deref() == Some(pid.to_string().as_str());
    let inherited = is_for(ids.own) || ids.init.is_some_and(is_for);
    let count = given.count.clone().filter(|_| inherited);
    let names = given.names.clone().filter(|_| inherited);
    let mut set = BTreeMap::new();
    let mut put = |name: &str, value: String| set.insert(name.into(), value.into());
    match (count, gets_socket) {
        (Some(count), _) => {
            put(COUNT, count);
            if let Some(names) = names {
                put(NAMES, names);
            }
        }
        (None, true) => {
            put(COUNT, "1".to_owned());
            put(NAMES, "castoff".to_owned());
        }
        (None, false) => {}
    }
    if set.contains_key(&OsString::from(COUNT)) {
        set.insert(PID.into(), ids.own.to_string().into());
    }
    let unset = [PID, PID_AGAIN, COUNT, NAMES].into_iter();
    let unset = unset.filter(|name| !set.contains_key(&OsString::from(name)));
    Variables {
        unset: unset.map(str::to_owned).collect(),
        set,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The server's variables, of castoff 7 whose init is 1, given `PID COUNT NAMES`.
    fn check(given: &str, gets_socket: bool, expected: &str) {
        let mut words = given.split_whitespace().map(str::to_owned);
        let given = Activation {
            pid: words.next(),
            count: words.next(),
            names: words.next(),
        };
        let ids = Ids {
            own: 7,
            init: Some(1),
        };
        let variables = variables(&given, ids, gets_socket);
        let value = |name: &str| {
            let value = variables.set.get(&OsString::from(name));
            let unset = variables.unset.iter().any(|unset| unset == name);
            assert_eq!(value.is_none(), unset, "{name}");
            value.map_or("-".to_owned(), |value| value.to_str().unwrap().to_owned())
        };
        let shown = [PID, COUNT, NAMES].map(value).join(" ");
        assert_eq!(shown, expected, "{given:?}");
    }

    #[test]
    fn a_server_finds_the_socket_that_is_its_own() {
        check("", true, "7 1 castoff");
        check("", false, "- - -");
        // Somebody else's.
        check("99 2 a:b", true, "7 1 castoff");
        check("99 2 a:b", false, "- - -");
    }

    #[test]
    fn sockets_that_castoff_was_given_are_passed_on() {
        check("7 2 a:b", true, "7 2 a:b");
        check("7 2 a:b", false, "7 2 a:b");
        check("7 1", true, "7 1 -");
        check("1 1 a", false, "7 1 a");
    }
}
