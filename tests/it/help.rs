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
    let said = transcript(&project, None, &["-h", "run -h", "completions csh", ""]);
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
        castoff.toml (--ledger-schema is CASTOFF_SCHEMA and schema there). A flag wins over the environment,
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
              --init[=<BOOL>]       Stay as the init of CMD: forward signals, reap zombies, return its status
              --for <WHAT>          Something to wait for besides: `tcp://HOST:PORT`, `http(s)://…`, `file:PATH`, `unix:PATH`, `exec:COMMAND`; repeatable [alias: --before-migrate]
              --before-exec <WHAT>  Something to wait for between the migrations and CMD, as for --for; repeatable
          -h, --help                Print help (see more with '--help')

        Holding page:
              --listen <HOST:PORT>  Answer here while castoff waits and migrates; then CMD gets the socket

        Privileges:
              --user <UID[:GID]>  Run CMD as this user, by number or name; castoff itself keeps its own

        Common options:
              --migrations <DIR>         Directory of migrations, instead of the embedded ones or ./migrations
              --wait-timeout <DURATION>  How long to wait for the database, and for all that --for names [default: 60s]
              --lock-timeout <DURATION>  How long to wait while another castoff holds the migration lock [default: 10m]

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
        castoff.toml (--ledger-schema is CASTOFF_SCHEMA and schema there). A flag wins over the environment,
        which wins over the file.
        Exit statuses and errors: docs/errors.md

    "#]].assert_eq(&said);
    // Each command is told about in the long help, and each option of it.
    let help = run(&project, None, "--help").stdout;
    for word in ["--database-url", "--on-newer", "--baseline", "completions"] {
        assert!(help.contains(word), "{word}: {help}");
    }
}
