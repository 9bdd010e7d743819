//! What holds for every plan, tried on many small histories drawn from a fixed seed.

use std::collections::BTreeSet;

use super::history::History;
use super::id::RevisionId;
use super::plan::{self, Direction, Plan};
use super::sketch::history;
use super::target::Target;
use super::walk::Edges;

/// Draws numbers that look random and are the same every time (xorshift64*).
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(drawn).unwrap() % limit
    }

    /// Up to nine revisions with forks, merges and dependencies, redundant ones too.
    fn sketch(&mut self) -> String {
        let mut texts = Vec::new();
        for number in 0..=self.below(9) {
            let mut pick = |most: usize| {
                let count = self.below(most + 1).min(number);
                let picked = (0..count).map(|_| format!("r{}", self.below(number)));
                picked.collect::<Vec<_>>().join(",")
            };
            let parents = if pick(3).is_empty() { pick(1) } else { pick(2) };
            let depends_on = if pick(2).is_empty() {
                pick(1)
            } else {
                String::new()
            };
            texts.push(format!("r{number}<{parents}~{depends_on}"));
        }
        texts.join(" ")
    }
}

/// Calls a test with so many sketches.
pub(super) fn each_sketch(seed: u64, count: usize, mut test: impl FnMut(&str)) {
    let mut draw = Draw(seed);
    (0..count).for_each(|_| test(&draw.sketch()));
}

/// The rows that must stand in the ledger when exactly these revisions are applied.
fn rows_of(history: &History, applied: &BTreeSet<RevisionId>) -> BTreeSet<RevisionId> {
    let mut rows = applied.clone();
    for id in applied {
        for below in history.ancestors(id, Edges::All) {
            rows.remove(&below.id);
        }
    }
    rows
}

/// Runs a plan on a set of applied revisions, and compares the rows after each step.
fn run(history: &History, applied: &mut BTreeSet<RevisionId>, plan: &Plan) {
    let mut rows = rows_of(history, applied);
    for step in &plan.steps {
        let script = step.script;
        let needs = script.down_revisions.iter().chain(&script.depends_on);
        match step.direction {
            Direction::Upgrade => {
                assert!(
                    needs.into_iter().all(|id| applied.contains(id)),
                    "applied before"
                );
                assert!(applied.insert(script.id.clone()), "applied once");
            }
            Direction::Downgrade => assert!(applied.remove(&script.id), "taken back once"),
        }
        assert!(
            step.leaves.iter().all(|id| rows.contains(id)),
            "only rows that exist leave"
        );
        step.record(&mut rows);
        assert_eq!(rows, rows_of(history, applied), "after {}", script.id);
    }
    let closed = |id: &RevisionId| {
        let below = history.ancestors(id, Edges::All);
        below.iter().all(|script| applied.contains(&script.id))
    };
    assert!(
        applied.iter().all(closed),
        "nothing stands on what is not applied"
    );
}

fn target(text: &str) -> Target {
    text.parse().unwrap()
}

fn current(history: &History, applied: &BTreeSet<RevisionId>) -> Vec<RevisionId> {
    rows_of(history, applied).into_iter().collect()
}

#[test]
fn a_way_up_and_down_keeps_the_rows_equal_to_the_heads_of_what_is_applied() {
    let mut draw = Draw(0x0BAD_5EED);
    let mut steps = 0;
    for _ in 0..400 {
        let sketch = draw.sketch();
        let history = history(&sketch);
        let names: Vec<String> = history.iter().map(|script| script.id.to_string()).collect();
        let mut applied = BTreeSet::new();
        for _ in 0..6 {
            let goal = target(&names[draw.below(names.len())]);
            let rows = current(&history, &applied);
            let plan = match draw.below(3) {
                0 => plan::downgrade(&history, &rows, &goal),
                _ => plan::upgrade(&history, &rows, &goal),
            };
            let Ok(plan) = plan else { continue };
            steps += plan.steps.len();
            run(&history, &mut applied, &plan);
        }
        let rows = current(&history, &applied);
        let plan = plan::upgrade(&history, &rows, &target("heads")).unwrap();
        run(&history, &mut applied, &plan);
        assert_eq!(
            applied.len(),
            history.len(),
            "heads applies all of {sketch}"
        );
        let heads: BTreeSet<&RevisionId> = history.effective_heads().into_iter().collect();
        let rows = current(&history, &applied);
        assert_eq!(rows.iter().collect::<BTreeSet<_>>(), heads, "{sketch}");
        let plan = plan::downgrade(&history, &rows, &target("base")).unwrap();
        run(&history, &mut applied, &plan);
        assert!(applied.is_empty(), "base takes back all of {sketch}");
        assert!(plan.heads_after(&rows).is_empty(), "{sketch}");
    }
    assert!(
        steps > 1_000,
        "the histories drawn are too small to prove anything: {steps} steps"
    );
}

#[test]
fn a_finished_plan_has_nothing_left_to_do() {
    let mut draw = Draw(0xFEED_F00D);
    for _ in 0..400 {
        let sketch = draw.sketch();
        let history = history(&sketch);
        let goal = format!("r{}", draw.below(history.len()));
        let plan = plan::upgrade(&history, &[], &target(&goal)).unwrap();
        let rows: Vec<RevisionId> = plan.heads_after(&[]).into_iter().collect();
        assert_eq!(rows.len(), 1, "{sketch} to {goal}");
        let again = plan::upgrade(&history, &rows, &target(&goal)).unwrap();
        assert!(again.steps.is_empty(), "{sketch} to {goal}");
        let back = plan::downgrade(&history, &rows, &target(&goal)).unwrap();
        assert!(back.steps.is_empty(), "{sketch} to {goal}");
    }
}
