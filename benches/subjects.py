"""What is measured: castoff with embedded migrations, and the same migrations for its peers."""

import subprocess


def create_tables(count):
    """So many small migrations: one table each."""
    return [
        f"create table bench_{number} (id bigint primary key, name text not null, at timestamptz);"
        for number in range(count)
    ]


def insert_rows(count, width):
    """One migration of so many statements."""
    rows = (f"insert into bulk values ({number}, '{number:0{width}}');" for number in range(count))
    return "create table bulk (id bigint, name text);\n" + "\n".join(rows)


class Castoff:
    """A bundle: one binary with its migrations."""

    def __init__(self, castoff, directory, upgrades):
        self.directory = directory
        migrations = directory / "migrations"
        migrations.mkdir(parents=True)
        parent = ""
        for number, upgrade in enumerate(upgrades):
            revision = f"{number + 1:012x}"
            # Minutes since the first of January 2020: file names in the order of the revisions.
            day, minute = divmod(number, 1440)
            month, day = divmod(day, 28)
            stamp = f"2020{month + 1:02}{day + 1:02}{minute // 60:02}{minute % 60:02}"
            path = migrations / f"{stamp}_{revision}_step_{number}.sql"
            path.write_text(
                f"-- Step {number}\n-- revision: {revision}\n{parent}\n"
                f"-- upgrade\n{upgrade}\n\n-- downgrade irreversible: measured only\n",
                encoding="ascii",
            )
            parent = f"-- down_revision: {revision}\n"
        self.binary = str(directory / "bundle")
        subprocess.run(
            [castoff, "bundle", "-o", self.binary], cwd=directory, env={}, check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )

    def run(self, command="/bin/true"):
        """The command line of a container's start."""
        return [self.binary, "run", "--", command]

    def upgrade(self):
        return [self.binary, "upgrade"]

    def script(self, url):
        """The path of what `upgrade` would do to an empty database, as a script for psql."""
        path = self.directory / "upgrade.sql"
        with open(path, "wb") as file:
            subprocess.run(
                [self.binary, "upgrade", "--sql"], env={"DATABASE_URL": url}, check=True,
                stdout=file, stderr=subprocess.DEVNULL, cwd=self.directory,
            )
        return str(path)


class Sqlx:
    """The same migrations for sqlx-cli."""

    def __init__(self, sqlx, directory, upgrades):
        self.sqlx = sqlx
        self.source = directory / "sqlx"
        self.source.mkdir(parents=True)
        for number, upgrade in enumerate(upgrades):
            path = self.source / f"{number + 1:06}_step_{number}.sql"
            path.write_text(upgrade, encoding="ascii")

    def migrate(self):
        return [self.sqlx, "migrate", "run", "--no-dotenv", "--source", str(self.source)]


def psql_file(server, url, path):
    """psql running a script in one session, each transaction as the script has it."""
    return [
        str(server.bin / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", path,
    ]
