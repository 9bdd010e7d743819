//! What an init must do, and the test that proves it of castoff.
//!
//! The rows are gathered from what tini, dumb-init, catatonit and the people who use them found
//! out, some of it the hard way. A row that needs a container has a check of `tests/container`.

use super::tidy::sources;

/// Where a row is proved.
#[derive(Clone, Copy, Debug)]
enum Proof {
    /// By a test of this binary: `module::name`.
    Test(&'static str),
    /// By a function of `tests/container/init.sh`.
    Container(&'static str),
}

use Proof::{Container, Test};

/// A number, what must be so, and by what it is proved.
const ROWS: [(u32, &str, &[Proof]); 49] = [
    (
        1,
        "forwards TERM, INT, HUP, QUIT, USR1 and USR2",
        &[Test("init_signals::the_usual_signals_reach_the_command")],
    ),
    (
        2,
        "forwards all of 1 to 31, also those that mean a fault",
        &[Test(
            "init_signals::every_signal_that_a_user_can_send_reaches_the_command",
        )],
    ),
    (
        3,
        "forwards the real-time signals 34 to 64",
        &[Test("init_signals::real_time_signals_reach_the_command")],
    ),
    (
        4,
        "loses none of 400 signals",
        &[Test("init_signals::none_of_four_hundred_signals_is_lost")],
    ),
    (
        5,
        "forwards to the whole group when asked",
        &[Test(
            "init_signals::signals_go_to_the_whole_group_when_asked",
        )],
    ),
    (
        6,
        "forwards to the command alone otherwise",
        &[Test(
            "init_signals::signals_go_to_the_command_alone_otherwise",
        )],
    ),
    (
        7,
        "puts the command into a group of its own",
        &[Test("init_signals::the_command_leads_a_group_of_its_own")],
    ),
    (
        8,
        "hands the terminal over",
        &[
            Test("init_terminal::the_terminal_is_handed_to_the_command"),
            Test("init_terminal::a_command_may_read_from_and_write_to_its_terminal"),
        ],
    ),
    (
        9,
        "lets Ctrl-C reach the command exactly once",
        &[
            Test("init_terminal::ctrl_c_reaches_the_command_exactly_once"),
            Container("terminal_of_a_container"),
        ],
    ),
    (
        10,
        "stops with its command at TSTP, TTIN and TTOU, and goes on with it",
        &[
            Test("init_signals::a_stop_signal_stops_the_command_and_the_init_until_they_go_on"),
            Test("init_signals::pid_1_goes_on_while_a_stop_signal_has_stopped_its_command"),
            Test("init_terminal::ctrl_z_stops_the_init_with_its_command_and_the_shell_goes_on"),
        ],
    ),
    (
        11,
        "keeps the HUP and CONT of a handed-over terminal from the command",
        &[Test(
            "init_terminal::the_command_hears_nothing_of_how_it_got_the_terminal",
        )],
    ),
    (
        12,
        "sends another signal, or none, when asked",
        &[Test(
            "init_signals::a_signal_is_rewritten_or_dropped_when_asked",
        )],
    ),
    (
        13,
        "passes each exit status on",
        &[Test("init_exit::every_exit_status_is_passed_on")],
    ),
    (
        14,
        "ends with 128+n when a signal ended its command",
        &[
            Test("init_exit::death_by_a_signal_is_128_and_its_number"),
            Container("docker_stop"),
        ],
    ),
    (
        15,
        "counts a status as success when asked",
        &[
            Test("init_exit::a_status_counts_as_success_when_asked"),
            Container("docker_stop"),
        ],
    ),
    (
        16,
        "ends with 127 for a missing command and 126 for one that cannot run",
        &[Test(
            "init_exit::a_command_that_is_missing_or_not_executable_is_named",
        )],
    ),
    (
        17,
        "names that command",
        &[Test(
            "init_exit::a_command_that_is_missing_or_not_executable_is_named",
        )],
    ),
    (
        18,
        "reaps 3000 orphans",
        &[
            Test("init_reaping::three_thousand_orphans_leave_no_zombie"),
            Test("init_reaping::zombies_from_before_the_init_are_reaped"),
            Test("init_reaping::an_orphan_that_dies_later_is_reaped_and_its_status_is_nobodys"),
        ],
    ),
    (
        19,
        "ends with its command while orphans live",
        &[Test(
            "init_reaping::the_init_ends_with_its_command_while_orphans_live",
        )],
    ),
    (
        20,
        "tells the rest of the group to stop when its command has ended",
        &[
            Test("init_reaping::the_rest_of_the_group_is_told_to_stop_when_the_command_has_ended"),
            Test("init_reaping::who_is_left_is_not_touched_without_the_group"),
        ],
    ),
    (
        21,
        "adopts orphans when it is not PID 1",
        &[Test(
            "init_reaping::orphans_come_to_an_init_that_is_not_pid_1",
        )],
    ),
    (
        22,
        "needs no warning when it is not PID 1",
        &[Test(
            "init_reaping::an_init_that_is_not_pid_1_runs_and_says_nothing_about_it",
        )],
    ),
    (
        23,
        "runs when it is not PID 1",
        &[Test(
            "init_reaping::an_init_that_is_not_pid_1_runs_and_says_nothing_about_it",
        )],
    ),
    (
        24,
        "tells the command when the init's own parent dies",
        &[Test(
            "init_reaping::the_command_hears_when_the_inits_parent_dies",
        )],
    ),
    (
        25,
        "kills a command that does not stop, after a grace",
        &[
            Test("init_exit::a_command_that_does_not_stop_is_killed_after_the_grace"),
            Test("init_exit::the_whole_group_is_killed_after_the_grace"),
            Test("init_exit::nobody_is_killed_within_the_grace_or_without_one"),
            Container("grace_of_a_container"),
        ],
    ),
    (
        26,
        "passes ignored and blocked signals on unchanged",
        &[Test(
            "init_inherited::ignored_and_blocked_signals_reach_the_command_unchanged",
        )],
    ),
    (
        27,
        "changes neither for a command of a clean parent",
        &[Test("init_inherited::a_clean_parent_has_a_clean_command")],
    ),
    (
        28,
        "passes on the descriptors that were handed in, and no other",
        &[Test(
            "init_inherited::the_command_has_the_descriptors_that_were_handed_in_and_no_other",
        )],
    ),
    (
        29,
        "holds none of them itself",
        &[Test(
            "init_inherited::the_init_itself_holds_nothing_that_the_command_may_want_to_close",
        )],
    ),
    (
        30,
        "passes socket activation on to the command",
        &[Test(
            "init_inherited::a_socket_that_was_handed_to_the_init_is_the_commands",
        )],
    ),
    (
        31,
        "does not hang when its parent ignored SIGCHLD",
        &[Test(
            "init_inherited::a_parent_that_ignores_sigchld_does_not_make_it_hang",
        )],
    ),
    (
        32,
        "starts with its standard streams closed",
        &[Test(
            "init_inherited::closed_standard_streams_are_no_obstacle",
        )],
    ),
    (
        33,
        "leaves its directory, while the command stays in it",
        &[
            Test("init_inherited::the_init_leaves_its_directory_and_the_command_stays_in_it"),
            Test("init_inherited::the_init_has_left_before_its_command_begins"),
        ],
    ),
    (
        34,
        "does not wake up while nothing happens",
        &[Test(
            "init_inherited::the_init_does_not_wake_up_while_nothing_happens",
        )],
    ),
    (
        35,
        "passes arguments and variables on byte by byte",
        &[Test(
            "init_inherited::arguments_and_variables_are_the_same_bytes",
        )],
    ),
    (
        36,
        "needs no user, no capability, no writable root, no /tmp and no /etc/passwd",
        &[
            Test("init_inherited::it_runs_as_any_user_with_no_capability"),
            Container("confined_init"),
        ],
    ),
    (
        37,
        "runs within 6 MiB and 8 processes",
        &[Container("limited")],
    ),
    (
        38,
        "runs under another init",
        &[
            Test("init_reaping::an_init_under_an_init_passes_everything_on"),
            Container("nested"),
        ],
    ),
    (
        39,
        "lets input, pipes and job control through",
        &[
            Test("init_terminal::pipes_pass_through"),
            Test("init_terminal::a_shell_under_it_has_its_job_control"),
            Container("terminal_of_a_container"),
        ],
    ),
    (
        40,
        "goes on when it may not signal its command",
        &[Test(
            "init_signals::a_command_that_may_not_be_signalled_does_not_end_the_init",
        )],
    ),
    (
        41,
        "tells nothing on stdout",
        &[Test(
            "init_exit::diagnostics_go_to_stderr_alone_and_only_when_asked",
        )],
    ),
    (
        42,
        "tells more when a flag or a variable asks for it",
        &[Test(
            "init_exit::diagnostics_go_to_stderr_alone_and_only_when_asked",
        )],
    ),
    (
        43,
        "can stand where dockerd expects docker-init",
        &[
            Test("init_exit::a_copy_named_docker_init_is_one"),
            Test("init_exit::two_dashes_alone_are_enough"),
            Container("as_docker_init"),
        ],
    ),
    (
        44,
        "can pause without a command, when asked",
        &[
            Test("init_exit::a_pause_reaps_orphans_until_it_is_told_to_stop"),
            Test("init_exit::an_init_without_a_command_says_so"),
        ],
    ),
    (
        45,
        "becomes another user before the command",
        &[Test(
            "privileges::the_server_runs_as_the_user_and_group_that_was_asked_for",
        )],
    ),
    (
        46,
        "turns files with secrets into variables",
        &[Test("privileges::a_secret_file_becomes_a_variable")],
    ),
    (
        47,
        "keeps named variables from the command",
        &[Test(
            "privileges::variables_that_were_named_do_not_reach_the_server",
        )],
    ),
    (
        48,
        "ends when it is told to stop while it waits",
        &[Test(
            "signals::the_status_of_a_stopped_wait_is_128_and_the_signal",
        )],
    ),
    (
        49,
        "becomes the command after waiting, when it need not be its init",
        &[Test(
            "exec::the_server_is_the_same_process_with_nothing_of_castoffs",
        )],
    ),
];

/// Why a proof does not exist; nothing if it does.
fn missing(proof: Proof) -> Option<String> {
    match proof {
        Test(name) => {
            let (module, function) = name.split_once("::").unwrap();
            let path = format!("tests/it/{module}.rs");
            let sources = sources("tests/it");
            let source = sources.iter().find(|source| source.path == path);
            let text = source.map_or("", |source| &source.text);
            let is_there = text.contains(&format!("#[test]\nfn {function}() {{"));
            (!is_there).then(|| format!("no test {name}"))
        }
        Container(function) => {
            let text = include_str!("../container/init.sh");
            let is_defined = text.contains(&format!("\n{function}() {{"));
            let is_called = text.contains(&format!("\n    {function}\n"));
            (!is_defined || !is_called).then(|| format!("no container check {function}"))
        }
    }
}

#[test]
fn each_row_has_its_proof() {
    let numbers: Vec<u32> = ROWS.iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, (1..=49).collect::<Vec<_>>());
    for (number, fact, proofs) in ROWS {
        assert!(!proofs.is_empty(), "{number}: {fact}");
        for proof in proofs {
            assert_eq!(missing(*proof), None, "{number}: {fact}");
        }
    }
}

#[test]
fn a_proof_that_is_not_there_is_missed() {
    assert!(missing(Test("init_exit::no_such_test")).is_some());
    assert!(missing(Test("no_such_module::no_such_test")).is_some());
    assert!(missing(Container("no_such_check")).is_some());
}
