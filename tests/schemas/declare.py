"""Writes the DDL of packages that were unpacked, one file a schema: `declare.py FROM TO`.

Rows are left out, as are transactions: a schema is declared by what it consists of.
"""

import re
import sys
from pathlib import Path

FROM, TO = Path(sys.argv[1]), Path(sys.argv[2])


def without(text, *words):
    """The text without the statements of one line that begin with one of these words."""
    kept = [line for line in text.splitlines() if not line.lstrip().upper().startswith(words)]
    return "\n".join(kept) + "\n"


def synapse():
    """Matrix's server: what its newest full schema has, as pg_dump wrote it."""
    folder = FROM / "synapse" / "storage" / "schema"
    files = sorted(folder.glob("*/full_schemas/72/full.sql.postgres"))
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return without(text, "INSERT ", "SELECT PG_CATALOG.SETVAL")


def logto():
    """Logto: tables with row level security for each tenant, in the order its files ask for."""
    folder = FROM / "logto" / "package"
    model = (folder / "lib" / "models" / "tenants.js").read_text(encoding="utf-8")
    tables = {"tenants": re.search(r"`(.*?)`, 'public'", model, re.DOTALL)[1]}
    tables["tenants"] = tables["tenants"].replace("${TenantTag.Development}", "development")
    parts = {path.stem: path.read_text(encoding="utf-8")
             for path in sorted((folder / "tables").glob("*.sql"))}
    after_each, after_all = parts.pop("_after_each"), parts.pop("_after_all")
    # The role is the cluster's, and is there.
    del parts["_before_all"]
    tables.update(parts)

    def turn(part):
        order = re.search(r"/\* init_order = ([\d.]+) \*/", part[1])
        return float(order[1]) if order else float("inf")

    texts = []
    for name, text in sorted(tables.items(), key=turn):
        # Some leave it out, as each file is run by itself.
        texts.append(text if text.rstrip().endswith((";", "*/")) else text.rstrip() + ";\n")
        if "no_after_each" not in text:
            texts.append(after_each.replace("${name}", name))
    return "\n".join([*texts, after_all]).replace("${database}", "logto")


def pg_boss():
    """pg-boss: a queue in partitions, with the functions that make them, and some queues."""
    text = (FROM / "pg-boss.sql").read_text(encoding="utf-8")
    text = text[text.index("CREATE SCHEMA"):]
    text = without(text, "INSERT INTO PGBOSS.VERSION", "COMMIT")
    return text + "\n"


for schema in (synapse, logto, pg_boss):
    (TO / f"{schema.__name__}.sql").write_text(schema(), encoding="utf-8")
