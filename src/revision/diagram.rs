//! The graph in the languages of two programs that draw graphs: Mermaid, which GitHub and GitLab
//! show in Markdown, and Graphviz's dot.
//!
//! Arrows go from a revision to what follows it, oldest on top; dashed to what only depends on it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::history::History;
use super::id::RevisionId;
use super::script::Script;

/// What a box says and how it looks.
struct Node<'h> {
    script: &'h Script,
    /// `3f2a9c1b7d04 (current) (head)`, the message, the labels of the branch that starts here.
    lines: Vec<String>,
    is_head: bool,
    is_current: bool,
}

/// A Mermaid flowchart of these revisions. Arrows to others are left out.
pub fn mermaid(history: &History, scripts: &[&Script], current: &[RevisionId]) -> String {
    let nodes = nodes(history, scripts, current);
    let mut text = String::from("flowchart TD\n");
    let mut line = |content: String| {
        text.push_str("    ");
        text.push_str(&content);
        text.push('\n');
    };
    for node in &nodes {
        let label: Vec<String> = node.lines.iter().map(|line| mermaid_text(line)).collect();
        line(format!(
            "{}[\"{}\"]",
            name(&node.script.id),
            label.join("<br/>")
        ));
    }
    for (from, to, is_dependency) in arrows(&nodes) {
        let arrow = if is_dependency { "-.->" } else { "-->" };
        line(format!("{} {arrow} {}", name(from), name(to)));
    }
    let mut class = |class: &str, style: &str, has: fn(&Node) -> bool| {
        let names = nodes.iter().filter(|node| has(node));
        let names: Vec<String> = names.map(|node| name(&node.script.id)).collect();
        if !names.is_empty() {
            line(format!("classDef {class} {style}"));
            line(format!("class {} {class}", names.join(",")));
        }
    };
    class("head", "stroke-width:3px", |node| node.is_head);
    class("current", "fill:#ffd866,color:#000", |node| node.is_current);
    text
}

/// A Graphviz digraph of these revisions. Arrows to others are left out.
pub fn dot(history: &History, scripts: &[&Script], current: &[RevisionId]) -> String {
    let nodes = nodes(history, scripts, current);
    let mut text = String::from("digraph migrations {\n    node [shape=box];\n");
    for node in &nodes {
        let label: Vec<String> = node.lines.iter().map(|line| dot_text(line)).collect();
        let head = if node.is_head { ", penwidth=3" } else { "" };
        let current = if node.is_current {
            ", style=filled, fillcolor=\"#ffd866\""
        } else {
            ""
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "    \"{}\" [label=\"{}\"{head}{current}];",
            node.script.id,
            label.join("\\n")
        );
    }
    for (from, to, is_dependency) in arrows(&nodes) {
        let style = if is_dependency { " [style=dashed]" } else { "" };
        let _ = writeln!(text, "    \"{from}\" -> \"{to}\"{style};");
    }
    text.push_str("}\n");
    text
}

fn nodes<'h>(history: &History, scripts: &[&'h Script], current: &[RevisionId]) -> Vec<Node<'h>> {
    let node = |script: &&'h Script| {
        let is_head = history.is_head(&script.id);
        let is_current = current.contains(&script.id);
        let marks = [(is_current, " (current)"), (is_head, " (head)")];
        let marks = marks.iter().filter(|(is, _)| *is);
        let marks: String = marks.map(|(_, mark)| *mark).collect();
        let mut lines = vec![format!("{}{marks}", script.id), script.message.clone()];
        if !script.branch_labels.is_empty() {
            lines.push(format!("[{}]", script.branch_labels.join(", ")));
        }
        Node {
            script,
            lines,
            is_head,
            is_current,
        }
    };
    scripts.iter().map(node).collect()
}

/// From what is followed to what follows, and whether that is a mere dependency. Only between the
/// nodes that are shown.
fn arrows<'n>(nodes: &'n [Node<'_>]) -> Vec<(&'n RevisionId, &'n RevisionId, bool)> {
    let shown: BTreeSet<&RevisionId> = nodes.iter().map(|node| &node.script.id).collect();
    let mut arrows = Vec::new();
    for script in nodes.iter().map(|node| node.script) {
        let parents = script.down_revisions.iter().map(|from| (from, false));
        let depends = script.depends_on.iter();
        let depends = depends.filter(|from| !script.down_revisions.contains(from));
        let from = parents.chain(depends.map(|from| (from, true)));
        let from = from.filter(|(from, _)| shown.contains(from));
        arrows.extend(from.map(|(from, is_dependency)| (from, &script.id, is_dependency)));
    }
    arrows
}

/// The name of a box: an id alone may be one of Mermaid's own words, such as `end`.
fn name(id: &RevisionId) -> String {
    format!("r_{id}")
}

/// Text between quotes. Mermaid has many signs with a meaning of their own, also in there, so all
/// but letters, digits and a few more are written as their number.
fn mermaid_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_' | '.' | ',' | '(' | ')') {
            escaped.push(letter);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "#{};", u32::from(letter));
        }
    }
    escaped
}

/// Text between quotes, where a backslash starts dot's own signs, and `&` those of HTML.
fn dot_text(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('\\', "\\\\");
    text.replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::revision::sketch::{history, ids, scripts};

    type Draw = fn(&History, &[&Script], &[RevisionId]) -> String;

    fn check(draw: Draw, sketch: &str, current: &str, expected: &Expect) {
        let history = history(sketch);
        let scripts: Vec<&Script> = history.iter().rev().collect();
        expected.assert_eq(&draw(&history, &scripts, &ids(current)));
    }

    fn check_message(message: &str, mermaid: &str, dot: &str) {
        let mut scripts = scripts("end<-");
        scripts[0].message = message.to_owned();
        let history = History::new(scripts).unwrap();
        let scripts: Vec<&Script> = history.iter().collect();
        let has = |text: String, line: String| {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        };
        has(
            super::mermaid(&history, &scripts, &[]),
            format!("    r_end[\"end (head)<br/>{mermaid}\"]"),
        );
        has(
            super::dot(&history, &scripts, &[]),
            format!("    \"end\" [label=\"end (head)\\n{dot}\", penwidth=3];"),
        );
    }

    const SKETCH: &str = "a<- b<a@left,l c<a d<b,c x<-~b,d y<x~x";

    #[test]
    fn mermaid_draws_a_flowchart() {
        check(
            mermaid,
            SKETCH,
            "b c",
            &expect![[r#"
            flowchart TD
                r_y["y (head)<br/>make y"]
                r_x["x<br/>make x"]
                r_d["d (head)<br/>make d"]
                r_c["c (current)<br/>make c"]
                r_b["b (current)<br/>make b<br/>#91;left, l#93;"]
                r_a["a<br/>make a"]
                r_x --> r_y
                r_b -.-> r_x
                r_d -.-> r_x
                r_b --> r_d
                r_c --> r_d
                r_a --> r_c
                r_a --> r_b
                classDef head stroke-width:3px
                class r_y,r_d head
                classDef current fill:#ffd866,color:#000
                class r_c,r_b current
        "#]],
        );
        check(
            mermaid,
            "",
            "",
            &expect![[r#"
            flowchart TD
        "#]],
        );
    }

    #[test]
    fn dot_draws_a_digraph() {
        check(
            dot,
            SKETCH,
            "b c",
            &expect![[r##"
            digraph migrations {
                node [shape=box];
                "y" [label="y (head)\nmake y", penwidth=3];
                "x" [label="x\nmake x"];
                "d" [label="d (head)\nmake d", penwidth=3];
                "c" [label="c (current)\nmake c", style=filled, fillcolor="#ffd866"];
                "b" [label="b (current)\nmake b\n[left, l]", style=filled, fillcolor="#ffd866"];
                "a" [label="a\nmake a"];
                "x" -> "y";
                "b" -> "x" [style=dashed];
                "d" -> "x" [style=dashed];
                "b" -> "d";
                "c" -> "d";
                "a" -> "c";
                "a" -> "b";
            }
        "##]],
        );
        check(
            dot,
            "",
            "",
            &expect![[r#"
            digraph migrations {
                node [shape=box];
            }
        "#]],
        );
    }

    #[test]
    fn no_message_breaks_out_of_its_quotes() {
        check_message("add users", "add users", "add users");
        check_message(
            r#"say "hi" \N <b>&amp;</b>"#,
            "say #34;hi#34; #92;N #60;b#62;#38;amp#59;#60;#47;b#62;",
            r#"say \"hi\" \\N <b>&amp;amp;</b>"#,
        );
        check_message(
            "%%{init: x}%% `a` écran #1;",
            "#37;#37;#123;init#58; x#125;#37;#37; #96;a#96; écran #35;1#59;",
            "%%{init: x}%% `a` écran #1;",
        );
        check_message(r"ends with \", "ends with #92;", r"ends with \\");
    }

    #[test]
    fn of_a_part_no_arrow_leads_out() {
        let history = history("a<- b<a c<b");
        let scripts: Vec<&Script> = history.iter().filter(|s| s.id.as_str() != "b").collect();
        assert!(!mermaid(&history, &scripts, &[]).contains("-->"));
        assert!(!dot(&history, &scripts, &[]).contains("->"));
    }
}
