//! Texts that are kept once. Two schemas that are compared are nearly the same, and within one the
//! same column stands in a thousand tables: so names and attributes that were read before are not
//! kept again, and what is the same on both sides is one thing in memory, told by its address.

use std::cell::RefCell;
use std::rc::Rc;

/// A set that is only ever asked, and never listed: its order is nobody's.
#[expect(
    clippy::disallowed_types,
    reason = "nothing is listed from it, and it is asked millions of times"
)]
type Pool<T> = std::collections::HashSet<Rc<T>>;

/// All that was read so far. A schema never leaves its thread.
#[derive(Default)]
struct Pools {
    texts: Pool<str>,
    lists: Pool<[Rc<str>]>,
}

thread_local! {
    static POOLS: RefCell<Pools> = RefCell::default();
}

impl Pools {
    fn text(&mut self, text: &str) -> Rc<str> {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let text: Rc<str> = text.into();
        self.texts.insert(text.clone());
        text
    }
}

/// A text, which is kept once.
pub(super) fn text(text: &str) -> Rc<str> {
    POOLS.with_borrow_mut(|pools| pools.text(text))
}

/// A list of texts, which is kept once, as they are.
pub(super) fn list(texts: &[&str]) -> Rc<[Rc<str>]> {
    POOLS.with_borrow_mut(|pools| {
        let list: Vec<Rc<str>> = texts.iter().map(|one| pools.text(one)).collect();
        if let Some(known) = pools.lists.get(&list[..]) {
            return known.clone();
        }
        let list: Rc<[Rc<str>]> = list.into();
        pools.lists.insert(list.clone());
        list
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_is_not_kept_again() {
        assert!(Rc::ptr_eq(&text("a"), &text("a")));
        assert!(!Rc::ptr_eq(&text("a"), &text("b")));
        assert!(Rc::ptr_eq(&list(&["a", "b"]), &list(&["a", "b"])));
        assert_eq!(list(&["a", "b"]).join("."), "a.b");
    }
}
