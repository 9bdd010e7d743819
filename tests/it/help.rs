//! What castoff says of itself.

use expect_test::expect;

use super::support::project::Project;
use super::support::transcript::{run, transcript};

#[test]
fn a_shell_and_a_reader_of_manuals_are_served() {
    let project = Project::empty();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let finished = run(&project, None, &format!("completions {shell}"));
        finished.status(0);
        assert!(finished.stdout.contains("downgrade"), "{shell}");
        assert_eq!(finished.stderr, "");
    }
    let bash = run(&project, None, "completions bash").stdout;
    let project = project.file("castoff.bash", bash);
    let status = std::process::Command::new("bash")
        .arg("-n")
        .arg(project.path("castoff.bash"))
        .status();
    assert!(status.unwrap().success());
    let page = run(&project, None, "man");
    page.status(0);
    assert!(page.stdout.starts_with(".ie"), "{page}");
    let version = run(&project, None, "--version").stdout;
    assert_eq!(
        version,
        concat!("castoff ", env!("CARGO_PKG_VERSION"), "\n")
    );
    let said = transcript(
        &project,
        None,
        &[
            "-h",
            "run -h",
            "supervise -h",
            "status -h",
            "completions csh",
            "",
        ],
    );
    expect![[r#"
        $ castoff -h
        status 0
        --- stdout
        Waits for PostgreSQL, applies migrations under a lock, and becomes the web server

        Usage: castoff [OPTIONS] <COMMAND>

        Commands:
          run          Wait, upgrade to head, become CMD (same process)
          supervise    Start CMD and stay as its init: forward signals, reap zombies, return its status
          wait         Only wait: for the database, for a revision, for other services
          status       Say how castoff, or the server that it became, is doing: a health command
          upgrade      Move forward to a target
          downgrade    Move back to a target
          plan         Show what `upgrade` would do, statement by statement; changes nothing
          stamp        Record revisions without running them
          repair       Record files that were edited after they were applied, as they are now
          resolve      Say what became of a statement that castoff cannot decide about
          backfill     Do what upgrades left for later: sections in deferred batches
          current      Show where the database is
          history      List the revisions, newest first
          heads        List the revisions that nothing follows
          branches     List the revisions that several follow
          show         Show one revision
          revision     Write a new, empty migration file on the head
          merge        Write a revision that makes one head from several
          rebase       Move a revision behind the other head, which was merged first
          squash       Take several revisions into one, by what they come to
          migrate      Write the migration that takes the schema from the head to the declared one
          check        Exit with 1 when the declared schema is not what the head makes, and show the statements
          diff         Show the statements from one schema to another
          init         Make a migrations directory, a configuration file and a first revision
          bundle       Write a copy of this program with the migrations embedded
          completions  Print the completions for a shell
          man          Print the manual page

        Options:
          -h, --help     Print help (see more with '--help')
          -V, --version  Print version

        Common options:
              --migrations <DIR>         Directory of migrations, instead of the embedded ones or ./migrations
              --wait-timeout <DURATION>  How long to wait for the database, and for all that --for names [default: 60s]
              --lock-timeout <DURATION>  How long to wait while another castoff holds the migration lock [default: 10m]

        The options above are also CASTOFF_<OPTION> in the environment and, but for --config, keys of
        castoff.toml (--ledger-schema is CASTOFF_SCHEMA and schema there, and --schema
        is CASTOFF_DECLARED and declared). A flag wins over the environment,
        which wins over the file.
        Exit statuses and errors: docs/errors.md

        $ castoff run -h
        status 0
        --- stdout
        Wait, upgrade to head, become CMD (same process)

        Usage: castoff run [OPTIONS] -- <CMD>...

        Arguments:
          <CMD>...  The web server and its arguments

        Options:
              --for <WHAT>          Also wait for a service, a file or a command; repeatable [alias: --before-migrate]
              --before-exec <WHAT>  Likewise, between the migrations and CMD; repeatable
          -h, --help                Print help (see more with '--help')

        Holding page:
              --listen <HOST:PORT>  Answer here while castoff waits and migrates; then CMD gets the socket

        Privileges:
              --user <UID[:GID]>  Run CMD as this user, by number or name; castoff itself keeps its own

        Init:
              --init[=<BOOL>]  Stay as the init of CMD: forward signals, reap zombies, return its status

        Common options:
              --migrations <DIR>         Directory of migrations, instead of the embedded ones or ./migrations
              --wait-timeout <DURATION>  How long to wait for the database, and for all that --for names [default: 60s]
              --lock-timeout <DURATION>  How long to wait while another castoff holds the migration lock [default: 10m]

        Examples:
          castoff run -- gunicorn --bind 0.0.0.0:8000 app:app
          castoff run --listen 0.0.0.0:8000 -- gunicorn app:app
          castoff run --for tcp://redis:6379 --init -- node server.js

        Each option is also CASTOFF_<OPTION> in the environment: CASTOFF_LISTEN, CASTOFF_INIT.

        $ castoff supervise -h
        status 0
        --- stdout
        Start CMD and stay as its init: forward signals, reap zombies, return its status

        Usage: castoff supervise [OPTIONS] [-- <CMD>...]

        Arguments:
          [CMD]...  The command and its arguments

        Options:
              --pause  Start nothing: collect orphans until SIGTERM or SIGINT
          -h, --help   Print help (see more with '--help')

        Init:
              --kill-group[=<BOOL>]           Send signals to CMD's whole process group, and SIGTERM to what is left of it at the end
              --rewrite <FROM:TO>             Send another signal instead (TERM:QUIT), or none (HUP:0); repeatable
              --grace <DURATION>              How long CMD may take to stop after SIGTERM or SIGINT before it is killed [default: 0, for ever]
              --parent-death-signal <SIGNAL>  Signal for CMD when castoff's own parent dies, or castoff itself
              --remap-status <STATUS>         Exit with 0 when CMD exits with this status: 143 for one that ends by SIGTERM; repeatable

        Examples:
          castoff supervise -- node server.js
          castoff -- node server.js                      the same
          castoff supervise --rewrite TERM:QUIT --grace 10s -- nginx -g 'daemon off;'

        Each option but --pause is also CASTOFF_<OPTION> in the environment; castoff.toml is not read.

        $ castoff status -h
        status 0
        --- stdout
        Say how castoff, or the server that it became, is doing: a health command

        Usage: castoff status [OPTIONS]

        Options:
              --live             Exit with 0 also while castoff waits or migrates
              --format <FORMAT>  How to print [default: text] [possible values: text, json]
          -h, --help             Print help (see more with '--help')

        Examples:
          HEALTHCHECK CMD ["/castoff", "status"]
          castoff status --live

        Looks at the status file (CASTOFF_STATUS_FILE), or at the server's port (CASTOFF_LISTEN), or at the
        container's first process: the first of these that there is.
        Exits with 0 when the server serves, with 1 when not (yet), and with 10 when nothing can be told.

        $ castoff completions csh
        status 2
        --- stderr
        error: invalid value 'csh' for '<SHELL>'
          [possible values: bash, elvish, fish, powershell, zsh]

          tip: a similar value exists: 'zsh'

        For more information, try '--help'.

        $ castoff 
        status 2
        --- stderr
        Waits for PostgreSQL, applies migrations under a lock, and becomes the web server

        Usage: castoff [OPTIONS] <COMMAND>

        Commands:
          run          Wait, upgrade to head, become CMD (same process)
          supervise    Start CMD and stay as its init: forward signals, reap zombies, return its status
          wait         Only wait: for the database, for a revision, for other services
          status       Say how castoff, or the server that it became, is doing: a health command
          upgrade      Move forward to a target
          downgrade    Move back to a target
          plan         Show what `upgrade` would do, statement by statement; changes nothing
          stamp        Record revisions without running them
          repair       Record files that were edited after they were applied, as they are now
          resolve      Say what became of a statement that castoff cannot decide about
          backfill     Do what upgrades left for later: sections in deferred batches
          current      Show where the database is
          history      List the revisions, newest first
          heads        List the revisions that nothing follows
          branches     List the revisions that several follow
          show         Show one revision
          revision     Write a new, empty migration file on the head
          merge        Write a revision that makes one head from several
          rebase       Move a revision behind the other head, which was merged first
          squash       Take several revisions into one, by what they come to
          migrate      Write the migration that takes the schema from the head to the declared one
          check        Exit with 1 when the declared schema is not what the head makes, and show the statements
          diff         Show the statements from one schema to another
          init         Make a migrations directory, a configuration file and a first revision
          bundle       Write a copy of this program with the migrations embedded
          completions  Print the completions for a shell
          man          Print the manual page

        Options:
          -h, --help     Print help (see more with '--help')
          -V, --version  Print version

        Common options:
              --migrations <DIR>         Directory of migrations, instead of the embedded ones or ./migrations
              --wait-timeout <DURATION>  How long to wait for the database, and for all that --for names [default: 60s]
              --lock-timeout <DURATION>  How long to wait while another castoff holds the migration lock [default: 10m]

        The options above are also CASTOFF_<OPTION> in the environment and, but for --config, keys of
        castoff.toml (--ledger-schema is CASTOFF_SCHEMA and schema there, and --schema
        is CASTOFF_DECLARED and declared). A flag wins over the environment,
        which wins over the file.
        Exit statuses and errors: docs/errors.md

    "#]].assert_eq(&said);
    // Each command is told about in the long help, and each option of it.
    let help = run(&project, None, "--help").stdout;
    for word in ["--database-url", "--on-newer", "--baseline", "completions"] {
        assert!(help.contains(word), "{word}: {help}");
    }
}
