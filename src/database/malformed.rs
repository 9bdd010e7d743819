//! What can be wrong with the text of a connection string.
//!
//! No variant holds a piece of the text that could be part of a password: a badly escaped
//! password is the usual reason, and then any piece may be.

use thiserror::Error;

/// Why a connection string cannot be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    /// A JDBC URL, which has another grammar.
    #[error("it is a JDBC URL, which only Java programs read")]
    Jdbc,
    /// A URL of another kind of database.
    #[error("`{0}://` is not a scheme of PostgreSQL")]
    Scheme(String),
    /// Neither a URL nor `name=value` pairs.
    #[error("it is neither a URL nor a list of `name=value`")]
    Neither,
    /// The value carries the quotes of a shell or an env file.
    #[error("it stands in quotes, which are part of the value here")]
    Quotes,
    /// A line break or another control character.
    #[error("it holds a control character (U+{0:04X})")]
    Control(u32),
    /// A character that ends the password, or the user name, before its end.
    #[error("`{character}` in {part} must be written `{escape}`")]
    Escape {
        /// Where: `the password`.
        part: &'static str,
        /// The offending character.
        character: char,
        /// How to write it.
        escape: &'static str,
    },
    /// A percent sign without two hexadecimal digits.
    #[error("`%` in {0} must be followed by two hexadecimal digits; a real `%` is written `%25`")]
    Percent(&'static str),
    /// `%00`.
    #[error("`%00` in {0} is not allowed")]
    Nul(&'static str),
    /// Escapes that do not make UTF-8.
    #[error("the escapes in {0} do not make UTF-8")]
    Utf8(&'static str),
    /// `[` without `]`, or something else than a port after `]`.
    #[error("the brackets around an IPv6 address are not closed, or not followed by `:port`")]
    Bracket,
    /// An IPv6 address without brackets.
    #[error("an IPv6 address must stand in brackets")]
    BareIpv6,
    /// The text after `host:` is no port. It is not shown, for it may be a password.
    #[error("what follows `host:` is not a port number")]
    Port,
    /// A query parameter, or a keyword, without a value.
    #[error("a parameter has no `=`")]
    MissingEquals,
    /// `'` without its partner.
    #[error("a quoted value does not end")]
    UnterminatedQuote,
    /// Words after an unquoted password.
    #[error("the password seems to hold a space, but does not stand in quotes")]
    SpaceInPassword,
}

impl Malformed {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Jdbc => "write `postgresql://user:password@host:5432/database`, with user and \
                           password before the host instead of after a `?`"
                .into(),
            Self::Scheme(_) => "castoff works with PostgreSQL: write `postgresql://…`".into(),
            Self::Neither => {
                "write `postgresql://user:password@host:5432/database`, or `host=… dbname=…`".into()
            }
            Self::Quotes => "remove the quotes around the value".into(),
            Self::Control(_) => "write it on one line; in a password, escape it as `%0A`".into(),
            Self::Escape { escape, .. } => format!("write `{escape}` instead"),
            Self::Percent(_) => "write `%25` for a percent sign".into(),
            Self::Nul(_) => "remove `%00`".into(),
            Self::Utf8(_) => "escape the UTF-8 bytes of the character, as in `%C3%A9` for é".into(),
            Self::Bracket | Self::BareIpv6 => "write `[2001:db8::1]:5432`".into(),
            Self::Port => "write a port from 1 to 65535; if it is part of the password, escape \
                           `@` as `%40`, `/` as `%2F` and `:` as `%3A`"
                .into(),
            Self::MissingEquals => "write `name=value`; put values with spaces in quotes".into(),
            Self::UnterminatedQuote => "end the value with `'`; a quote inside is `\\'`".into(),
            Self::SpaceInPassword => "write `password='…'`, with `\\'` for a quote inside".into(),
        }
    }
}
