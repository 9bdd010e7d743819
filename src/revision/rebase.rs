//! Moving revisions behind another: a colleague's revision was merged first, and mine is to follow
//! it instead of the revision that both follow.
//!
//! Says what has to change in which file, and changes nothing.

use std::collections::BTreeMap;

use time::macros::format_description;
use time::{Date, Duration, PrimitiveDateTime, Time};

use super::history::History;
use super::id::RevisionId;
use super::locate;
use super::rebase_error::RebaseError;
use super::script::Script;
use super::script::rewrite;
use super::target::Target;
use super::walk::Edges;

/// Digits at the start of a file's name: `yyyymmddhhmm`.
const STAMP: usize = 12;

/// What has to change. The header of one file is enough: what follows it comes along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebase<'h> {
    /// The first revision that moves.
    pub script: &'h Script,
    /// The revision it is to follow.
    pub onto: &'h RevisionId,
    /// Its parents that give way; none when it is a base.
    pub instead_of: Vec<RevisionId>,
    /// Its new text, without a byte order mark.
    pub text: String,
    /// The files whose names would come before the one they follow, in the order of the history.
    pub renames: Vec<Rename>,
}

/// A file that gets a new name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// Its path.
    pub from: String,
    /// Its new path, in the same directory.
    pub to: String,
}

/// Moves the chain that `moved` is on behind `onto`. The chain begins with its first revision that
/// `onto` does not stand on. Whatever is not named is the one other head.
pub fn rebase<'h>(
    history: &'h History,
    moved: Option<&Target>,
    onto: Option<&Target>,
) -> Result<Rebase<'h>, RebaseError> {
    let (moved, onto) = ends(history, moved, onto)?;
    let id = |index: usize| history.script(index).id.clone();
    if history.mark_ancestors(&[onto], Edges::All)[moved] {
        let (moved, onto) = (id(moved), id(onto));
        return Err(RebaseError::Cycle { moved, onto });
    }
    if history.mark_ancestors(&[moved], Edges::Parents)[onto] {
        let (moved, onto) = (id(moved), id(onto));
        return Err(RebaseError::AlreadyThere { moved, onto });
    }
    let first = first_of_chain(history, moved, onto)?;
    let below_onto = history.mark_ancestors(&[onto], Edges::Parents);
    // In the order of the header, and the new one where the first of the old ones stood.
    let script = history.script(first);
    let gives_way = |parent: &RevisionId| history.position(parent).is_some_and(|at| below_onto[at]);
    let (instead_of, mut parents): (Vec<RevisionId>, Vec<RevisionId>) =
        script.down_revisions.iter().cloned().partition(gives_way);
    let place = script.down_revisions.iter().position(gives_way);
    parents.insert(place.unwrap_or(0), id(onto));
    Ok(Rebase {
        script,
        onto: &history.script(onto).id,
        instead_of,
        text: rewrite::with_parents(script, &parents),
        renames: renames(history, first, onto),
    })
}

/// Both revisions as positions.
fn ends(
    history: &History,
    moved: Option<&Target>,
    onto: Option<&Target>,
) -> Result<(usize, usize), RebaseError> {
    match (moved, onto) {
        (Some(moved), Some(onto)) => Ok((one(history, moved)?, one(history, onto)?)),
        (Some(moved), None) => {
            let moved = one(history, moved)?;
            Ok((moved, other_head(history, moved, "--onto REV")?))
        }
        (None, Some(onto)) => {
            let onto = one(history, onto)?;
            Ok((other_head(history, onto, "REV")?, onto))
        }
        (None, None) => {
            let heads: Vec<RevisionId> = history.heads().into_iter().cloned().collect();
            Err(if heads.len() > 1 {
                RebaseError::NotTold { heads }
            } else {
                RebaseError::OneHead
            })
        }
    }
}

fn one(history: &History, target: &Target) -> Result<usize, RebaseError> {
    match *locate::places(history, target)?.as_slice() {
        [only] => Ok(only),
        _ => Err(RebaseError::NoRevision {
            text: target.to_string(),
        }),
    }
}

/// The only head that does not follow this revision.
fn other_head(
    history: &History,
    beside: usize,
    missing: &'static str,
) -> Result<usize, RebaseError> {
    let follows = history.mark_descendants(&[beside], Edges::Parents);
    let is_other = |index: &usize| history.children_at(*index).is_empty() && !follows[*index];
    let heads: Vec<usize> = (0..follows.len()).filter(is_other).collect();
    match *heads.as_slice() {
        [only] => Ok(only),
        [] => Err(RebaseError::OneHead),
        ref several => Err(RebaseError::SeveralHeads {
            id: history.script(beside).id.clone(),
            heads: history.owned_ids(several),
            missing,
        }),
    }
}

/// Goes down from the revision to the first one that follows something below `onto`. What `onto`
/// only depends on is not below it in this sense: it would be a head without the one that follows.
fn first_of_chain(history: &History, moved: usize, onto: usize) -> Result<usize, RebaseError> {
    let below_onto = history.mark_ancestors(&[onto], Edges::Parents);
    let needed = history.mark_ancestors(&[onto], Edges::All);
    let id = |index: usize| history.script(index).id.clone();
    let unrelated = |base| RebaseError::Unrelated {
        moved: id(moved),
        onto: id(onto),
        base,
    };
    let mut at = moved;
    loop {
        // Behind `onto`, it would come before itself.
        if needed[at] {
            return Err(unrelated(None));
        }
        let parents = history.parents_at(at);
        if parents.iter().any(|&parent| below_onto[parent]) {
            return Ok(at);
        }
        match *parents {
            [parent] => at = parent,
            // Somebody who names a base means this one.
            [] if at == moved => return Ok(at),
            [] => return Err(unrelated(Some(id(at)))),
            _ => {
                return Err(RebaseError::Merge {
                    merge: id(at),
                    onto: id(onto),
                });
            }
        }
    }
}

/// Names begin with a time and are read in its order. Where the order breaks, the later revision
/// gets the minute behind the one it follows; a name without a time stays.
fn renames(history: &History, first: usize, onto: usize) -> Vec<Rename> {
    let time = |index: usize| time_of(&history.script(index).path);
    let chain = history.mark_descendants(&[first], Edges::Parents);
    let mut moved: BTreeMap<usize, PrimitiveDateTime> = BTreeMap::new();
    for index in (first..chain.len()).filter(|&index| chain[index]) {
        let parents = history.parents_at(index);
        let latest = if index == first {
            time(onto)
        } else {
            parents
                .iter()
                .filter_map(|parent| moved.get(parent))
                .max()
                .copied()
        };
        let (Some(own), Some(latest)) = (time(index), latest) else {
            continue;
        };
        if own < latest
            && let Some(later) = latest.checked_add(Duration::MINUTE)
        {
            moved.insert(index, later);
        }
    }
    let renamed = moved.into_iter().filter_map(|(index, time)| {
        let from = history.script(index).path.clone();
        let stamp = time.format(format_description!("[year][month][day][hour][minute]"));
        let start = name_start(&from);
        let to = format!(
            "{}{}{}",
            &from[..start],
            stamp.ok()?,
            &from[start + STAMP..]
        );
        Some(Rename { from, to })
    });
    renamed.collect()
}

fn name_start(path: &str) -> usize {
    path.rfind(['/', '\\']).map_or(0, |slash| slash + 1)
}

/// The time in a file's name, if it has one.
fn time_of(path: &str) -> Option<PrimitiveDateTime> {
    let (stamp, rest) = path[name_start(path)..].split_at_checked(STAMP)?;
    if !rest.starts_with('_') || !stamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = stamp.split_at(4);
    let part = |at: usize| rest[at..at + 2].parse::<u8>().ok();
    let month = time::Month::try_from(part(0)?).ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, month, part(2)?).ok()?;
    let time = Time::from_hms(part(4)?, part(6)?, 0).ok()?;
    Some(PrimitiveDateTime::new(date, time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revision::sketch::{history, scripts, shown};

    /// `moved onto`, with `-` for what is not named.
    fn told(history: &History, names: &str) -> String {
        let (moved, onto) = names.split_once(' ').unwrap();
        let target = |name: &str| (name != "-").then(|| name.parse::<Target>().unwrap());
        let rebase = match rebase(history, target(moved).as_ref(), target(onto).as_ref()) {
            Ok(rebase) => rebase,
            Err(error) => return format!("error: {error}; {}", error.help()),
        };
        let line = rebase.text.lines().find(|line| line.contains("down_"));
        let renames = rebase
            .renames
            .iter()
            .map(|rename| format!(", {} to {}", rename.from, rename.to));
        format!(
            "{}: {}, instead of [{}]{}",
            rebase.script.id,
            line.unwrap().trim_start_matches("-- "),
            shown(&rebase.instead_of),
            renames.collect::<String>()
        )
    }

    fn check(graph: &str, names: &str, expected: &str) {
        assert_eq!(told(&history(graph), names), expected, "{graph}: {names}");
    }

    fn check_names(graph: &str, names: &str, times: &[&str], expected: &str) {
        let mut scripts = scripts(graph);
        for (script, time) in scripts.iter_mut().zip(times) {
            script.path = format!("m.d/{time}_{}_x.sql", script.id);
        }
        let found = told(&History::new(scripts).unwrap(), names);
        let (_, renames) = found.split_once(']').unwrap();
        assert_eq!(renames.trim_start_matches(", "), expected, "{times:?}");
    }

    const FORK: &str = "f<- mine<f theirs<f";

    #[test]
    fn mine_follows_theirs() {
        let moved = "mine: down_revision: theirs, instead of [f]";
        check(FORK, "mine -", moved);
        check(FORK, "- theirs", moved);
        check(FORK, "mine theirs", moved);
        check("f<- mine<f@m theirs<f@t", "m t@head", moved);
        check(
            "mine<- theirs<-",
            "mine -",
            "mine: down_revision: theirs, instead of []",
        );
    }

    #[test]
    fn the_chain_moves_as_a_whole() {
        let graph = "f<- t1<f t2<t1 m1<f m2<m1 m3<m2";
        let moved = "m1: down_revision: t2, instead of [f]";
        for name in ["m1", "m2", "m3"] {
            check(graph, &format!("{name} -"), moved);
        }
        check(graph, "- m3", "t1: down_revision: m3, instead of [f]");
        check(
            "f<- t1<f t2<t1 m<f",
            "m t1",
            "m: down_revision: t1, instead of [f]",
        );
        let forked = "f<- t<f m1<f m2<m1 k<m1";
        check(forked, "m2 k", "m2: down_revision: k, instead of [m1]");
        check(forked, "m2 t", "m1: down_revision: t, instead of [f]");
    }

    #[test]
    fn of_a_merge_the_parents_below_the_new_one_give_way() {
        check(
            "f<- t1<f t2<t1 m1<f m2<m1,t1",
            "m2 -",
            "m2: down_revision: m1, t2, instead of [t1]",
        );
        check(
            "f<- a<f b<f t<a,b m<a,b",
            "m -",
            "m: down_revision: t, instead of [a,b]",
        );
        check(
            "f<- t<f a<f b<f m<a,b",
            "m -",
            "error: revision `m` is a merge, and neither of its parents is below `t`; name the \
             first revision of the line that is to move: see `castoff history --graph`",
        );
        check(
            "f<- t<f a<f b<f m<a,b",
            "a t",
            "a: down_revision: t, instead of [f]",
        );
    }

    #[test]
    fn what_a_revision_depends_on_is_below_it() {
        check(
            "x<- t<-~x m<x",
            "m t",
            "error: `m` and `t` have no revision in common; join them with `castoff merge`",
        );
        check(
            "x<- f<- t<f~x m<f,x",
            "m t",
            "m: down_revision: t, x, instead of [f]",
        );
        check(
            "f<- m<f t<f~m",
            "m -",
            "error: revision `m` cannot follow `t`, which stands on it; name a head that does not \
             stand on `m`: see `castoff heads`",
        );
        check(
            "f<- t<f m<f~t",
            "m -",
            "m: down_revision: t, instead of [f]",
        );
    }

    #[test]
    fn it_does_not_guess() {
        let nothing = "error: there is nothing to rebase: there is at most one head; \
                       see `castoff history --graph`";
        check("", "- -", nothing);
        check("a<- b<a", "b -", nothing);
        check("a<- b<a", "- b", nothing);
        check(
            FORK,
            "- -",
            "error: which revision is to move? the heads are `mine`, `theirs`; name yours, the one \
             that no database has yet: `castoff rebase REV`",
        );
        let three = "f<- a<f b<f c<f";
        check(
            three,
            "a -",
            "error: there are several heads beside `a`: `b`, `c`; name one of them as `--onto REV`",
        );
        check(
            three,
            "- a",
            "error: there are several heads beside `a`: `b`, `c`; name one of them as `REV`",
        );
        check(
            FORK,
            "base -",
            "error: `base` is not a revision; name a revision: see `castoff heads`",
        );
        check(
            "a1<- a2<a1 b<-",
            "a2 -",
            "error: `a2` and `b` have no revision in common; join them with `castoff merge`, or \
             move all of it with `castoff rebase a1 --onto b`",
        );
        check(
            "a1<- a2<a1 b<-",
            "a1 -",
            "a1: down_revision: b, instead of []",
        );
    }

    #[test]
    fn nothing_follows_itself_or_what_it_follows_already() {
        check(
            "a<- b<a c<b",
            "a c",
            "error: revision `a` cannot follow `c`, which stands on it; name a head that does not \
             stand on `a`: see `castoff heads`",
        );
        check(
            "a<- b<a",
            "b b",
            "error: revision `b` cannot follow itself; name a head that does not stand on `b`: see \
             `castoff heads`",
        );
        for onto in ["a", "b"] {
            check(
                "a<- b<a c<b",
                &format!("c {onto}"),
                &format!(
                    "error: revision `c` already stands on `{onto}`; see `castoff history --graph`"
                ),
            );
        }
    }

    #[test]
    fn names_stay_in_the_order_of_the_history() {
        let graph = "f<- m1<f m2<m1 t<f";
        let check = |times: &[&str], expected: &str| check_names(graph, "m2 -", times, expected);
        let (first, early) = ("202601010000", "202601010001");
        check(&[first, early, early, first], "");
        check(&[first, early, early, early], "");
        check(
            &[first, early, "202612312359", "202612312359"],
            "m.d/202601010001_m1_x.sql to m.d/202701010000_m1_x.sql, \
             m.d/202612312359_m2_x.sql to m.d/202701010001_m2_x.sql",
        );
        check(
            &[first, early, "202601020000", "202601010100"],
            "m.d/202601010001_m1_x.sql to m.d/202601010101_m1_x.sql",
        );
        check(&[first, "none", early, "202601010100"], "");
        check(&[first, early, early, "209913010000"], "");
    }

    #[test]
    fn a_history_of_the_new_texts_has_one_head_less() {
        let mut tried = 0;
        crate::revision::random::each_sketch(0x5EED, 400, |sketch| {
            let history = history(sketch);
            let heads = history.heads();
            let [mine, theirs] = heads.as_slice() else {
                return;
            };
            let [mine, theirs] = [mine, theirs].map(|id| id.as_str().parse().unwrap());
            let Ok(rebase) = rebase(&history, Some(&mine), Some(&theirs)) else {
                return;
            };
            let mut after = scripts(sketch);
            for script in &mut after {
                if script.id == rebase.script.id {
                    let parse = Script::parse("x.sql", rebase.text.clone().into_bytes());
                    script.down_revisions = parse.unwrap().down_revisions;
                }
            }
            let after = History::new(after).unwrap();
            assert_eq!(after.heads().len(), 1, "{sketch}");
            tried += 1;
        });
        assert!(tried > 30, "{tried} are too few to prove anything");
    }
}
