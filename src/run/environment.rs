//! The environment of the server: castoff's own without castoff's secrets, and with what the server
//! was promised. What it becomes is decided here, from values; only the secret files are read.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;

use super::account::Identity;
use super::privilege_error::{LONGEST_VARIABLE, PrivilegeError};
use crate::config::secret_file::SecretFile;
use crate::database::conninfo::{Conninfo, Host};

/// How the server's environment differs from castoff's. A name that is in both is taken out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Variables that it does not get.
    pub unset: Vec<String>,
    /// Variables that it gets. Their values may be secrets.
    pub set: BTreeMap<OsString, OsString>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&OsString> = self.set.keys().collect();
        formatter
            .debug_struct("Environment")
            .field("unset", &self.unset)
            .field("set", &names)
            .finish()
    }
}

impl Environment {
    /// castoff's own without these variables.
    pub fn without(unset: &[String]) -> Self {
        Self {
            unset: unset.to_vec(),
            set: BTreeMap::new(),
        }
    }

    /// Has variables with the content of files instead of the files' names.
    #[must_use]
    pub fn with_secrets(mut self, secrets: Vec<(SecretFile, OsString)>) -> Self {
        for (file, content) in secrets {
            self.unset.push(format!("{}_FILE", file.variable));
            self.set.insert(file.variable.into(), content);
        }
        self
    }

    /// Says who the server's user is. `USER` and `LOGNAME` go where he has no name: they are those
    /// of castoff's user.
    #[must_use]
    pub fn of_user(mut self, identity: &Identity) -> Self {
        self.set.insert("HOME".into(), identity.home.clone());
        for variable in ["USER", "LOGNAME"] {
            match &identity.name {
                Some(name) => drop(self.set.insert(variable.into(), name.clone())),
                None => self.unset.push(variable.to_owned()),
            }
        }
        self
    }
}

/// Whether libpq's `PGPASSWORD` is the password of castoff's own role alone, so that the server, which
/// logs in as another, is not to have it.
pub fn is_own_password(password: &str, own: &Conninfo, server: &Conninfo) -> bool {
    let takes_it = |host: &Host| {
        let taken = host.password.as_ref();
        taken.is_some_and(|taken| taken.expose() == password)
    };
    own.user != server.user && own.hosts.iter().any(takes_it)
}

/// The contents of secret files, by variable.
pub fn read_secrets(files: &[SecretFile]) -> Result<Vec<(SecretFile, OsString)>, PrivilegeError> {
    let read = |file: &SecretFile| {
        let name = file.variable.clone();
        if file.is_set_too {
            return Err(PrivilegeError::Twice { name });
        }
        let bytes = read_regular(&file.path).map_err(|source| PrivilegeError::Secret {
            path: file.path.clone(),
            name,
            source,
        })?;
        Ok((file.clone(), value(file, bytes)?))
    };
    files.iter().map(read).collect()
}

/// The bytes of a regular file, and no more than a variable can take with one to spare. Not of a pipe:
/// it might never end.
fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe must not wait for a writer either.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(LONGEST_VARIABLE).unwrap_or(u64::MAX);
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What the variable becomes: the bytes as they are, without the line ends behind them.
fn value(file: &SecretFile, mut bytes: Vec<u8>) -> Result<OsString, PrivilegeError> {
    let refuse = |reason| PrivilegeError::NoVariable {
        path: file.path.clone(),
        name: file.variable.clone(),
        reason,
    };
    let ends = bytes.iter().rev();
    let ends = ends
        .take_while(|byte| matches!(byte, b'\n' | b'\r'))
        .count();
    bytes.truncate(bytes.len() - ends);
    if bytes.contains(&0) {
        return Err(refuse("it has a NUL byte"));
    }
    // With the `=` and the NUL.
    if file.variable.len() + bytes.len() + 2 > LONGEST_VARIABLE {
        return Err(refuse("with its name it is longer than 128 KiB"));
    }
    Ok(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::database::conninfo::{Sources, resolve};

    fn secret(variable: &str, path: &Path) -> SecretFile {
        SecretFile {
            variable: variable.to_owned(),
            path: path.to_owned(),
            is_set_too: false,
        }
    }

    fn show(environment: &Environment) -> String {
        format!("{:?} {:?}", environment.unset, environment.set)
    }

    #[test]
    fn secrets_stand_in_the_place_of_their_files() {
        let file = secret("KEY", Path::new("/run/secrets/key"));
        let environment = Environment::without(&["CASTOFF_DATABASE_URL".to_owned()])
            .with_secrets(vec![(file, "hush".into())]);
        assert_eq!(
            show(&environment),
            r#"["CASTOFF_DATABASE_URL", "KEY_FILE"] {"KEY": "hush"}"#
        );
        assert!(!format!("{environment:?}").contains("hush"));
    }

    #[test]
    fn a_user_without_a_name_has_a_home_and_not_somebody_elses_name() {
        let of = |name: Option<&str>| {
            let identity = Identity {
                name: name.map(OsString::from),
                home: "/srv".into(),
            };
            show(&Environment::default().of_user(&identity))
        };
        assert_eq!(
            of(Some("app")),
            r#"[] {"HOME": "/srv", "LOGNAME": "app", "USER": "app"}"#
        );
        assert_eq!(of(None), r#"["USER", "LOGNAME"] {"HOME": "/srv"}"#);
    }

    #[track_caller]
    fn check_value(bytes: &[u8], expected: &[u8]) {
        let value = value(&secret("KEY", Path::new("/k")), bytes.to_vec()).unwrap();
        assert_eq!(value.into_vec(), expected);
    }

    #[test]
    fn a_value_is_the_bytes_without_the_last_line_ends() {
        check_value(b"", b"");
        check_value(b"\n", b"");
        check_value(b"a b\n", b"a b");
        check_value(b"a\nb\r\n\n", b"a\nb");
        check_value(b" a ", b" a ");
        check_value(b"\xff\xfe=\n", b"\xff\xfe=");
    }

    #[test]
    fn what_no_variable_can_have_is_refused() {
        let refused = |bytes: Vec<u8>| {
            let refused = value(&secret("KEY", Path::new("/k")), bytes);
            refused.map_err(|error| error.to_string())
        };
        let of = "`/k` (named by `KEY_FILE`) cannot be a variable";
        assert_eq!(
            refused(b"a\0".to_vec()),
            Err(format!("{of}: it has a NUL byte"))
        );
        let longest = LONGEST_VARIABLE - "KEY=".len() - 1;
        assert!(refused(vec![b'x'; longest]).is_ok());
        assert_eq!(
            refused(vec![b'x'; longest + 1]),
            Err(format!("{of}: with its name it is longer than 128 KiB"))
        );
    }

    #[track_caller]
    fn check_password(own: &str, server: &str, expected: bool) {
        let resolved = |url: &str| {
            let sources = Sources {
                url: Some((url.to_owned(), "URL".to_owned())),
                environment: BTreeMap::from([("PGPASSWORD".to_owned(), "hush".to_owned())]),
                home: None,
                user: || None,
            };
            resolve(&sources).unwrap()
        };
        let (own, server) = (resolved(own), resolved(server));
        assert_eq!(is_own_password("hush", &own, &server), expected);
    }

    #[test]
    fn a_password_of_castoffs_own_role_is_not_the_servers() {
        let server = "postgres://web:word@db/app";
        check_password("postgres://migrator@db/app", server, true);
        check_password("postgres://migrator@db/app", "postgres://web@db/app", true);
        check_password("postgres://migrator:other@db/app", server, false);
        // The same role around a pooler.
        check_password("postgres://web@db/app", "postgres://web@pooler/app", false);
    }
}
