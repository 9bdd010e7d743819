//! The names of an object, which many objects and both schemas have in common.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use super::shared;

/// The names of an object, from the outside in. Not quoted.
#[derive(Clone)]
pub struct Names(Rc<[Rc<str>]>);

impl Names {
    /// Names that are likely to have been read before, or to be read again.
    pub fn shared(names: &[&str]) -> Self {
        Self(shared::list(names))
    }
}

impl Deref for Names {
    type Target = [Rc<str>];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Names {
    fn deref_mut(&mut self) -> &mut Self::Target {
        Rc::make_mut(&mut self.0)
    }
}

impl FromIterator<Rc<str>> for Names {
    fn from_iter<I: IntoIterator<Item = Rc<str>>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}

impl<'n> FromIterator<&'n str> for Names {
    fn from_iter<I: IntoIterator<Item = &'n str>>(names: I) -> Self {
        names.into_iter().map(Rc::from).collect()
    }
}

impl FromIterator<Box<str>> for Names {
    fn from_iter<I: IntoIterator<Item = Box<str>>>(names: I) -> Self {
        names.into_iter().map(Rc::from).collect()
    }
}

impl Ord for Names {
    fn cmp(&self, other: &Self) -> Ordering {
        if Rc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        for (own, others) in self.iter().zip(other.iter()) {
            if !Rc::ptr_eq(own, others) {
                match own.cmp(others) {
                    Ordering::Equal => {}
                    unequal => return unequal,
                }
            }
        }
        self.len().cmp(&other.len())
    }
}

impl PartialOrd for Names {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Names {}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_order(one: &[&str], other: &[&str], expected: Ordering) {
        for (one, other) in [
            (Names::shared(one), Names::shared(other)),
            (
                one.iter().copied().collect(),
                other.iter().copied().collect(),
            ),
        ] {
            assert_eq!(one.cmp(&other), expected, "{one:?} {other:?}");
            assert_eq!(one == other, expected.is_eq(), "{one:?} {other:?}");
        }
    }

    #[test]
    fn names_are_in_the_order_of_lists() {
        check_order(&["a", "b"], &["a", "b"], Ordering::Equal);
        check_order(&["a"], &["a", ""], Ordering::Less);
        check_order(&["a", "z"], &["a b", "a"], Ordering::Less);
        check_order(&["b"], &["a", "b"], Ordering::Greater);
    }

    #[test]
    fn a_changed_name_is_changed_here_only() {
        let kept = Names::shared(&["a", "b"]);
        let mut changed = kept.clone();
        changed[0] = "c".into();
        assert_eq!((&*kept[0], &*changed[0]), ("a", "c"));
    }
}
