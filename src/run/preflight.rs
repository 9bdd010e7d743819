//! Looking before an attempt: whether to wait without queueing, because whoever is in the way will
//! be there for longer than an attempt lasts. Deciding is pure; `database::blocker` asks.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::database::blocker::{Holder, Kind};
use crate::sql::split::Statement;
use crate::sql::targets::{self, Target};

/// A transaction that is open for so long is likely to stay for another while.
const OLD: Duration = Duration::from_secs(1);

/// What the statements lock, each relation once, in the strongest mode.
pub(super) fn targets(text: &str, statements: &[Statement]) -> Vec<Target> {
    let mut strongest = BTreeMap::new();
    let mut is_path_known = true;
    for statement in statements {
        let sql = text.get(statement.span.clone()).unwrap_or_default();
        for target in targets::targets(sql) {
            // Looked up where the transaction begins, before the script says where to look.
            if is_path_known || target.relation.contains('.') {
                let mode = strongest.entry(target.relation).or_insert(target.mode);
                *mode = (*mode).max(target.mode);
            }
        }
        is_path_known = is_path_known && !sql.contains("search_path");
    }
    let target = |(relation, mode)| Target { relation, mode };
    strongest.into_iter().map(target).collect()
}

/// The transactions that were in the way at an earlier look, with when that was. Whoever may not
/// see how old a stranger's transaction is can still see that it is there for long.
#[derive(Debug, Default)]
pub(super) struct Memory(BTreeMap<String, Instant>);

impl Memory {
    /// Those for whom it is better to wait without queueing.
    pub(super) fn in_the_way(&mut self, holders: Vec<Holder>, now: Instant) -> Vec<Holder> {
        let known = std::mem::take(&mut self.0);
        for holder in &holders {
            let first = known.get(&holder.transaction).copied().unwrap_or(now);
            self.0.insert(holder.transaction.clone(), first);
        }
        let is_old = |holder: &Holder| {
            let seen_for = now.saturating_duration_since(self.0[&holder.transaction]);
            let open_for = holder.blocker.open_for.unwrap_or_default();
            open_for.max(seen_for) >= OLD
        };
        let is_in_the_way = |holder: &Holder| match holder.kind {
            Kind::Session => is_old(holder),
            Kind::Wraparound => true,
            // It gives way to whoever waits: that is what an attempt is for.
            Kind::Autovacuum => false,
        };
        holders.into_iter().filter(is_in_the_way).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::blocker::Blocker;
    use crate::sql::split::split;

    fn check(text: &str, expected: &str) {
        let statements = split(text, 0..text.len()).unwrap();
        let shown: Vec<String> = targets(text, &statements)
            .iter()
            .map(|target| format!("{} {}", target.relation, target.mode.name()))
            .collect();
        assert_eq!(shown.join(", "), expected, "{text}");
    }

    #[test]
    fn each_relation_counts_once_in_the_strongest_mode() {
        check(
            "create index on t (a); drop table s.u; alter table t add b integer; create index on t (b)",
            "s.u AccessExclusiveLock, t AccessExclusiveLock",
        );
        check(
            "truncate a; set search_path = x; truncate b, s.c",
            "a AccessExclusiveLock, s.c AccessExclusiveLock",
        );
        check("select 1", "");
    }

    fn holder(kind: Kind, open_for: Option<u64>) -> Holder {
        Holder {
            blocker: Blocker {
                pid: 1,
                application_name: String::new(),
                address: String::new(),
                state: String::new(),
                open_for: open_for.map(Duration::from_millis),
                modes: None,
                query: None,
            },
            what: "t".into(),
            transaction: "3/7".into(),
            kind,
        }
    }

    #[test]
    fn old_transactions_are_waited_for_and_young_ones_are_not() {
        let now = Instant::now();
        for (kind, open_for, expected) in [
            (Kind::Session, Some(1_000), 1),
            (Kind::Session, Some(900), 0),
            (Kind::Session, None, 0),
            (Kind::Wraparound, Some(0), 1),
            (Kind::Wraparound, None, 1),
            (Kind::Autovacuum, Some(99_000), 0),
        ] {
            let found = Memory::default().in_the_way(vec![holder(kind, open_for)], now);
            assert_eq!(found.len(), expected, "{kind:?} {open_for:?}");
        }
    }

    #[test]
    fn a_transaction_of_unknown_age_is_old_when_it_was_there_a_second_ago() {
        let now = Instant::now();
        let mut memory = Memory::default();
        let mut look = |after_ms| {
            let now = now + Duration::from_millis(after_ms);
            let holders = vec![holder(Kind::Session, None)];
            memory.in_the_way(holders, now).len()
        };
        assert_eq!([look(0), look(900), look(1_000)], [0, 0, 1]);
        assert!(memory.in_the_way(Vec::new(), now).is_empty());
        let again = vec![holder(Kind::Session, None)];
        let later = now + Duration::from_secs(9);
        assert!(memory.in_the_way(again, later).is_empty(), "it was gone");
    }
}
