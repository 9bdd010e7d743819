//! Privileges as PostgreSQL keeps them, and the statements from one set to another.
//!
//! The form of an entry is that of `aclitem` (Privileges in PostgreSQL's manual):
//! `grantee=privileges/grantor`, with a star behind a privilege that may be passed on.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Kind;

/// Who may do what: by grantee (empty for everybody) and letter, whether it may be passed on.
pub type Privileges = BTreeMap<(String, char), bool>;

/// Reads the texts of entries, as a JSON array. The owner is called [`OWNER`], so that a change of
/// owner, which moves the privileges along, is no change of privileges.
pub fn parse(texts: &str, owner: &str) -> Privileges {
    let mut privileges = Privileges::new();
    let items: Vec<String> = serde_json::from_str(texts).unwrap_or_default();
    for item in items {
        let (grantee, rest) = grantee(&item);
        // The empty name is everybody, also where no owner is known.
        let grantee = if grantee == owner && !owner.is_empty() {
            OWNER.to_owned()
        } else {
            grantee
        };
        let letters = rest.split('/').next().unwrap_or_default();
        let mut letters = letters.chars().peekable();
        while let Some(letter) = letters.next() {
            let may_pass_on = letters.next_if_eq(&'*').is_some();
            privileges.insert((grantee.clone(), letter), may_pass_on);
        }
    }
    privileges
}

/// Stands for the owner among grantees. No role has this name: it is empty but for a blank.
pub const OWNER: &str = " ";

/// The grantee, and what stands behind the equals sign.
fn grantee(item: &str) -> (String, &str) {
    let Some(quoted) = item.strip_prefix('"') else {
        let (name, rest) = item.split_once('=').unwrap_or((item, ""));
        return (name.to_owned(), rest);
    };
    let mut name = String::new();
    let mut letters = quoted.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != '"' {
            name.push(letter);
        } else if letters.next_if(|(_, next)| *next == '"').is_some() {
            name.push('"');
        } else {
            return (name, quoted[at + 1..].strip_prefix('=').unwrap_or_default());
        }
    }
    (name, "")
}

/// What an object has when nobody granted or revoked anything.
pub fn default_of(kind: Kind, major: u32) -> Privileges {
    let tables = if major >= 17 { "arwdDxtm" } else { "arwdDxt" };
    let (owner, everybody) = match kind {
        Kind::Table | Kind::View | Kind::MaterializedView | Kind::ForeignTable => (tables, ""),
        Kind::Sequence => ("rwU", ""),
        Kind::Function | Kind::Aggregate => ("X", "X"),
        Kind::Language | Kind::Enum | Kind::Domain | Kind::Composite | Kind::Range => ("U", "U"),
        Kind::Schema => ("UC", ""),
        Kind::Wrapper | Kind::Server => ("U", ""),
        _ => ("", ""),
    };
    let of_owner = owner
        .chars()
        .map(|letter| ((OWNER.to_owned(), letter), false));
    let of_all = everybody
        .chars()
        .map(|letter| ((String::new(), letter), false));
    of_owner.chain(of_all).collect()
}

/// The word of a privilege's letter.
pub fn word(letter: char) -> &'static str {
    match letter {
        'r' => "select",
        'a' => "insert",
        'w' => "update",
        'd' => "delete",
        'D' => "truncate",
        'x' => "references",
        't' => "trigger",
        'm' => "maintain",
        'X' => "execute",
        'U' => "usage",
        'C' => "create",
        'c' => "connect",
        'T' => "temporary",
        's' => "set",
        'A' => "alter system",
        _ => "all",
    }
}

/// One grant or revoke: words, grantee, and whether it is about passing on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Takes privileges away, all of them with the right to pass them on.
    Revoke(String, Vec<char>),
    /// Takes away the right to pass on.
    RevokeOption(String, Vec<char>),
    /// Gives privileges.
    Grant(String, Vec<char>),
    /// Gives privileges with the right to pass them on.
    GrantOption(String, Vec<char>),
}

/// The steps from one set to another, by grantee.
pub fn steps(old: &Privileges, new: &Privileges) -> Vec<Step> {
    let grantees: BTreeSet<&String> = old.keys().chain(new.keys()).map(|(name, _)| name).collect();
    let mut steps = Vec::new();
    for grantee in grantees {
        let letters = |wanted: &dyn Fn(Option<bool>, Option<bool>) -> bool| -> Vec<char> {
            let all: BTreeSet<char> = old
                .keys()
                .chain(new.keys())
                .filter(|(name, _)| name == grantee)
                .map(|(_, letter)| *letter)
                .collect();
            let key = |letter| (grantee.clone(), letter);
            all.into_iter()
                .filter(|letter| {
                    wanted(
                        old.get(&key(*letter)).copied(),
                        new.get(&key(*letter)).copied(),
                    )
                })
                .collect()
        };
        let mut add = |step: fn(String, Vec<char>) -> Step, letters: Vec<char>| {
            if !letters.is_empty() {
                steps.push(step(grantee.clone(), letters));
            }
        };
        add(
            Step::Revoke,
            letters(&|old, new| old.is_some() && new.is_none()),
        );
        add(
            Step::RevokeOption,
            letters(&|old, new| old == Some(true) && new == Some(false)),
        );
        add(
            Step::Grant,
            letters(&|old, new| old.is_none() && new == Some(false)),
        );
        add(
            Step::GrantOption,
            letters(&|old, new| old != Some(true) && new == Some(true)),
        );
    }
    // What is taken away first: a revoke from everybody must not undo a grant.
    steps.sort_by_key(|step| matches!(step, Step::Grant(..) | Step::GrantOption(..)));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_with_their_quotes_and_stars() {
        let privileges = parse(r#"["me=arw*/me", "=r/me", "\"a \"\"b\"\"\"=X/me"]"#, "me");
        let shown: Vec<String> = privileges
            .iter()
            .map(|((grantee, letter), star)| format!("{grantee}:{letter}{star}"))
            .collect();
        assert_eq!(
            shown,
            [
                ":rfalse",
                " :afalse",
                " :rfalse",
                " :wtrue",
                "a \"b\":Xfalse"
            ]
        );
    }

    #[test]
    fn the_steps_are_what_differs() {
        let old = parse(r#"["=r/o", "a=rw/o", "b=r*/o"]"#, "o");
        let new = parse(r#"["a=rd/o", "b=r/o", "c=X*/o"]"#, "o");
        assert_eq!(
            steps(&old, &new),
            [
                Step::Revoke(String::new(), vec!['r']),
                Step::Revoke("a".into(), vec!['w']),
                Step::RevokeOption("b".into(), vec!['r']),
                Step::Grant("a".into(), vec!['d']),
                Step::GrantOption("c".into(), vec!['X']),
            ]
        );
    }
}
