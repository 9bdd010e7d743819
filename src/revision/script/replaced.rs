//! What a squashed file stands for: the header lines that `castoff squash` writes.
//!
//! `replaces: ID CHECKSUM PARENTS` for each revision that it took in, itself included, oldest first:
//! what that revision was before. From these lines follows the lineage that the last of them had, and
//! the squashed file keeps it: databases at it or above do not see a difference.
//! `squashed: CHECKSUM` is what the upgrade of the file itself was when it was written, so that an
//! edit of it is one.

use crate::revision::checksum::{Checksum, Lineage};
use crate::revision::id::RevisionId;

use super::Script;
use super::error::Problem;

/// The keys.
pub const REPLACES: &str = "replaces";
/// The key of the file's own checksum.
pub const SQUASHED: &str = "squashed";

/// A revision as it was before it was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The revision.
    pub id: RevisionId,
    /// What its upgrade did.
    pub canonical: Checksum,
    /// What it followed and depended on.
    pub needs: Vec<RevisionId>,
}

impl Replaced {
    /// What a file is before it is taken in: what it says of itself, or what it has taken in before.
    pub fn of(script: &Script) -> Vec<Self> {
        if script.is_squashed() {
            return script.replaces.clone();
        }
        let mut needs: Vec<RevisionId> = Vec::new();
        for id in script.down_revisions.iter().chain(&script.depends_on) {
            if !needs.contains(id) {
                needs.push(id.clone());
            }
        }
        vec![Self {
            id: script.id.clone(),
            canonical: script.checksums.canonical,
            needs,
        }]
    }

    /// The header line.
    pub fn line(&self) -> String {
        let needs: Vec<&str> = self.needs.iter().map(RevisionId::as_str).collect();
        let line = format!(
            "{REPLACES}: {} {} {}",
            self.id,
            self.canonical,
            needs.join(",")
        );
        line.trim_end().to_owned()
    }

    /// Reads the value of the line.
    pub(super) fn parse(value: &str) -> Result<Self, Problem> {
        let refused = || Problem::InvalidReplaces {
            value: value.to_owned(),
        };
        let mut words = value.split_whitespace();
        let (id, sum, needs) = (words.next(), words.next(), words.next());
        if words.next().is_some() {
            return Err(refused());
        }
        let id = RevisionId::new(id.unwrap_or_default()).map_err(|_| refused())?;
        let canonical = checksum(sum.unwrap_or_default())?;
        let needs = needs.unwrap_or_default().split(',');
        let needs = needs.filter(|need| !need.is_empty()).map(RevisionId::new);
        Ok(Self {
            id,
            canonical,
            needs: needs.collect::<Result<_, _>>().map_err(|_| refused())?,
        })
    }
}

/// Reads a checksum in a header.
pub(super) fn checksum(value: &str) -> Result<Checksum, Problem> {
    Checksum::parse(value).map_err(|_| Problem::InvalidReplaces {
        value: value.to_owned(),
    })
}

impl Script {
    /// Whether it stands for others, and is as it was when it was made of them.
    pub fn is_squashed(&self) -> bool {
        self.squashed == Some(self.checksums.canonical) && self.was().is_some()
    }

    /// What the revision itself was before others were taken in.
    pub fn was(&self) -> Option<&Replaced> {
        self.replaces.iter().find(|replaced| replaced.id == self.id)
    }

    /// The lineage that the revision had before, from those of what it stands on; nothing where
    /// the file is no squashed one.
    pub fn lineage_before(
        &self,
        below: impl Fn(&RevisionId) -> Option<Lineage>,
    ) -> Option<Lineage> {
        if !self.is_squashed() {
            return None;
        }
        let mut lineages: Vec<(&RevisionId, Lineage)> = Vec::new();
        for replaced in &self.replaces {
            let of = |id: &RevisionId| {
                let inside = lineages.iter().find(|(other, _)| *other == id);
                inside.map(|(_, lineage)| *lineage).or_else(|| below(id))
            };
            let parents: Vec<Lineage> = replaced.needs.iter().map(of).collect::<Option<_>>()?;
            let parents: Vec<&Lineage> = parents.iter().collect();
            let lineage = Lineage::of(&replaced.id, &replaced.canonical, &parents);
            lineages.push((&replaced.id, lineage));
        }
        lineages
            .into_iter()
            .find(|(id, _)| **id == self.id)
            .map(|(_, lineage)| lineage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn check(value: &str, expected: bool) {
        let parsed = Replaced::parse(value);
        assert_eq!(parsed.is_ok(), expected, "{value}: {parsed:?}");
        if let Ok(parsed) = parsed {
            assert_eq!(parsed.line(), format!("replaces: {value}"));
        }
    }

    #[test]
    fn a_line_is_an_id_a_checksum_and_what_came_before() {
        check(&format!("aaaa11 {SUM}"), true);
        check(&format!("aaaa11 {SUM} bbbb22"), true);
        check(&format!("aaaa11 {SUM} bbbb22,cccc33"), true);
        check("aaaa11", false);
        check("aaaa11 123", false);
        check(&format!("A! {SUM}"), false);
        check(&format!("aaaa11 {SUM} b! c"), false);
        check(&format!("aaaa11 {SUM} bbbb22 cccc33"), false);
        check("", false);
    }
}
