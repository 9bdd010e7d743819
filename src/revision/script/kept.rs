//! A migration as the ledger keeps it: the SQL of each section apart, and the frame around it, so
//! that a longer section can be left out and the rest still be read.

use std::ops::Range;

use super::error::ScriptError;
use super::{Downgrade, Script, Section, SectionOptions};
use crate::revision::checksum::{Checksum, Checksums};
use crate::revision::id::RevisionId;

/// What stands before the id in the path of a script that no file made.
const PATH: &str = "ledger:";

/// Whether this is the path of a script that no file made.
pub fn is_kept(path: &str) -> bool {
    path.starts_with(PATH)
}

/// What the ledger has of one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept<'k> {
    /// The revision.
    pub id: &'k RevisionId,
    /// The parents.
    pub down_revisions: &'k [RevisionId],
    /// What else must be applied before.
    pub depends_on: &'k [RevisionId],
    /// What the migration does.
    pub message: &'k str,
    /// The file without the SQL of its sections.
    pub frame: Option<&'k str>,
    /// The upgrade section, unless it was too long.
    pub upgrade: Option<&'k str>,
    /// The downgrade section, unless it was too long or is not there.
    pub downgrade: Option<&'k str>,
    /// Its sums.
    pub checksums: Checksums,
}

/// Why a revision cannot be read from what the ledger has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The ledger has no text of it.
    #[error("the ledger does not have its text")]
    NotKept,
    /// Its way back was too long to keep.
    #[error("its downgrade section is longer than the ledger keeps")]
    TooLong,
    /// This castoff does not understand the text: a newer one wrote it.
    #[error(transparent)]
    Script(ScriptError),
    /// Its file has no downgrade section.
    #[error("its file has no downgrade section")]
    NoWayBack,
    /// The text is not the one that the recorded checksum is of.
    #[error("the ledger's text is not the one that was recorded")]
    Altered,
}

impl Script {
    /// The file without the SQL of its sections: header and section lines.
    pub fn frame(&self) -> String {
        let mut spans = vec![&self.upgrade.span];
        if let Downgrade::Script(section) = &self.downgrade {
            spans.push(&section.span);
        }
        spans.sort_unstable_by_key(|span| span.start);
        // Piece by piece: a copy of the whole would hold a long section twice.
        let mut frame = String::new();
        let mut end = 0;
        for span in spans {
            frame.push_str(&self.text[end..span.start]);
            end = span.end;
        }
        frame.push_str(&self.text[end..]);
        frame
    }

    /// Whether it was read from the ledger, because no file makes its revision.
    pub fn is_kept(&self) -> bool {
        is_kept(&self.path)
    }
}

impl Kept<'_> {
    /// The script as its file made it. Its sums are those that were recorded.
    pub fn script(&self) -> Result<Script, Unreadable> {
        let frame = self.frame.ok_or(Unreadable::NotKept)?;
        let outline = self.parse(frame)?;
        let mut inserts = vec![(outline.upgrade.span.start, self.upgrade.unwrap_or_default())];
        if let Downgrade::Script(section) = &outline.downgrade {
            let downgrade = self.downgrade.ok_or(Unreadable::TooLong)?;
            inserts.push((section.span.start, downgrade));
        }
        inserts.sort_unstable_by_key(|(start, _)| std::cmp::Reverse(*start));
        let mut text = frame.to_owned();
        for (start, section) in inserts {
            text.insert_str(start, section);
        }
        if self.upgrade.is_some() && !self.is_of(&text) {
            return Err(Unreadable::Altered);
        }
        let mut script = self.parse(&text)?;
        if script.id != *self.id {
            return Err(Unreadable::Altered);
        }
        script.checksums = self.checksums;
        Ok(script)
    }

    /// What is known of the revision when its text cannot be read: enough for its place among the
    /// others, and no way back.
    pub fn shell(&self) -> Script {
        let nothing: Range<usize> = 0..0;
        Script {
            path: self.path(),
            text: String::new(),
            id: self.id.clone(),
            message: self.message.to_owned(),
            down_revisions: self.down_revisions.to_vec(),
            depends_on: self.depends_on.to_vec(),
            branch_labels: Vec::new(),
            breaking: None,
            placeholders: Vec::new(),
            requires_backfill: Vec::new(),
            replaces: Vec::new(),
            squashed: None,
            upgrade: Section {
                options: SectionOptions::default(),
                span: nothing,
                statements: Vec::new(),
            },
            probes: Vec::new(),
            downgrade: Downgrade::Missing,
            checksums: self.checksums,
        }
    }

    fn path(&self) -> String {
        format!("{PATH}{}", self.id)
    }

    fn parse(&self, text: &str) -> Result<Script, Unreadable> {
        Script::parse(&self.path(), text.as_bytes().to_vec()).map_err(Unreadable::Script)
    }

    /// Whether these are the bytes that were recorded. Of a byte order mark only the sum knows.
    fn is_of(&self, text: &str) -> bool {
        let marked = || Checksum::of(format!("\u{feff}{text}").as_bytes());
        let raw = self.checksums.raw;
        Checksum::of(text.as_bytes()) == raw || marked() == raw
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "-- Add users\n-- revision: bbbb22\n-- down_revision: aaaa11\n\n\
                        -- upgrade autocommit\ncreate table u ();\n\n\
                        -- downgrade lock_timeout=2s\ndrop table u;\n";

    /// Keeps a file, changes what is kept, and reads it again.
    fn again(file: &str, change: impl FnOnce(&mut Kept<'_>)) -> Result<Script, Unreadable> {
        let script = Script::parse("x.sql", file.into()).unwrap();
        let frame = script.frame();
        let downgrade = match &script.downgrade {
            Downgrade::Script(section) => script.text.get(section.span.clone()),
            Downgrade::Irreversible { .. } | Downgrade::Missing => None,
        };
        let mut kept = Kept {
            id: &script.id,
            down_revisions: &script.down_revisions,
            depends_on: &script.depends_on,
            message: &script.message,
            frame: Some(&frame),
            upgrade: script.text.get(script.upgrade.span.clone()),
            downgrade,
            checksums: script.checksums,
        };
        change(&mut kept);
        kept.script()
    }

    fn check(file: &str) {
        let before = Script::parse("ledger:bbbb22", file.into()).unwrap();
        assert_eq!(again(file, |_| {}), Ok(before), "{file}");
    }

    #[test]
    fn what_is_kept_makes_the_same_script() {
        check(FILE);
        check(&FILE.replace('\n', "\r\n"));
        check(&format!("\u{feff}{FILE}"));
        check("-- revision: bbbb22\n-- downgrade\nselect 1;\n-- upgrade\nselect 2;");
        check("-- revision: bbbb22\n-- downgrade\n-- upgrade");
        check(
            "-- revision: bbbb22\n-- upgrade\nselect 2;\n  -- downgrade irreversible: gone\n-- why\n",
        );
        check("-- revision: bbbb22\n-- breaking: the column: is gone\n-- upgrade\nselect 2;");
    }

    #[test]
    fn the_way_back_is_there_without_a_long_way_forward() {
        let script = again(FILE, |kept| kept.upgrade = None).unwrap();
        let Downgrade::Script(section) = &script.downgrade else {
            panic!("it has one");
        };
        assert_eq!(&script.text[section.span.clone()], "drop table u;\n");
        assert_eq!(section.options.lock_timeout.as_deref(), Some("2s"));
        assert!(script.upgrade.statements.is_empty());
    }

    #[test]
    fn what_cannot_be_trusted_is_not_read() {
        let found = |change: fn(&mut Kept<'_>)| again(FILE, change).unwrap_err().to_string();
        let altered = "the ledger's text is not the one that was recorded";
        assert_eq!(
            found(|kept| kept.downgrade = Some("drop schema public;")),
            altered
        );
        assert_eq!(
            found(|kept| kept.downgrade = None),
            "its downgrade section is longer than the ledger keeps"
        );
        assert_eq!(
            found(|kept| kept.frame = None),
            "the ledger does not have its text"
        );
        assert_eq!(
            found(|kept| kept.frame = Some("-- x\n-- revision: bbbb22\n-- later: x\n-- upgrade\n")),
            "unknown header key `later`"
        );
        assert_eq!(
            found(|kept| {
                kept.upgrade = None;
                kept.frame = Some("-- revision: cccc33\n-- upgrade\n");
            }),
            altered
        );
    }
}
