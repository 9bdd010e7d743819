//! What there is in a schema: objects with plain attributes, and who depends on whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use super::links::Links;
use super::names::Names;
use super::{acl, canonical, shared};

/// Makes the kinds with the names that the catalog queries give them.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $name:literal,)*) => {
        /// What an object is. The order is the one in which unrelated objects are made.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Kind {
            /// Its name, in the catalog queries and for people.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// The kind of that name.
            pub fn of(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$kind),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// A schema.
    Schema "schema",
    /// An extension, with all that belongs to it.
    Extension "extension",
    /// A procedural language.
    Language "language",
    /// An access method.
    AccessMethod "access method",
    /// A foreign data wrapper.
    Wrapper "foreign data wrapper",
    /// A foreign server.
    Server "server",
    /// Who somebody is on a foreign server.
    UserMapping "user mapping",
    /// A collation.
    Collation "collation",
    /// A text search parser.
    SearchParser "text search parser",
    /// A text search template.
    SearchTemplate "text search template",
    /// A text search dictionary.
    SearchDictionary "text search dictionary",
    /// A text search configuration.
    SearchConfiguration "text search configuration",
    /// A conversion between encodings.
    Conversion "conversion",
    /// An enum.
    Enum "enum",
    /// A domain, without its constraints.
    Domain "domain",
    /// A composite type that is no table's.
    Composite "composite type",
    /// A range, with its multirange.
    Range "range",
    /// A check of a domain.
    DomainConstraint "domain constraint",
    /// A sequence that is no identity column's.
    Sequence "sequence",
    /// A function or procedure.
    Function "function",
    /// An aggregate.
    Aggregate "aggregate",
    /// A cast.
    Cast "cast",
    /// How a language sees the values of a type.
    Transform "transform",
    /// An operator.
    Operator "operator",
    /// An operator family, without its members.
    OperatorFamily "operator family",
    /// An operator class, with its members.
    OperatorClass "operator class",
    /// A table, without its columns.
    Table "table",
    /// A foreign table, without its columns.
    ForeignTable "foreign table",
    /// A column of either.
    Column "column",
    /// The sequence of an identity column.
    IdentitySequence "identity sequence",
    /// The default of a column.
    Default "default",
    /// A constraint of a table.
    Constraint "constraint",
    /// A view.
    View "view",
    /// A materialized view.
    MaterializedView "materialized view",
    /// What is said of a column of either, or of an attribute of a composite type.
    ViewColumn "view column",
    /// An index that no constraint has.
    Index "index",
    /// That a table is a partition or an heir of another.
    Inheritance "inheritance",
    /// That a table is one of a composite type.
    Typing "type of a table",
    /// Extended statistics.
    Statistics "statistics",
    /// A rule.
    Rule "rule",
    /// A trigger.
    Trigger "trigger",
    /// A policy of row level security.
    Policy "policy",
    /// An event trigger.
    EventTrigger "event trigger",
    /// A publication, without what it publishes.
    Publication "publication",
    /// A table of a publication.
    PublicationTable "publication table",
    /// A schema of a publication.
    PublicationSchema "publication schema",
    /// Privileges on what an extension brought.
    MemberPrivileges "privileges of an extension",
    /// Privileges of what will be made.
    DefaultPrivileges "default privileges",
}

/// Identifies an object: what it is, and its names from the outside in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    /// What it is.
    pub kind: Kind,
    /// Schema, table, name: as many as the kind has. Not quoted.
    pub names: Names,
}

impl Id {
    /// An object's id.
    pub fn new(kind: Kind, names: &[&str]) -> Self {
        Self {
            kind,
            names: names.iter().copied().collect(),
        }
    }

    /// A name by its place; nothing where there is none.
    pub fn name(&self, index: usize) -> &str {
        self.names.get(index).map_or("", |name| name)
    }

    /// The last name: the object's own.
    pub fn own_name(&self) -> &str {
        self.names.last().map_or("", |name| name)
    }

    /// The table or domain that it is a part of, if it is one's.
    #[must_use]
    pub fn table(&self, kind: Kind) -> Self {
        Self {
            kind,
            names: self.names.iter().take(2).cloned().collect(),
        }
    }
}

/// Ends each name and each value: the one letter that no text in PostgreSQL has.
const END: char = '\0';

/// What is known of an object: texts by their names, in the order of the names.
///
/// They are one text: an object has half a dozen of them, of a few letters each, and a map would be
/// many times their size.
#[derive(Clone, Default)]
pub struct Attributes(Rc<str>);

impl Attributes {
    /// Attributes by their names, of which a later one counts, kept once if they were read before.
    /// Empties `pairs`, and leaves its room for the next.
    pub fn shared(pairs: &mut Vec<(&str, &str)>) -> Self {
        let text = packed(pairs);
        pairs.clear();
        Self(shared::text(&text))
    }

    /// All of them: name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut texts = self.0.split_terminator(END);
        std::iter::from_fn(move || Some((texts.next()?, texts.next()?)))
    }

    /// An attribute, if the object has it.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut all = self.iter();
        all.find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// Whether it has the attribute at all.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets an attribute.
    pub fn set(&mut self, name: &str, value: &str) {
        let mut pairs: Vec<(&str, &str)> = self.iter().collect();
        pairs.push((name, value));
        self.0 = packed(&mut pairs).into();
    }

    /// Forgets an attribute.
    pub fn remove(&mut self, name: &str) {
        if self.has(name) {
            let mut pairs: Vec<(&str, &str)> = self.iter().collect();
            pairs.retain(|(own, _)| *own != name);
            self.0 = packed(&mut pairs).into();
        }
    }

    /// The names of the attributes that are not the same in both.
    pub fn differing<'a>(&'a self, other: &'a Self) -> BTreeSet<&'a str> {
        if self == other {
            return BTreeSet::new();
        }
        let names = self.iter().chain(other.iter()).map(|(name, _)| name);
        names
            .filter(|name| !canonical::same(self.get(name), other.get(name)))
            .collect()
    }
}

fn packed(pairs: &mut Vec<(&str, &str)>) -> String {
    // A stable order: of two with one name, the later one stays behind.
    pairs.sort_by_key(|(name, _)| *name);
    let mut text = String::new();
    for (at, (name, value)) in pairs.iter().enumerate() {
        if pairs.get(at + 1).is_some_and(|(next, _)| next == name) {
            continue;
        }
        for part in [name, value] {
            debug_assert!(!part.contains(END), "no text in PostgreSQL has it");
            text.push_str(part);
            text.push(END);
        }
    }
    text
}

impl PartialEq for Attributes {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for Attributes {}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// All of a schema.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// The objects.
    pub objects: BTreeMap<Id, Attributes>,
    /// What each object needs to be there, by the server's own account.
    pub links: Links,
    /// The schema objects in it that castoff does not know how to change, as `kind name`.
    pub unknown: Vec<String>,
    /// Who read it: what this role makes is its own without a word.
    pub role: Box<str>,
    /// From which types to which there is a cast, as the server writes types.
    pub casts: BTreeSet<(Box<str>, Box<str>)>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a schema comes from, which decides what its owners mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// A database of somebody's: everything there belongs to whom it says.
    #[default]
    Found,
    /// Made in a scratch database: what belongs to the role that made it has no owner yet, as nobody
    /// said one.
    Made,
}

/// What all kinds have, and what a comparison may leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// Who owns it.
    Owner,
    /// Who may do what with it.
    Privileges,
    /// What is said of it.
    Comment,
}

impl Schema {
    /// Notes that `id` needs `other`.
    pub fn add_need(&mut self, id: &Id, other: &Id) {
        self.links.add(id, other);
    }

    /// Whether an owner is not said, but only whoever made the thing.
    pub fn is_unsaid(&self, owner: Option<&str>) -> bool {
        self.origin == Origin::Made && owner == Some(&*self.role)
    }

    /// Takes the default privileges of the role that read the schema as those of whoever runs the
    /// statements: such roles have other names elsewhere.
    pub fn leave_role_unsaid(&mut self) {
        let is_own = |id: &Id| id.kind == Kind::DefaultPrivileges && id.name(0) == &*self.role;
        let own: Vec<Id> = self
            .objects
            .keys()
            .filter(|id| is_own(id))
            .cloned()
            .collect();
        for id in own {
            let mut unsaid = id.clone();
            unsaid.names[0] = Rc::from("");
            if let Some(attributes) = self.objects.remove(&id) {
                self.objects.insert(unsaid.clone(), attributes);
            }
            let needs: Vec<Id> = self.needs(&id).cloned().collect();
            for needed in &needs {
                self.add_need(&unsaid, needed);
            }
        }
    }

    /// Forgets what a comparison is to leave out.
    pub fn forget(&mut self, aspect: Aspect) {
        let name = match aspect {
            Aspect::Owner => "owner",
            Aspect::Comment => "comment",
            Aspect::Privileges => "acl",
        };
        if aspect == Aspect::Privileges {
            let kinds = [Kind::DefaultPrivileges, Kind::MemberPrivileges];
            self.objects.retain(|id, _| !kinds.contains(&id.kind));
        }
        for attributes in self.objects.values_mut() {
            if let (Aspect::Owner, Some(owner)) = (aspect, attributes.get("owner")) {
                // What the owner may do is his whoever he is.
                let owner = owner.to_owned();
                acl::give(attributes, &owner, acl::OWNER);
            }
            attributes.remove(name);
        }
    }

    /// The parts of a relation that are of a kind, in the order of their names.
    pub fn parts(&self, relation: &Id, kind: Kind) -> impl Iterator<Item = (&Id, &Attributes)> {
        let first = Id {
            kind,
            names: relation.names.iter().take(2).cloned().collect(),
        };
        let names = first.names.clone();
        self.objects
            .range(first..)
            .take_while(move |(id, _)| id.kind == kind && id.names.get(..2) == Some(&names[..]))
    }

    /// All objects of a kind, in the order of their names.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = (&Id, &Attributes)> {
        let before_all = Id::new(kind, &[]);
        self.objects
            .range(before_all..)
            .take_while(move |(id, _)| id.kind == kind)
    }

    /// What an object needs.
    pub fn needs(&self, id: &Id) -> impl Iterator<Item = &Id> {
        self.links.needs(id)
    }

    /// Who needs an object.
    pub fn needed_by(&self, id: &Id) -> impl Iterator<Item = &Id> {
        self.links.needed_by(id)
    }

    /// What is known of an object.
    pub fn get(&self, id: &Id) -> Option<&Attributes> {
        self.objects.get(id)
    }

    /// Whether something is a constraint with an index of its own.
    pub fn is_key(&self, id: &Id) -> bool {
        let attributes = self.get(id).filter(|_| id.kind == Kind::Constraint);
        let kind = attributes.and_then(|attributes| attributes.get("type"));
        kind.is_some_and(|kind| matches!(kind, "p" | "u" | "x"))
    }

    /// The table, foreign table or view that something with a schema, a relation and a name of its
    /// own belongs to.
    pub fn relation_of(&self, id: &Id) -> Option<Id> {
        [
            Kind::Table,
            Kind::ForeignTable,
            Kind::View,
            Kind::MaterializedView,
            Kind::Domain,
        ]
        .into_iter()
        .map(|kind| id.table(kind))
        .find(|id| self.objects.contains_key(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_owners_privileges_are_the_owners_still() {
        let made_by = |owner: &str, acl: &str| {
            let mut schema = Schema::default();
            let mut attributes = Attributes::default();
            attributes.set("owner", owner);
            attributes.set("acl", acl);
            let id = Id::new(Kind::Table, &["public", "t"]);
            schema.objects.insert(id, attributes);
            schema.forget(Aspect::Owner);
            schema.objects
        };
        let one = made_by("one", r#"["one=arw/one", "web=r/one"]"#);
        let other = made_by("t wo", r#"["\"t wo\"=arw/\"t wo\"", "web=r/\"t wo\""]"#);
        assert_eq!(one, other);
    }

    #[test]
    fn attributes_are_set_and_forgotten_like_those_of_a_map() {
        let mut attributes = Attributes::shared(&mut vec![("b", "1"), ("a", ""), ("b", "2")]);
        assert_eq!(format!("{attributes:?}"), r#"{"a": "", "b": "2"}"#);
        assert_eq!((attributes.get("a"), attributes.get("")), (Some(""), None));
        attributes.set("aa", "3");
        attributes.set("b", "4");
        attributes.remove("a");
        attributes.remove("c");
        assert_eq!(format!("{attributes:?}"), r#"{"aa": "3", "b": "4"}"#);
        assert!(attributes.has("aa") && !attributes.has("a"));
        let other = Attributes::shared(&mut vec![("b", "4"), ("c", "")]);
        assert_eq!(attributes.differing(&other), BTreeSet::from(["aa", "c"]),);
        assert_ne!(attributes, other);
        attributes.remove("aa");
        attributes.set("c", "");
        assert_eq!(attributes, other);
    }
}
