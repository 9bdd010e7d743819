//! Privileges as PostgreSQL keeps them, and the statements from one set to another.
//!
//! The form of an entry is that of `aclitem` (Privileges in PostgreSQL's manual):
//! `grantee=privileges/grantor`, with a star behind a privilege that may be passed on.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Attributes, Kind};

/// Who may do what: by grantee (empty for everybody), letter and who granted it, whether it may be
/// passed on.
pub type Privileges = BTreeMap<(String, char, String), bool>;

/// Reads the texts of entries, as a JSON array. The owner is called [`OWNER`], so that a change of
/// owner, which moves the privileges along, is no change of privileges.
pub fn parse(texts: &str, owner: &str) -> Privileges {
    let mut privileges = Privileges::new();
    let items: Vec<String> = serde_json::from_str(texts).unwrap_or_default();
    for item in items {
        let (grantee, rest) = role(&item, '=');
        let (letters, grantor) = rest.split_once('/').unwrap_or((rest, ""));
        let (grantor, _) = role(grantor, '\n');
        // The empty name is everybody, also where no owner is known.
        let known = |role: String| {
            if role == owner && !owner.is_empty() {
                OWNER.to_owned()
            } else {
                role
            }
        };
        let (grantee, grantor) = (known(grantee), known(grantor));
        let mut letters = letters.chars().peekable();
        while let Some(letter) = letters.next() {
            let may_pass_on = letters.next_if_eq(&'*').is_some();
            privileges.insert((grantee.clone(), letter, grantor.clone()), may_pass_on);
        }
    }
    privileges
}

/// Writes one role in another's place wherever the privileges of an object name it.
pub fn give(attributes: &mut Attributes, from: &str, to: &str) {
    for name in ["acl", "initial"] {
        let Some(texts) = attributes.get(name) else {
            continue;
        };
        let items: Vec<String> = serde_json::from_str(texts).unwrap_or_default();
        let given: Vec<String> = items.iter().map(|item| given(item, from, to)).collect();
        attributes.set(name, &serde_json::Value::from(given).to_string());
    }
}

fn given(item: &str, from: &str, to: &str) -> String {
    let (grantee, rest) = role(item, '=');
    let (letters, grantor) = rest.split_once('/').unwrap_or((rest, ""));
    let (grantor, _) = role(grantor, '\n');
    let written = |role: String| match role {
        // The empty name is everybody.
        role if role.is_empty() => role,
        role => {
            let role = if role == from { to } else { &role };
            format!("\"{}\"", role.replace('"', "\"\""))
        }
    };
    format!("{}={letters}/{}", written(grantee), written(grantor))
}

/// Stands for the owner among grantees. No role has this name: it is empty but for a blank.
pub const OWNER: &str = " ";

/// The privileges when the object has another owner: what the new owner had is the owner's, and what
/// he granted (ALTER TABLE … OWNER TO in PostgreSQL's manual).
pub fn moved(privileges: Privileges, owner: &str) -> Privileges {
    let known = |role: String| {
        if role == owner {
            OWNER.to_owned()
        } else {
            role
        }
    };
    let mut moved = Privileges::new();
    for ((grantee, letter, grantor), may_pass_on) in privileges {
        let key = (known(grantee), letter, known(grantor));
        *moved.entry(key).or_default() |= may_pass_on;
    }
    moved
}

/// The name of a role, and what stands behind the mark that ends it.
fn role(item: &str, mark: char) -> (String, &str) {
    let Some(quoted) = item.strip_prefix('"') else {
        let (name, rest) = item.split_once(mark).unwrap_or((item, ""));
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
            return (
                name,
                quoted[at + 1..].strip_prefix(mark).unwrap_or_default(),
            );
        }
    }
    (name, "")
}

/// What an object has when nobody granted or revoked anything.
pub fn default_of(kind: Kind, major: u32) -> Privileges {
    let tables = if major >= 17 { "arwdDxtm" } else { "arwdDxt" };
    let (owner, everybody) = match kind {
        Kind::Table | Kind::View | Kind::MaterializedView | Kind::ForeignTable => (tables, ""),
        Kind::Sequence | Kind::IdentitySequence => ("rwU", ""),
        Kind::Function | Kind::Aggregate => ("X", "X"),
        Kind::Language | Kind::Enum | Kind::Domain | Kind::Composite | Kind::Range => ("U", "U"),
        Kind::Schema => ("UC", ""),
        Kind::Wrapper | Kind::Server => ("U", ""),
        _ => ("", ""),
    };
    granted(OWNER, owner)
        .chain(granted("", everybody))
        .collect()
}

/// What the owner of a large object has.
pub fn default_of_large_objects() -> Privileges {
    granted(OWNER, "rw").collect()
}

/// Privileges that the owner granted.
fn granted(grantee: &str, letters: &str) -> impl Iterator<Item = ((String, char, String), bool)> {
    letters
        .chars()
        .map(move |letter| ((grantee.to_owned(), letter, OWNER.to_owned()), false))
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

/// What one grant or revoke does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Takes privileges away, all of them with the right to pass them on.
    Revoke,
    /// Takes away the right to pass on.
    RevokeOption,
    /// Gives privileges.
    Grant,
    /// Gives privileges with the right to pass them on.
    GrantOption,
}

/// One grant or revoke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub verb: Verb,
    /// To whom, or from whom.
    pub grantee: String,
    /// The privileges.
    pub letters: Vec<char>,
    /// Who does it: [`OWNER`], or a role that may pass them on.
    pub grantor: String,
}

/// The steps from one set to another, by grantee. What somebody passed on goes before his right to
/// do that, and comes behind it.
pub fn steps(old: &Privileges, new: &Privileges) -> Vec<Step> {
    let pairs: BTreeSet<(&String, &String)> = old
        .keys()
        .chain(new.keys())
        .map(|(grantee, _, grantor)| (grantee, grantor))
        .collect();
    let mut steps = Vec::new();
    for (grantee, grantor) in pairs {
        let is_theirs = |key: &&(String, char, String)| key.0 == *grantee && key.2 == *grantor;
        let all: BTreeSet<char> = old
            .keys()
            .chain(new.keys())
            .filter(is_theirs)
            .map(|(_, letter, _)| *letter)
            .collect();
        let verb = |letter: char| {
            let key = (grantee.clone(), letter, grantor.clone());
            match (old.get(&key), new.get(&key)) {
                (Some(_), None) => Some(Verb::Revoke),
                (Some(true), Some(false)) => Some(Verb::RevokeOption),
                (None, Some(false)) => Some(Verb::Grant),
                (None | Some(false), Some(true)) => Some(Verb::GrantOption),
                _ => None,
            }
        };
        for wanted in [
            Verb::Revoke,
            Verb::RevokeOption,
            Verb::Grant,
            Verb::GrantOption,
        ] {
            let letters = all.iter().copied();
            let letters: Vec<char> = letters.filter(|one| verb(*one) == Some(wanted)).collect();
            if !letters.is_empty() {
                steps.push(Step {
                    verb: wanted,
                    grantee: grantee.clone(),
                    letters,
                    grantor: grantor.clone(),
                });
            }
        }
    }
    let (before, after) = (distances(old), distances(new));
    let far = |distances: &BTreeMap<&str, i32>, step: &Step| {
        distances.get(step.grantor.as_str()).copied().unwrap_or(1)
    };
    // What is taken away first: a revoke from everybody must not undo a grant.
    steps.sort_by_key(|step| match step.verb {
        Verb::Revoke | Verb::RevokeOption => (0, -far(&before, step)),
        Verb::Grant | Verb::GrantOption => (1, far(&after, step)),
    });
    steps
}

/// Through how many hands each grantor has what he passes on.
fn distances(privileges: &Privileges) -> BTreeMap<&str, i32> {
    let mut distances = BTreeMap::from([(OWNER, 0)]);
    loop {
        let known = distances.len();
        for ((grantee, _, grantor), may_pass_on) in privileges {
            if let (true, Some(far)) = (*may_pass_on, distances.get(grantor.as_str()).copied()) {
                distances.entry(grantee).or_insert(far + 1);
            }
        }
        if distances.len() == known {
            return distances;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_with_their_quotes_and_stars() {
        let texts = r#"["me=arw*/me", "=r/\"a b\"", "\"a \"\"b\"\"\"=X/me"]"#;
        let privileges = parse(texts, "me");
        let shown: Vec<String> = privileges
            .iter()
            .map(|((grantee, letter, grantor), star)| format!("{grantee}:{letter}{star}:{grantor}"))
            .collect();
        assert_eq!(
            shown,
            [
                ":rfalse:a b",
                " :afalse: ",
                " :rfalse: ",
                " :wtrue: ",
                "a \"b\":Xfalse: "
            ]
        );
    }

    #[track_caller]
    fn check(old: &str, new: &str, expected: &[&str]) {
        let steps = steps(&parse(old, "o"), &parse(new, "o"));
        let shown: Vec<String> = steps
            .iter()
            .map(|step| {
                let letters: String = step.letters.iter().collect();
                format!(
                    "{:?} {letters} {}/{}",
                    step.verb, step.grantee, step.grantor
                )
            })
            .collect();
        assert_eq!(shown, expected, "{old} {new}");
    }

    #[test]
    fn a_role_takes_anothers_place() {
        let check = |item: &str, expected: &str| assert_eq!(given(item, "old one", "é"), expected);
        check("\"old one\"=arw*/\"old one\"", "\"é\"=arw*/\"é\"");
        check("web=r/\"old one\"", "\"web\"=r/\"é\"");
        check("=r/\"a \"\"b\"", "=r/\"a \"\"b\"");
    }

    #[test]
    fn the_steps_are_what_differs() {
        check(
            r#"["=r/o", "a=rw/o", "b=r*/o"]"#,
            r#"["a=rd/o", "b=r/o", "c=X*/o"]"#,
            &[
                "Revoke r / ",
                "Revoke w a/ ",
                "RevokeOption r b/ ",
                "Grant d a/ ",
                "GrantOption X c/ ",
            ],
        );
    }

    #[test]
    fn what_was_passed_on_goes_first_and_comes_last() {
        let chain = r#"["b=r*/o", "c=r*/b", "a=r/c"]"#;
        check(
            chain,
            "[]",
            &["Revoke r a/c", "Revoke r c/b", "Revoke r b/ "],
        );
        let back = ["GrantOption r b/ ", "GrantOption r c/b", "Grant r a/c"];
        check("[]", chain, &back);
        check(
            r#"["a=r/b"]"#,
            r#"["a=r/o"]"#,
            &["Revoke r a/b", "Grant r a/ "],
        );
    }

    #[test]
    fn a_new_owner_has_what_was_his_as_the_owner() {
        let before = parse(r#"["o=rw/o", "n=r/o", "a=r/n"]"#, "o");
        assert_eq!(moved(before, "n"), parse(r#"["o=rw/o", "a=r/o"]"#, "o"));
    }
}
