"""What must be true of manifests, besides what Kubernetes itself asks for.

A rule is a function of one manifest, or of all that are applied together, that gives sentences on
what is wrong. It is pure: reading files is the business of `check.py`.
"""

import re

# What castoff says of itself in its documentation: `check.py` reads it.
KNOWN = {"variables": set(), "commands": {}, "statuses": set()}


def pod(manifest):
    """The pod that a manifest makes, with its metadata; nothing for a Service and the like."""
    kind, spec = manifest["kind"], manifest.get("spec", {})
    if kind == "Pod":
        return manifest
    if kind == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec.get("template")


def job(manifest):
    """The specification of a Job, also that of a CronJob's."""
    if manifest["kind"] == "CronJob":
        return manifest["spec"]["jobTemplate"]["spec"]
    return manifest["spec"] if manifest["kind"] == "Job" else None


def containers(manifest):
    spec = (pod(manifest) or {}).get("spec", {})
    return spec.get("initContainers", []) + spec.get("containers", [])


def line(container):
    """What is executed, words and arguments."""
    return container.get("command", []) + container.get("args", [])


def is_castoff(container):
    return line(container)[:1] == ["/castoff"]


def environment(container):
    return {entry["name"]: entry for entry in container.get("env", [])}


def seconds(duration):
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "": 1}
    return sum(int(n) * units[unit] for n, unit in re.findall(r"(\d+)(ms|s|m|h|)", duration) if n)


def confined(manifest):
    if (found := pod(manifest)) is None:
        return
    spec = found["spec"]
    security = spec.get("securityContext", {})
    if security.get("runAsNonRoot") is not True:
        yield "the pod may run as root"
    if security.get("runAsUser", 0) == 0:
        yield "the pod names no user"
    if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "the pod has no seccomp profile"
    if spec.get("automountServiceAccountToken") is not False:
        yield "the pod gets a token"
    if spec.get("enableServiceLinks") is not False:
        yield "the pod gets variables about Services"
    if "serviceAccountName" not in spec:
        yield "the pod names no service account"
    for container in containers(manifest):
        name, own = container["name"], container.get("securityContext", {})
        if own.get("allowPrivilegeEscalation") is not False:
            yield f"{name} may gain privileges"
        if own.get("readOnlyRootFilesystem") is not True:
            yield f"{name} may write to its root"
        if own.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{name} has capabilities"


def released(manifest):
    """One release is one image, by a name that stays."""
    images = {container["image"] for container in containers(manifest)}
    for image in images:
        name, _, digest = image.partition("@")
        tag = name.rpartition("/")[2].partition(":")[2]
        if tag == "latest" or not (tag or digest):
            yield f"{image} may be another one tomorrow"
    if len(images) > 1:
        yield f"two images of one release: {sorted(images)}"
    for container in containers(manifest):
        said = environment(container).get("CASTOFF_IMAGE", {}).get("value")
        if said not in (None, container["image"]):
            yield f"{container['name']} calls its image {said}"


def bounded(manifest):
    for container in containers(manifest):
        name, resources = container["name"], container.get("resources", {})
        if set(resources.get("requests", {})) != {"cpu", "memory"}:
            yield f"{name} does not say what it needs"
        if set(resources.get("limits", {})) != {"memory"}:
            yield f"{name} must have a limit for the memory and none for the processor"
        if container.get("terminationMessagePolicy") != "FallbackToLogsOnError":
            yield f"{name} may end without a word"


def spoken(manifest):
    """castoff is called in words that it has."""
    for container in containers(manifest):
        for variable in environment(container):
            if variable.startswith("CASTOFF_") and variable not in KNOWN["variables"]:
                yield f"castoff has no variable {variable}"
        if not is_castoff(container):
            continue
        words = line(container)[1:]
        own = words[: words.index("--")] if "--" in words else words
        if own[0] not in KNOWN["commands"]:
            yield f"castoff has no command {own[0]}"
            continue
        for word in own:
            if word.startswith("--") and word not in KNOWN["commands"][own[0]]:
                yield f"castoff {own[0]} has no option {word}"
        if own[0] == "run" and not words[len(own) + 1 :]:
            yield "castoff run has no server"
        if "DATABASE_URL" not in environment(container) and "CASTOFF_DATABASE_URL" not in environment(container):
            yield f"castoff {own[0]} knows no database"


def separated(manifest):
    """The role that migrates is not given to a server that castoff does not stand in front of."""
    for container in containers(manifest):
        if not is_castoff(container) and "CASTOFF_DATABASE_URL" in environment(container):
            yield f"{container['name']} gets the URL of the migrations"
        for entry in environment(container).values():
            if "url" in entry["name"].lower() and "valueFrom" not in entry:
                yield f"{entry['name']} is not from a Secret"


def probed(manifest):
    if manifest["kind"] != "Deployment":
        return
    for container in manifest["spec"]["template"]["spec"]["containers"]:
        paths = {}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            paths[probe] = container.get(probe, {}).get("httpGet", {}).get("path")
            if paths[probe] is None:
                yield f"no {probe}"
        if is_castoff(container):
            if "--listen" not in line(container):
                yield "nothing answers the probes while castoff migrates"
            if {paths["startupProbe"], paths["livenessProbe"]} != {"/healthz"}:
                yield "castoff answers 503 to a probe, and the migration would be ended"
            if paths["readinessProbe"] == "/healthz":
                yield "castoff answers 200 to the readiness probe while it migrates"
        if paths["livenessProbe"] == paths["readinessProbe"]:
            yield "what is not ready would be restarted"


def timely(manifest):
    """Of two deadlines, one within the other, the inner one comes first."""
    if pod(manifest) is None:
        return
    spec = manifest["spec"]
    if manifest["kind"] == "Deployment":
        if spec["strategy"]["rollingUpdate"].get("maxUnavailable") != 0:
            yield "old replicas go before new ones serve"
        outer = spec.get("progressDeadlineSeconds", 600)
        for container in containers(manifest):
            for name in ("CASTOFF_WAIT_TIMEOUT", "CASTOFF_LOCK_TIMEOUT"):
                said = environment(container).get(name, {}).get("value")
                if said and seconds(said) >= outer:
                    yield f"{name} is not within progressDeadlineSeconds"
        inner = spec["template"]["spec"]
        for container in inner["containers"]:
            pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            if inner.get("terminationGracePeriodSeconds", 30) < pause + 30:
                yield "the server has less than 30 s to stop"
    if (found := job(manifest)) and "activeDeadlineSeconds" in found:
        for container in containers(manifest):
            said = environment(container).get("CASTOFF_WAIT_TIMEOUT", {}).get("value", "60s")
            if seconds(said) >= found["activeDeadlineSeconds"]:
                yield "CASTOFF_WAIT_TIMEOUT is not within activeDeadlineSeconds"


def given_up(manifest):
    """A Job gives up where trying again is useless, and only there."""
    if (found := job(manifest)) is None:
        return
    if "backoffLimit" not in found:
        yield "the Job does not say how often it is tried"
    restart = found["template"]["spec"].get("restartPolicy")
    if restart not in ("Never", "OnFailure"):
        yield "the Job restarts for ever"
    if "podFailurePolicy" in found:
        if restart != "Never":
            yield "podFailurePolicy needs restartPolicy: Never"
        names = {container["name"] for container in containers(manifest)}
        for rule in found["podFailurePolicy"]["rules"]:
            codes = rule.get("onExitCodes")
            if codes and codes.get("containerName") not in names:
                yield "podFailurePolicy looks at a container that is not there"
            for code in codes["values"] if codes else ():
                if code not in KNOWN["statuses"]:
                    yield f"castoff never ends with {code}"
                if code in (11, 12, 13):
                    yield f"time may heal {code}"
    elif restart == "Never":
        yield "the Job is tried again when that is useless"


def undeadlocked(manifest):
    """Helm waits for the replicas before it runs what comes after them, and they wait for the migration."""
    for hook in manifest["metadata"].get("annotations", {}).get("helm.sh/hook", "").split(","):
        if hook.strip().startswith("post-"):
            yield f"{hook} waits for replicas that wait for it"


def is_early(manifest):
    """Whether it is applied before all others of the same release."""
    annotations = manifest["metadata"].get("annotations", {})
    return annotations.get("helm.sh/hook", "").startswith("pre-") or "argocd.argoproj.io/hook" in annotations


def together(manifests):
    """What names something else names something that is there."""

    def names(kind):
        return {one["metadata"]["name"] for one in manifests if one["kind"] == kind}

    def pods_of(selector):
        labels = [(one, pod(one)["metadata"].get("labels", {})) for one in manifests if pod(one)]
        return {one["kind"] for one, own in labels if selector.items() <= own.items()}

    for one in manifests:
        kind = one["kind"]
        if found := pod(one):
            account = found["spec"]["serviceAccountName"]
            if account not in names("ServiceAccount") | {"default"}:
                yield f"no service account {account}"
            own = [other for other in manifests if other["kind"] == "ServiceAccount" and not other.get("elsewhere")]
            made = {other["metadata"]["name"] for other in own}
            if is_early(one) and account in made:
                yield f"{one['metadata']['name']}: the service account is not there yet"
        for container in containers(one):
            for entry in environment(container).values():
                secret = entry.get("valueFrom", {}).get("secretKeyRef", {}).get("name")
                if secret and secret not in names("Secret"):
                    yield f"no Secret {secret}"
        selector = one.get("spec", {}).get("selector") or {}
        if kind == "Service" and pods_of(selector) != {"Deployment"}:
            yield f"the Service leads to pods of {sorted(pods_of(selector))}"
        if kind in ("Deployment", "PodDisruptionBudget") and pods_of(selector["matchLabels"]) != {"Deployment"}:
            yield f"{kind} selects pods of {sorted(pods_of(selector['matchLabels']))}"


OF_ONE = [
    confined, released, bounded, spoken, separated, probed, timely, given_up, undeadlocked,
]


def broken(manifests):
    """All that is wrong with manifests that are applied together."""
    for manifest in manifests:
        name = f"{manifest['kind'].lower()}/{manifest['metadata']['name']}"
        for rule in OF_ONE:
            yield from (f"{name}: {sentence}" for sentence in rule(manifest))
    yield from together(manifests)
