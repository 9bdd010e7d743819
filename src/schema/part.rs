//! A part of a schema that can be made by itself: some objects, and what they need.

use std::collections::{BTreeMap, BTreeSet};

use super::links::Links;
use super::model::{Id, Kind, Schema};

impl Schema {
    /// The part of the schema with these objects and all that they need, however far away.
    #[must_use]
    pub fn part(&self, ids: &BTreeSet<&Id>) -> Self {
        let mut objects = BTreeMap::new();
        let mut todo: Vec<&Id> = ids.iter().copied().collect();
        while let Some(id) = todo.pop() {
            // The caller's own id may be of another schema.
            let Some((id, attributes)) = self.objects.get_key_value(id) else {
                continue;
            };
            if objects.insert(id.clone(), attributes.clone()).is_some() {
                continue;
            }
            todo.extend(self.links.needs(id));
            if matches!(id.kind, Kind::Table | Kind::ForeignTable) {
                // A table is made with its columns, and as somebody's partition or heir.
                todo.extend(self.parts(id, Kind::Column).map(|(column, _)| column));
                let users = self.links.needed_by(id);
                todo.extend(users.filter(|user| {
                    user.kind == Kind::Inheritance && user.names.get(..2) == id.names.get(..2)
                }));
            }
        }
        let mut links = Links::between(objects.keys().cloned().collect());
        for id in objects.keys() {
            for needed in self.links.needs(id) {
                links.add(id, needed);
            }
        }
        links.settle();
        Self {
            objects,
            links,
            unknown: Vec::new(),
            role: self.role.clone(),
            casts: self.casts.clone(),
            origin: self.origin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::model::Attributes;

    /// `t` a table, `t.c` a column, `t<p` that t is a partition of p, `c!t` a constraint.
    fn id(word: &str) -> Id {
        if let Some((child, parent)) = word.split_once('<') {
            Id::new(Kind::Inheritance, &["s", child, "s", parent])
        } else if let Some((table, column)) = word.split_once('.') {
            Id::new(Kind::Column, &["s", table, column])
        } else if let Some((name, table)) = word.split_once('!') {
            Id::new(Kind::Constraint, &["s", table, name])
        } else {
            Id::new(Kind::Table, &["s", word])
        }
    }

    fn schema(objects: &str, needs: &str) -> Schema {
        let mut schema = Schema::default();
        for word in objects.split_whitespace() {
            schema.objects.insert(id(word), Attributes::default());
        }
        for link in needs.split_whitespace() {
            let (who, whom) = link.split_once("->").unwrap();
            schema.add_need(&id(who), &id(whom));
        }
        schema
    }

    #[track_caller]
    fn check(schema: &Schema, wanted: &str, expected: &str) {
        let wanted: Vec<Id> = wanted.split_whitespace().map(id).collect();
        let part = schema.part(&wanted.iter().collect());
        let expected: BTreeSet<Id> = expected.split_whitespace().map(id).collect();
        let found: BTreeSet<Id> = part.objects.keys().cloned().collect();
        assert_eq!(found, expected, "{wanted:?}");
        for id in &found {
            for needed in part.needs(id) {
                assert!(found.contains(needed), "{needed:?} is needed by {id:?}");
            }
        }
    }

    #[test]
    fn a_part_has_all_that_it_needs_and_nothing_else() {
        let schema = schema(
            "a a.x a.y b b.x k!a p p.x q q<p",
            "a.x->a a.y->a b.x->b k!a->a k!a->a.x k!a->b.x p.x->p q<p->q q<p->p q<p->p.x",
        );
        check(&schema, "a.x", "a a.x a.y");
        check(&schema, "k!a", "a a.x a.y b b.x k!a");
        check(&schema, "q", "q q<p p p.x");
        check(&schema, "p", "p p.x");
        check(&schema, "c b", "b b.x");
        check(&schema, "", "");
    }

    #[test]
    fn the_links_of_a_part_are_those_of_the_whole() {
        let schema = schema("a a.x k!a", "a.x->a k!a->a.x");
        let part = schema.part(&BTreeSet::from([&id("k!a")]));
        let needs: Vec<Id> = part.needs(&id("k!a")).cloned().collect();
        assert_eq!(needs, [id("a.x")]);
        let users: Vec<Id> = part.needed_by(&id("a")).cloned().collect();
        assert_eq!(users, [id("a.x")]);
    }
}
