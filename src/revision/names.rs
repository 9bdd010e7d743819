//! What somebody means by a name: an id, a label, or the beginning of an id.

use super::connect::RESERVED;
use super::history::History;
use super::history_error::HistoryError;
use super::nearest::nearest;
use super::script::Script;

/// Fewest characters that stand for a whole id.
const SHORTEST_PREFIX: usize = 4;

impl History {
    /// The script somebody means by an id, a label, or the unambiguous beginning of an id.
    /// A whole id wins over a label, and a label over a beginning.
    pub fn resolve(&self, text: &str) -> Result<&Script, HistoryError> {
        self.find(text, None).map(|index| &self.scripts[index])
    }

    /// As [`Self::resolve`], as a position; beginnings are completed on the given branch only.
    pub(super) fn find(&self, text: &str, branch: Option<&[bool]>) -> Result<usize, HistoryError> {
        let id_at = |at: usize| self.scripts[self.by_id[at]].id.as_str();
        let first = self
            .by_id
            .partition_point(|&index| self.scripts[index].id.as_str() < text);
        if first < self.by_id.len() && id_at(first) == text {
            return Ok(self.by_id[first]);
        }
        if let Ok(at) = self
            .labels
            .binary_search_by(|(label, _)| label.as_str().cmp(text))
        {
            return Ok(self.labels[at].1);
        }
        let mut found: Vec<usize> = self.by_id[first..]
            .iter()
            .copied()
            .take_while(|&index| self.scripts[index].id.as_str().starts_with(text))
            .collect();
        found.retain(|&index| branch.is_none_or(|branch| branch[index]));
        match found.as_slice() {
            [] => Err(self.not_found(text)),
            _ if text.len() < SHORTEST_PREFIX => Err(HistoryError::TooShort {
                text: text.to_owned(),
            }),
            [only] => Ok(*only),
            several => {
                let candidates = several.iter().map(|&index| self.scripts[index].id.clone());
                Err(HistoryError::Ambiguous {
                    text: text.to_owned(),
                    candidates: candidates.collect(),
                })
            }
        }
    }

    fn not_found(&self, text: &str) -> HistoryError {
        let ids = self.scripts.iter().map(|script| script.id.as_str());
        let labels = self.labels.iter().map(|(label, _)| label.as_str());
        let nearest = nearest(text, RESERVED.into_iter().chain(labels).chain(ids));
        HistoryError::NotFound {
            text: text.to_owned(),
            nearest: nearest.map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::revision::sketch::history;

    fn check_name(sketch: &str, text: &str, expected: &str) {
        let found = match history(sketch).resolve(text) {
            Ok(script) => script.id.to_string(),
            Err(error) => format!("error: {error}; {}", error.help()),
        };
        assert_eq!(found, expected, "{sketch}: {text}");
    }

    #[test]
    fn a_name_is_an_id_a_label_or_the_beginning_of_an_id() {
        let sketch = "3f2a9c1b7d04<-@api 3f2a85d490db<3f2a9c1b7d04 3f2a<3f2a85d490db";
        check_name(sketch, "3f2a9c1b7d04", "3f2a9c1b7d04");
        check_name(sketch, "3f2a8", "3f2a85d490db");
        check_name(sketch, "api", "3f2a9c1b7d04");
        check_name(sketch, "3f2a", "3f2a");
        let sketch = "3f2a9c1b7d04<- 3f2a85d490db<-";
        check_name(
            sketch,
            "3f2a",
            "error: `3f2a` is the beginning of 2 revision ids: `3f2a85d490db`, `3f2a9c1b7d04`; \
             give more characters of the id",
        );
        check_name(
            sketch,
            "3f2",
            "error: `3f2` is too short for the beginning of a revision id; \
             give at least 4 characters of the id",
        );
        check_name(
            sketch,
            "3f2a9c1b7d40",
            "error: no revision or branch label is called `3f2a9c1b7d40`; \
             did you mean `3f2a9c1b7d04`? see `castoff history`",
        );
        check_name(
            sketch,
            "users",
            "error: no revision or branch label is called `users`; see `castoff history` for the ids",
        );
    }
}
