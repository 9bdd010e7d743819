//! The command line of what writes migration files from schemas, as it was given.

use clap::Args;

use super::DeclaredOptions;

/// Arguments of `squash`.
#[derive(Args, Debug)]
#[command(mut_args(|option| {
    // Nothing is compared with a declaration here.
    let of_comparisons = ["schema", "schema_command", "online", "without", "strict", "rename"];
    let hides = of_comparisons.contains(&option.get_id().as_str());
    if hides { option.hide(true) } else { option }
}))]
pub struct Squash {
    /// The first and the last of them, as FIRST:LAST; `:LAST` begins with the very first
    #[arg(value_name = "RANGE")]
    pub range: String,
    /// What becomes of statements that may change rows: keep them, or drop them
    #[arg(
        long,
        value_enum,
        value_name = "keep|drop",
        hide_possible_values = true
    )]
    pub data: Option<KeepData>,
    /// What the revision does [default: which it was made of]
    #[arg(short, long)]
    pub message: Option<String>,
    /// Where schemas are compared.
    #[command(flatten)]
    pub declared: DeclaredOptions,
}

/// What becomes of statements that may change rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum KeepData {
    /// They run behind the others.
    Keep,
    /// They are left out.
    Drop,
}

/// Arguments of `init`.
#[derive(Args, Debug)]
#[command(mut_arg("schema", |schema| schema
    .value_name("PATH")
    .help("Also write its schema as a declaration: into a directory, or one file that ends with .sql")
    .long_help(None::<&str>)
    .requires("from_database")))]
#[command(mut_args(|option| {
    // Nothing is compared with a declaration here.
    let of_comparisons = ["schema_command", "online", "strict", "rename"];
    let hides = of_comparisons.contains(&option.get_id().as_str());
    if hides { option.hide(true) } else { option }
}))]
pub struct Init {
    /// Write the schema of the database at `DATABASE_URL` as the first revision
    #[arg(long)]
    pub from_database: bool,
    /// Where its schema goes, and what of it.
    #[command(flatten)]
    pub declared: DeclaredOptions,
}
