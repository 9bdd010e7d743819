//! What the server may do and see.

use super::error::ConfigError;
use super::layers::Layers;
use super::value::Setting;

/// What the server may do and see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privileges {
    /// The user that it runs as; castoff's own if nobody says so.
    pub user: Option<User>,
    /// Whether executing a file may never give it more privileges: `PR_SET_NO_NEW_PRIVS`.
    pub no_new_privs: bool,
    /// Which files it gets as variables.
    pub expand: Expand,
    /// Variables that it does not get, besides castoff's own secrets.
    pub unset_env: Vec<String>,
}

/// A user as `--user` names it. The numbers are looked up when the server is to be started, see
/// [`crate::run::account`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user.
    pub user: Name,
    /// The group, if one is named.
    pub group: Option<Name>,
}

/// A user or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// By number; digits alone are never a name.
    Number(u32),
    /// By name.
    Text(String),
}

/// Which files the server gets as variables: `VAR` with the content of the file that `VAR_FILE` names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Expand {
    /// None.
    #[default]
    Nothing,
    /// Those in the directory where container engines mount secrets: elsewhere `VAR_FILE` may mean
    /// what it says, as `SSL_CERT_FILE` and `AWS_WEB_IDENTITY_TOKEN_FILE` do.
    InSecretsDirectory,
    /// Those of the variables that are named, wherever the files are.
    Named(Vec<String>),
}

impl Privileges {
    pub(super) fn read(layers: &Layers) -> Result<Self, ConfigError> {
        let unset = layers.list("unset_env")?.into_iter();
        Ok(Self {
            user: layers.parse("user", None, |setting| setting.user().map(Some))?,
            no_new_privs: layers.flag("no_new_privs")?,
            expand: layers.parse("expand_secrets", Expand::Nothing, Setting::expand)?,
            unset_env: unset.map(Setting::variable).collect::<Result<_, _>>()?,
        })
    }
}

impl Setting {
    /// `1000`, `1000:1000`, `app`, `app:www-data`.
    fn user(&self) -> Result<User, ConfigError> {
        let (user, group) = match self.value.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (self.value.as_str(), None),
        };
        let group = group.map(Name::parse);
        match (Name::parse(user), group) {
            (Some(user), None) => Ok(User { user, group: None }),
            (Some(user), Some(Some(group))) => Ok(User {
                user,
                group: Some(group),
            }),
            _ => Err(self.refuse("a user or USER:GROUP, by number or by name")),
        }
    }

    /// `true`, `false`, or names with commas or blanks between.
    fn expand(&self) -> Result<Expand, ConfigError> {
        if let Ok(flag) = self.flag() {
            return Ok(if flag {
                Expand::InSecretsDirectory
            } else {
                Expand::Nothing
            });
        }
        let names = self.value.split([',', ' ']).filter(|name| !name.is_empty());
        let names: Vec<String> = names.map(str::to_owned).collect();
        // Somebody who names the file's variable would get nothing, and castoff's own are not the
        // server's.
        let is_name = |name: &String| {
            is_variable(name) && !name.ends_with("_FILE") && !name.starts_with("CASTOFF_")
        };
        if names.is_empty() || !names.iter().all(is_name) {
            return Err(self.refuse("true, false, or names of variables without their `_FILE`"));
        }
        Ok(Expand::Named(names))
    }

    fn variable(self) -> Result<String, ConfigError> {
        if is_variable(&self.value) {
            Ok(self.value)
        } else {
            Err(self.refuse("the name of a variable"))
        }
    }
}

impl Name {
    fn parse(text: &str) -> Option<Self> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            // The highest number means `unchanged` to setresuid(2), and is nobody's.
            let number = text.parse().ok().filter(|number| *number != u32::MAX)?;
            return Some(Self::Number(number));
        }
        let is_odd = |c: char| c.is_control() || c.is_whitespace() || c == ':';
        // `-1` is a slip, and no name begins so.
        (!text.contains(is_odd) && !text.starts_with('-')).then(|| Self::Text(text.to_owned()))
    }
}

/// Whether a variable can have that name; the rest is up to whoever sets it.
fn is_variable(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(value: &str) -> Setting {
        Setting {
            origin: "`--x`".into(),
            value: value.into(),
        }
    }

    fn check_user(value: &str, expected: &str) {
        let shown = match setting(value).user() {
            Ok(User { user, group }) => match group {
                Some(group) => format!("{user:?} {group:?}"),
                None => format!("{user:?}"),
            },
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_user_is_a_number_or_a_name_and_so_is_its_group() {
        check_user("1000", "Number(1000)");
        check_user("0:0", "Number(0) Number(0)");
        check_user("1000680000:0", "Number(1000680000) Number(0)");
        check_user("4294967294", "Number(4294967294)");
        check_user("www-data", "Text(\"www-data\")");
        check_user("app:1000", "Text(\"app\") Number(1000)");
        check_user("1000:app", "Number(1000) Text(\"app\")");
        let refused = "is not a user or USER:GROUP, by number or by name";
        for value in [
            "",
            ":",
            "1000:",
            ":1000",
            "a:b:c",
            "4294967295",
            "1000:4294967295",
            "99999999999",
            "-1",
            "a b",
        ] {
            check_user(value, &format!("`--x`: `{value}` {refused}"));
        }
    }

    fn check_expand(value: &str, expected: Option<&Expand>) {
        assert_eq!(setting(value).expand().ok().as_ref(), expected, "{value}");
    }

    #[test]
    fn secrets_are_all_none_or_named() {
        let named = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned());
            Expand::Named(names.collect())
        };
        check_expand("true", Some(&Expand::InSecretsDirectory));
        check_expand("0", Some(&Expand::Nothing));
        check_expand("SECRET_KEY", Some(&named(&["SECRET_KEY"])));
        check_expand("A, B_2", Some(&named(&["A", "B_2"])));
        check_expand("A,,B", Some(&named(&["A", "B"])));
        for refused in [",", "SECRET_KEY_FILE", "A=B", "CASTOFF_DATABASE_URL"] {
            check_expand(refused, None);
        }
    }

    #[test]
    fn a_variable_has_a_name() {
        assert_eq!(setting("A").variable().ok().as_deref(), Some("A"));
        for refused in ["", "A=B", "A\0"] {
            assert!(setting(refused).variable().is_err(), "{refused:?}");
        }
    }
}
