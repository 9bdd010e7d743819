//! Random schemas. A schema is a function of its genes: every decision has a name, such as
//! `t1.c2.type`, and a number that comes from a seed. A second schema has the same genes but for a
//! share of them, so that it differs in any attribute of anything, and in several at once.
//!
//! What is written need not be valid: a check of a column that is not there, a default of another
//! type. Such statements fail when they are loaded, and are then no part of the schema.

#![expect(
    clippy::format_push_string,
    reason = "a text of SQL is put together from its parts, and nobody waits for it"
)]

mod constraints;
mod objects;
mod relations;
mod routines;
mod tables;
mod types;

/// Where the numbers come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Genome {
    /// Whence all genes come.
    pub(crate) seed: u64,
    /// Whence those come that are others.
    pub(crate) drift: u64,
    /// How many of a thousand are others.
    pub(crate) share: u64,
    /// How many percent of what there could be is there.
    pub(crate) density: u32,
}

/// A statement, in parts that can be left out one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// What it is about, the same in both schemas.
    pub(crate) name: String,
    /// `create table t`.
    pub(crate) head: String,
    /// What stands in the parentheses behind it.
    pub(crate) parts: Vec<String>,
    /// What stands behind them.
    pub(crate) tail: String,
}

impl Item {
    /// The statement.
    pub(crate) fn sql(&self) -> String {
        let (head, tail) = (&self.head, &self.tail);
        if self.parts.is_empty() {
            format!("{head}{tail}")
        } else {
            format!("{head} ({}){tail}", self.parts.join(", "))
        }
    }
}

/// The statements so far, in an order in which they can run.
#[derive(Debug, Default)]
struct Script(Vec<Item>);

impl Script {
    fn add(&mut self, name: impl Into<String>, sql: impl Into<String>) {
        self.list(name, sql, Vec::new(), "");
    }

    fn list(
        &mut self,
        name: impl Into<String>,
        head: impl Into<String>,
        parts: Vec<String>,
        tail: impl Into<String>,
    ) {
        self.0.push(Item {
            name: name.into(),
            head: head.into(),
            parts,
            tail: tail.into(),
        });
    }
}

impl Genome {
    /// The pair of a seed. The larger the seed's share, the less the second has of the first.
    pub(crate) fn pair(seed: u64) -> (Self, Self) {
        let share = [8, 30, 100, 300, 1000][usize::try_from(seed % 5).unwrap_or_default()];
        let density = [35, 50, 75][usize::try_from(seed % 3).unwrap_or_default()];
        let old = Self {
            seed,
            drift: 0,
            share: 0,
            density,
        };
        let drift = !seed;
        (
            old,
            Self {
                drift,
                share,
                ..old
            },
        )
    }

    /// All statements of the schema.
    pub(crate) fn items(&self) -> Vec<Item> {
        let mut script = Script::default();
        objects::homes(self, &mut script);
        types::all(self, &mut script);
        routines::all(self, &mut script);
        objects::foreign(self, &mut script);
        tables::all(self, &mut script);
        relations::all(self, &mut script);
        objects::all(self, &mut script);
        script.0
    }

    /// A gene: a number below `below`.
    fn number(&self, gene: &str, below: usize) -> usize {
        let is_other = hash(self.drift, gene, 1) % 1000 < self.share;
        let seed = if is_other { self.drift } else { self.seed };
        let below = u64::try_from(below.max(1)).unwrap_or(1);
        usize::try_from(hash(seed, gene, 0) % below).unwrap_or_default()
    }

    /// A gene that is a decision, taken in so many cases of a hundred.
    fn yes(&self, gene: &str, percent: usize) -> bool {
        self.number(gene, 100) < percent
    }

    /// Whether something is there at all.
    fn has(&self, what: &str) -> bool {
        let density = usize::try_from(self.density).unwrap_or_default();
        self.yes(&format!("{what}.is"), density)
    }

    /// A gene that is one of a list.
    fn pick<'a>(&self, gene: &str, list: &[&'a str]) -> &'a str {
        list[self.number(gene, list.len())]
    }

    /// Some of a list, in an order of their own.
    fn some<'a>(&self, gene: &str, list: &[&'a str]) -> Vec<&'a str> {
        let mut some: Vec<&str> = list
            .iter()
            .copied()
            .filter(|one| self.yes(&format!("{gene}.{one}"), 65))
            .collect();
        if some.is_empty() {
            some.push(list[0]);
        }
        let turn = self.number(&format!("{gene}.turn"), 8);
        if turn < 3 {
            let places = turn % some.len();
            some.rotate_left(places);
        }
        some
    }

    /// A name with its schema, which is a gene as well.
    fn full(&self, name: &str) -> String {
        let home = self.pick(
            &format!("{name}.home"),
            &["public", "public", "public", "public", "s0", "\"S 1\""],
        );
        format!("{home}.{name}")
    }
}

/// FNV-1a, and the end of `SplitMix64`.
fn hash(seed: u64, text: &str, salt: u8) -> u64 {
    let begin = 0xcbf2_9ce4_8422_2325 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let fold = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let mut sum = text.bytes().chain([salt]).fold(begin, fold);
    sum = (sum ^ (sum >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    sum = (sum ^ (sum >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    sum ^ (sum >> 31)
}

/// The roles that the schemas name. They belong to the server, and are made before.
pub(crate) const ROLES: [&str; 3] = ["castoff_random_a", "castoff_random_b", "castoff random c"];

/// A role as SQL has it, or everybody.
fn role(genome: &Genome, gene: &str) -> &'static str {
    let roles = [
        "castoff_random_a",
        "castoff_random_b",
        "\"castoff random c\"",
        "public",
    ];
    genome.pick(gene, &roles)
}
