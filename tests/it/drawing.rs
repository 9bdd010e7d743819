//! The graph as people look at it: drawn in the terminal, and in the languages of other programs.

use expect_test::expect;

use super::graph::project;
use super::support::server::Server;
use super::support::transcript::{run, transcript};

#[test]
fn the_history_is_drawn() {
    let database = Server::shared().database();
    let project = project(
        "a1a1<- b1b1<a1a1@left c1c1<a1a1@right x1x1<-@other x2x2<x1x1~b1b1 d1d1<b1b1,c1c1 e1e1<c1c1",
    );
    run(&project, Some(&database), "upgrade b1b1").status(0);
    run(&project, Some(&database), "upgrade other@+1").status(0);
    let lines = [
        "history --graph",
        "history --graph -i",
        "history --graph -r c1c1:",
        "history --format mermaid -i",
        "history --format dot -i",
        "history --format dot -r x1x1:",
        "history --graph --format json",
        "heads --format dot",
    ];
    let said = transcript(&project, Some(&database), &lines);
    expect![[r##"
        $ castoff history --graph
        status 0
        --- stdout
        *          e1e1 (head), Make e1e1
        │ *        d1d1 (head) (mergepoint), Make d1d1
        │ ├─╮
        │ │ │ *    x2x2 (head), Make x2x2
        │ │ │ ├┄╮
        │ │ │ * ┊  x1x1 [other], Make x1x1
        ├─┼─╯   ┊
        * │     ┊  c1c1 (branchpoint) [right], Make c1c1
        │ ├┄┄┄┄┄╯
        │ *        b1b1 [left], Make b1b1
        ├─╯
        *          a1a1 (branchpoint), Make a1a1

        $ castoff history --graph -i
        status 0
        --- stdout
        *          e1e1 (head), Make e1e1
        │ *        d1d1 (head) (mergepoint), Make d1d1
        │ ├─╮
        │ │ │ *    x2x2 (head), Make x2x2
        │ │ │ ├┄╮
        │ │ │ @ ┊  x1x1 (current) [other], Make x1x1
        ├─┼─╯   ┊
        * │     ┊  c1c1 (branchpoint) [right], Make c1c1
        │ ├┄┄┄┄┄╯
        │ @        b1b1 (current) [left], Make b1b1
        ├─╯
        *          a1a1 (branchpoint), Make a1a1

        $ castoff history --graph -r c1c1:
        status 0
        --- stdout
        *    e1e1 (head), Make e1e1
        │ *  d1d1 (head) (mergepoint), Make d1d1
        ├─╯
        *    c1c1 (branchpoint) [right], Make c1c1

        $ castoff history --format mermaid -i
        status 0
        --- stdout
        flowchart TD
            r_e1e1["e1e1 (head)<br/>Make e1e1"]
            r_d1d1["d1d1 (head)<br/>Make d1d1"]
            r_x2x2["x2x2 (head)<br/>Make x2x2"]
            r_x1x1["x1x1 (current)<br/>Make x1x1<br/>#91;other#93;"]
            r_c1c1["c1c1<br/>Make c1c1<br/>#91;right#93;"]
            r_b1b1["b1b1 (current)<br/>Make b1b1<br/>#91;left#93;"]
            r_a1a1["a1a1<br/>Make a1a1"]
            r_c1c1 --> r_e1e1
            r_b1b1 --> r_d1d1
            r_c1c1 --> r_d1d1
            r_x1x1 --> r_x2x2
            r_b1b1 -.-> r_x2x2
            r_a1a1 --> r_c1c1
            r_a1a1 --> r_b1b1
            classDef head stroke-width:3px
            class r_e1e1,r_d1d1,r_x2x2 head
            classDef current fill:#ffd866,color:#000
            class r_x1x1,r_b1b1 current

        $ castoff history --format dot -i
        status 0
        --- stdout
        digraph migrations {
            node [shape=box];
            "e1e1" [label="e1e1 (head)\nMake e1e1", penwidth=3];
            "d1d1" [label="d1d1 (head)\nMake d1d1", penwidth=3];
            "x2x2" [label="x2x2 (head)\nMake x2x2", penwidth=3];
            "x1x1" [label="x1x1 (current)\nMake x1x1\n[other]", style=filled, fillcolor="#ffd866"];
            "c1c1" [label="c1c1\nMake c1c1\n[right]"];
            "b1b1" [label="b1b1 (current)\nMake b1b1\n[left]", style=filled, fillcolor="#ffd866"];
            "a1a1" [label="a1a1\nMake a1a1"];
            "c1c1" -> "e1e1";
            "b1b1" -> "d1d1";
            "c1c1" -> "d1d1";
            "x1x1" -> "x2x2";
            "b1b1" -> "x2x2" [style=dashed];
            "a1a1" -> "c1c1";
            "a1a1" -> "b1b1";
        }

        $ castoff history --format dot -r x1x1:
        status 0
        --- stdout
        digraph migrations {
            node [shape=box];
            "x2x2" [label="x2x2 (head)\nMake x2x2", penwidth=3];
            "x1x1" [label="x1x1\nMake x1x1\n[other]"];
            "x1x1" -> "x2x2";
        }

        $ castoff history --graph --format json
        status 2
        --- stderr
        error: the argument '--graph' cannot be used with '--format <FORMAT>'

        Usage: castoff history --graph

        For more information, try '--help'.

        $ castoff heads --format dot
        status 2
        --- stderr
        error: invalid value 'dot' for '--format <FORMAT>'
          [possible values: text, json]

        For more information, try '--help'.

    "##]]
    .assert_eq(&said);
    let said = transcript(&project, None, &["history --graph -v -r c1c1:heads"]);
    expect![[r#"
        $ castoff history --graph -v -r c1c1:heads
        status 0
        --- stdout
        *    Revision:    e1e1 (head)
        │    Message:     Make e1e1
        │    Parent:      c1c1
        │    Branch:      right
        │    Path:        migrations/202601010007_e1e1_make_e1e1.sql
        │    Upgrade:     1 statement in one transaction
        │    Downgrade:   1 statement in one transaction
        │    Checksum:    0761ec984d7c0caef3bc741d95c89cd66559106001ab15df0647ab5e40adec9d
        │
        │ *  Revision:    d1d1 (head) (mergepoint)
        │ │  Message:     Make d1d1
        │ │  Parent:      b1b1, c1c1
        │ │  Branch:      left, right
        │ │  Path:        migrations/202601010006_d1d1_make_d1d1.sql
        │ │  Upgrade:     1 statement in one transaction
        │ │  Downgrade:   1 statement in one transaction
        │ │  Checksum:    6a0d8a5480787de1b23a39e1ec9bf5e65928525f9e96bd1689aade5227871c10
        │ │
        ├─╯
        *    Revision:    c1c1 (branchpoint)
             Message:     Make c1c1
             Parent:      a1a1
             Children:    d1d1, e1e1
             Branch:      right
             Path:        migrations/202601010003_c1c1_make_c1c1.sql
             Upgrade:     1 statement in one transaction
             Downgrade:   1 statement in one transaction
             Checksum:    8c3b627f4cf20de2ba3442a9475a41ab2e5b2d1a371d46de4a0f97d3ad10a39a

    "#]]
    .assert_eq(&said);
}
