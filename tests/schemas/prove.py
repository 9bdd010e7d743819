"""Proves castoff on schemas of others: `prove.py CASTOFF FILE.sql…`.

From nothing to the schema by `castoff migrate`, and back. The migration is applied to a database
that has seen nothing else, and `pg_dump` has to print the same of it as of one that psql made of
the file; after the way back it has to print what it prints of an empty database.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "benches"))

from server import Server  # noqa: E402

# Those that the schemas grant something to.
ROLES = ["logto_tenant_logto"]


class Failed(Exception):
    """What went wrong, for people."""


def run(argv, **options):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise Failed(f"{argv[:4]} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def dumped(server, database):
    """What `pg_dump` prints, but for castoff's own tables."""
    return run([server.bin / "pg_dump", "--schema-only", "--exclude-schema=castoff",
                "-h", server.directory, "-p", str(server.port), "-U", "bench", database])


def dump(server, database):
    """Its lines, without their order: columns may come in another one."""
    lines = dumped(server, database).splitlines()
    lines = [line.rstrip(",") for line in lines if not line.startswith(("--", "\\"))]
    return sorted(line for line in lines if line)


def printed_again(server, database):
    """The lines that `pg_dump` prints of a database that was made of what it printed: of what is
    stored, `s in ('a')` has another form than of what was printed and read."""
    script = dumped(server, database)
    server.fresh("again")
    run(server.psql("", "again")[:-2], input=script)
    return dump(server, "again")


def same(what, one, other):
    if one != other:
        missing = [f"- {line}" for line in other if line not in one][:10]
        more = [f"+ {line}" for line in one if line not in other][:10]
        raise Failed("\n".join([f"{what}: the dumps differ", *missing, *more]))


def prove(server, castoff, file):
    """One schema; gives what there was to do, for people."""
    name = file.stem
    wanted, made, empty = f"{name}_wanted", f"{name}_made", f"{name}_empty"
    for database in (wanted, made, empty):
        server.fresh(database)
    psql = server.psql("", wanted)[:-2] + ["-f", str(file)]
    run(psql, env={"PGOPTIONS": "-c client_min_messages=warning"})
    expected = printed_again(server, wanted)
    tables = sum(line.startswith("CREATE TABLE") for line in expected)
    with tempfile.TemporaryDirectory() as project:
        (Path(project) / "migrations").mkdir()
        url = server.url(made) + "?sslmode=disable"
        environment = {"DATABASE_URL": url, "PATH": os.environ["PATH"]}

        def step(*words):
            return run([castoff, *words], cwd=project, env=environment)

        begun = time.monotonic()
        step("migrate", "-m", "All of it", "--schema", str(file))
        took = time.monotonic() - begun
        step("check", "--schema", str(file))
        step("upgrade")
        same("upgraded", printed_again(server, made), expected)
        left = step("diff", url, server.url(wanted) + "?sslmode=disable")
        if left:
            raise Failed(f"a second difference:\n{left}")
        step("downgrade", "base")
        same("downgraded", dump(server, made), dump(server, empty))
    if tables < 5:
        raise Failed(f"{tables} tables are none to speak of")
    return f"{tables} tables, {len(expected)} lines of pg_dump, migrate took {took:.1f} s"


def main():
    castoff, files = sys.argv[1], [Path(name).resolve() for name in sys.argv[2:]]
    failed = 0
    with Server("fsync = off") as server:
        for role in ROLES:
            server.sql(f"create role {role}")
        for file in files:
            try:
                print(f"{file.stem}: {prove(server, castoff, file)}", flush=True)
            except Failed as failure:
                failed += 1
                print(f"{file.stem}: FAILED: {failure}", flush=True)
    print(f"{len(files) - failed} passed, {failed} failed")
    sys.exit(1 if failed or not files else 0)


main()
