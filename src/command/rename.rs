//! What has another name, as options and comments say, and as somebody answers who is asked.

use super::migrate::asked;
use crate::error::Error;
use crate::report;
use crate::run::signal::Stop;
use crate::schema::model::Kind;
use crate::schema::rename::candidate::Candidate;
use crate::schema::rename::wish::Wish;
use crate::scratch::renamed::{self, Comments, Renamed};
use crate::scratch::{Scratch, Snapshot};
use crate::sql::ident::Ident;

/// What is compared.
pub(super) struct Renaming<'s> {
    pub(super) scratch: &'s Scratch<'s>,
    pub(super) database: &'s Ident,
    pub(super) head: &'s Snapshot,
    pub(super) declared: &'s Snapshot,
}

impl Renaming<'_> {
    /// Carries out what is wished, and asks about what may be wished where somebody can be asked.
    /// What may be meant and is not said is returned as options.
    pub(super) fn settle(
        &self,
        stop: &Stop,
        mut wishes: Vec<Wish>,
    ) -> Result<(Option<Renamed>, Vec<String>), Error> {
        // In the first migration of all nothing can be known.
        let mut objects = self.head.schema.objects.keys();
        let comments = if objects.any(|id| id.kind != Kind::Schema) {
            Comments::MustFit
        } else {
            Comments::MayFit
        };
        let mut denied: Vec<Candidate> = Vec::new();
        loop {
            let sides = (self.head, self.declared);
            let renamed = renamed::rename(self.scratch, self.database, sides, &wishes, comments)?;
            let at = renamed
                .as_ref()
                .map_or(self.head, |renamed| &renamed.snapshot);
            let candidates = renamed::candidates(at, self.declared);
            let mut is_any = false;
            if report::can_ask() {
                for candidate in &candidates {
                    if denied.contains(candidate) {
                        continue;
                    }
                    if asked(stop, &candidate.question())? {
                        wishes.extend(candidate.wish());
                        is_any = true;
                        // Other candidates may be none now, and new ones may have come.
                        break;
                    }
                    denied.push(candidate.clone());
                }
            }
            if !is_any {
                let options = candidates.iter().map(Candidate::option).map(|option| {
                    if option.contains(['"', ' ', '(']) {
                        format!("--rename '{option}'")
                    } else {
                        format!("--rename {option}")
                    }
                });
                return Ok((renamed, options.collect()));
            }
        }
    }
}
