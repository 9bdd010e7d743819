//! What there is in a schema: objects with plain attributes, and who depends on whom.

use std::collections::{BTreeMap, BTreeSet};

use super::canonical;

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
    pub names: Vec<Box<str>>,
}

impl Id {
    /// An object's id.
    pub fn new(kind: Kind, names: &[&str]) -> Self {
        Self {
            kind,
            names: names.iter().map(|name| Box::from(*name)).collect(),
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

/// What is known of an object: texts by their names, in the order of the names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(BTreeMap<Box<str>, Box<str>>);

impl Attributes {
    /// An attribute, if the object has it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| &**value)
    }

    /// Whether it has the attribute at all.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Sets an attribute.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.into(), value.into());
    }

    /// Forgets an attribute.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// The names of the attributes that are not the same in both.
    pub fn differing<'a>(&'a self, other: &'a Self) -> BTreeSet<&'a str> {
        let names = self.0.keys().chain(other.0.keys());
        names
            .map(|name| &**name)
            .filter(|name| !canonical::same(self.get(name), other.get(name)))
            .collect()
    }
}

/// All of a schema.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// The objects.
    pub objects: BTreeMap<Id, Attributes>,
    /// What each object needs to be there, by the server's own account.
    pub needs: BTreeMap<Id, BTreeSet<Id>>,
    /// The other way round.
    pub needed_by: BTreeMap<Id, BTreeSet<Id>>,
    /// The schema objects in it that castoff does not know how to change, as `kind name`.
    pub unknown: Vec<String>,
    /// Who read it: what this role makes is its own without a word.
    pub role: Box<str>,
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
        if id != other {
            self.needs
                .entry(id.clone())
                .or_default()
                .insert(other.clone());
            self.needed_by
                .entry(other.clone())
                .or_default()
                .insert(id.clone());
        }
    }

    /// Whether an owner is not said, but only whoever made the thing.
    pub fn is_unsaid(&self, owner: Option<&str>) -> bool {
        self.origin == Origin::Made && owner == Some(&*self.role)
    }

    /// Takes the default privileges of the role that read the schema as those of whoever runs the
    /// statements: such roles have other names elsewhere.
    pub fn leave_role_unsaid(&mut self) {
        let is_own =
            |id: &Id| id.kind == Kind::DefaultPrivileges && id.names.first() == Some(&self.role);
        let own: Vec<Id> = self
            .objects
            .keys()
            .filter(|id| is_own(id))
            .cloned()
            .collect();
        for id in own {
            let mut unsaid = id.clone();
            unsaid.names[0] = Box::default();
            if let Some(attributes) = self.objects.remove(&id) {
                self.objects.insert(unsaid.clone(), attributes);
            }
            for needed in self.needs.remove(&id).unwrap_or_default() {
                if let Some(users) = self.needed_by.get_mut(&needed) {
                    users.remove(&id);
                }
                self.add_need(&unsaid, &needed);
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

    /// What an object needs.
    pub fn needs(&self, id: &Id) -> impl Iterator<Item = &Id> {
        self.needs.get(id).into_iter().flatten()
    }

    /// Who needs an object.
    pub fn needed_by(&self, id: &Id) -> impl Iterator<Item = &Id> {
        self.needed_by.get(id).into_iter().flatten()
    }

    /// What is known of an object.
    pub fn get(&self, id: &Id) -> Option<&Attributes> {
        self.objects.get(id)
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
