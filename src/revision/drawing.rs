//! The graph drawn with lines, newest revision first, as it is printed in a terminal.
//!
//! Each revision has one line, with its mark in a column. A line leads down from it for each
//! revision that it follows, solid, or depends on, dotted. Between two revisions there are lines in
//! which columns part and meet:
//!
//! ```text
//! *    d
//! ├─╮  d also follows what the new column leads to
//! * │  c
//! │ *  b
//! ├─╯  the column of b ends: b follows the same revision as c
//! *    a
//! ```
//!
//! A column leads to one revision. It opens (`╮` and `╭`) below the revision that it comes from, and
//! ends (`╯` and `╰`) in a column that leads to the same one, so every line is read in one way. `┼` is
//! a crossing, and never a place where lines meet.

use super::history::History;
use super::id::RevisionId;
use super::script::Script;

/// One revision in the drawing, with the lines that lead to it from above.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'h> {
    /// The revision.
    pub script: &'h Script,
    /// Lines above it that no text stands beside, each without a line end.
    pub above: Vec<String>,
    /// The line with its mark.
    pub line: String,
    /// What stands beside further lines of text about it.
    pub beside: String,
}

/// A column on its way down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Edge {
    /// The revision it leads to.
    to: usize,
    is_dependency: bool,
}

/// The columns from left to right.
#[derive(Debug, Default)]
struct Columns(Vec<Option<Edge>>);

/// Draws these revisions, given newest first. Lines to revisions that are not among them are left
/// out. Those in `current` are marked with `@`, others with `*`.
pub fn draw<'h>(
    history: &'h History,
    scripts: &[&'h Script],
    current: &[RevisionId],
) -> Vec<Row<'h>> {
    let mut shown = vec![false; history.len()];
    let positions = scripts
        .iter()
        .filter_map(|script| history.position(&script.id));
    let positions: Vec<usize> = positions.collect();
    for &index in &positions {
        shown[index] = true;
    }
    let mut columns = Columns::default();
    let mut rows = Vec::with_capacity(positions.len());
    let mut last = None;
    let mut above = Vec::new();
    for index in positions {
        let at = columns.meet(index, &mut above);
        // A mark right below another looks like what that one follows. A line of its own keeps apart
        // what has nothing to do with each other, or shows the dots of a dependency.
        let would_mislead = match columns.0[at] {
            None => above.is_empty(),
            Some(edge) => edge.is_dependency,
        };
        if last == Some(at) && would_mislead {
            above.push(columns.line(None));
        }
        let script = history.script(index);
        let mark = if current.contains(&script.id) {
            '@'
        } else {
            '*'
        };
        let line = columns.line(Some((at, mark)));
        let row_above = std::mem::take(&mut above);
        let beside = columns.part(at, &edges(history, index, &shown), &mut above);
        last = Some(at);
        rows.push(Row {
            script,
            above: row_above,
            line,
            beside,
        });
    }
    rows
}

/// The lines that lead down from a revision: its parents in the order of the header, then what it
/// only depends on.
fn edges(history: &History, index: usize, shown: &[bool]) -> Vec<Edge> {
    let parents = history.parents_at(index);
    let needs = history.needs_at(index);
    let dependencies = needs.iter().filter(|need| !parents.contains(need));
    let solid = parents.iter().map(|&to| (to, false));
    let edges = solid.chain(dependencies.map(|&to| (to, true)));
    edges
        .filter(|(to, _)| shown[*to])
        .map(|(to, is_dependency)| Edge { to, is_dependency })
        .collect()
}

impl Columns {
    /// Brings the columns that lead to this revision together in one, solid if there is such a one,
    /// and says which. A revision to which none leads gets the first that is free.
    fn meet(&mut self, index: usize, lines: &mut Vec<String>) -> usize {
        let leads_here = |column: &usize| self.0[*column].is_some_and(|edge| edge.to == index);
        let mut columns: Vec<usize> = (0..self.0.len()).filter(leads_here).collect();
        columns.sort_by_key(|&column| self.0[column].is_some_and(|edge| edge.is_dependency));
        let Some((&at, others)) = columns.split_first() else {
            return self.free();
        };
        for &column in others {
            lines.push(self.end(column, at));
        }
        at
    }

    /// Leads the lines of a revision down from its column. One of them goes straight on; where each
    /// has a column already, the first one and that column become one. Returns the line right below the mark.
    fn part(&mut self, at: usize, edges: &[Edge], lines: &mut Vec<String>) -> String {
        self.0[at] = None;
        let is_new = |edge: &Edge| !self.0.contains(&Some(*edge));
        let straight = edges.iter().position(is_new);
        let Some(&main) = edges.get(straight.unwrap_or(0)) else {
            return self.line(None);
        };
        let joins = if straight.is_none() {
            self.0.iter().position(|column| *column == Some(main))
        } else {
            None
        };
        self.0[at] = Some(main);
        let beside = self.line(None);
        for &edge in edges.iter().filter(|edge| **edge != main) {
            let column = self.free();
            let (side, corner) = if column > at {
                ('├', '╮')
            } else {
                ('┤', '╭')
            };
            lines.push(self.connection((at, side), (column, corner), edge));
            self.0[column] = Some(edge);
        }
        // To the left, so that the drawing stays narrow.
        if let Some(column) = joins {
            lines.push(self.end(column.max(at), column.min(at)));
        }
        beside
    }

    /// Ends a column in another that leads to the same revision.
    fn end(&mut self, column: usize, into: usize) -> String {
        let Some(edge) = self.0[column] else {
            return self.line(None);
        };
        let (corner, side) = if into < column {
            ('╯', '├')
        } else {
            ('╰', '┤')
        };
        let line = self.connection((column, corner), (into, side), edge);
        self.0[column] = None;
        line
    }

    fn free(&mut self) -> usize {
        if let Some(column) = self.0.iter().position(Option::is_none) {
            return column;
        }
        self.0.push(None);
        self.0.len() - 1
    }

    /// All columns on their way down, one of them with a mark.
    fn line(&self, mark: Option<(usize, char)>) -> String {
        let vertical = |(column, edge): (usize, &Option<Edge>)| match mark {
            Some((at, mark)) if at == column => mark,
            _ => vertical(*edge),
        };
        let columns = self.0.iter().enumerate().map(vertical);
        joined(columns, |_| ' ')
    }

    /// The same, with a horizontal line between two of them.
    fn connection(&self, one: (usize, char), other: (usize, char), edge: Edge) -> String {
        let horizontal = if edge.is_dependency { '┄' } else { '─' };
        let (left, right) = (one.0.min(other.0), one.0.max(other.0));
        let sign = |(column, edge): (usize, &Option<Edge>)| {
            if column == one.0 {
                one.1
            } else if column == other.0 {
                other.1
            } else if !(left..right).contains(&column) {
                vertical(*edge)
            } else if edge.is_some() {
                '┼'
            } else {
                horizontal
            }
        };
        let columns = self.0.iter().enumerate().map(sign);
        joined(columns, |gap| {
            if (left..right).contains(&gap) {
                horizontal
            } else {
                ' '
            }
        })
    }
}

fn vertical(edge: Option<Edge>) -> char {
    match edge {
        None => ' ',
        Some(edge) if edge.is_dependency => '┊',
        Some(_) => '│',
    }
}

/// The signs of the columns with one sign between them, which is asked for by the column before it.
fn joined(columns: impl Iterator<Item = char>, gap: impl Fn(usize) -> char) -> String {
    let mut line = String::new();
    for (column, sign) in columns.enumerate() {
        if column > 0 {
            line.push(gap(column - 1));
        }
        line.push(sign);
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use expect_test::{Expect, expect};

    use super::*;
    use crate::revision::random::each_sketch;
    use crate::revision::sketch::{history, ids};

    fn drawn(history: &History, current: &str) -> Vec<String> {
        let scripts: Vec<&Script> = history.iter().rev().collect();
        let mut lines = Vec::new();
        for row in draw(history, &scripts, &ids(current)) {
            lines.extend(row.above);
            lines.push(format!("{} {}", row.line, row.script.id));
        }
        lines
    }

    fn check(sketch: &str, current: &str, expected: &Expect) {
        let lines = drawn(&history(sketch), current);
        expected.assert_eq(&(lines.join("\n") + "\n"));
        check_edges(sketch, &lines);
    }

    type Edges = BTreeSet<(String, String, bool)>;

    /// The edges that somebody sees who follows the lines with a finger.
    fn seen(lines: &[String]) -> Edges {
        let grid: Vec<Vec<char>> = lines.iter().map(|line| line.chars().collect()).collect();
        let is_mark = |sign: char| sign == '*' || sign == '@';
        let name = |row: usize| lines[row].rsplit(' ').next().unwrap().to_owned();
        let mut edges = Edges::new();
        for (row, signs) in grid.iter().enumerate() {
            let Some(column) = signs.iter().position(|&sign| is_mark(sign)) else {
                continue;
            };
            let mut open = vec![(row + 1, column, false, false)];
            while let Some((at, column, mut solid, mut dotted)) = open.pop() {
                let sign = |column: usize| {
                    let signs = grid.get(at)?;
                    // The name stands behind a blank, and is not part of the drawing.
                    let named = signs.iter().position(|&sign| is_mark(sign)).is_some();
                    let end = if named {
                        signs.len() - 1 - name(at).len()
                    } else {
                        signs.len()
                    };
                    signs[..end].get(column).copied()
                };
                // Along a horizontal line to where it ends.
                let along = |right: bool| {
                    let mut column = column;
                    loop {
                        column = if right { column + 1 } else { column - 1 };
                        let sign = sign(column).unwrap();
                        if !matches!(sign, '─' | '┄' | '┼') {
                            return (column, sign);
                        }
                    }
                };
                let here = sign(column).unwrap_or(' ');
                let kind = |right: bool| sign(if right { column + 1 } else { column - 1 });
                match here {
                    // Nothing leads up from these: the way ended above them.
                    ' ' | '─' | '┄' | '╮' | '╭' => {}
                    '*' | '@' => {
                        assert!(!(solid && dotted), "an edge is both solid and dotted");
                        edges.insert((name(row), name(at), dotted));
                    }
                    '│' => open.push((at + 1, column, true, dotted)),
                    '┊' => open.push((at + 1, column, solid, true)),
                    '┼' => open.push((at + 1, column, solid, dotted)),
                    '├' | '┤' => {
                        open.push((at + 1, column, solid, dotted));
                        let right = here == '├';
                        let (end, corner) = along(right);
                        if matches!(corner, '╮' | '╭') {
                            // A line parts here. Only those of the mark right above may do so.
                            let is_dotted = kind(right) == Some('┄');
                            open.push((at + 1, end, !is_dotted, is_dotted));
                        } else {
                            assert!(matches!(corner, '╯' | '╰'), "`{here}` leads to `{corner}`");
                        }
                    }
                    '╯' | '╰' => {
                        let right = here == '╰';
                        let is_dotted = kind(right) == Some('┄');
                        (solid, dotted) = (solid || !is_dotted, dotted || is_dotted);
                        let (end, side) = along(right);
                        assert!(matches!(side, '├' | '┤'), "`{here}` leads to `{side}`");
                        open.push((at + 1, end, solid, dotted));
                    }
                    other => panic!("`{other}` has no way down:\n{}", lines.join("\n")),
                }
            }
        }
        edges
    }

    fn check_edges(sketch: &str, lines: &[String]) {
        let history = history(sketch);
        let mut expected = Edges::new();
        for script in history.iter() {
            let id = script.id.to_string();
            let solid = script.down_revisions.iter();
            let depends = script.depends_on.iter();
            let depends = depends.filter(|id| !script.down_revisions.contains(id));
            expected.extend(solid.map(|to| (id.clone(), to.to_string(), false)));
            expected.extend(depends.map(|to| (id.clone(), to.to_string(), true)));
        }
        assert_eq!(seen(lines), expected, "{sketch}\n{}", lines.join("\n"));
    }

    #[test]
    fn a_row_a_fork_and_a_merge() {
        check(
            "a<- b<a c<b",
            "b",
            &expect![[r#"
            * c
            @ b
            * a
        "#]],
        );
        check(
            "a<- b<a c<a d<b,c",
            "",
            &expect![[r#"
                * d
                ├─╮
                │ * c
                * │ b
                ├─╯
                * a
            "#]],
        );
        check(
            "a<- b<a c<a d<a",
            "c d",
            &expect![[r#"
            @ d
            │ @ c
            ├─╯
            │ * b
            ├─╯
            * a
        "#]],
        );
    }

    #[test]
    fn a_merge_of_three_and_lines_that_cross() {
        check(
            "a<- b<a c<a d<a e<b,c,d",
            "",
            &expect![[r#"
                * e
                ├─╮
                ├─┼─╮
                │ │ * d
                │ * │ c
                │ ├─╯
                * │ b
                ├─╯
                * a
            "#]],
        );
        check(
            "a<- b<- c<- d<a,c e<b,d f<a,e",
            "",
            &expect![[r#"
            * f
            ├─╮
            │ * e
            │ ├─╮
            │ │ * d
            │ │ ├─╮
            │ │ * │ c
            │ *   │ b
            ├─────╯
            * a
        "#]],
        );
        check(
            "a<- b<- c<a,b d<a,b",
            "",
            &expect![[r#"
            * d
            ├─╮
            │ │ * c
            │ │ ├─╮
            ├─┼─╯ │
            │ ├───╯
            │ * b
            * a
        "#]],
        );
    }

    #[test]
    fn trees_that_have_nothing_in_common_are_kept_apart() {
        check(
            "a<- b<- c<-",
            "",
            &expect![[r#"
            * c

            * b

            * a
        "#]],
        );
        check(
            "a<- b<a x<- y<x",
            "",
            &expect![[r#"
            * y
            * x

            * b
            * a
        "#]],
        );
    }

    #[test]
    fn a_dependency_is_dotted() {
        check(
            "a<- x<-~a",
            "",
            &expect![[r#"
            * x
            ┊
            * a
        "#]],
        );
        check(
            "a<- b<a x<-~a y<x~b",
            "",
            &expect![[r#"
            * y
            ├┄╮
            * ┊ x
            ┊ * b
            ╰┄┤
              * a
        "#]],
        );
        check(
            "a<- b<a~a c<b~a",
            "",
            &expect![[r#"
            * c
            ├┄╮
            * ┊ b
            ├┄╯
            * a
        "#]],
        );
    }

    #[test]
    fn a_part_of_the_history_is_drawn_without_what_leads_out_of_it() {
        let history = history("a<- b<a c<b d<a");
        let scripts: Vec<&Script> = history
            .iter()
            .rev()
            .filter(|s| s.id.as_str() != "b")
            .collect();
        let rows = draw(&history, &scripts, &[]);
        let lines: Vec<String> = rows
            .into_iter()
            .flat_map(|row| row.above.into_iter().chain([row.line, row.beside]))
            .collect();
        expect![[r#"
            *|│|│ *|│|*|
        "#]]
        .assert_eq(&(lines.join("|") + "\n"));
    }

    #[test]
    fn every_edge_is_drawn_and_no_other() {
        let mut most = 0;
        each_sketch(0xD2A3, 2_000, |sketch| {
            let lines = drawn(&history(sketch), "r1");
            check_edges(sketch, &lines);
            most = most.max(lines.len());
        });
        assert!(most > 15, "the histories drawn are too small: {most} lines");
    }
}
