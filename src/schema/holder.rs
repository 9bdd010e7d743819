//! What goes with something that goes, and the names that it leaves free.

use std::rc::Rc;

use super::model::{Id, Kind};

/// Whether something goes with its holder without being named.
pub(super) fn takes_along(holder: &Id, id: &Id) -> bool {
    let is_part = matches!(
        id.kind,
        Kind::Column
            | Kind::ViewColumn
            | Kind::Inheritance
            | Kind::Typing
            | Kind::Default
            | Kind::Constraint
            | Kind::DomainConstraint
            | Kind::Index
            | Kind::Rule
            | Kind::Trigger
            | Kind::Policy
            | Kind::Sequence
            | Kind::Statistics
    );
    // A generated column, a trigger or a policy is no part of a column.
    let survives = holder.kind == Kind::Column
        && !matches!(
            id.kind,
            Kind::Default | Kind::Constraint | Kind::Index | Kind::Statistics | Kind::Sequence
        );
    let is_own_kind = match holder.kind {
        Kind::Composite => id.kind == Kind::ViewColumn,
        Kind::Domain => id.kind == Kind::DomainConstraint,
        _ => true,
    };
    // A foreign key needs two tables, and is a part of one.
    let is_its_own = id.names.len() < 3 || holder.names.get(..2) == id.names.get(..2);
    is_part
        && is_own_kind
        && !survives
        && is_its_own
        && matches!(
            holder.kind,
            Kind::Table
                | Kind::ForeignTable
                | Kind::Column
                | Kind::View
                | Kind::MaterializedView
                | Kind::Composite
                | Kind::Domain
        )
}

/// The name that an object takes in its schema, among relations and types.
pub(super) fn relation_name(id: &Id) -> Option<(Rc<str>, Rc<str>)> {
    match id.kind {
        Kind::Table
        | Kind::ForeignTable
        | Kind::View
        | Kind::MaterializedView
        | Kind::Index
        | Kind::Sequence
        | Kind::Enum
        | Kind::Domain
        | Kind::Composite
        | Kind::Range => Some((id.names[0].clone(), id.names[1].clone())),
        // Its index has its name.
        Kind::Constraint => Some((id.names[0].clone(), id.names[2].clone())),
        _ => None,
    }
}
