//! The command line as it was given: clap's structs, and nothing decided.
//!
//! Options are kept as text. [`crate::config`] joins them with the environment and
//! `castoff.toml`, and turns the winner into a type, so that a bad value is reported in one way
//! wherever it came from.

mod declared;
mod files;
pub mod help;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
pub use declared::{Check, DeclaredOptions, Diff, Migrate};
pub use files::{Init, KeepData, Squash};

/// Waits for PostgreSQL, applies migrations under a lock, and becomes the web server.
#[derive(Debug, Parser)]
#[command(
    name = "castoff",
    version,
    max_term_width = 100,
    disable_help_subcommand = true,
    after_help = "The options above are also CASTOFF_<OPTION> in the environment and, but for --config, keys of\ncastoff.toml (--ledger-schema is CASTOFF_SCHEMA and schema there, and --schema\nis CASTOFF_DECLARED and declared). A flag wins over the environment,\nwhich wins over the file.\nExit statuses and errors: docs/errors.md"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options that every command takes.
    #[command(flatten)]
    pub options: Options,
}

/// Options that every command takes, as text.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Common options")]
pub struct Options {
    /// The database, instead of `DATABASE_URL` (which stays the web server's own)
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub database_url: Option<String>,
    /// Directory of migrations, instead of the embedded ones or ./migrations
    #[arg(long, global = true, value_name = "DIR")]
    pub migrations: Option<String>,
    /// Schema of the ledger [default: castoff] (`CASTOFF_SCHEMA`)
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub ledger_schema: Option<String>,
    /// How long to wait for the database, and for all that --for names [default: 60s]
    #[arg(long, global = true, value_name = "DURATION")]
    pub wait_timeout: Option<String>,
    /// How long to wait while another castoff holds the migration lock [default: 10m]
    #[arg(long, global = true, value_name = "DURATION")]
    pub lock_timeout: Option<String>,
    /// The longest that one attempt at a migration waits for a lock on a table [default: 2s]
    #[arg(long, global = true, value_name = "DURATION", hide_short_help = true)]
    pub ddl_lock_timeout: Option<String>,
    /// How long a migration that is refused a lock is tried again [default: 10m]
    #[arg(long, global = true, value_name = "DURATION", hide_short_help = true)]
    pub ddl_lock_budget: Option<String>,
    /// How long a `concurrently` statement or a mere validation may take [default: 30m]
    #[arg(long, global = true, value_name = "DURATION", hide_short_help = true)]
    pub concurrent_budget: Option<String>,
    /// End sessions that are in the way: off, or idle-in-transaction[:DURATION] [default: off]
    #[arg(long, global = true, value_name = "WHICH", hide_short_help = true)]
    pub terminate_blockers: Option<String>,
    /// Show the statements of sessions that are in the way; they may hold secrets
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", hide_short_help = true)]
    pub show_queries: Option<String>,
    /// Create the database when the server does not have it
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", hide_short_help = true)]
    pub create_database: Option<String>,
    /// Revision that a database with tables and no ledger is at; recorded once
    #[arg(long, global = true, value_name = "REV", hide_short_help = true)]
    pub baseline: Option<String>,
    /// When the database is ahead of these migrations: ok, warn or fail [default: warn]
    #[arg(long, global = true, value_name = "WHAT", hide_short_help = true)]
    pub on_newer: Option<String>,
    /// Role to work as, from the first statement on: the owner of what is migrated
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub role: Option<String>,
    /// Allow upgrades that drop tables or columns, or empty tables, without the mark `destructive`
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", hide_short_help = true)]
    pub allow_destructive: Option<String>,
    /// Command to run before the first migration, with the plan as JSON on its standard input
    #[arg(long, global = true, value_name = "COMMAND", hide_short_help = true)]
    pub before: Option<String>,
    /// Command to run after the last migration, likewise
    #[arg(long, global = true, value_name = "COMMAND", hide_short_help = true)]
    pub after: Option<String>,
    /// How long each of these commands may take [default: 10m]
    #[arg(long, global = true, value_name = "DURATION", hide_short_help = true)]
    pub hook_timeout: Option<String>,
    /// Value for `${NAME}` in migrations that declare it (`CASTOFF_PLACEHOLDER_<NAME>`); repeatable
    #[arg(long, global = true, value_name = "NAME=VALUE", hide_short_help = true)]
    pub placeholder: Vec<String>,
    /// Name of this image or release, recorded in the ledger
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub image: Option<String>,
    /// File that always holds what castoff is doing, as JSON (see docs/observability.md)
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub status_file: Option<String>,
    /// File that gets the metrics at the end, for the textfile collector of `node_exporter`
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub metrics_file: Option<String>,
    /// File for the error that ends castoff, in one line [default: /dev/termination-log, when there]
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub termination_log: Option<String>,
    /// How much to tell: error, warn, info or debug [default: info]
    #[arg(long, global = true, value_name = "LEVEL", hide_short_help = true)]
    pub log: Option<String>,
    /// The story on standard error as text or json [default: text]
    #[arg(long, global = true, value_name = "FORMAT", hide_short_help = true)]
    pub log_format: Option<String>,
    /// Configuration file [default: castoff.toml, when it is there]
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub config: Option<PathBuf>,
}

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON document.
    Json,
}

/// How the history is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum HistoryFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON document.
    Json,
    /// A flowchart for Mermaid, which Markdown pages can show.
    Mermaid,
    /// A digraph for Graphviz's dot.
    Dot,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Wait, upgrade to head, become CMD (same process)
    #[command(after_help = help::RUN)]
    Run(Box<Run>),
    /// Start CMD and stay as its init: forward signals, reap zombies, return its status
    #[command(after_help = help::SUPERVISE)]
    Supervise(Supervise),
    /// Only wait: for the database, for a revision, for other services
    #[command(after_help = help::WAIT)]
    Wait(Wait),
    /// Say how castoff, or the server that it became, is doing: a health command
    #[command(after_help = help::STATUS)]
    Status(Status),
    /// Move forward to a target
    Upgrade(Upgrade),
    /// Move back to a target
    Downgrade(Downgrade),
    /// Show what `upgrade` would do, statement by statement; changes nothing
    Plan(Plan),
    /// Record revisions without running them
    Stamp(Stamp),
    /// Record files that were edited after they were applied, as they are now
    Repair(Repair),
    /// Say what became of a statement that castoff cannot decide about
    Resolve(Resolve),
    /// Do what upgrades left for later: sections in deferred batches
    Backfill(Backfill),
    /// Show where the database is
    Current(Current),
    /// List the revisions, newest first
    History(History),
    /// List the revisions that nothing follows
    Heads(Listing),
    /// List the revisions that several follow
    Branches(Listing),
    /// Show one revision
    Show(Show),
    /// Write a new, empty migration file on the head
    Revision(Revision),
    /// Write a revision that makes one head from several
    Merge(Merge),
    /// Move a revision behind the other head, which was merged first
    Rebase(Rebase),
    /// Take several revisions into one, by what they come to
    #[command(after_help = help::SQUASH)]
    Squash(Squash),
    /// Write the migration that takes the schema from the head to the declared one
    #[command(after_help = help::MIGRATE)]
    Migrate(Migrate),
    /// Exit with 1 when the declared schema is not what the head makes, and show the statements
    #[command(after_help = help::CHECK)]
    Check(Check),
    /// Show the statements from one schema to another
    #[command(after_help = help::DIFF)]
    Diff(Diff),
    /// Make a migrations directory, a configuration file and a first revision
    Init(Init),
    /// Write a copy of this program with the migrations embedded
    Bundle(Bundle),
    /// Print the completions for a shell
    Completions(Completions),
    /// Print the manual page
    Man,
}

/// Arguments of `run`.
#[derive(Args, Debug)]
pub struct Run {
    /// The web server and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub server: Vec<OsString>,
    /// What else to wait for.
    #[command(flatten)]
    pub waiting: WaitingOptions,
    /// Likewise, between the migrations and CMD; repeatable
    #[arg(long, value_name = "WHAT")]
    pub before_exec: Vec<String>,
    /// The page that is shown until CMD serves.
    #[command(flatten)]
    pub holding: HoldingOptions,
    /// What CMD may do and see.
    #[command(flatten)]
    pub privileges: PrivilegeOptions,
    /// Stay as the init of CMD: forward signals, reap zombies, return its status
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Init")]
    pub init: Option<String>,
    /// How CMD is looked after.
    #[command(flatten)]
    pub supervision: InitOptions,
}

/// What else is waited for than the database.
#[derive(Args, Clone, Debug, Default)]
pub struct WaitingOptions {
    /// Also wait for a service, a file or a command; repeatable
    ///
    /// `tcp://HOST:PORT`, `http(s)://HOST/PATH[#status=…&body=…]`, `file:PATH`, `unix:PATH` or
    /// `exec:COMMAND`; see docs/waiting.md.
    #[arg(long = "for", visible_alias = "before-migrate", value_name = "WHAT")]
    pub wait_for: Vec<String>,
}

/// The holding page.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Holding page")]
pub struct HoldingOptions {
    /// Answer here while castoff waits and migrates; then CMD gets the socket
    #[arg(long, value_name = "HOST:PORT")]
    pub listen: Option<String>,
    /// How CMD gets the port: socket (descriptor 3, as systemd passes it) or close [default: socket]
    #[arg(long, value_name = "HOW", hide_short_help = true)]
    pub listen_handover: Option<String>,
    /// HTML file to answer with instead of castoff's own page
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub holding_page: Option<String>,
}

/// What the server may do and see.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Privileges")]
pub struct PrivilegeOptions {
    /// Run CMD as this user, by number or name; castoff itself keeps its own
    #[arg(long, value_name = "UID[:GID]")]
    pub user: Option<String>,
    /// Keep CMD from ever gaining privileges by executing a file
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", hide_short_help = true)]
    pub no_new_privs: Option<String>,
    /// Give CMD what the file that `VAR_FILE` names holds, as VAR: these, or all in /run/secrets
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "VAR,…", hide_short_help = true)]
    pub expand_secrets: Option<String>,
    /// Variable that CMD is not to see; repeatable
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub unset_env: Vec<String>,
}

/// How a server is looked after by its init.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Init")]
pub struct InitOptions {
    /// Send signals to CMD's whole process group, and SIGTERM to what is left of it at the end
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", hide_short_help = true)]
    pub kill_group: Option<String>,
    /// Send another signal instead (TERM:QUIT), or none (HUP:0); repeatable
    #[arg(long, value_name = "FROM:TO", hide_short_help = true)]
    pub rewrite: Vec<String>,
    /// How long CMD may take to stop after SIGTERM or SIGINT before it is killed [default: 0, for ever]
    #[arg(long, value_name = "DURATION", hide_short_help = true)]
    pub grace: Option<String>,
    /// Signal for CMD when castoff's own parent dies, or castoff itself
    #[arg(long, value_name = "SIGNAL", hide_short_help = true)]
    pub parent_death_signal: Option<String>,
    /// Exit with 0 when CMD exits with this status: 143 for one that ends by SIGTERM; repeatable
    #[arg(long, value_name = "STATUS", hide_short_help = true)]
    pub remap_status: Vec<String>,
}

/// Arguments of `supervise`.
#[derive(Args, Debug, Default)]
pub struct Supervise {
    /// The command and its arguments
    #[arg(last = true, required_unless_present = "pause", value_name = "CMD")]
    pub server: Vec<OsString>,
    /// Start nothing: collect orphans until SIGTERM or SIGINT
    #[arg(long, conflicts_with = "server")]
    pub pause: bool,
    /// How CMD is looked after.
    #[command(flatten)]
    pub supervision: InitOptions,
}

/// Arguments of `wait`.
#[derive(Args, Debug)]
pub struct Wait {
    /// Wait until this revision is applied, by whomever: head, heads, LABEL@head, an id or prefix
    #[arg(long, value_name = "REV")]
    pub revision: Option<String>,
    /// What else to wait for.
    #[command(flatten)]
    pub waiting: WaitingOptions,
}

/// Arguments of `status`.
#[derive(Args, Debug)]
pub struct Status {
    /// Exit with 0 also while castoff waits or migrates
    #[arg(long)]
    pub live: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Arguments of `upgrade`.
#[derive(Args, Debug)]
pub struct Upgrade {
    /// head, heads, an id or prefix, +n, REV+n, LABEL@head; with --sql also a:b
    #[arg(default_value = "head", allow_negative_numbers = true)]
    pub target: String,
    /// Print the script for psql instead; asks no database
    #[arg(long)]
    pub sql: bool,
}

/// Arguments of `downgrade`.
#[derive(Args, Debug)]
pub struct Downgrade {
    /// -n, base, an id or prefix, REV-n, LABEL@base; with --sql a:b
    #[arg(default_value = "-1", allow_negative_numbers = true)]
    pub target: String,
    /// Print the script for psql instead; asks no database
    #[arg(long)]
    pub sql: bool,
}

/// Arguments of `plan`.
#[derive(Args, Debug)]
pub struct Plan {
    /// As for `upgrade`
    #[arg(default_value = "head", allow_negative_numbers = true)]
    pub target: String,
    /// Exit with 1 when something is pending
    #[arg(long)]
    pub exit_status: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Arguments of `stamp`.
#[derive(Args, Debug)]
pub struct Stamp {
    /// The revisions to record: ids, head, heads, LABEL@head, base or LABEL@base
    #[arg(required = true, value_name = "REV")]
    pub targets: Vec<String>,
    /// Forget what the ledger has first, unknown revisions too
    #[arg(long)]
    pub purge: bool,
    /// Print the script for psql instead; asks no database
    #[arg(long)]
    pub sql: bool,
}

/// Arguments of `repair`.
#[derive(Args, Debug)]
pub struct Repair {
    /// The revisions to record again: ids, prefixes, labels
    #[arg(required_unless_present = "all", value_name = "REV")]
    pub revisions: Vec<String>,
    /// All applied files that differ from what was recorded
    #[arg(long, conflicts_with = "revisions")]
    pub all: bool,
    /// Why the database is right as it is; recorded in the ledger
    #[arg(long, required = true, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub reason: String,
}

/// Arguments of `resolve`.
#[derive(Args, Debug)]
pub struct Resolve {
    /// The revision that is half done and the number of its statement, as the error names them
    #[arg(value_name = "REV:N")]
    pub statement: String,
    /// What became of it
    #[arg(value_enum)]
    pub answer: Answer,
}

/// What became of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Answer {
    /// It is done: the next start goes on behind it.
    Done,
    /// Nothing of it is in the database: the next start runs it again.
    Again,
    /// Nothing of the whole section is in the database: it begins again, or not at all.
    Undone,
}

/// Arguments of `backfill`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Backfill {
    /// Only this revision [default: all that are pending]
    #[arg(value_name = "REV")]
    pub revision: Option<String>,
    /// Something else than doing it
    #[command(subcommand)]
    pub action: Option<BackfillAction>,
}

/// What can be done about batches besides running them, also while another castoff does.
#[derive(Debug, Subcommand)]
pub enum BackfillAction {
    /// Show how far every section in batches is
    Status(BackfillStatus),
    /// Let it wait after the batch that is under way
    Pause(BackfillRevision),
    /// Let it go on
    Resume(BackfillRevision),
    /// Let it end after the batch that is under way
    Abort(BackfillRevision),
    /// Let it go on after it failed or was aborted
    Retry(BackfillRevision),
}

/// Arguments of `backfill status`.
#[derive(Args, Debug)]
pub struct BackfillStatus {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Arguments of what changes one backfill.
#[derive(Args, Debug)]
pub struct BackfillRevision {
    /// The revision, or its beginning
    #[arg(value_name = "REV")]
    pub revision: String,
}

/// Arguments of `current`.
#[derive(Args, Debug)]
pub struct Current {
    /// Tell more of each revision
    #[arg(short, long)]
    pub verbose: bool,
    /// Exit with 1 unless the database is at every head
    #[arg(long)]
    pub check_heads: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Arguments of `history`.
#[derive(Args, Debug)]
pub struct History {
    /// Only a part: a:b, a: or :b, with current for where the database is
    #[arg(short, long, value_name = "A:B", allow_hyphen_values = true)]
    pub rev_range: Option<String>,
    /// Tell more of each revision
    #[arg(short, long)]
    pub verbose: bool,
    /// Mark where the database is
    #[arg(short, long)]
    pub indicate_current: bool,
    /// Draw the graph beside the revisions, with lines
    #[arg(long, conflicts_with = "format")]
    pub graph: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: HistoryFormat,
}

/// Arguments of the short listings.
#[derive(Args, Debug)]
pub struct Listing {
    /// Tell more of each revision
    #[arg(short, long)]
    pub verbose: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Arguments of `show`.
#[derive(Args, Debug)]
pub struct Show {
    /// head, heads, an id or prefix, REV-n, LABEL@head
    pub revision: String,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Arguments of `revision`.
#[derive(Args, Debug)]
pub struct Revision {
    /// What the migration does
    #[arg(short, long)]
    pub message: String,
    /// Follow this revision instead of the head: an id or prefix, LABEL@head, or base for none
    #[arg(long, value_name = "REV")]
    pub head: Option<String>,
    /// Also require this revision of another branch
    #[arg(long, value_name = "REV")]
    pub depends_on: Vec<String>,
    /// Name the branch that starts here
    #[arg(long, value_name = "LABEL")]
    pub branch_label: Vec<String>,
    /// Allow a second child of a revision that has one
    #[arg(long)]
    pub splice: bool,
    /// Use this id instead of a random one
    #[arg(long, value_name = "ID")]
    pub rev_id: Option<String>,
    /// Fill it with what leads to the declared schema, as `castoff migrate` does
    #[arg(long, conflicts_with_all = ["head", "depends_on", "branch_label", "splice"])]
    pub autogenerate: bool,
    /// What the schema is to be.
    #[command(flatten)]
    pub declared: DeclaredOptions,
}

/// Arguments of `merge`.
#[derive(Args, Debug)]
pub struct Merge {
    /// What the merge is about [default: the revisions it joins]
    #[arg(short, long)]
    pub message: Option<String>,
    /// The heads to join: ids, prefixes, LABEL@head [default: all heads]
    #[arg(value_name = "REV")]
    pub revisions: Vec<String>,
}

/// Arguments of `rebase`.
#[derive(Args, Debug)]
pub struct Rebase {
    /// The revision to move, or any of its chain [default: the head beside --onto]
    #[arg(value_name = "REV")]
    pub revision: Option<String>,
    /// The revision to follow from now on [default: the other head]
    #[arg(long, value_name = "REV")]
    pub onto: Option<String>,
}

/// Arguments of `bundle`.
#[derive(Args, Debug)]
pub struct Bundle {
    /// Where to write the copy
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
}

/// Arguments of `completions`.
#[derive(Args, Debug)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}
