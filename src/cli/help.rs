//! What `--help` shows besides clap's own: examples, and of the common options only those that a
//! command takes notice of.

use clap::error::ErrorKind;
use clap::{Arg, CommandFactory as _};

use super::Cli;

pub(super) const RUN: &str = "\
Examples:
  castoff run -- gunicorn --bind 0.0.0.0:8000 app:app
  castoff run --listen 0.0.0.0:8000 -- gunicorn app:app
  castoff run --for tcp://redis:6379 --init -- node server.js

Each option is also CASTOFF_<OPTION> in the environment: CASTOFF_LISTEN, CASTOFF_INIT.";

pub(super) const SUPERVISE: &str = "\
Examples:
  castoff supervise -- node server.js
  castoff -- node server.js                      the same
  castoff supervise --rewrite TERM:QUIT --grace 10s -- nginx -g 'daemon off;'

Each option but --pause is also CASTOFF_<OPTION> in the environment; castoff.toml is not read.";

pub(super) const WAIT: &str = "\
Examples:
  castoff wait
  castoff wait --for tcp://redis:6379 --for 'http://search:9200/_cluster/health#body=green'
  castoff wait --revision head --wait-timeout 15m

Exits with 0 when all is ready, and with 11 when it is not within --wait-timeout.";

pub(super) const SQUASH: &str = "\
Examples:
  castoff squash 3f2a:9c41
  castoff squash :9c41 --data keep        from the very first, with the rows that they write

The id of the last one stays, so that databases at it or above see no difference.";

pub(super) const MIGRATE: &str = "\
Examples:
  castoff migrate -m 'Add user avatar'
  castoff migrate -m 'Add user avatar' --schema-command 'python -m app.schema'
  castoff migrate -m 'Call it account' --rename user=account

Reads ./schema, compares it with what the migrations make, and proves the new file before it is written.
See docs/schema.md.";

pub(super) const CHECK: &str = "\
Examples:
  castoff check
  castoff check --scratch-url postgresql://postgres:ci@localhost/postgres     in CI

Exits with 0 when nothing differs, and with 1 when a migration is missing.";

pub(super) const DIFF: &str = "\
Examples:
  castoff diff head declared                       what castoff migrate would write
  castoff diff head postgresql://app@db/app        what somebody changed by hand
  castoff diff 3f2a head                           what the later migrations come to
  castoff diff base declared                       the whole schema";

pub(super) const STATUS: &str = "\
Examples:
  HEALTHCHECK CMD [\"/castoff\", \"status\"]
  castoff status --live

Looks at the status file (CASTOFF_STATUS_FILE), or at the server's port (CASTOFF_LISTEN), or at the
container's first process: the first of these that there is.
Exits with 0 when the server serves, with 1 when not (yet), and with 10 when nothing can be told.";

/// Commands that pass over most of the common options, with those that they do not.
const FEW: [(&str, &[&str]); 2] = [
    ("supervise", &["log", "log_format", "termination_log"]),
    ("status", &["status_file", "log", "log_format", "config"]),
];

/// What clap found, but for help: that is written anew without the options that the command
/// has only because every command has them. They are taken all the same, as a line that was copied
/// from another command may have them. The space goes to the command's own, in the short help too.
pub fn of_what_matters(found: clap::Error) -> clap::Error {
    if found.kind() != ErrorKind::DisplayHelp {
        return found;
    }
    let mut command = Cli::command();
    // Only then have the commands the options of all.
    command.build();
    for (name, kept) in FEW {
        command = command.mut_subcommand(name, |command| {
            command.mut_args(|argument| {
                let hides = is_common(&argument) && !kept.contains(&argument.get_id().as_str());
                if hides {
                    argument.hide(true)
                } else if is_common(&argument) {
                    argument
                } else {
                    argument.hide_short_help(false)
                }
            })
        });
    }
    match command.try_get_matches() {
        Err(error) if error.kind() == ErrorKind::DisplayHelp => error,
        Ok(_) | Err(_) => found,
    }
}

fn is_common(argument: &Arg) -> bool {
    argument.get_help_heading() == Some("Common options")
}
