"""A private PostgreSQL server for measurements: everything as installed, fsync on."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

USER = "bench"
PASSWORD = "bench"


def binaries():
    """The newest installed server binaries that come with psql."""
    given = os.environ.get("CASTOFF_BENCH_PG_BIN")
    if given:
        return Path(given)
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "psql").exists()]
    if not found:
        raise SystemExit("install postgresql, or set CASTOFF_BENCH_PG_BIN")
    return max(found, key=lambda path: int(path.parent.name))


class Server:
    """Trusts its socket, which the measurements use to prepare; asks for SCRAM over TCP."""

    def __init__(self, *settings):
        self.bin = binaries()
        self.user = {}
        self.directory = Path(tempfile.mkdtemp(prefix="castoff-bench-"))
        self.data = self.directory / "data"
        self.process = None
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self.directory, account.pw_uid, account.pw_gid)
            self.user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        password = self.directory / "password"
        password.write_text(PASSWORD, encoding="ascii")
        self.tool(
            "initdb", "--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8",
            "--locale=C", f"--username={USER}", f"--pwfile={password}", f"--pgdata={self.data}",
        )
        with open(self.data / "postgresql.conf", "a", encoding="ascii") as file:
            file.write(
                f"listen_addresses = '127.0.0.1'\nport = {self.port}\n"
                f"unix_socket_directories = '{self.directory}'\nmax_connections = 100\n"
                # Epoch with milliseconds: the moments that are measured are read from the log.
                "log_line_prefix = '%n [%p] '\nmax_wal_size = 4GB\n"
            )
            file.writelines(f"{setting}\n" for setting in settings)
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.directory)

    def tool(self, name, *arguments):
        subprocess.run(
            [self.bin / name, *arguments], check=True, stdout=subprocess.DEVNULL,
            cwd=self.directory, **self.user,
        )

    def launch(self):
        """Starts it without waiting."""
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.bin / "postgres", "-D", self.data], stdout=log, stderr=log,
                cwd=self.directory, **self.user,
            )

    def start(self):
        """Starts it and waits for a login."""
        self.launch()
        deadline = time.monotonic() + 60
        while subprocess.run(self.psql("select"), capture_output=True, check=False).returncode:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise SystemExit(f"the server does not start:\n{self.log()}")
            time.sleep(0.05)

    def stop(self):
        """Stops it in good order."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait()

    def psql(self, sql, database="postgres"):
        return [
            str(self.bin / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
            "-h", str(self.directory), "-p", str(self.port), "-U", USER, "-d", database, "-c", sql,
        ]

    def sql(self, sql, database="postgres"):
        """Runs SQL over the socket and returns what it prints."""
        return subprocess.run(
            self.psql(sql, database), check=True, stdout=subprocess.PIPE, text=True,
            env={"PGOPTIONS": "-c client_min_messages=warning"},
        ).stdout.strip()

    def fresh(self, name):
        """An empty database, with nothing of the last one left to write down."""
        self.sql(f"drop database if exists {name}")
        self.sql(f"create database {name}")
        self.sql("checkpoint")
        return self.url(name)

    def url(self, name):
        return f"postgres://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{name}"

    def log(self):
        return (self.directory / "log").read_text(encoding="utf-8", errors="replace")
