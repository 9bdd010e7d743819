//! What has a name: the objects of a schema, and what stands in them as a list.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::schema::model::{Attributes, Id, Kind, Schema};

/// What is named within an object that keeps its parts as a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A value of an enum.
    Value,
    /// An attribute of a composite type.
    Attribute,
    /// A column of a view or a materialized view.
    ViewColumn,
}

/// What something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// An object of its own.
    Object(Kind),
    /// A part of one.
    Part(Part),
}

impl What {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Object(kind) => kind.name(),
            Self::Part(Part::Value) => "value",
            Self::Part(Part::Attribute) => "attribute",
            Self::Part(Part::ViewColumn) => "column",
        }
    }

    /// Whether it stands in a table, a view or a type.
    pub fn is_inside(self) -> bool {
        match self {
            Self::Part(_) => true,
            Self::Object(kind) => matches!(
                kind,
                Kind::Column
                    | Kind::Constraint
                    | Kind::DomainConstraint
                    | Kind::Trigger
                    | Kind::Policy
                    | Kind::Rule
            ),
        }
    }

    /// Whether it takes a name among the relations and types of its schema.
    pub fn is_relation_or_type(self) -> bool {
        matches!(
            self,
            Self::Object(
                Kind::Table
                    | Kind::ForeignTable
                    | Kind::View
                    | Kind::MaterializedView
                    | Kind::Index
                    | Kind::Sequence
                    | Kind::Enum
                    | Kind::Domain
                    | Kind::Composite
                    | Kind::Range
            )
        )
    }

    /// Whether it can be moved to another schema.
    pub fn can_move(self) -> bool {
        match self {
            Self::Object(Kind::Index) | Self::Part(_) => false,
            Self::Object(_) => !self.is_inside() && !self.is_alone(),
        }
    }

    /// Whether it is in no schema.
    pub fn is_alone(self) -> bool {
        matches!(
            self,
            Self::Object(
                Kind::Schema
                    | Kind::EventTrigger
                    | Kind::Publication
                    | Kind::Wrapper
                    | Kind::Server
                    | Kind::Language
            )
        )
    }
}

/// Something with a name that can be changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// What it is.
    pub what: What,
    /// Its names from the outside in.
    pub names: Vec<Rc<str>>,
    /// The argument types of a function.
    pub arguments: Option<Rc<str>>,
}

impl Item {
    /// Its own name.
    pub fn own(&self) -> &str {
        self.names.last().map_or("", |name| name)
    }

    /// Where it is: its schema, or the table or type that it is in.
    pub fn container(&self) -> &[Rc<str>] {
        self.names
            .split_last()
            .map_or(&[], |(_, container)| container)
    }

    /// The object itself, or the one that it is a part of.
    pub fn id(&self) -> Option<Id> {
        let What::Object(kind) = self.what else {
            return None;
        };
        let arguments = self.arguments.iter();
        Some(Id {
            kind,
            names: self.names.iter().chain(arguments).cloned().collect(),
        })
    }

    /// Whether a schema has something of its kind and names, with whatever arguments.
    pub fn is_named_in(&self, schema: &Schema) -> bool {
        let What::Object(kind) = self.what else {
            return false;
        };
        let first = Id {
            kind,
            names: self.names.iter().cloned().collect(),
        };
        let mut following = schema.objects.range(first..);
        following
            .next()
            .is_some_and(|(id, _)| id.kind == kind && id.names.starts_with(&self.names))
    }

    /// As people read it: `column public.t.a`.
    pub fn shown(&self) -> String {
        let names = super::wish::written(&self.names, self.arguments.as_deref());
        format!("{} {names}", self.what.name())
    }
}

/// All that can be renamed.
pub fn items(schema: &Schema) -> BTreeSet<Item> {
    items_of(&schema.objects)
}

/// The same, but for the objects that are alike in another schema.
pub fn items_apart(schema: &Schema, other: &Schema) -> BTreeSet<Item> {
    let objects = schema.objects.iter();
    items_of(objects.filter(|(id, attributes)| other.get(id) != Some(attributes)))
}

fn items_of<'s>(objects: impl IntoIterator<Item = (&'s Id, &'s Attributes)>) -> BTreeSet<Item> {
    let mut items = BTreeSet::new();
    for (id, attributes) in objects {
        for (part, own) in listed(id, |name| attributes.get(name)) {
            let mut names = id.names.to_vec();
            names.push(own.into());
            items.insert(Item {
                what: What::Part(part),
                names,
                arguments: None,
            });
        }
        if is_renamable(id.kind) {
            let mut names = id.names.to_vec();
            let has_arguments = matches!(id.kind, Kind::Function | Kind::Aggregate);
            let arguments = if has_arguments { names.pop() } else { None };
            items.insert(Item {
                what: What::Object(id.kind),
                names,
                arguments,
            });
        }
    }
    items
}

/// The parts that an object keeps as a list.
fn listed<'a>(id: &Id, get: impl Fn(&str) -> Option<&'a str>) -> Vec<(Part, String)> {
    let first = |texts: Vec<Vec<Option<String>>>| -> Vec<String> {
        let names = texts.into_iter();
        names
            .filter_map(|one| one.into_iter().next().flatten())
            .collect()
    };
    let read = |name: &str| serde_json::from_str(get(name).unwrap_or("[]")).unwrap_or_default();
    let (part, names) = match id.kind {
        Kind::Enum => {
            let labels = get("labels").unwrap_or("[]");
            (
                Part::Value,
                serde_json::from_str(labels).unwrap_or_default(),
            )
        }
        Kind::Composite => (Part::Attribute, first(read("attributes"))),
        Kind::View | Kind::MaterializedView => (Part::ViewColumn, first(read("columns"))),
        _ => return Vec::new(),
    };
    names.into_iter().map(|name| (part, name)).collect()
}

/// Whether the server can rename it.
fn is_renamable(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Extension
            | Kind::AccessMethod
            | Kind::UserMapping
            | Kind::Cast
            | Kind::Operator
            | Kind::OperatorFamily
            | Kind::OperatorClass
            | Kind::Default
            | Kind::ViewColumn
            | Kind::Inheritance
            | Kind::Typing
            | Kind::PublicationTable
            | Kind::PublicationSchema
            | Kind::MemberPrivileges
            | Kind::DefaultPrivileges
    )
}

/// The columns of each table, with what is known of their types, by name.
pub fn columns<'s>(schema: &'s Schema, table: &Id) -> BTreeMap<&'s str, &'s str> {
    let columns = schema.parts(table, Kind::Column);
    columns
        .map(|(id, column)| (id.own_name(), column.get("type").unwrap_or_default()))
        .collect()
}
