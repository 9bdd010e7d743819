//! What a statement does to relations that were there before: the lock that it holds to the end of
//! its transaction, whether it reads all rows, and whether it writes them all anew.
//!
//! It is measured on a copy of the head, not told by the words; this is the pure half, and
//! `scratch` has the other.

use std::collections::BTreeMap;
use std::fmt;

use crate::sql::targets::LockMode;

/// More lines than that above one statement, nobody reads.
const MOST: usize = 6;

/// What a statement does to one relation, and in the same way to relations below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The relation with its schema, quoted where it needs it; or how many more there are.
    pub relation: String,
    /// How many of its partitions or heirs have the same done to them.
    pub below: usize,
    /// The strongest lock, if it is one that stands in the way of writers or of other changes.
    pub lock: Option<LockMode>,
    /// Whether all rows are read.
    pub reads: bool,
    /// Whether all rows are written anew.
    pub rewrites: bool,
}

/// A relation that was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// With its schema, quoted where it needs it.
    pub name: String,
    /// The file that has its rows, if it has any.
    pub file: Option<u32>,
    /// The relation that it is a partition or an heir of.
    pub parent: Option<u32>,
}

/// The relations that were there, by their numbers.
pub type Relations = BTreeMap<u32, Relation>;

/// A relation as a transaction leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touched {
    /// The relation's number.
    pub relation: u32,
    /// The strongest lock that the transaction has on it.
    pub lock: LockMode,
    /// The file that has its rows, if it has any.
    pub file: Option<u32>,
    /// Whether the transaction has read all of it.
    pub is_read: bool,
}

impl Effect {
    /// Whether it keeps others from their work for as long as it takes to go through all rows.
    pub fn is_long(&self) -> bool {
        (self.reads || self.rewrites) && self.lock.is_some_and(|lock| lock >= LockMode::Share)
    }

    /// The same among others, separated by commas.
    pub fn in_a_sentence(&self) -> String {
        self.to_string().replace("; ", " and ")
    }
}

/// What a transaction did to the relations that were there.
pub fn effects(relations: &Relations, touched: &[Touched]) -> Vec<Effect> {
    let mut found: BTreeMap<u32, (Option<LockMode>, bool, bool)> = BTreeMap::new();
    for touched in touched {
        let Some(relation) = relations.get(&touched.relation) else {
            continue;
        };
        // Weaker ones are those of readers and writers.
        let lock = Some(touched.lock).filter(|lock| *lock >= LockMode::ShareUpdateExclusive);
        let rewrites = touched.file.is_some() && touched.file != relation.file;
        let reads = touched.is_read && !rewrites;
        if lock.is_some() || reads || rewrites {
            found.insert(touched.relation, (lock, reads, rewrites));
        }
    }
    // Who has the same done to it as what is above it needs no line.
    let mut below: BTreeMap<u32, usize> = BTreeMap::new();
    for (number, done) in &found {
        let mut top = *number;
        while let Some(parent) = relations.get(&top).and_then(|relation| relation.parent)
            && is_alike(found.get(&parent).copied(), *done)
        {
            top = parent;
        }
        *below.entry(top).or_default() += usize::from(top != *number);
    }
    let mut effects: Vec<Effect> = below
        .iter()
        .filter_map(|(number, below)| {
            let (lock, mut reads, mut rewrites) = *found.get(number)?;
            for (child, done) in &found {
                if is_below(relations, *child, *number) && below > &0 {
                    reads |= done.1;
                    rewrites |= done.2;
                }
            }
            Some(Effect {
                relation: relations.get(number)?.name.clone(),
                below: *below,
                lock,
                reads,
                rewrites,
            })
        })
        .collect();
    effects.sort_by(|a, b| {
        let key = |effect: &Effect| (!effect.rewrites, !effect.reads, effect.relation.clone());
        key(a).cmp(&key(b))
    });
    if effects.len() > MOST {
        let more = effects.split_off(MOST - 1);
        effects.push(Effect {
            relation: format!("{} more", more.len()),
            below: 0,
            lock: more.iter().filter_map(|effect| effect.lock).max(),
            reads: more.iter().any(|effect| effect.reads),
            rewrites: more.iter().any(|effect| effect.rewrites),
        });
    }
    effects
}

/// A partitioned table has no rows of its own: what is done to those of its partitions counts.
fn is_alike(
    parent: Option<(Option<LockMode>, bool, bool)>,
    child: (Option<LockMode>, bool, bool),
) -> bool {
    parent.is_some_and(|parent| parent.0 == child.0 && (parent == child || !(parent.1 || parent.2)))
}

fn is_below(relations: &Relations, child: u32, above: u32) -> bool {
    let mut at = child;
    while let Some(parent) = relations.get(&at).and_then(|relation| relation.parent) {
        if parent == above {
            return true;
        }
        at = parent;
    }
    false
}

impl fmt::Display for Effect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            relation,
            below,
            lock,
            reads,
            rewrites,
        } = self;
        let them = if *below > 0 { "them" } else { "it" };
        let name = match below {
            0 => relation.clone(),
            1 => format!("{relation} and a child"),
            _ => format!("{relation} and {below} children"),
        };
        match lock {
            Some(lock) => {
                write!(formatter, "locks {name} ({})", lock.words())?;
                if *rewrites {
                    write!(formatter, "; rewrites {them}")?;
                } else if *reads {
                    write!(formatter, "; reads all of {them}")?;
                }
                Ok(())
            }
            None if *rewrites => write!(formatter, "rewrites {name}"),
            None => write!(formatter, "reads all of {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relations as `number:name:file<parent`, what is touched as `number:mode:file` with `r` where
    /// it is read.
    #[track_caller]
    fn check(relations: &str, touched: &str, expected: &[&str]) {
        let relations: Relations = relations
            .split_whitespace()
            .map(|word| {
                let (own, parent) = word.split_once('<').unwrap_or((word, ""));
                let parts: Vec<&str> = own.split(':').collect();
                let relation = Relation {
                    name: parts[1].to_owned(),
                    file: parts[2].parse().ok(),
                    parent: parent.parse().ok(),
                };
                (parts[0].parse().unwrap(), relation)
            })
            .collect();
        let touched: Vec<Touched> = touched
            .split_whitespace()
            .map(|word| {
                let parts: Vec<&str> = word.split(':').collect();
                Touched {
                    relation: parts[0].parse().unwrap(),
                    lock: LockMode::of(parts[1]).unwrap(),
                    file: parts[2].trim_end_matches('r').parse().ok(),
                    is_read: parts[2].ends_with('r'),
                }
            })
            .collect();
        let found: Vec<String> = effects(&relations, &touched)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn locks_reads_and_rewrites_are_told_in_the_words_of_the_manual() {
        check("1:a:10", "1:AccessShareLock:10", &[]);
        check("1:a:10", "1:AccessShareLock:10r", &["reads all of a"]);
        check(
            "1:a:10",
            "1:AccessExclusiveLock:10",
            &["locks a (access exclusive)"],
        );
        check(
            "1:a:10",
            "1:AccessExclusiveLock:11r",
            &["locks a (access exclusive); rewrites it"],
        );
        // What was not there before is nobody's business.
        check("1:a:10", "2:AccessExclusiveLock:10", &[]);
    }

    #[test]
    fn partitions_are_counted_where_the_same_is_done_to_them() {
        let relations = "1:log: 2:log_a:20<1 3:log_b:30<1 4:other:40";
        check(
            relations,
            "1:AccessExclusiveLock: 2:AccessExclusiveLock:21 3:AccessExclusiveLock:31",
            &["locks log and 2 children (access exclusive); rewrites them"],
        );
        check(
            relations,
            "1:ShareUpdateExclusiveLock: 2:AccessExclusiveLock:20r 4:ShareLock:40",
            &[
                "locks log_a (access exclusive); reads all of it",
                "locks log (share update exclusive)",
                "locks other (share)",
            ],
        );
    }

    #[test]
    fn nobody_reads_a_hundred_lines() {
        let relations: Vec<String> = (1..=9).map(|n| format!("{n}:t{n}:{n}")).collect();
        let touched: Vec<String> = (1..=9).map(|n| format!("{n}:ShareLock:{n}r")).collect();
        let mut expected: Vec<String> = (1..=5)
            .map(|n| format!("locks t{n} (share); reads all of it"))
            .collect();
        expected.push("locks 4 more (share); reads all of it".to_owned());
        let expected: Vec<&str> = expected.iter().map(|line| &**line).collect();
        check(&relations.join(" "), &touched.join(" "), &expected);
    }
}
