"""Runs one process and says what it cost, as the kernel counted it."""

import ctypes
import os
import statistics
import subprocess
import threading
import time
from dataclasses import dataclass

PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Cost:
    """Wall and processor time in seconds, and the exit status."""

    wall: float
    cpu: float
    status: int


def run(argv, environment, directory="/"):
    """Runs a command to its end, its output thrown away. A failure ends the measurement."""
    cost = attempt(argv, environment, directory)
    if cost.status != 0:
        subprocess.run(argv, env=environment, cwd=directory, check=False)
        raise SystemExit(f"{argv[0]} ended with status {cost.status}")
    return cost


def attempt(argv, environment, directory="/"):
    """The same for a command that may fail."""
    start = time.monotonic()
    return finish(start_process(argv, environment, directory), start)


def start_process(argv, environment, directory="/"):
    """Starts a command and returns its process id."""
    os.chdir(directory)
    quiet = [(os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0) for number in (0, 1, 2)]
    return os.posix_spawn(argv[0], argv, environment, file_actions=quiet)


def finish(pid, start):
    """Waits for a process that was started at this time."""
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - start
    return Cost(wall, usage.ru_utime + usage.ru_stime, os.waitstatus_to_exitcode(status))


def peak_memory(argv, environment, directory="/"):
    """The most resident memory of a command, in bytes.

    The kernel counts what a process was before exec, too. Started from Python, everything would
    seem to need as much as Python; so a shell starts it and leaves it to this process.
    """
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    script = '"$@" </dev/null >/dev/null 2>&1 & echo $!'
    shell = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *argv],
        env=environment, cwd=directory, stdout=subprocess.PIPE, text=True, check=True,
    )
    _, status, usage = os.wait4(int(shell.stdout), 0)
    if status != 0:
        raise SystemExit(f"{argv[0]} ended with status {os.waitstatus_to_exitcode(status)}")
    return usage.ru_maxrss * 1024


def alternate(count, runs):
    """Runs each of the named functions `count` times in turn: what disturbs one disturbs all."""
    costs = {name: [] for name in runs}
    for function in runs.values():
        function()  # Warms the caches; not counted.
    for _ in range(count):
        for name, function in runs.items():
            costs[name].append(function())
    return {
        name: Cost(
            statistics.median(cost.wall for cost in list_),
            statistics.median(cost.cpu for cost in list_),
            0,
        )
        for name, list_ in costs.items()
    }


class Watch:
    """Notes the most private memory that any backend of a database had while it is open."""

    def __init__(self, database):
        self.mark = f" {database} ".encode()
        self.peak = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.look)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def look(self):
        backend = None
        while not self.over.wait(0.002):
            if backend is None:
                backend = self.find()
                continue
            try:
                with open(f"/proc/{backend}/status", encoding="ascii") as file:
                    # Without what it shares with the other backends: the buffers.
                    anon = [line.split()[1] for line in file if line.startswith("RssAnon:")]
                self.peak = max(self.peak, int(anon[0]) * 1024)
            except (OSError, IndexError):
                backend = None

    def find(self):
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    line = file.read()
            except OSError:
                continue
            if line.startswith(b"postgres: ") and self.mark in line:
                return name
        return None
