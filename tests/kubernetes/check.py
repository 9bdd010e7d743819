"""Checks the manifests and the chart in deploy/, and counts: `check.py [HELM…]`."""

import copy
import functools
import json
import re
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import kubernetes_validate.utils
import yaml
from packaging.version import Version

import chart
import mutants
import rules

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "deploy/kubernetes"
OLDEST = Version("1.30")

# They are large, and would be read again for each manifest.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)

counts = {"passed": 0, "failed": 0}


def fact(name, wrong):
    """One check, one count: `wrong` says what is, and is empty where nothing is."""
    wrong = list(wrong)
    counts["failed" if wrong else "passed"] += 1
    print(f"{'not ok' if wrong else 'ok'} - {name}")
    for sentence in wrong:
        print(f"#     {sentence}")


def versions():
    """The versions of Kubernetes whose schemas are here."""
    found = set(kubernetes_validate.utils.all_versions())
    return [version for version in sorted(found, key=Version) if Version(version) >= OLDEST]


def invalid(manifest, version):
    """What Kubernetes would say of a manifest. Without a schema for its kind, nothing was checked: an error too."""
    try:
        kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"{version}: {'.'.join(map(str, error.path))}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError as error:
        yield f"{version}: no schema: {error.message}"


def accepted(manifests):
    """What any of the versions says of any of the manifests."""
    return [words for one in manifests for words in accepted_one(json.dumps(one, sort_keys=True))]


@functools.cache
def accepted_one(text):
    """The same manifest comes out of many values, and schemas are slow."""
    return [words for version in versions() for words in invalid(json.loads(text), version)]


def read(path):
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


def learn():
    """What castoff has, from its documentation."""
    page = (ROOT / "docs/configuration.md").read_text()
    rules.KNOWN["variables"] = set(re.findall(r"`(CASTOFF_[A-Z_]+)`", page)) | {"CASTOFF_DATABASE_URL"}
    page = (ROOT / "docs/commands.md").read_text()
    for part in page.split("\n## castoff ")[1:]:
        rules.KNOWN["commands"][part.split("\n", 1)[0].strip()] = set(re.findall(r"--[a-z-]+", part))
    table = (ROOT / "docs/errors.md").read_text().split("| status | means |")[1].split("\n\n")[0]
    rules.KNOWN["statuses"] = {int(number) for number in re.findall(r"^\| (\d+) \|", table, re.M)}
    fact(
        "the documentation tells variables, commands and exit statuses",
        [
            f"too few {name}"
            for name, least in (("variables", 20), ("commands", 10), ("statuses", 12))
            if len(rules.KNOWN[name]) < least
        ],
    )


def manifests():
    files = sorted(MANIFESTS.rglob("*.yaml"))
    for path in files:
        fact(f"{path.relative_to(ROOT)}: {', '.join(versions())}", accepted(read(path)))
    shared = [MANIFESTS / "secrets.example.yaml", *(MANIFESTS / "common").glob("*.yaml")]
    variants = [path for path in MANIFESTS.iterdir() if path.is_dir() and path.name != "common"]
    fact("there is something to check", [] if len(files) > 8 and len(variants) > 3 else ["too few files"])
    for variant in sorted(variants):
        # The backfill is beside the server of any of the others.
        beside = [MANIFESTS / "entrypoint/deployment.yaml"] if variant.name == "backfill" else []
        applied = [one for path in [*shared, *beside, *variant.glob("*.yaml")] for one in read(path)]
        fact(f"{variant.name} with what all have in common keeps the rules", rules.broken(applied))
    jobs = [one for path in files for one in read(path)]
    fact("the deadlines of the Job and of those that wait for it fit", waiting(jobs))
    page = (ROOT / "docs/kubernetes.md").read_text()
    fact(
        "the documentation leads to each file",
        [str(path) for path in files if f"(../{path.relative_to(ROOT)})" not in page],
    )


def waiting(manifests):
    """Replicas that wait for a Job do so for longer than it may take."""
    found = 0
    longest = max(one["spec"]["activeDeadlineSeconds"] for one in manifests if "migrate" in one["metadata"]["name"])
    for one in manifests:
        for container in rules.containers(one):
            if rules.line(container)[:2] == ["/castoff", "wait"]:
                found += 1
                wait = rules.environment(container)["CASTOFF_WAIT_TIMEOUT"]["value"]
                if rules.seconds(wait) <= longest:
                    yield f"{one['metadata']['name']} waits for {wait}"
    if not found:
        yield "nothing waits"


def faults():
    """The checks above see what is wrong."""
    for number, (name, path, value, words) in enumerate(mutants.SCHEMA + mutants.RULES):
        mutant = copy.deepcopy(read(MANIFESTS / name)[0])
        mutants.put(mutant, path, value)
        if number < len(mutants.SCHEMA):
            said = accepted([mutant])
        else:
            others = [*MANIFESTS.glob("common/*.yaml"), *MANIFESTS.glob("*.yaml"), *MANIFESTS.glob("job/*.yaml")]
            others = [one for other in others if other != MANIFESTS / name for one in read(other)]
            said = list(rules.broken([mutant, *others]))
        place = ".".join(map(str, path))
        fact(f"seen: {name}, {place} = {value}", [] if any(words in one for one in said) else [f"not seen: {words}", *said])


def main():
    learn()
    manifests()
    faults()
    for helm in sys.argv[1:]:
        version = subprocess.run([helm, "version", "--short"], capture_output=True, text=True, check=True).stdout
        for name, wrong in chart.checks(helm, ROOT / "deploy/helm/castoff-app", accepted, rules.broken):
            fact(f"Helm {version.split('+')[0].lstrip('v')}: {name}", wrong)
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
