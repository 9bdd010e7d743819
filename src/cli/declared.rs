//! The command line of what compares schemas, as it was given.

use clap::Args;

use super::{Command, Format};

impl Command {
    /// The options about the declared schema, of the commands that have them.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "most commands have nothing to do with it"
    )]
    pub fn declared(&self) -> Option<&DeclaredOptions> {
        match self {
            Self::Migrate(migrate) => Some(&migrate.declared),
            Self::Check(check) => Some(&check.declared),
            Self::Diff(diff) => Some(&diff.declared),
            Self::Revision(revision) => Some(&revision.declared),
            Self::Init(init) => Some(&init.declared),
            _ => None,
        }
    }
}

/// Arguments of `diff`.
#[derive(Args, Debug)]
pub struct Diff {
    /// The schema as it is: head, a revision, declared, or the URL of a database
    #[arg(value_name = "FROM")]
    pub from: String,
    /// The schema as it is to be, likewise
    #[arg(value_name = "TO")]
    pub to: String,
    /// End with status 1 if there is a difference
    #[arg(long)]
    pub exit_status: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// What the schema is to be.
    #[command(flatten)]
    pub declared: DeclaredOptions,
}

/// The declared schema, and where schemas are compared.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Declared schema")]
pub struct DeclaredOptions {
    /// The declared schema: a file or directory of DDL, or the URL of a database [default: ./schema]
    #[arg(long, value_name = "PATH|URL", conflicts_with = "schema_command")]
    pub schema: Option<String>,
    /// Command that prints the declared schema as DDL
    #[arg(long, value_name = "COMMAND")]
    pub schema_command: Option<String>,
    /// Server for scratch databases [default: that of the database, or a private one]
    #[arg(long, value_name = "URL")]
    pub scratch_url: Option<String>,
    /// Without long locks on tables that are in use (on), or in the short form (off) [default: on]
    #[arg(long, value_name = "on|off")]
    pub online: Option<String>,
    /// Leave out of the comparison: owners, privileges, comments; repeatable
    #[arg(long, value_name = "WHAT")]
    pub without: Vec<String>,
    /// Fail where a schema has something of a kind that castoff does not compare
    #[arg(long, num_args = 0, default_missing_value = "true")]
    pub strict: Option<String>,
    /// What has another name now, as TABLE=NEW, TABLE.COLUMN=NEW and the like; repeatable
    #[arg(long, value_name = "OLD=NEW")]
    pub rename: Vec<String>,
}

/// Arguments of `migrate`.
#[derive(Args, Debug)]
pub struct Migrate {
    /// What the migration does
    #[arg(short, long)]
    pub message: String,
    /// Use this id instead of a random one
    #[arg(long, value_name = "ID")]
    pub rev_id: Option<String>,
    /// What the schema is to be.
    #[command(flatten)]
    pub declared: DeclaredOptions,
}

/// Arguments of `check`.
#[derive(Args, Debug)]
pub struct Check {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// What the schema is to be.
    #[command(flatten)]
    pub declared: DeclaredOptions,
}
