"""Manifests that are broken on purpose: for each fault the words that must name it.

A check that accepts one of these proves nothing when it accepts the real ones.
"""

WEB = ("spec", "template", "spec", "containers", 0)
POD = ("spec", "template", "spec")

# The file, where in it, what is put there (`None`: it is taken away), and what must be said.
SCHEMA = [
    ("entrypoint/deployment.yaml", (*WEB, "readinesProbe"), {}, "readinesProbe"),
    ("entrypoint/deployment.yaml", ("spec", "replicas"), "ten", "integer"),
    ("entrypoint/deployment.yaml", ("spec", "selector"), None, "selector"),
    ("entrypoint/deployment.yaml", ("kind",), "Deploymnet", "schema"),
    ("entrypoint/deployment.yaml", ("apiVersion",), "apps/v1beta1", "schema"),
    ("job/migrate.yaml", ("spec", "backofLimit"), 2, "backofLimit"),
    ("job/migrate.yaml", (*POD, "containers", 0, "command"), "/castoff upgrade", "array"),
    ("backfill/cronjob.yaml", ("spec", "schedule"), None, "schedule"),
    ("common/service.yaml", ("spec", "ports", 0, "port"), "http", "integer"),
]

RULES = [
    ("entrypoint/deployment.yaml", (*POD, "securityContext", "runAsNonRoot"), None, "may run as root"),
    ("entrypoint/deployment.yaml", (*POD, "securityContext", "runAsUser"), 0, "names no user"),
    ("entrypoint/deployment.yaml", (*POD, "securityContext", "seccompProfile"), None, "no seccomp profile"),
    ("entrypoint/deployment.yaml", (*POD, "automountServiceAccountToken"), None, "gets a token"),
    ("entrypoint/deployment.yaml", (*POD, "enableServiceLinks"), None, "variables about Services"),
    ("entrypoint/deployment.yaml", (*POD, "serviceAccountName"), "else", "no service account else"),
    ("entrypoint/deployment.yaml", (*WEB, "securityContext", "allowPrivilegeEscalation"), None, "gain privileges"),
    ("entrypoint/deployment.yaml", (*WEB, "securityContext", "readOnlyRootFilesystem"), False, "write to its root"),
    ("init-container/deployment.yaml", (*POD, "initContainers", 0, "securityContext", "capabilities"), None,
     "castoff has capabilities"),
    ("entrypoint/deployment.yaml", (*WEB, "image"), "registry.example/shop:latest", "another one tomorrow"),
    ("entrypoint/deployment.yaml", (*WEB, "image"), "registry.example:5000/shop", "another one tomorrow"),
    ("init-container/deployment.yaml", (*POD, "initContainers", 0, "image"), "registry.example/shop:1", "two images"),
    ("entrypoint/deployment.yaml", (*WEB, "resources", "limits", "cpu"), "1", "none for the processor"),
    ("entrypoint/deployment.yaml", (*WEB, "resources", "requests"), None, "what it needs"),
    ("job/migrate.yaml", (*WEB, "terminationMessagePolicy"), None, "without a word"),
    ("entrypoint/deployment.yaml", (*WEB, "env", 3, "name"), "CASTOFF_WAIT", "no variable CASTOFF_WAIT"),
    ("job/migrate.yaml", (*WEB, "command", 1), "migrat", "no command migrat"),
    ("job/deployment.yaml", (*POD, "initContainers", 0, "command", 2), "--rev", "no option --rev"),
    ("entrypoint/deployment.yaml", (*WEB, "args"), None, "has no server"),
    ("job/migrate.yaml", (*WEB, "env", 0, "name"), "OTHER_URL", "knows no database"),
    ("init-container/deployment.yaml", (*WEB, "env", 0, "name"), "CASTOFF_DATABASE_URL", "URL of the migrations"),
    ("init-container/deployment.yaml", (*WEB, "env", 0), {"name": "DATABASE_URL", "value": "x"}, "not from a Secret"),
    ("entrypoint/deployment.yaml", (*WEB, "startupProbe"), None, "no startupProbe"),
    ("entrypoint/deployment.yaml", (*WEB, "command"), ["/castoff", "run", "--"], "nothing answers the probes"),
    ("entrypoint/deployment.yaml", (*WEB, "livenessProbe", "httpGet", "path"), "/", "would be ended"),
    ("entrypoint/deployment.yaml", (*WEB, "readinessProbe", "httpGet", "path"), "/healthz", "while it migrates"),
    ("job/deployment.yaml", (*WEB, "livenessProbe", "httpGet", "path"), "/readyz", "would be restarted"),
    ("entrypoint/deployment.yaml", ("spec", "strategy", "rollingUpdate", "maxUnavailable"), 1, "before new ones serve"),
    ("entrypoint/deployment.yaml", ("spec", "progressDeadlineSeconds"), None, "within progressDeadlineSeconds"),
    ("entrypoint/deployment.yaml", (*POD, "terminationGracePeriodSeconds"), None, "less than 30 s"),
    ("job/migrate.yaml", ("spec", "activeDeadlineSeconds"), 300, "within activeDeadlineSeconds"),
    ("job/migrate.yaml", ("spec", "backoffLimit"), None, "how often"),
    ("job/migrate.yaml", (*POD, "restartPolicy"), "OnFailure", "needs restartPolicy"),
    ("job/migrate.yaml", ("spec", "podFailurePolicy"), None, "when that is useless"),
    ("job/migrate.yaml", ("spec", "podFailurePolicy", "rules", 1, "onExitCodes", "values", 0), 5, "never ends with 5"),
    ("job/migrate.yaml", ("spec", "podFailurePolicy", "rules", 1, "onExitCodes", "values", 0), 13, "may heal 13"),
    ("job/migrate.yaml", ("spec", "podFailurePolicy", "rules", 1, "onExitCodes", "containerName"), "x", "not there"),
    ("job/migrate.yaml", ("metadata", "annotations"), {"helm.sh/hook": "post-install"}, "wait for it"),
    ("job/migrate.yaml", ("metadata", "annotations"), {"helm.sh/hook": "pre-install"}, "not there yet"),
    ("job/migrate.yaml", (*WEB, "env", 0, "valueFrom", "secretKeyRef", "name"), "x", "no Secret x"),
    ("common/service.yaml", ("spec", "selector", "app.kubernetes.io/component"), None, "the Service leads to"),
    ("common/disruption-budget.yaml", ("spec", "selector", "matchLabels", "app.kubernetes.io/name"), "x",
     "PodDisruptionBudget selects"),
]


def put(manifest, path, value):
    """Changes a manifest in one place."""
    *way, last = path
    for step in way:
        manifest = manifest[step] if isinstance(step, int) else manifest.setdefault(step, {})
    if value is None:
        del manifest[last]
    else:
        manifest[last] = value
