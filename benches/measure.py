"""Measures castoff beside psql and sqlx-cli and writes RESULTS.md. Called by run.sh."""

import argparse
import os
import platform
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from process import Watch, alternate, attempt, finish, peak_memory, run, start_process
from server import USER, Server
from subjects import Castoff, Sqlx, create_tables, insert_rows, psql_file

HERE = Path(__file__).resolve().parent


def milliseconds(seconds):
    return f"{seconds * 1000:,.1f} ms"


def megabytes(count):
    return f"{count / 1e6:.1f} MB"


class Table:
    """The lines of the report: what was measured, the figures, the goal, and whether it is met."""

    def __init__(self):
        self.lines = []

    def add(self, what, figures, goal="", met=None):
        verdict = {None: "", True: "yes", False: "**no**"}[met]
        self.lines.append(f"| {what} | {figures} | {goal} | {verdict} |")
        print(f"{what}: {figures} {goal} {verdict}", flush=True)

    def compare(self, what, ours, theirs, limit=None):
        """`ours` against `theirs`, both (name, seconds)."""
        ratio = ours[1] / theirs[1]
        self.add(
            what,
            f"{ours[0]} {milliseconds(ours[1])}, {theirs[0]} {milliseconds(theirs[1])}: "
            f"{ratio:.2f} x",
            f"at most {limit} x" if limit else "",
            ratio <= limit if limit else None,
        )


def bench_start(table, tools, directory):
    """A start with nothing to do."""
    with Server("fsync = off") as server:
        tables = create_tables(30)
        castoff = Castoff(tools.castoff, directory / "thirty", tables)
        sqlx = Sqlx(tools.sqlx, directory / "thirty", tables)
        urls = {name: {"DATABASE_URL": server.fresh(name)} for name in ("castoff", "sqlx")}
        run(castoff.run(), urls["castoff"])
        run(sqlx.migrate(), urls["sqlx"])
        psql = [str(server.bin / "psql"), "-X", "-c", "select 1", urls["castoff"]["DATABASE_URL"]]
        costs = alternate(
            tools.runs,
            {
                "castoff": lambda: run(castoff.run(), urls["castoff"]),
                "psql": lambda: run(psql, {}),
                "sqlx": lambda: run(sqlx.migrate(), urls["sqlx"]),
                "/bin/true": lambda: run(["/bin/true"], {}),
            },
        )
        for peer, limit in (("psql", 0.4), ("sqlx", 0.9), ("/bin/true", None)):
            for kind in ("wall", "cpu"):
                figures = [(name, getattr(costs[name], kind)) for name in ("castoff", peer)]
                table.compare(f"start, 30 applied, {kind}", *figures, limit)
        peaks = {
            "castoff": peak_memory(castoff.run(), urls["castoff"]),
            "psql": peak_memory(psql, {}),
            "sqlx": peak_memory(sqlx.migrate(), urls["sqlx"]),
        }
        text = ", ".join(f"{name} {megabytes(peak)}" for name, peak in peaks.items())
        table.add("start, peak memory", text, "under 8 MB", peaks["castoff"] < 8e6)
        bench_statements(table, castoff, sqlx, urls)
        bench_long_history(table, tools, directory, server, castoff, urls["castoff"])


def bench_statements(table, castoff, sqlx, urls):
    """Connections and statements of such a start, as the server's log counts them."""
    with Server("log_statement = all", "log_connections = on") as server:
        for name, argv in (("castoff", castoff.run()), ("sqlx", sqlx.migrate())):
            url = server.fresh(name)
            run(argv, {"DATABASE_URL": url})
            before = len(server.log())
            run(argv, {"DATABASE_URL": url})
            log = server.log()[before:]
            connections = len(re.findall(r"connection authorized: .*database=" + name, log))
            statements = len(re.findall(r"LOG:  (?:statement|execute [^:]*):", log))
            goal = ("one and one", (connections, statements) == (1, 1)) if name == "castoff" else ()
            figures = f"{name}: {connections} connection(s), {statements} statement(s)"
            table.add("start, on the server", figures, *goal)


def bench_long_history(table, tools, directory, server, few, few_url):
    """The cost of a start may not grow with what is applied already."""
    # One base table and ten thousand rows: tables would measure PostgreSQL's catalogue.
    steps = ["create table bench (id integer);"]
    steps += [f"insert into bench values ({number});" for number in range(9_999)]
    many = Castoff(tools.castoff, directory / "many", steps)
    many_url = {"DATABASE_URL": server.fresh("many")}
    run(many.run(), many_url)
    costs = alternate(
        tools.runs,
        {"10,000": lambda: run(many.run(), many_url), "30": lambda: run(few.run(), few_url)},
    )
    for kind in ("wall", "cpu"):
        figures = [(name, getattr(costs[name], kind)) for name in ("10,000", "30")]
        table.compare(f"start, migrations applied, {kind}", *figures, 1.1)


def bench_fresh(table, tools, directory):
    """From an empty database, each migration in its own transaction with its record."""
    with Server() as server:
        for count, runs in ((200, max(3, tools.runs // 2)), (1000, max(3, tools.runs // 4))):
            tables = create_tables(count)
            place = directory / f"fresh{count}"
            castoff = Castoff(tools.castoff, place, tables)
            sqlx = Sqlx(tools.sqlx, place, tables)
            script = castoff.script(server.fresh("fresh"))

            def on_fresh(argv):
                url = server.fresh("fresh")
                return run(argv(url), {"DATABASE_URL": url})

            costs = alternate(
                runs,
                {
                    "castoff": lambda: on_fresh(lambda _: castoff.upgrade()),
                    "psql": lambda: on_fresh(lambda url: psql_file(server, url, script)),
                    "sqlx": lambda: on_fresh(lambda _: sqlx.migrate()),
                },
            )
            ours, psql, peer = (costs[name] for name in ("castoff", "psql", "sqlx"))
            what = f"{count} fresh migrations"
            table.compare(f"{what}, wall", ("castoff", ours.wall), ("psql", psql.wall), 1.05)
            table.compare(f"{what}, cpu", ("castoff", ours.cpu), ("psql", psql.cpu), 1.0)
            table.compare(f"{what}, wall", ("castoff", ours.wall), ("sqlx", peer.wall))


def bench_bulk(table, tools, directory):
    """One migration of 50 MB and 100,000 statements."""
    with Server() as server:
        script = insert_rows(100_000, 460)
        castoff = Castoff(tools.castoff, directory / "bulk", [script])
        path = directory / "bulk.sql"
        path.write_text(script, encoding="ascii")
        os.chmod(directory, 0o755)
        wire = [sys.executable, "-B", str(HERE / "wire.py")]
        socket = f"{server.directory}/.s.PGSQL.{server.port}"
        peaks = {}

        def on_fresh(name, argv):
            url = server.fresh("bulk")
            with Watch("bulk") as watch:
                cost = run(argv(url), {"DATABASE_URL": url})
            assert server.sql("select count(*) from bulk", "bulk") == "100000"
            peaks[name] = max(watch.peak, peaks.get(name, 0))
            return cost

        costs = alternate(
            max(3, tools.runs // 6),
            {
                "castoff": lambda: on_fresh("castoff", lambda _: castoff.upgrade()),
                "one message": lambda: on_fresh(
                    "one message", lambda _: [*wire, socket, USER, "bulk", str(path)]
                ),
                "psql -1 -f": lambda: on_fresh(
                    "psql -1 -f", lambda url: [*psql_file(server, url, str(path)), "-1"]
                ),
            },
        )
        walls = {name: (name, cost.wall) for name, cost in costs.items()}
        table.compare("50 MB, wall", walls["castoff"], walls["one message"], 1.1)
        table.compare("50 MB, wall", walls["castoff"], walls["psql -1 -f"])
        text = ", ".join(f"{name} {megabytes(peak)}" for name, peak in peaks.items())
        goal = "castoff under 20 MB"
        table.add("50 MB, the backend's memory", text, goal, peaks["castoff"] < 20e6)
        peak = peak_memory(castoff.upgrade(), {"DATABASE_URL": server.fresh("bulk")})
        beyond = peak - len(script)
        figures = f"{megabytes(peak)}, {megabytes(beyond)} beyond the file"
        table.add("50 MB, castoff's memory", figures, "under 64 MB beyond", beyond < 64e6)


def bench_late(table, tools, directory):
    """A database that comes up while castoff waits."""
    with Server("fsync = off") as server:
        castoff = Castoff(tools.castoff, directory / "late", create_tables(30))
        environment = {"DATABASE_URL": server.fresh("late")}
        run(castoff.run(), environment)
        delays = []
        # Not in step with any back-off, and the same in each run.
        chance = random.Random(1)
        for _ in range(20):
            server.stop()
            before = len(server.log())
            pid = start_process(castoff.run(), environment)
            time.sleep(chance.uniform(1, 5))
            server.launch()
            cost = finish(pid, time.monotonic())
            done = time.time()
            assert cost.status == 0, "castoff did not wait"
            ready = r"(\d+\.\d+) .*database system is ready to accept connections"
            delays.append(done - float(re.search(ready, server.log()[before:]).group(1)))
        median = statistics.median(delays)
        figures = f"median {milliseconds(median)}, worst {milliseconds(max(delays))}"
        table.add("from ready to exec", figures, "at most 100 ms", median <= 0.1)


def bench_race(table, tools, directory):
    """Twenty copies started at once against an empty database."""
    with Server() as server:
        tables = create_tables(30)
        castoff = Castoff(tools.castoff, directory / "race", tables)
        sqlx = Sqlx(tools.sqlx, directory / "race", tables)
        for name, argv in (("castoff", castoff.run()), ("sqlx", sqlx.migrate())):
            walls, successes = [], []
            for _ in range(5):
                environment = {"DATABASE_URL": server.fresh("race")}
                start = time.monotonic()
                pids = [start_process(argv, environment) for _ in range(20)]
                costs = [finish(pid, start) for pid in pids]
                walls.append(time.monotonic() - start)
                successes.append(sum(cost.status == 0 for cost in costs))
            median = statistics.median(walls)
            figures = f"{name}: {min(successes)} of 20 succeeded, {milliseconds(median)}"
            goal = ("20 of 20", min(successes) == 20) if name == "castoff" else ()
            table.add("twenty at once, 30 migrations", figures, *goal)


def bench_size(table, tools, _directory):
    """The binary."""
    size = os.stat(tools.castoff).st_size
    linked = subprocess.run(["ldd", tools.castoff], capture_output=True, text=True, check=False)
    kind = "static" if "statically linked" in linked.stdout + linked.stderr else "dynamic"
    table.add("binary", f"{megabytes(size)}, {kind}", "at most 5 MB, static",
              size <= 5e6 and kind == "static")


BENCHES = {
    "size": bench_size,
    "start": bench_start,
    "fresh": bench_fresh,
    "bulk": bench_bulk,
    "late": bench_late,
    "race": bench_race,
}


def machine():
    """One line that says where the figures come from."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = {line.split(":")[1].strip() for line in file if line.startswith("model name")}
    with open("/proc/loadavg", encoding="ascii") as file:
        load = file.read().split()[0]
    return f"{os.cpu_count()} x {', '.join(models)}, Linux {platform.release()}, load {load}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--castoff", required=True)
    parser.add_argument("--sqlx", required=True)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHES], metavar="NAME",
                        help=", ".join(BENCHES))
    tools = parser.parse_args()
    # As an exception, so that the servers are stopped and their directories removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    table = Table()
    where = machine()
    for name in tools.names or BENCHES:
        with tempfile.TemporaryDirectory(prefix="castoff-bench-") as directory:
            BENCHES[name](table, tools, Path(directory))
    if tools.names:
        return  # A part of the table would look like all of it.
    version = subprocess.run(
        [tools.sqlx, "--version"], capture_output=True, text=True, check=True
    ).stdout.strip()
    (HERE / "RESULTS.md").write_text(
        "# Measured\n\nThe init has [a page of its own](RESULTS-INIT.md), and so has "
        "[the comparison of schemas](RESULTS-SCHEMA.md).\n\n"
        "By `benches/run.sh`, everything in one run, the competitors in turn; medians.\n"
        f"{where}; {version}.\n"
        "PostgreSQL as installed, SCRAM over TCP on the same machine, fsync on except where\n"
        "nothing is written. Processor time is the client's own.\n\n"
        "| what | figures | goal | met |\n|---|---|---|---|\n" + "\n".join(table.lines) + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
