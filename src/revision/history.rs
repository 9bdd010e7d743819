//! The graph of all revisions: who follows whom, where it starts and ends, what a name means.
//!
//! Revisions are kept in an order in which each stands behind what it needs, so every question
//! about ancestors or descendants is one pass over a list: linear, and without recursion.

use std::sync::OnceLock;

use super::checksum::Lineage;
use super::connect::{self, Links};
use super::history_error::HistoryError;
use super::id::RevisionId;
use super::labels::{self, Node};
use super::order;
use super::script::Script;

/// All revisions, checked: ids and labels are unique, what is named exists, there is no cycle.
#[derive(Debug)]
pub struct History {
    /// Oldest first: each script stands behind all it needs.
    pub(super) scripts: Vec<Script>,
    pub(super) links: Vec<Links>,
    /// Positions in `scripts`, sorted by revision id.
    pub(super) by_id: Vec<usize>,
    /// Labels with the position of the script that gives them, sorted.
    pub(super) labels: Vec<(String, usize)>,
    reach: OnceLock<Vec<Vec<usize>>>,
    lineages: OnceLock<Vec<Lineage>>,
}

impl History {
    /// Joins the files into a graph. Where the graph leaves a choice of order, the order of the
    /// paths decides, so that the same files always give the same plan.
    pub fn new(mut scripts: Vec<Script>) -> Result<Self, HistoryError> {
        scripts.sort_by(|a, b| a.path.cmp(&b.path).then_with(|| a.id.cmp(&b.id)));
        let by_id = connect::sorted_by_id(&scripts);
        connect::refuse_duplicates(&scripts, &by_id)?;
        let links = connect::connect(&scripts, &by_id)?;
        let needs: Vec<Vec<usize>> = links.into_iter().map(|link| link.needs).collect();
        let order = order::oldest_first(&needs).map_err(|ring| connect::cycle(&scripts, &ring))?;
        let mut unordered: Vec<Option<Script>> = scripts.into_iter().map(Some).collect();
        let scripts: Vec<Script> = order
            .into_iter()
            .filter_map(|position| unordered[position].take())
            .collect();
        let by_id = connect::sorted_by_id(&scripts);
        let mut links = connect::connect(&scripts, &by_id)?;
        connect::turn_around(&mut links);
        let labels = connect::sorted_labels(&scripts, &by_id)?;
        let (reach, lineages) = (OnceLock::new(), OnceLock::new());
        let history = Self {
            scripts,
            links,
            by_id,
            labels,
            reach,
            lineages,
        };
        connect::refuse_missing_backfills(&history)?;
        Ok(history)
    }

    /// The script that makes this revision.
    pub fn get(&self, id: &RevisionId) -> Option<&Script> {
        self.position(id).map(|index| &self.scripts[index])
    }

    /// How many revisions there are.
    pub fn len(&self) -> usize {
        self.scripts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.scripts.is_empty()
    }

    /// All scripts, each behind what it needs. Reverse it for newest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Script> {
        self.scripts.iter()
    }

    /// The revisions that no other follows: the targets of `head`.
    pub fn heads(&self) -> Vec<&RevisionId> {
        self.where_links(|link| link.children.is_empty())
    }

    /// The heads that nothing depends on either: the ledger's rows when all is applied.
    pub fn effective_heads(&self) -> Vec<&RevisionId> {
        self.where_links(|link| link.needed_by.is_empty())
    }

    /// The revisions that follow no other.
    pub fn bases(&self) -> Vec<&RevisionId> {
        self.where_links(|link| link.parents.is_empty())
    }

    /// The revisions that several others follow.
    pub fn branch_points(&self) -> Vec<&RevisionId> {
        self.where_links(|link| link.children.len() > 1)
    }

    /// Whether no revision follows this one.
    pub fn is_head(&self, id: &RevisionId) -> bool {
        self.links_of(id)
            .is_some_and(|link| link.children.is_empty())
    }

    /// Whether several revisions follow this one.
    pub fn is_branch_point(&self, id: &RevisionId) -> bool {
        self.links_of(id)
            .is_some_and(|link| link.children.len() > 1)
    }

    /// Whether this revision follows several.
    pub fn is_merge(&self, id: &RevisionId) -> bool {
        self.links_of(id).is_some_and(|link| link.parents.len() > 1)
    }

    /// The revisions that follow this one.
    pub fn children(&self, id: &RevisionId) -> Vec<&RevisionId> {
        self.links_of(id)
            .map_or_else(Vec::new, |link| self.ids(&link.children))
    }

    /// The revisions that depend on this one without following it.
    pub fn dependents(&self, id: &RevisionId) -> Vec<&RevisionId> {
        let Some(link) = self.links_of(id) else {
            return Vec::new();
        };
        let only = link
            .needed_by
            .iter()
            .filter(|index| !link.children.contains(index));
        only.map(|&index| &self.scripts[index].id).collect()
    }

    /// The labels of the branches this revision is on, sorted. A label is written in one file
    /// and holds for all that follow, and back to where the branch parted from others.
    pub fn labels_of(&self, id: &RevisionId) -> Vec<&str> {
        let Some(index) = self.position(id) else {
            return Vec::new();
        };
        let reach = self
            .reach
            .get_or_init(|| labels::reach(&self.label_nodes()));
        reach[index]
            .iter()
            .map(|&label| self.labels[label].0.as_str())
            .collect()
    }

    /// What this revision stands on, down to the first, as one value. Computed when first asked
    /// for, because most starts of a container never ask.
    pub fn lineage(&self, id: &RevisionId) -> Option<&Lineage> {
        let index = self.position(id)?;
        self.lineages.get_or_init(|| self.all_lineages()).get(index)
    }

    pub(super) fn position(&self, id: &RevisionId) -> Option<usize> {
        connect::position(&self.scripts, &self.by_id, id)
    }

    pub(super) fn script(&self, index: usize) -> &Script {
        &self.scripts[index]
    }

    pub(super) fn parents_at(&self, index: usize) -> &[usize] {
        &self.links[index].parents
    }

    pub(super) fn needs_at(&self, index: usize) -> &[usize] {
        &self.links[index].needs
    }

    pub(super) fn children_at(&self, index: usize) -> &[usize] {
        &self.links[index].children
    }

    pub(super) fn needed_by_at(&self, index: usize) -> &[usize] {
        &self.links[index].needed_by
    }

    pub(super) fn ids(&self, indices: &[usize]) -> Vec<&RevisionId> {
        indices
            .iter()
            .map(|&index| &self.scripts[index].id)
            .collect()
    }

    pub(super) fn owned_ids(&self, indices: &[usize]) -> Vec<RevisionId> {
        indices
            .iter()
            .map(|&index| self.scripts[index].id.clone())
            .collect()
    }

    fn links_of(&self, id: &RevisionId) -> Option<&Links> {
        self.position(id).map(|index| &self.links[index])
    }

    fn where_links(&self, keep: impl Fn(&Links) -> bool) -> Vec<&RevisionId> {
        let pairs = self.scripts.iter().zip(&self.links);
        pairs
            .filter(|(_, link)| keep(link))
            .map(|(script, _)| &script.id)
            .collect()
    }

    fn label_nodes(&self) -> Vec<Node<'_>> {
        let mut own = vec![Vec::new(); self.scripts.len()];
        for (number, (_, index)) in self.labels.iter().enumerate() {
            own[*index].push(number);
        }
        let nodes = self.links.iter().zip(own).map(|(link, own)| Node {
            own,
            parents: &link.parents,
            only_child: link
                .children
                .first()
                .copied()
                .filter(|_| link.children.len() == 1),
            parts: link.needed_by.len() > 1,
        });
        nodes.collect()
    }

    fn all_lineages(&self) -> Vec<Lineage> {
        let mut lineages: Vec<Lineage> = Vec::with_capacity(self.scripts.len());
        for (script, link) in self.scripts.iter().zip(&self.links) {
            // Sorted, so that neither the order in the header nor a renamed file matters.
            let mut needs = link.needs.clone();
            needs.sort_unstable_by_key(|&index| &self.scripts[index].id);
            let parents: Vec<&Lineage> = needs.iter().map(|&index| &lineages[index]).collect();
            // What was squashed is as it was, for all who stand on it.
            let below = |id: &RevisionId| lineages.get(self.position(id)?).copied();
            let lineage = script
                .lineage_before(below)
                .unwrap_or_else(|| Lineage::of(&script.id, &script.checksums.canonical, &parents));
            lineages.push(lineage);
        }
        lineages
    }
}

#[cfg(test)]
mod tests {
    use crate::revision::sketch::{history, ids, shown};
    use crate::revision::walk::Edges;

    fn check_ends(sketch: &str, expected: &str) {
        let history = history(sketch);
        let found = format!(
            "heads {}, effective {}, bases {}, branch points {}",
            shown(history.heads()),
            shown(history.effective_heads()),
            shown(history.bases()),
            shown(history.branch_points())
        );
        assert_eq!(found, expected, "{sketch}");
    }

    fn check_labels(sketch: &str, expected: &str) {
        let history = history(sketch);
        let each = history.iter().map(|script| {
            let labels = history.labels_of(&script.id).join(",");
            format!("{}:{labels}", script.id)
        });
        assert_eq!(each.collect::<Vec<_>>().join(" "), expected, "{sketch}");
    }

    #[test]
    fn ends_are_told_with_and_without_dependencies() {
        check_ends("", "heads , effective , bases , branch points ");
        check_ends("b<a a<-", "heads b, effective b, bases a, branch points ");
        check_ends(
            "b<a c<a a<-",
            "heads b,c, effective b,c, bases a, branch points a",
        );
        check_ends(
            "a<- x<-~a",
            "heads a,x, effective x, bases a,x, branch points ",
        );
    }

    #[test]
    fn a_label_holds_for_what_follows_and_back_to_the_fork() {
        check_labels("a<- b<a@api c<b", "a:api b:api c:api");
        check_labels("a<- b<a@api c<a", "a: b:api c:");
        check_labels("a<- b<a c<b@api d<a", "a: b:api c:api d:");
        check_labels("a<- b<a@x,y c<a@z d<b,c", "a: b:x,y c:z d:x,y,z");
        check_labels("a<- b<- c<a,b@api d<c", "a: b: c:api d:api");
        check_labels("a<- b<a@api x<-~a", "a: b:api x:");
    }

    #[test]
    fn neighbours_and_ancestors_follow_the_edges_asked_for() {
        let history = history("a<- b<a c<a d<b,c x<-~b");
        let id = |text: &str| ids(text).remove(0);
        assert_eq!(shown(history.children(&id("a"))), "b,c");
        assert_eq!(shown(history.dependents(&id("b"))), "x");
        assert!(history.is_merge(&id("d")) && history.is_head(&id("d")));
        assert!(history.is_branch_point(&id("a")) && !history.is_branch_point(&id("b")));
        let ancestors = |text: &str, edges| {
            shown(
                history
                    .ancestors(&id(text), edges)
                    .into_iter()
                    .map(|script| &script.id),
            )
        };
        assert_eq!(ancestors("d", Edges::All), "c,b,a");
        assert_eq!(ancestors("x", Edges::All), "b,a");
        assert_eq!(ancestors("x", Edges::Parents), "");
    }

    #[test]
    fn the_lineage_tells_what_a_revision_stands_on() {
        let short = history("a<- b<a");
        let long = history("a<- b<a c<b");
        let other = history("x<- a<x b<a");
        let b = ids("b").remove(0);
        let [short_b, long_b, other_b] = [&short, &long, &other].map(|history| history.lineage(&b));
        assert!(short_b.is_some());
        assert_eq!(short_b, long_b);
        assert_ne!(short_b, other_b);
        assert_eq!(short.lineage(&ids("c").remove(0)), None);
    }

    #[test]
    fn ten_thousand_in_a_row_do_not_exhaust_the_stack() {
        let sketch: Vec<String> = (1..10_000)
            .map(|at| format!("r{at}<r{}", at - 1))
            .chain(["r0<-@x".into()])
            .collect();
        let history = history(&sketch.join(" "));
        let last = ids("r9999").remove(0);
        assert_eq!(history.ancestors(&last, Edges::All).len(), 9_999);
        assert_eq!(history.labels_of(&last), ["x"]);
        assert!(history.lineage(&last).is_some());
    }
}
