"""Measures inits side by side: start-up, memory, wake-ups, and the time a signal takes.

Prints a table as RESULTS.md has it. All subjects are measured in turn within each round, so that
what else the machine does meets all of them alike.
"""

import os
import shutil
import signal
import statistics
import sys
import time

from process import finish, start_process

ROUNDS = 300
SIGNALS = 400
IDLE = 3.0

# A command that writes a byte for each SIGUSR1 and ends at SIGTERM.
LISTENER = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM})
os.write(3, b"r")
while signal.sigwait({signal.SIGUSR1, signal.SIGTERM}) == signal.SIGUSR1:
    os.write(3, b"x")
"""


def subjects(castoff):
    """What is measured: a name, and what stands before the command."""
    found = [("exec", []), ("castoff supervise", [castoff, "supervise", "--"])]
    others = (("tini", ["-s", "--"]), ("dumb-init", ["-c"]), ("catatonit", ["--"]))
    for name, options in others:
        path = shutil.which(name)
        if path is not None:
            found.append((name, [path, *options]))
    return found


def start_up(found):
    """The median of the wall time of a command that does nothing, in milliseconds."""
    command = shutil.which("true")
    times = {name: [] for name, _ in found}
    for _ in range(ROUNDS):
        for name, before in found:
            start = time.monotonic()
            pid = start_process([*before, command], dict(os.environ))
            times[name].append(finish(pid, start).wall * 1000)
    return {name: statistics.median(values) for name, values in times.items()}


def status_of(pid, field):
    """One number of /proc/PID/status."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise SystemExit(f"no {field} in /proc/{pid}/status")


def listen(before):
    """Starts the listener; returns its init, and the pipe that it writes to."""
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    command = [sys.executable, "-I", "-c", LISTENER]
    argv = [*before, *command]
    actions = [(os.POSIX_SPAWN_DUP2, writer, 3)]
    pid = os.posix_spawn(argv[0], argv, dict(os.environ), file_actions=actions)
    os.close(writer)
    if os.read(reader, 1) != b"r":
        raise SystemExit(f"{argv[0]} did not start its command")
    return pid, reader


def while_running(before):
    """Resident memory in KiB, wake-ups a second, and the median time of a signal in microseconds."""
    pid, reader = listen(before)
    memory = status_of(pid, "VmRSS")
    switches = status_of(pid, "voluntary_ctxt_switches")
    time.sleep(IDLE)
    switches = status_of(pid, "voluntary_ctxt_switches") - switches
    times = []
    for _ in range(SIGNALS):
        start = time.monotonic()
        os.kill(pid, signal.SIGUSR1)
        if os.read(reader, 1) != b"x":
            raise SystemExit(f"{before} lost a signal")
        times.append((time.monotonic() - start) * 1e6)
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
    os.close(reader)
    return memory, switches / IDLE, statistics.median(times)


def main():
    """Measures, and prints the table."""
    found = subjects(os.path.abspath(sys.argv[1]))
    walls = start_up(found)
    rows = {name: while_running(before) for name, before in found}
    print("| | start-up over exec | resident | wake-ups a second | a signal over direct |")
    print("|---|---|---|---|---|")
    for name, _ in found:
        memory, wakes, latency = rows[name]
        if name == "exec":
            print(f"| exec | ({walls[name]:.2f} ms) | | | ({latency:.0f} µs) |")
            continue
        more = walls[name] - walls["exec"]
        slower = latency - rows["exec"][2]
        print(f"| {name} | +{more:.2f} ms | {memory} KiB | {wakes:.1f} | {slower:+.0f} µs |")


if __name__ == "__main__":
    main()
