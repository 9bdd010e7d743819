//! Which files the server gets as variables, by the names of the variables alone: nothing is read
//! here, and no value of a variable but a path is kept.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::privileges::Expand;

/// Where container engines mount secrets.
const SECRETS: &[u8] = b"/run/secrets/";

/// A file whose content the server gets as a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFile {
    /// The variable, without `_FILE`.
    pub variable: String,
    /// The file that `<variable>_FILE` names.
    pub path: PathBuf,
    /// Whether the variable itself has a value too, so that nobody knows which one is meant.
    pub is_set_too: bool,
}

/// The files that are meant, in the order of their variables. An empty variable is one that is not
/// set, a name that is not UTF-8 is nobody's, and castoff's own variables are not the server's.
pub(super) fn choose(expand: &Expand, variables: &[(OsString, OsString)]) -> Vec<SecretFile> {
    let is_meant = |name: &str, path: &OsStr| match expand {
        Expand::Nothing => false,
        Expand::InSecretsDirectory => {
            !name.starts_with("CASTOFF_") && path.as_bytes().starts_with(SECRETS)
        }
        Expand::Named(names) => names.iter().any(|wanted| wanted == name),
    };
    let value = |name: &str| {
        let variable = variables.iter().find(|(known, _)| known == name);
        variable.filter(|(_, value)| !value.is_empty())
    };
    let mut files: Vec<SecretFile> = variables
        .iter()
        .filter_map(|(name, path)| Some((name.to_str()?.strip_suffix("_FILE")?, path)))
        .filter(|(name, path)| !name.is_empty() && !path.is_empty() && is_meant(name, path))
        .map(|(name, path)| SecretFile {
            variable: name.to_owned(),
            path: path.into(),
            is_set_too: value(name).is_some(),
        })
        .collect();
    files.sort_by(|one, other| one.variable.cmp(&other.variable));
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expand: &Expand, variables: &[(&str, &[u8])], expected: &[(&str, &str, bool)]) {
        let variables: Vec<(OsString, OsString)> = variables
            .iter()
            .map(|(name, value)| (name.into(), OsStr::from_bytes(value).into()))
            .collect();
        let chosen = choose(expand, &variables);
        let shown: Vec<(&str, &str, bool)> = chosen
            .iter()
            .map(|file| {
                (
                    file.variable.as_str(),
                    file.path.to_str().unwrap_or("?"),
                    file.is_set_too,
                )
            })
            .collect();
        assert_eq!(shown, expected);
    }

    const VARIABLES: &[(&str, &[u8])] = &[
        ("SECRET_KEY_FILE", b"/run/secrets/key"),
        ("MAIL_PASSWORD_FILE", b"/etc/mail/password"),
        ("DATABASE_URL_FILE", b"/run/secrets/url"),
        ("DATABASE_URL", b""),
        ("TOKEN_FILE", b"/run/secrets/token"),
        ("TOKEN", b"direct"),
        ("EMPTY_FILE", b""),
        ("_FILE", b"/run/secrets/x"),
        ("FILE", b"/run/secrets/x"),
        ("ODD_FILE", b"/run/secrets/\xff"),
        ("SSL_CERT_FILE", b"/etc/ssl/cert.pem"),
        (
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            b"/var/run/secrets/eks.amazonaws.com/token",
        ),
        ("CASTOFF_DATABASE_URL_FILE", b"/run/secrets/migrator"),
    ];

    #[test]
    fn of_all_those_in_the_secrets_directory_are_meant() {
        check(&Expand::Nothing, VARIABLES, &[]);
        check(
            &Expand::InSecretsDirectory,
            VARIABLES,
            &[
                ("DATABASE_URL", "/run/secrets/url", false),
                ("ODD", "?", false),
                ("SECRET_KEY", "/run/secrets/key", false),
                ("TOKEN", "/run/secrets/token", true),
            ],
        );
    }

    #[test]
    fn a_name_is_meant_wherever_its_file_is() {
        let named = |name: &str| Expand::Named(vec![name.to_owned()]);
        let mail = ("MAIL_PASSWORD", "/etc/mail/password", false);
        check(&named("MAIL_PASSWORD"), VARIABLES, &[mail]);
        check(
            &named("TOKEN"),
            VARIABLES,
            &[("TOKEN", "/run/secrets/token", true)],
        );
        check(&named("EMPTY"), VARIABLES, &[]);
        check(&named("MISSING"), VARIABLES, &[]);
    }
}
