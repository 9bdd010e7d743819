//! What is meant by the wishes in two schemas, and in which order it is done.
//!
//! Routines come first, as their argument types are written with the old names; then what is inside
//! of tables and types; then these; and schemas last. So every statement names its container as the
//! old schema does.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::error::RenameError;
use super::item::{Item, What, items};
use super::wish::{Wish, written};
use crate::schema::model::{Kind, Schema};

/// One statement's worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A schema that something moves to is not there yet.
    CreateSchema(Rc<str>),
    /// It gets this name.
    Rename(Item, Rc<str>),
    /// It goes to this schema.
    Move(Item, Rc<str>),
}

/// Names of the old schema, and the same in the new one.
#[derive(Clone, Debug, Default)]
pub struct Forward {
    schemas: BTreeMap<Rc<str>, Rc<str>>,
    relations: BTreeMap<Vec<Rc<str>>, Vec<Rc<str>>>,
}

impl Forward {
    fn schema(&self, old: &str) -> Rc<str> {
        let new = self.schemas.get(old);
        new.cloned().unwrap_or_else(|| old.into())
    }

    /// What a schema of the new side is called on the old one.
    fn back(&self, new: &str) -> Rc<str> {
        let found = self.schemas.iter().find(|(_, name)| &***name == new);
        found.map_or_else(|| new.into(), |(old, _)| old.clone())
    }

    /// Where something of the old schema is in the new one.
    pub fn container(&self, item: &Item) -> Vec<Rc<str>> {
        let old = item.container();
        match old {
            [schema, ..] => self.relations.get(old).cloned().unwrap_or_else(|| {
                let rest = old.iter().skip(1).cloned();
                std::iter::once(self.schema(schema)).chain(rest).collect()
            }),
            [] => Vec::new(),
        }
    }

    /// The tables, views and types that got another name, by their new names.
    pub fn relations(&self) -> impl Iterator<Item = &[Rc<str>]> {
        self.relations.values().map(Vec::as_slice)
    }
}

/// A wish that fits.
#[derive(Clone, Debug)]
struct Meant {
    item: Item,
    /// Its names on the new side.
    new: Vec<Rc<str>>,
    /// The same in names of the old side.
    to: Vec<Rc<str>>,
    is_taken: bool,
    /// The wish, by its place among them.
    wish: usize,
}

/// What is in both schemas.
struct Both {
    old: BTreeSet<Item>,
    new: BTreeSet<Item>,
}

/// The steps, and where things are afterwards. A comment whose rename was carried out already is
/// passed over; and so is one about something that the old schema cannot know, if it need not.
pub fn plan(
    wishes: &[Wish],
    old: &Schema,
    new: &Schema,
    must_be_known: bool,
) -> Result<(Vec<Step>, Forward), RenameError> {
    let both = Both {
        old: items(old),
        new: items(new),
    };
    let mut forward = Forward::default();
    let mut meant: Vec<Meant> = Vec::new();
    let is_schema = |what: What| what == What::Object(Kind::Schema);
    let rounds: [&dyn Fn(What) -> bool; 3] = [
        &is_schema,
        &|what| !is_schema(what) && !what.is_inside(),
        &What::is_inside,
    ];
    let mut found: BTreeSet<usize> = BTreeSet::new();
    for round in rounds {
        let mut now = Vec::new();
        for (index, wish) in wishes.iter().enumerate() {
            if !found.contains(&index)
                && let Some(one) = best(wish, index, &both, &forward, round)?
            {
                found.insert(index);
                now.push(one);
            }
        }
        let now = without_done(now, wishes, &both)?;
        for one in &now {
            if is_schema(one.item.what) {
                let (old, new) = (&one.item.names[0], &one.new[0]);
                forward.schemas.insert(old.clone(), new.clone());
            } else if one.item.what.is_relation_or_type() {
                let names = (one.item.names.clone(), one.new.clone());
                forward.relations.insert(names.0, names.1);
            }
        }
        meant.extend(now);
    }
    for (index, wish) in wishes.iter().enumerate() {
        let is_done = || wish.place.is_some() && is_there(wish, &both, &forward);
        if !found.contains(&index) && !is_done() && (must_be_known || wish.place.is_none()) {
            return Err(unknown(wish, &both, &forward));
        }
    }
    let mut steps = Vec::new();
    let homes: BTreeSet<&str> = both
        .old
        .iter()
        .filter(|item| is_schema(item.what))
        .map(Item::own)
        .collect();
    let moving = meant.iter().filter(|one| one.item.what.can_move());
    let missing: BTreeSet<&Rc<str>> = moving
        .filter_map(|one| {
            let home = one.to.first().filter(|home| !homes.contains(&***home));
            home.filter(|home| one.item.names.first() != Some(*home))
        })
        .collect();
    steps.extend(missing.into_iter().cloned().map(Step::CreateSchema));
    for group in 0..4 {
        let of_group = |one: &&Meant| group_of(one.item.what) == group;
        let group = meant.iter().filter(of_group).cloned().collect();
        in_order(group, wishes, &both, &mut steps)?;
    }
    Ok((steps, forward))
}

fn group_of(what: What) -> u8 {
    match what {
        What::Object(Kind::Function | Kind::Aggregate) => 0,
        what if what.is_inside() => 1,
        what if !what.is_alone() => 2,
        _ => 3,
    }
}

/// The one thing that a wish fits best.
fn best(
    wish: &Wish,
    index: usize,
    both: &Both,
    forward: &Forward,
    round: &dyn Fn(What) -> bool,
) -> Result<Option<Meant>, RenameError> {
    let mut fitting: Vec<(u8, Meant)> = Vec::new();
    for item in both.old.iter().filter(|item| round(item.what)) {
        let Some(own) = wish.new.own().filter(|_| fits(wish, item, forward)) else {
            continue;
        };
        for own in own.readings() {
            let Some(new) = target(wish, item, &own, forward) else {
                continue;
            };
            let mut to = new.clone();
            if item.what.is_inside() {
                to = item.container().to_vec();
                to.push(own.as_str().into());
            } else if let (true, Some(home)) = (new.len() > 1, to.first_mut()) {
                *home = forward.back(home);
            }
            if to == item.names || !is_in(&both.new, item.what, &new) {
                continue;
            }
            let is_taken = is_slot_taken(&both.old, item, &to);
            let mut now = forward.container(item);
            now.push(item.own().into());
            let is_home = |home: &String| new.first().is_some_and(|name| **name == **home);
            let points = [
                wish.home.as_ref().is_some_and(is_home),
                new.first() == now.first(),
                !is_in(&both.new, item.what, &now),
                !is_taken,
            ];
            let points = points
                .iter()
                .rev()
                .fold(0, |sum, is_so| sum * 2 + u8::from(*is_so));
            fitting.push((
                points,
                Meant {
                    item: item.clone(),
                    new,
                    to,
                    is_taken,
                    wish: index,
                },
            ));
        }
    }
    let most = fitting.iter().map(|(points, _)| *points).max();
    fitting.retain(|(points, _)| Some(*points) == most);
    if fitting.len() > 1 {
        let choices = fitting.iter().map(|(_, one)| one.item.shown()).collect();
        return Err(RenameError::Ambiguous {
            wish: wish.text.clone(),
            choices,
            place: wish.place.clone(),
        });
    }
    Ok(fitting.pop().map(|(_, one)| one))
}

/// Whether the old name of a wish is this thing's, as the old or as the new schema says it.
fn fits(wish: &Wish, item: &Item, forward: &Forward) -> bool {
    let words = wish.old.words.len();
    let names_enough = match item.what {
        what if what.is_inside() => words >= 2,
        what if what.is_alone() => words == 1,
        _ => words <= 2,
    };
    let mut now = forward.container(item);
    now.push(item.own().into());
    names_enough
        && (wish.kinds.is_empty() || wish.kinds.contains(&item.what))
        && (wish.old.ends(&item.names) || wish.old.ends(&now))
        && wish.old.takes(item.arguments.as_deref())
}

/// The names on the new side, if the thing can get there.
fn target(wish: &Wish, item: &Item, own: &str, forward: &Forward) -> Option<Vec<Rc<str>>> {
    let mut now = forward.container(item);
    let said = wish
        .new
        .words
        .split_last()
        .map_or(&[][..], |(_, said)| said);
    if item.what.is_inside() {
        let is = |container: &[Rc<str>]| {
            let mut pairs = said.iter().rev().zip(container.iter().rev());
            said.len() <= container.len() && pairs.all(|(word, name)| word.is(name))
        };
        if !is(&now) && !is(item.container()) {
            return None;
        }
    } else {
        match said {
            [] => {}
            [home] if home.is(now.first().map_or("", |name| name)) => {}
            [home] if item.what.can_move() => {
                now = vec![home.readings().pop()?.into()];
            }
            _ => return None,
        }
    }
    now.push(own.into());
    Some(now)
}

fn is_in(items: &BTreeSet<Item>, what: What, names: &[Rc<str>]) -> bool {
    let first = Item {
        what,
        names: names.to_vec(),
        arguments: None,
    };
    let mut behind = items.range(first..);
    behind
        .next()
        .is_some_and(|item| item.what == what && item.names == names)
}

/// Whether something has the name that this one would have.
fn is_slot_taken(items: &BTreeSet<Item>, item: &Item, to: &[Rc<str>]) -> bool {
    if item.what.is_relation_or_type() {
        let mut all = items.iter();
        return all.any(|other| other.what.is_relation_or_type() && other.names == to);
    }
    let there = Item {
        names: to.to_vec(),
        ..item.clone()
    };
    items.contains(&there)
}

/// Without those whose new name is there already and stays: such a rename was carried out before.
fn without_done(
    mut meant: Vec<Meant>,
    wishes: &[Wish],
    both: &Both,
) -> Result<Vec<Meant>, RenameError> {
    let refuse = |one: &Meant, why: String| RenameError::Unknown {
        wish: wishes[one.wish].text.clone(),
        why,
        place: wishes[one.wish].place.clone(),
    };
    loop {
        let stays = |one: &Meant| {
            let is_it = |other: &Meant| same_slot(&other.item, &one.item, &one.to);
            one.is_taken && !meant.iter().any(is_it)
        };
        let Some(done) = meant.iter().position(stays) else {
            break;
        };
        let one = meant.remove(done);
        if wishes[one.wish].place.is_none() {
            let name = written(&one.to, None);
            return Err(refuse(&one, format!("`{name}` is there already")));
        }
    }
    let mut unique: Vec<Meant> = Vec::new();
    for one in meant {
        match unique.iter().find(|other| other.item == one.item) {
            Some(other) if other.to == one.to => {}
            Some(other) => {
                let choices = [other, &one].map(|one| written(&one.to, None)).to_vec();
                return Err(RenameError::Ambiguous {
                    wish: wishes[one.wish].text.clone(),
                    choices,
                    place: wishes[one.wish].place.clone(),
                });
            }
            None => {
                if let Some(other) = unique.iter().find(|other| {
                    let mut there = other.item.clone();
                    there.names.clone_from(&other.to);
                    same_slot(&there, &one.item, &one.to)
                }) {
                    let name = other.item.shown();
                    return Err(refuse(&one, format!("{name} gets that name")));
                }
                unique.push(one);
            }
        }
    }
    debug_assert!(unique.iter().all(|one| both.old.contains(&one.item)));
    Ok(unique)
}

/// Whether a thing has the name that another is to have.
fn same_slot(holder: &Item, item: &Item, to: &[Rc<str>]) -> bool {
    let share = holder.what.is_relation_or_type() && item.what.is_relation_or_type();
    let alike = holder.what == item.what && holder.arguments == item.arguments;
    (share || alike) && holder.names == to
}

/// Each behind what has its name so far; in a circle one steps aside.
fn in_order(
    mut left: Vec<Meant>,
    wishes: &[Wish],
    both: &Both,
    steps: &mut Vec<Step>,
) -> Result<(), RenameError> {
    while !left.is_empty() {
        let is_free = |one: &Meant| {
            let mut others = left.iter().filter(|other| other.item != one.item);
            !others.any(|other| same_slot(&other.item, &one.item, &one.to))
        };
        if let Some(next) = left.iter().position(is_free) {
            let one = left.remove(next);
            go(one.item, &one.to, both, steps);
            continue;
        }
        // Names alone do not tell whether an exchange was carried out already.
        let comment = left.iter().map(|one| &wishes[one.wish]);
        if let Some(wish) = comment.clone().find(|wish| wish.place.is_some()) {
            return Err(RenameError::Ambiguous {
                wish: wish.text.clone(),
                choices: vec!["names that are exchanged look the same before and after".to_owned()],
                place: wish.place.clone(),
            });
        }
        let mut number = 1;
        let aside = loop {
            let name: Rc<str> = format!("castoff_renamed_{number}").into();
            let mut names = left[0].item.container().to_vec();
            names.push(name.clone());
            let is_taken = left.iter().any(|one| one.item.names == names)
                || is_slot_taken(&both.old, &left[0].item, &names);
            if !is_taken {
                break name;
            }
            number += 1;
        };
        let item = &mut left[0].item;
        steps.push(Step::Rename(item.clone(), aside.clone()));
        if let Some(own) = item.names.last_mut() {
            *own = aside;
        }
    }
    Ok(())
}

/// The steps of one: to another name, to another schema, or both, past what is on the way.
fn go(mut item: Item, to: &[Rc<str>], both: &Both, steps: &mut Vec<Step>) {
    let Some((own, container)) = to.split_last() else {
        return;
    };
    let home = container.first().filter(|_| container != item.container());
    let mut renamed = item.container().to_vec();
    renamed.push(own.clone());
    let is_in_the_way = home.is_some() && is_slot_taken(&both.old, &item, &renamed);
    let mut rename = |item: &mut Item| {
        if item.own() != &**own {
            steps.push(Step::Rename(item.clone(), own.clone()));
            if let Some(name) = item.names.last_mut() {
                name.clone_from(own);
            }
        }
    };
    if !is_in_the_way {
        rename(&mut item);
    }
    if let Some(home) = home {
        let before = item.clone();
        item.names[0] = home.clone();
        if is_in_the_way {
            let mut moved = Vec::new();
            moved.push(Step::Move(before, home.clone()));
            if item.own() != &**own {
                moved.push(Step::Rename(item, own.clone()));
            }
            steps.extend(moved);
        } else {
            steps.push(Step::Move(before, home.clone()));
        }
    }
}

/// Whether the new name of a comment is in the old schema: then it was carried out.
fn is_there(wish: &Wish, both: &Both, forward: &Forward) -> bool {
    both.old.iter().any(|item| {
        let mut now = forward.container(item);
        now.push(item.own().into());
        let names_enough = !item.what.is_inside() || wish.new.words.len() >= 2;
        names_enough
            && (wish.kinds.is_empty() || wish.kinds.contains(&item.what))
            && (wish.new.ends(&item.names) || wish.new.ends(&now))
    })
}

fn unknown(wish: &Wish, both: &Both, forward: &Forward) -> RenameError {
    let is_known = both.old.iter().any(|item| fits(wish, item, forward));
    let why = if is_known {
        "there is nothing with the new name, of the same kind and in the same place, in the schema as it is to be"
    } else {
        "there is nothing with the old name in the schema as it is"
    };
    RenameError::Unknown {
        wish: wish.text.clone(),
        why: why.to_owned(),
        place: wish.place.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::model::{Attributes, Id};
    use crate::schema::rename::wish::wish;

    /// `s` a schema, `s.t` a table, `s.t.c` a column, `s.e:a,b` an enum, `s.f()` a function.
    fn schema(text: &str) -> Schema {
        let mut schema = Schema::default();
        for word in text.split_whitespace() {
            let (names, labels) = word.split_once(':').unwrap_or((word, ""));
            let mut attributes = Attributes::default();
            let names: Vec<&str> = names.split('.').collect();
            let id = match names.as_slice() {
                [home, name] if !labels.is_empty() => {
                    let labels: Vec<&str> = labels.split(',').collect();
                    attributes.set("labels", &serde_json::to_string(&labels).unwrap());
                    Id::new(Kind::Enum, &[home, name])
                }
                [home, name] if name.ends_with("()") => {
                    let name = name.trim_end_matches("()");
                    Id::new(Kind::Function, &[home, name, "integer"])
                }
                [_] => Id::new(Kind::Schema, &names),
                [_, _] => Id::new(Kind::Table, &names),
                _ => Id::new(Kind::Column, &names),
            };
            let home = Id::new(Kind::Schema, &[id.name(0)]);
            schema.objects.entry(home).or_default();
            schema.objects.insert(id, attributes);
        }
        schema
    }

    fn shown(steps: &[Step]) -> String {
        let one = |step: &Step| match step {
            Step::CreateSchema(name) => format!("+{name}"),
            Step::Rename(item, to) => format!("{}>{to}", item.names.join(".")),
            Step::Move(item, to) => format!("{}>>{to}", item.names.join(".")),
        };
        steps.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    /// Words of options, `#` before those of comments.
    fn check(old: &str, new: &str, wishes: &str, expected: &str) {
        let wishes: Vec<Wish> = wishes
            .split_whitespace()
            .map(|text| {
                let mut wish = wish(text.trim_start_matches('#')).unwrap();
                if text.starts_with('#') {
                    wish.place = Some(Box::new(Place::file("schema.sql")));
                }
                wish
            })
            .collect();
        let found = match plan(&wishes, &schema(old), &schema(new), true) {
            Ok((steps, _)) => shown(&steps),
            Err(error) => error.code().trim_start_matches("rename-").to_owned(),
        };
        assert_eq!(found, expected, "{old} to {new}");
    }

    use crate::place::Place;

    #[test]
    fn a_name_is_found_with_as_little_as_is_said() {
        check("p.t", "p.u", "t=u", "p.t>u");
        check("p.t", "p.u", "p.t=u", "p.t>u");
        check("p.t", "p.u", "p.t=p.u", "p.t>u");
        check("p.t", "p.u", "T=U", "p.t>u");
        check("p.t p.t.a", "p.t p.t.b", "t.a=b", "p.t.a>b");
        check("p.t p.t.a", "p.t p.t.b", "t.a=t.b", "p.t.a>b");
        check("p.e:a,b", "p.e:a,c", "e.b=c", "p.e.b>c");
        check("p.f()", "p.g()", "f(integer)=g", "p.f>g");
        check("p q p.t q.t", "p q p.u q.t", "t=u", "p.t>u");
        check("p q p.t q.t", "p q p.u q.u", "t=u", "ambiguous");
        check("p q p.t q.t", "p q p.u q.u", "q.t=u p.t=u", "q.t>u p.t>u");
    }

    #[test]
    fn columns_of_renamed_tables_are_found_by_either_name() {
        check("p.t p.t.a", "p.u p.u.b", "t=u t.a=b", "p.t.a>b p.t>u");
        check("p.t p.t.a", "p.u p.u.b", "t=u u.a=b", "p.t.a>b p.t>u");
        check("p p.t", "q q.u", "p=q q.t=u", "p.t>u p>q");
    }

    #[test]
    fn chains_go_from_behind_and_circles_through_another_name() {
        check("p.a p.b", "p.b p.c", "a=b b=c", "p.b>c p.a>b");
        check(
            "p.a p.b",
            "p.a p.b",
            "a=b b=a",
            "p.a>castoff_renamed_1 p.b>a p.castoff_renamed_1>b",
        );
        check("p.a p.b", "p.a p.b", "#a=b #b=a", "ambiguous");
    }

    #[test]
    fn things_move_to_other_schemas() {
        check("p q p.t", "p q q.t", "p.t=q.t", "p.t>>q");
        check("p q p.t", "p q q.u", "t=q.u", "p.t>u p.u>>q");
        check("p q p.t p.u", "p q q.u p.u", "t=q.u", "p.t>>q q.t>u");
        check("p p.t", "p q q.t", "t=q.t", "+q p.t>>q");
    }

    #[test]
    fn comments_that_were_carried_out_say_nothing() {
        check("p.u", "p.u", "#t=u", "");
        check("p.u p.t", "p.u p.t", "#t=u", "");
        check("p.b p.c", "p.b p.c", "#a=b #b=c", "");
        check("p.a p.b", "p.b p.c", "#a=b #b=c", "p.b>c p.a>b");
        check("p.u p.u.b", "p.u p.u.b", "#t=u #u.a=u.b", "");
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        check("p.t", "p.t", "a=b", "unknown");
        check("p.t", "p.t", "t=u", "unknown");
        check("p.u", "p.u", "t=u", "unknown");
        check("p.t p.u", "p.t p.u", "t=u", "unknown");
        check("p.t p.u", "p.v", "t=v u=v", "unknown");
        check("p.t", "p.t", "#a=b", "unknown");
        check("p.t", "p.u p.v", "t=u t=v", "ambiguous");
        check("p.t p.t.a", "p.t p.t.b p.u", "t.a=u.b", "unknown");
    }
}
