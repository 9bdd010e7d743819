#!/bin/bash
# Runs the suites of tini and dumb-init on castoff, and ends with `N passed, N failed`.
#
#   cargo build && tests/init-suites.sh               target/debug/castoff
#   CASTOFF=/path/of/castoff tests/init-suites.sh     another one
#
# The suites come from Debian's source packages, by the mirrors that this machine's apt is set up
# with; apt checks the signatures. What they need of Python comes from PyPI. Both are kept in
# target/init-suites. catatonit has no suite. castoff takes tini's own command line under tini's
# name; dumb-init's is translated by tests/init-suites/dumb-init.
#
# What is left out, and why, stands in this file beside the name. It is not part of tests/all.sh:
# what these suites ask is asked by the tests `init_*`, and they depend on others' mirrors.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd -P)
here=$root/tests/init-suites
cache=$root/target/init-suites
export CASTOFF=${CASTOFF:-$root/target/debug/castoff}
passed=0
failed=0

main() {
    [ -x "$CASTOFF" ] || fail "there is no $CASTOFF: cargo build"
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/.work.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    fetch tini
    fetch dumb-init
    python
    tini_suite
    dumb_init_suite
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

fail() {
    echo "tests/init-suites.sh: $*" >&2
    exit 1
}

# fetch PACKAGE: its upstream source in $cache/PACKAGE.
fetch() {
    [ ! -d "$cache/$1" ] || return 0
    local list apt
    mkdir -p "$work"/{sources,lists/partial,cache/archives/partial,"$1"}
    # The machine's own sources, asked for sources instead of binaries.
    for list in /etc/apt/sources.list.d/*.sources; do
        [ ! -f "$list" ] || sed 's/^Types:.*/Types: deb-src/' "$list" >"$work/sources/${list##*/}"
    done
    for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ ! -f "$list" ] || sed -n 's/^deb /deb-src /p' "$list" >"$work/sources/${list##*/}"
    done
    apt=(
        -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$work/sources"
        -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache"
        -o "APT::Sandbox::User=$(id -un)" -o "Debug::NoLocking=1"
    )
    echo "tests/init-suites.sh: downloading the source package $1" >&2
    {
        apt-get "${apt[@]}" update || true
        # Debian's own changes need not be there: the suite is upstream's.
        (cd "$work" && apt-get "${apt[@]}" source --download-only "$1") || true
    } >"$work/log" 2>&1
    if ! tar -xf "$work/$1"_*.orig.tar.* -C "$work/$1" --strip-components=1 2>>"$work/log"; then
        tail -n 20 "$work/log" >&2
        fail "the source package $1 cannot be downloaded"
    fi
    mv -T "$work/$1" "$cache/$1"
}

# A virtual environment knows its own place, so it is made where it stays.
python() {
    local packages=$cache/python
    [ ! -e "$packages/complete" ] || return 0
    rm -rf "$packages"
    if ! { python3 -m venv "$packages" &&
        "$packages/bin/pip" install pytest pytest-timeout py psutil bitmap; } >"$work/log" 2>&1; then
        tail -n 20 "$work/log" >&2
        fail "the suites' packages of Python cannot be had"
    fi
    touch "$packages/complete"
}

# --- tini -----------------------------------------------------------------------------------------

# One script, which ends at the first thing that it finds wrong. Its parts are announced by lines
# `Running … test` and are counted by them.
tini_suite() {
    local suite=$work/tini began=0 status=0
    cp -r "$cache/tini" "$suite"
    cp "$here/prctl.py" "$suite/test/"
    mkdir "$suite/build"
    ln -s "$CASTOFF" "$suite/build/tini"
    cc -o "$suite/build/sigconf-test" "$suite/test/sigconf/sigconf-test.c"
    # Left out: «Running zombie reaping failure test (Tini should warn)». Without -s and not as PID 1,
    # tini adopts no orphans and warns; castoff adopts them without being asked.
    sed -i '/# Run failing test\./,/assert ret == 1, "Reaping test succeeded/d' "$suite/test/run_inner_tests.py"
    echo "tini: left out: that it warns when it does not adopt orphans (castoff always does)"
    # Told in other words: that an orphan was collected, with -w.
    sed -i 's/"Reaped zombie process with pid="/" ended with status "/' "$suite/test/run_inner_tests.py"
    echo "tini: changed: castoff's words for an orphan that was collected"
    PATH=$cache/python/bin:$PATH SOURCE_DIR=$suite BUILD_DIR=$suite/build FORCE_SUBREAPER=1 \
        timeout -k 5 300 "$cache/python/bin/python" -u "$suite/test/run_inner_tests.py" \
        >"$work/tini.log" 2>&1 || status=$?
    began=$(grep -ci '^running .* test' "$work/tini.log" || :)
    if [ "$status" -eq 0 ] && grep -q 'All done, tests as expected' "$work/tini.log"; then
        passed=$((passed + began))
    else
        passed=$((passed + began - 1))
        failed=$((failed + 1))
        tail -n 20 "$work/tini.log"
    fi
    echo "tini: $began parts of its suite ran, status $status"
}

# --- dumb-init ------------------------------------------------------------------------------------

# Tests of the sentences that dumb-init itself prints, to the letter; castoff has its own.
readonly own_words=(
    cli_test.py::test_no_arguments_prints_usage
    cli_test.py::test_exits_invalid_with_invalid_args
    cli_test.py::test_help_message
    cli_test.py::test_version_message
    cli_test.py::test_verbose
    cli_test.py::test_verbose_and_single_child
    cli_test.py::test_rewrite_errors
    child_processes_test.py::test_fails_nonzero_with_bad_exec
    # What it is about, that the command is spared the HUP and CONT of a handed-over terminal, is
    # asked by init_terminal::the_command_hears_nothing_of_how_it_got_the_terminal.
    tty_test.py::test_sighup_sigcont_ignored_if_was_session_leader
)

# What castoff does otherwise on purpose: a TSTP that is rewritten to TERM is a TERM, and does not
# suspend castoff besides.
readonly otherwise=(
    proxies_signals_test.py::test_default_rewrites_can_be_overriden_with_setsid_enabled
)

dumb_init_suite() {
    local suite=$work/dumb-init deselect=() name status=0
    cp -r "$cache/dumb-init" "$suite"
    mkdir "$work/bin"
    cp "$here/dumb-init" "$work/bin/dumb-init"
    for name in "${own_words[@]}"; do
        deselect+=(--deselect "tests/$name")
        echo "dumb-init: left out: ${name#*::} (its own words)"
    done
    for name in "${otherwise[@]}"; do
        deselect+=(--deselect "tests/$name")
        echo "dumb-init: left out: ${name#*::} (a rewritten TSTP does not suspend castoff)"
    done
    (
        cd "$suite"
        PATH=$work/bin:$cache/python/bin:$PATH timeout -k 5 900 \
            "$cache/python/bin/python" -m pytest -q -p no:cacheprovider \
            -o timeout=30 "${deselect[@]}" tests
    ) >"$work/dumb-init.log" 2>&1 || status=$?
    grep -E '^(FAILED|ERROR)' "$work/dumb-init.log" || :
    # `3 failed, 80 passed, 7 deselected in 20.00s`
    passed=$((passed + $(counted passed)))
    failed=$((failed + $(counted failed) + $(counted error)))
    echo "dumb-init: $(tail -n 1 "$work/dumb-init.log")"
    [ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
}

counted() {
    local number
    number=$(tail -n 1 "$work/dumb-init.log" | grep -o "[0-9]* $1" | cut -d' ' -f1)
    echo "${number:-0}"
}

main "$@"
