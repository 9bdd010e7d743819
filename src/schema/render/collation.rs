//! Collations that change: nothing about one can be altered but its name, so another takes its place,
//! and what has it moves over.

use super::types::{self, IN_THE_WAY_OF_A_TYPE};
use super::{Alteration, Sides, common, plain};
use crate::schema::model::{Attributes, Id, Kind};
use crate::schema::statement::Statement;

pub(super) fn alter(sides: &Sides<'_>, id: &Id, new: &Attributes) -> Alteration {
    let aside = sides.aside(id);
    let mut statements = vec![Statement::new(format!(
        "alter collation {} rename to {}",
        sides.qualified(id),
        sides.own(&aside)
    ))];
    statements.extend(plain::create(sides, id, new));
    statements.extend(common::after_create(sides, id, new));
    let qualified = sides.qualified(id);
    for user in sides.old.needed_by(id) {
        let Some(attributes) = sides.new.get(user) else {
            continue;
        };
        let has_it = attributes.get("collation") == Some(&qualified);
        match user.kind {
            Kind::Domain if has_it => {
                statements.extend(types::remake_domain(sides, user, attributes));
            }
            Kind::Column if has_it && !attributes.has("inherited") => {
                let kind = attributes.get("type").unwrap_or_default();
                statements.push(Statement::new(format!(
                    "alter table {} alter column {} type {kind} collate {qualified}",
                    sides.qualified(user),
                    sides.own(user)
                )));
            }
            Kind::Composite => {
                statements.extend(types::collate_attributes(sides, user, &qualified));
            }
            _ => {}
        }
    }
    statements.push(Statement::new(format!(
        "drop collation {}",
        sides.qualified(&aside)
    )));
    Alteration::Without(statements, IN_THE_WAY_OF_A_TYPE)
}
