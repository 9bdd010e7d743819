//! The user that the server runs as: found in `/etc/passwd` and `/etc/group` where they are, and by
//! number where they are not.
//!
//! The files are read here, not by the C library: a static program would load the system's own
//! modules for that, and an image from scratch has none. What follows from them is decided apart.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use castoff_process::credentials::{self, Credentials, Refused, Step};
use nix::unistd::{getresgid, getresuid};

use super::exec::ExecError;
use super::privilege_error::PrivilegeError;
use crate::config::privileges::{Name, User};
use crate::error::Error;

/// Who the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Ids and groups.
    pub credentials: Credentials,
    /// What its environment says of the user. Nothing where castoff is that user already: then
    /// whoever started castoff has said it.
    pub identity: Option<Identity>,
}

/// What the environment says of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `USER` and `LOGNAME`.
    pub name: Option<OsString>,
    /// `HOME`.
    pub home: OsString,
}

/// Looks the user up.
pub fn find(user: &User) -> Result<Account, PrivilegeError> {
    let passwd = read("/etc/passwd")?;
    let group = read("/etc/group")?;
    resolve(user, &passwd, &group, Present::of_this_process())
}

/// Finds out, in a child, whether castoff can become that user and whether that user may execute one
/// of the files that may be the server: before anything is done to the database.
pub fn rehearse(account: &Account, server: &[PathBuf]) -> Result<(), Error> {
    if account.identity.is_none() {
        return Ok(());
    }
    let programs = server.iter();
    let programs = programs.filter_map(|path| CString::new(path.as_os_str().as_bytes()).ok());
    let programs: Vec<CString> = programs.collect();
    credentials::rehearse(&account.credentials, &programs).map_err(|refused| match refused {
        Refused {
            step: Step::Execute,
            source,
        } => Error::Exec(ExecError::NotForUser {
            command: server
                .first()
                .map(|path| path.display().to_string())
                .unwrap_or_default(),
            user: account.credentials.user,
            source,
        }),
        refused => PrivilegeError::refused(account.credentials.user, refused).into(),
    })
}

/// A file that need not be there.
fn read(path: &'static str) -> Result<Vec<u8>, PrivilegeError> {
    match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(|source| PrivilegeError::Unreadable { path, source }),
    }
}

/// Who castoff itself is.
#[derive(Clone, Copy, Debug, Default)]
struct Present {
    /// The user id, if it is one in all respects.
    user: Option<u32>,
    /// The group id, likewise.
    group: Option<u32>,
}

impl Present {
    fn of_this_process() -> Self {
        let same = |one: u32, two: u32, three: u32| (one == two && two == three).then_some(one);
        let user = getresuid().ok();
        let group = getresgid().ok();
        Self {
            user: user.and_then(|ids| {
                same(
                    ids.real.as_raw(),
                    ids.effective.as_raw(),
                    ids.saved.as_raw(),
                )
            }),
            group: group.and_then(|ids| {
                same(
                    ids.real.as_raw(),
                    ids.effective.as_raw(),
                    ids.saved.as_raw(),
                )
            }),
        }
    }
}

/// The account of a user, by the text of the two files.
///
/// Without a group that is named, it is the user's own, and the supplementary groups are those that
/// list the user; with one, there are no others. A user without an entry has the group of the same
/// number, rather than root's. A process that is that user and group already keeps its groups, which
/// an engine may have given it.
fn resolve(
    wanted: &User,
    passwd: &[u8],
    group: &[u8],
    present: Present,
) -> Result<Account, PrivilegeError> {
    let entry = entries(passwd).find(|fields| match &wanted.user {
        Name::Number(number) => id(fields, 2) == Some(*number),
        Name::Text(name) => fields[0] == name.as_bytes(),
    });
    let user = match (&wanted.user, &entry) {
        (Name::Number(number), _) => Some(*number),
        (Name::Text(_), Some(fields)) => id(fields, 2),
        (Name::Text(_), None) => None,
    };
    let user = user.ok_or_else(|| PrivilegeError::unknown_user(&wanted.user))?;
    let named_group = match &wanted.group {
        None => None,
        Some(Name::Number(number)) => Some(*number),
        Some(Name::Text(name)) => {
            let entry = entries(group).find(|fields| fields[0] == name.as_bytes());
            let number = entry.and_then(|fields| id(&fields, 2));
            Some(number.ok_or_else(|| PrivilegeError::UnknownGroup { name: name.clone() })?)
        }
    };
    let is_present = present.user == Some(user);
    let own_group = || {
        let kept = present.group.filter(|_| is_present);
        let listed = entry.as_ref().and_then(|fields| id(fields, 3));
        kept.or(listed).unwrap_or(user)
    };
    let group_id = named_group.unwrap_or_else(own_group);
    if is_present && present.group == Some(group_id) {
        return Ok(Account {
            credentials: Credentials {
                user,
                group: group_id,
                groups: None,
            },
            identity: None,
        });
    }
    // The group itself is among them, as after a login: a program that changes its group does not
    // thereby get past a file that denies it something.
    let mut groups = vec![group_id];
    if let (None, Some(fields)) = (named_group, &entry) {
        let lists_user =
            |members: &[u8]| members.split(|&byte| byte == b',').any(|m| m == fields[0]);
        let others = entries(group)
            .filter(|fields| fields.get(3).is_some_and(|members| lists_user(members)))
            .filter_map(|fields| id(&fields, 2));
        groups.extend(others);
        groups.sort_unstable();
        groups.dedup();
    }
    let home = entry.as_ref().and_then(|fields| fields.get(5));
    let home = home.filter(|home| !home.is_empty());
    let text = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
    Ok(Account {
        credentials: Credentials {
            user,
            group: group_id,
            groups: Some(groups),
        },
        identity: Some(Identity {
            name: entry.as_ref().map(|fields| text(fields[0])),
            home: home.map_or_else(|| OsString::from_vec(b"/".to_vec()), |home| text(home)),
        }),
    })
}

/// The lines of passwd(5) or group(5), as fields.
fn entries(file: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    file.split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        .map(|line| line.split(|&byte| byte == b':').collect())
}

fn id(fields: &[&[u8]], index: usize) -> Option<u32> {
    let text = std::str::from_utf8(fields.get(index)?).ok()?;
    text.parse().ok().filter(|number| *number != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/sh\n\
        # a comment\n\
        \n\
        broken\n\
        www-data:x:33:33::/var/www:/usr/sbin/nologin\n\
        app:x:1000:100:An app:/home/\xff:/bin/sh\n\
        homeless:x:1001:1001:::\n\
        wrong:x:many:1:::\n\
        unchanged:x:4294967295:1:::\n";
    const GROUP: &[u8] = b"root:x:0:\n\
        users:x:100:\n\
        www-data:x:33:app\n\
        ssl:x:110:www-data,app\n\
        other:x:111:apps,ap\n\
        broken:x\n";

    fn wanted(user: &str, group: Option<&str>) -> User {
        let name = |text: &str| {
            let number = text.parse().ok().map(Name::Number);
            number.unwrap_or_else(|| Name::Text(text.to_owned()))
        };
        User {
            user: name(user),
            group: group.map(name),
        }
    }

    fn show(account: Result<Account, PrivilegeError>) -> String {
        match account {
            Ok(account) => {
                let Credentials {
                    user,
                    group,
                    groups,
                } = account.credentials;
                let groups = groups.map_or("kept".to_owned(), |groups| format!("{groups:?}"));
                let identity = account.identity.map_or(String::new(), |identity| {
                    format!(" {:?} at {:?}", identity.name, identity.home)
                });
                format!("{user}:{group} {groups}{identity}")
            }
            Err(error) => error.to_string(),
        }
    }

    #[track_caller]
    fn check(user: &str, group: Option<&str>, expected: &str) {
        let root = Present {
            user: Some(0),
            group: Some(0),
        };
        let account = resolve(&wanted(user, group), PASSWD, GROUP, root);
        assert_eq!(show(account), expected);
    }

    #[test]
    fn an_entry_gives_the_group_the_groups_the_name_and_the_home() {
        let app = r#"1000:100 [33, 100, 110] Some("app") at "/home/\xFF""#;
        check("app", None, app);
        check("1000", None, app);
        check(
            "www-data",
            None,
            r#"33:33 [33, 110] Some("www-data") at "/var/www""#,
        );
        check(
            "homeless",
            None,
            r#"1001:1001 [1001] Some("homeless") at "/""#,
        );
    }

    #[test]
    fn a_group_that_is_named_is_the_only_one() {
        check(
            "app",
            Some("ssl"),
            r#"1000:110 [110] Some("app") at "/home/\xFF""#,
        );
        check(
            "1000",
            Some("0"),
            r#"1000:0 [0] Some("app") at "/home/\xFF""#,
        );
        check("5", Some("www-data"), r#"5:33 [33] None at "/""#);
    }

    #[test]
    fn a_number_needs_no_entry_and_a_name_does() {
        check("12345", None, r#"12345:12345 [12345] None at "/""#);
        check("12345", Some("54321"), r#"12345:54321 [54321] None at "/""#);
        check("nobody", None, "there is no user `nobody` in /etc/passwd");
        check("wrong", None, "there is no user `wrong` in /etc/passwd");
        check(
            "unchanged",
            None,
            "there is no user `unchanged` in /etc/passwd",
        );
        check("broken", None, "there is no user `broken` in /etc/passwd");
        check(
            "app",
            Some("nogroup"),
            "there is no group `nogroup` in /etc/group",
        );
        check(
            "app",
            Some("broken"),
            "there is no group `broken` in /etc/group",
        );
    }

    #[test]
    fn who_is_that_user_already_stays_as_he_is() {
        let check = |user: u32, group: u32, wanted: &User, expected: &str| {
            let present = Present {
                user: Some(user),
                group: Some(group),
            };
            assert_eq!(show(resolve(wanted, PASSWD, GROUP, present)), expected);
        };
        check(0, 0, &wanted("root", None), "0:0 kept");
        // An engine that gives an arbitrary user the group 0.
        check(1000, 0, &wanted("1000", None), "1000:0 kept");
        check(1000, 0, &wanted("1000", Some("0")), "1000:0 kept");
        check(
            1000,
            0,
            &wanted("1000", Some("100")),
            r#"1000:100 [100] Some("app") at "/home/\xFF""#,
        );
        let account = resolve(&wanted("1000", None), b"", b"", Present::default());
        assert_eq!(
            show(account),
            r#"1000:1000 [1000] None at "/""#,
            "a setuid program is nobody"
        );
    }
}
