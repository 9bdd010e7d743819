"""What the Helm chart makes of its values."""

import json
import subprocess

import yaml

MODES = ["entrypoint", "initContainer", "job", "hook"]

# Values that somebody might have, each on top of each mode.
VALUES = {
    "as they are": {},
    "everything": {
        "image": {"tag": "2.0.0", "digest": "sha256:" + "0" * 64},
        "imagePullSecrets": [{"name": "registry"}],
        "castoff": {"migrations": "/migrations", "settings": {"CASTOFF_DDL_LOCK_BUDGET": "5m"}, "logFormat": "text"},
        "server": {
            "command": ["gunicorn", "app:app"],
            "port": 9000,
            "handover": "close",
            "env": [{"name": "COLOUR", "value": "blue"}],
        },
        "backfill": {"enabled": True},
        "serviceAccount": {"existing": "mine"},
        "podLabels": {"team": "shop"},
        "podAnnotations": {"note": "yes"},
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "web", "operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}},
        "volumes": [{"name": "tmp", "emptyDir": {}}],
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        "service": {"type": "NodePort", "port": 8080},
    },
    "little": {"disruptionBudget": {"enabled": False}, "preStopSeconds": 0, "job": {"podLabels": None, "podAnnotations": None}},
    "a database of the same release": {"database": {"inThisRelease": True}},
}

# Values that the chart refuses, with a word of the refusal.
REFUSED = [
    ("mode=cron", "mode"),
    ("mode=job,database.migrations.existingSecret=", "existingSecret"),
    ("database.web.existingSecret=", "existingSecret"),
    ("image.tag=latest", "tag"),
    ("image.digest=abc", "digest"),
    ("user=0", "user"),
    ("server.live=/alive", "live"),
    ("server.ready=/healthz", "ready"),
    ("replica=3", "replica"),
    ("castoff.waitTimeout=ten minutes", "waitTimeout"),
    ("castoff.settings.DATABASE_URL=x", "DATABASE_URL"),
    ("castoff.settings.CASTOFF_DATABASE_URL=x", "CASTOFF_DATABASE_URL"),
    ("mode=hook,argocd.phase=PreSync", "mode"),
    ("mode=job,argocd.phase=Sync,argocd.wave=1", "wave"),
    ("hook.deletePolicy=never", "deletePolicy"),
]

# What there is from elsewhere, as far as the rules ask for it.
AROUND = [
    {"kind": kind, "metadata": {"name": name}, "elsewhere": True}
    for kind, name in (("Secret", "timetracker-web"), ("Secret", "timetracker-migrations"), ("ServiceAccount", "mine"))
]


def render(helm, chart, values, *options):
    """The manifests, or the refusal as text."""
    run = subprocess.run(
        [helm, "template", "shop", str(chart), "--values", "-", *options],
        input=json.dumps(values), capture_output=True, text=True,
    )
    if run.returncode:
        return run.stderr
    return [one for one in yaml.safe_load_all(run.stdout) if one]


def checks(helm, chart, accepted, broken):
    """Pairs of a fact, and what speaks against it."""

    def wrong(manifests):
        if isinstance(manifests, str):
            return [manifests]
        return [*accepted(manifests), *broken([*manifests, *AROUND])]

    lint = subprocess.run([helm, "lint", "--strict", str(chart)], capture_output=True, text=True)
    yield "lint", [lint.stdout + lint.stderr] if lint.returncode else []

    for mode in MODES:
        for name, values in VALUES.items():
            for options in ([], ["--is-upgrade"]):
                found = render(helm, chart, {"mode": mode, **values}, *options)
                yield f"{mode}, {name}{', upgrade' * bool(options)}", wrong(found)
    for phase in ("Sync", "PreSync"):
        yield f"job, Argo CD {phase}", wrong(render(helm, chart, {"mode": "job", "argocd": {"phase": phase}}))

    yield from shapes(helm, chart)
    for values, word in REFUSED:
        run = subprocess.run(
            [helm, "template", "shop", str(chart), "--set", values], capture_output=True, text=True,
        )
        refused = run.returncode != 0 and word in run.stderr
        yield f"refused: {values}", [] if refused else [f"status {run.returncode}: {run.stderr}"]


def jobs(manifests):
    """The name and the annotations of each Job: `shop-castoff-app-migrate pre-install,pre-upgrade`."""
    if isinstance(manifests, str):
        return manifests
    found = []
    for one in manifests:
        if one["kind"] == "Job":
            annotations = one["metadata"].get("annotations", {})
            shown = [annotations[key] for key in sorted(annotations) if "policy" not in key and "weight" not in key]
            found.append(" ".join([one["metadata"]["name"], *shown]))
    return found


def shapes(helm, chart):
    """Which Job there is when, and what it is called."""

    def job(values, *options):
        return jobs(render(helm, chart, values, *options))

    def same(expected, found):
        return [] if expected == found else [f"expected {expected}, found {found}"]

    hook = "shop-castoff-app-migrate"
    own = {"mode": "hook", "database": {"inThisRelease": True}}
    for mode in ("entrypoint", "initContainer"):
        yield f"{mode} has no Job", same([], job({"mode": mode}))
    yield "a hook comes before everything", same([f"{hook} pre-install,pre-upgrade"], job({"mode": "hook"}))
    yield "a hook does not wait for a database of the same release", [
        found for found in job(own) if "pre-" in found or found == hook
    ] or same(1, len(job(own)))
    yield "but upgrades have it", same([f"{hook} pre-upgrade"], job(own, "--is-upgrade"))
    sync = {"mode": "job", "argocd": {"phase": "PreSync"}}
    yield "Argo CD is told by its own annotations", same([f"{hook} PreSync"], job(sync))

    one, two = job({"mode": "job"}), job({"mode": "job", "image": {"tag": "1.4.1"}})
    yield "the Job of each release has a name of its own", [] if one != two and len(one) == 1 else [str(one), str(two)]
    yield "and of the same release the same", same(one, job({"mode": "job"}, "--is-upgrade"))
    yield "the number of replicas is none of its business", same(one, job({"mode": "job", "replicas": 3}))
    yield "the service account is that of the chart only where that is there", same(
        [["default"], ["shop-castoff-app"]],
        [
            [one["spec"]["template"]["spec"]["serviceAccountName"] for one in found if one["kind"] == "Job"]
            for found in (render(helm, chart, {"mode": "hook"}), render(helm, chart, {"mode": "job"}))
        ],
    )
