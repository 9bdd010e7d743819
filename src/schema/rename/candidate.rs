//! What may have another name: something goes, something of the same kind comes, and they fit.
//! People are asked about these. Only what a rename of a table or column brings along is certain:
//! the constraint `t_pkey` of a table that is `u` now, where the other schema has the same
//! constraint as `u_pkey`.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::item::{Item, Part, What, columns, items_apart};
use super::plan::Step;
use super::wish::{self, Wish, written};
use crate::schema::model::{Attributes, Id, Kind, Schema};
use crate::schema::render::Sides;

/// One that may be a rename.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What goes.
    pub old: Item,
    /// What comes.
    pub new: Item,
}

impl Candidate {
    /// The value of `--rename` for it.
    pub fn option(&self) -> String {
        let old = written(&self.old.names, self.old.arguments.as_deref());
        let new = if self.old.container() == self.new.container() {
            written(&[self.new.own()], None)
        } else {
            written(&self.new.names, None)
        };
        format!("{old}={new}")
    }

    /// The question about it.
    pub fn question(&self) -> String {
        let [old, new] = [&self.old, &self.new].map(|item| written(&item.names, None));
        let what = self.old.what.name();
        format!("is {what} {new} the new name of {old}? [y/N] ")
    }

    /// It, as somebody who said yes wishes it.
    pub fn wish(&self) -> Option<Wish> {
        let mut wish = wish::wish(&self.option())?;
        wish.kinds = vec![self.old.what];
        Some(wish)
    }
}

/// All pairs that fit, tables and types first.
pub fn candidates(sides: &Sides<'_>) -> Vec<Candidate> {
    let old = items_apart(sides.old, sides.new);
    let new = items_apart(sides.new, sides.old);
    let gone: Vec<&Item> = old
        .difference(&new)
        .filter(|item| !item.is_named_in(sides.new))
        .collect();
    let come: Vec<&Item> = new
        .difference(&old)
        .filter(|item| !item.is_named_in(sides.old))
        .collect();
    let mut found = Vec::new();
    for old in gone {
        let of_kind = come.iter().filter(|new| new.what == old.what);
        for new in of_kind {
            if fit(sides, old, new) {
                found.push(Candidate {
                    old: old.clone(),
                    new: (*new).clone(),
                });
            }
        }
    }
    found.sort_by_key(|one| (one.old.what.is_inside(), one.old.clone(), one.new.clone()));
    found
}

/// What has another name since a table or column has: the same but for its name, and the only such.
/// `touched` are the tables, by their new names.
pub fn followers(sides: &Sides<'_>, touched: &BTreeSet<Vec<Rc<str>>>) -> Vec<Step> {
    let kinds = [
        Kind::Constraint,
        Kind::DomainConstraint,
        Kind::Index,
        Kind::Sequence,
    ];
    let of_touched = |id: &Id, attributes: &Attributes| match (id.kind, attributes.get("table")) {
        (Kind::Index, Some(table)) => touched.contains(&vec![id.names[0].clone(), table.into()]),
        (Kind::Index, None) => false,
        (Kind::Sequence, _) => touched.iter().any(|table| {
            let table: Vec<String> = table.iter().map(|name| sides.name(name)).collect();
            let prefix = format!("{}.", table.join("."));
            let owner = attributes.get("owned by");
            owner.is_some_and(|owner| owner.starts_with(&prefix))
        }),
        _ => id
            .names
            .get(..2)
            .is_some_and(|table| touched.contains(table)),
    };
    let only = |one: &'_ Schema, other: &Schema| -> Vec<(Id, String)> {
        let objects = one.objects.iter();
        objects
            .filter(|(id, attributes)| {
                kinds.contains(&id.kind)
                    && !other.objects.contains_key(id)
                    && !attributes.has("inherited")
                    && of_touched(id, attributes)
            })
            .map(|(id, attributes)| (id.clone(), bare(sides, id, attributes)))
            .collect()
    };
    let (gone, come) = (only(sides.old, sides.new), only(sides.new, sides.old));
    let is_same = |one: &(Id, String), other: &(Id, String)| {
        let inside = one.0.names.len() - 1;
        one.0.kind == other.0.kind
            && one.0.names.get(..inside) == other.0.names.get(..inside)
            && one.1 == other.1
    };
    let mut steps = Vec::new();
    for old in &gone {
        let mut fitting = come.iter().filter(|new| is_same(old, new));
        let (Some(new), None) = (fitting.next(), fitting.next()) else {
            continue;
        };
        if gone.iter().filter(|other| is_same(other, new)).count() == 1 {
            let item = Item {
                what: What::Object(old.0.kind),
                names: old.0.names.to_vec(),
                arguments: None,
            };
            steps.push(Step::Rename(item, new.0.own_name().into()));
        }
    }
    steps
}

/// What is to be known of something but for its name, as one text.
fn bare(sides: &Sides<'_>, id: &Id, attributes: &Attributes) -> String {
    let mut bare = attributes.clone();
    for name in ["index", "usual name"] {
        bare.remove(name);
    }
    if let (Kind::Index, Some(definition)) = (id.kind, attributes.get("definition")) {
        let own = format!(" INDEX {} ON ", sides.own(id));
        bare.set("definition", &definition.replacen(&own, " INDEX ON ", 1));
    }
    format!("{bare:?}")
}

/// Whether one could be the other with another name.
fn fit(sides: &Sides<'_>, old: &Item, new: &Item) -> bool {
    let is_same_place = old.container() == new.container();
    if old.what.is_inside() && !is_same_place {
        return false;
    }
    let holder = |item: &Item, kind| Id {
        kind,
        names: item.container().iter().cloned().collect(),
    };
    let list = |schema: &Schema, kind, name| -> Vec<serde_json::Value> {
        let object = schema.get(&holder(old, kind));
        let text = object.and_then(|object| object.get(name)).unwrap_or("[]");
        serde_json::from_str(text).unwrap_or_default()
    };
    if let What::Part(part) = old.what {
        return match part {
            // The same place in the order of the values.
            Part::Value => {
                let at = |schema, item: &Item| {
                    let labels = list(schema, Kind::Enum, "labels");
                    labels.iter().position(|label| label == item.own())
                };
                at(sides.old, old) == at(sides.new, new)
            }
            Part::Attribute => {
                let of = |schema, item: &Item| {
                    let attributes = list(schema, Kind::Composite, "attributes");
                    attributes
                        .into_iter()
                        .find(|one| one[0] == item.own())
                        .map(|one| one[1].clone())
                };
                of(sides.old, old) == of(sides.new, new)
            }
            // Nothing is lost with it.
            Part::ViewColumn => false,
        };
    }
    let (Some(old_id), Some(new_id)) = (old.id(), new.id()) else {
        return false;
    };
    let (Some(before), Some(after)) = (sides.old.get(&old_id), sides.new.get(&new_id)) else {
        return false;
    };
    let same = |name: &str| before.get(name) == after.get(name);
    let mostly = |name: &str| {
        let words = |one: &Attributes| -> BTreeSet<String> {
            let list: Vec<serde_json::Value> =
                serde_json::from_str(one.get(name).unwrap_or("[]")).unwrap_or_default();
            list.iter().map(ToString::to_string).collect()
        };
        are_mostly_the_same(&words(before), &words(after))
    };
    match old_id.kind {
        Kind::Table | Kind::ForeignTable => are_mostly_the_same(
            &columns(sides.old, &old_id).into_iter().collect(),
            &columns(sides.new, &new_id).into_iter().collect(),
        ),
        Kind::Column | Kind::Domain => same("type"),
        Kind::Enum => mostly("labels"),
        Kind::Composite => mostly("attributes"),
        Kind::Range => same("range"),
        Kind::Sequence => is_same_place && !before.has("owned by") && before == after,
        Kind::View | Kind::MaterializedView => same("definition"),
        Kind::Constraint | Kind::Index => {
            is_same_place && bare(sides, &old_id, before) == bare(sides, &new_id, after)
        }
        _ => false,
    }
}

/// Whether at least half of either is in both.
fn are_mostly_the_same<T: Ord>(one: &BTreeSet<T>, other: &BTreeSet<T>) -> bool {
    let both = one.intersection(other).count();
    both > 0 && both * 2 >= one.len().max(other.len())
}
