//! Where to go, as somebody wrote it: `head`, `base`, an id, `+1`, `api@head`, `a:b`.
//!
//! Text becomes a [`Target`] or a [`Range`] here; what it means is looked up in the history
//! when a plan is made.

use std::fmt;
use std::num::NonZeroI32;
use std::str::FromStr;

/// A place in the history: `[BRANCH@]ANCHOR[+n|-n]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Only this branch, named by a label or by a revision on it.
    pub branch: Option<String>,
    /// Where to start counting, or the place itself.
    pub anchor: Anchor,
    /// How many revisions further, or back if negative.
    pub steps: Option<NonZeroI32>,
}

/// The named part of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Where the database is. Always with steps: `+1`, `-1`.
    Current,
    /// The only head.
    Head,
    /// All heads.
    Heads,
    /// Before the first revision.
    Base,
    /// An id, the beginning of one, or a label.
    Revision(String),
}

/// From one place to another: `a:b`, `a:`, `:b`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// Where it starts; nothing written means the base, or the head when going back.
    pub start: Option<Bound>,
    /// Where it ends; nothing written means the heads, or the base when going back.
    pub end: Option<Bound>,
}

/// One end of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// `current`: where the database is.
    Current,
    /// A target.
    At(Target),
}

/// The text is not a target or a range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {expected}")]
pub struct InvalidTarget {
    text: String,
    expected: &'static str,
}

impl InvalidTarget {
    /// The name of the kind of error.
    pub fn code(&self) -> &'static str {
        "invalid-target"
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        if self.expected == RANGE {
            return "write a range as `3f2a:head`, `3f2a:`, `:3f2a` or `-3:current`".into();
        }
        "write `head`, `heads`, `base`, a revision id, `+1`, `-1`, `3f2a+1` or `LABEL@head`".into()
    }
}

const TARGET: &str = "target";
const RANGE: &str = "range";

impl Target {
    /// The only head.
    pub fn head() -> Self {
        Self {
            branch: None,
            anchor: Anchor::Head,
            steps: None,
        }
    }

    /// Whether it counts from where the database is.
    pub fn is_relative(&self) -> bool {
        self.anchor == Anchor::Current
    }
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let invalid = || InvalidTarget {
            text: text.to_owned(),
            expected: TARGET,
        };
        let (branch, rest) = match text.split_once('@') {
            Some((branch, rest)) if is_name(branch) => (Some(branch.to_owned()), rest),
            Some(_) => return Err(invalid()),
            None => (None, text),
        };
        let (name, steps) = split_steps(rest).ok_or_else(invalid)?;
        let anchor = match name {
            "" if steps.is_some() => Anchor::Current,
            "head" => Anchor::Head,
            "heads" => Anchor::Heads,
            "base" => Anchor::Base,
            name if is_name(name) => Anchor::Revision(name.to_owned()),
            _ => return Err(invalid()),
        };
        Ok(Self {
            branch,
            anchor,
            steps,
        })
    }
}

impl FromStr for Range {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let invalid = || InvalidTarget {
            text: text.to_owned(),
            expected: RANGE,
        };
        let (start, end) = text.trim().split_once(':').ok_or_else(invalid)?;
        let bound = |side: &str| match side {
            "" => Ok(None),
            "current" => Ok(Some(Bound::Current)),
            side => side
                .parse()
                .map(|target| Some(Bound::At(target)))
                .map_err(|_| invalid()),
        };
        Ok(Self {
            start: bound(start)?,
            end: bound(end)?,
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(branch) = &self.branch {
            write!(formatter, "{branch}@")?;
        }
        formatter.write_str(match &self.anchor {
            Anchor::Current => "",
            Anchor::Head => "head",
            Anchor::Heads => "heads",
            Anchor::Base => "base",
            Anchor::Revision(name) => name,
        })?;
        self.steps
            .map_or(Ok(()), |steps| write!(formatter, "{steps:+}"))
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => formatter.write_str("current"),
            Self::At(target) => target.fmt(formatter),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(start) = &self.start {
            start.fmt(formatter)?;
        }
        formatter.write_str(":")?;
        self.end.as_ref().map_or(Ok(()), |end| end.fmt(formatter))
    }
}

/// Ids never hold a sign, but labels may: only a sign before digits that end the text counts.
/// Nothing is returned for a number that is zero or out of range.
fn split_steps(text: &str) -> Option<(&str, Option<NonZeroI32>)> {
    let digits = text.len()
        - text
            .trim_end_matches(|end: char| end.is_ascii_digit())
            .len();
    let (name, number) = text.split_at(text.len() - digits);
    let signed = digits > 0 && name.ends_with(['+', '-']);
    if !signed {
        return Some((text, None));
    }
    let (name, sign) = name.split_at(name.len() - 1);
    let steps: NonZeroI32 = format!("{sign}{number}").parse().ok()?;
    Some((name, Some(steps)))
}

fn is_name(text: &str) -> bool {
    let refused = |letter: char| matches!(letter, '@' | ':' | '+') || letter.is_whitespace();
    !text.is_empty() && !text.starts_with('-') && !text.contains(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = match text.parse::<Target>() {
            Ok(target) => {
                assert_eq!(target.to_string(), text, "shown as it was written");
                format!("{:?} {:?} {:?}", target.branch, target.anchor, target.steps)
            }
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(
            found.replace("None", "-").replace("Some", ""),
            expected,
            "{text}"
        );
    }

    fn check_range(text: &str, expected: &str) {
        let found = match text.parse::<Range>() {
            Ok(range) => {
                assert_eq!(range.to_string(), text, "shown as it was written");
                let side = |bound: Option<Bound>| bound.map_or("-".into(), |at| at.to_string());
                format!("{} to {}", side(range.start), side(range.end))
            }
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_target_is_a_place_and_steps_from_it() {
        check("head", "- Head -");
        check("heads", "- Heads -");
        check("base", "- Base -");
        check("3f2a", r#"- Revision("3f2a") -"#);
        check("+1", "- Current (1)");
        check("-12", "- Current (-12)");
        check("3f2a+2", r#"- Revision("3f2a") (2)"#);
        check("3f2a-2", r#"- Revision("3f2a") (-2)"#);
        check("head-1", "- Head (-1)");
    }

    #[test]
    fn a_branch_goes_before_any_of_them() {
        check("api@head", r#"("api") Head -"#);
        check("api@base", r#"("api") Base -"#);
        check("api@3f2a", r#"("api") Revision("3f2a") -"#);
        check("api@+1", r#"("api") Current (1)"#);
        check("time-tracking@-1", r#"("time-tracking") Current (-1)"#);
        check("time-tracking", r#"- Revision("time-tracking") -"#);
    }

    #[test]
    fn refuses_what_could_only_be_a_slip() {
        check("", "error: `` is not a target");
        check("api@", "error: `api@` is not a target");
        check("@head", "error: `@head` is not a target");
        check("a@b@c", "error: `a@b@c` is not a target");
        check("+0", "error: `+0` is not a target");
        check("+", "error: `+` is not a target");
        check("-x", "error: `-x` is not a target");
        check("a b", "error: `a b` is not a target");
        check("a:b", "error: `a:b` is not a target");
        check("+99999999999", "error: `+99999999999` is not a target");
    }

    #[test]
    fn either_side_of_a_range_may_be_empty() {
        check_range("a:b", "a to b");
        check_range("a:", "a to -");
        check_range(":b", "- to b");
        check_range(":", "- to -");
        check_range("-3:current", "-3 to current");
        check_range("api@base:head", "api@base to head");
        check_range("a", "error: `a` is not a range");
        check_range("a:b:c", "error: `a:b:c` is not a range");
        check_range("+0:b", "error: `+0:b` is not a range");
    }
}
