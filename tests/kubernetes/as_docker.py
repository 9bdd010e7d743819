"""A container of a manifest as arguments of `docker run`, one a line.

    as_docker.py MANIFEST CONTAINER IMAGE [SECRET/KEY=VALUE…]

What the kubelet would make of it, as far as Docker has the same: command, arguments, variables, user,
read-only root, capabilities, privileges, limit of memory.
"""

import sys
from pathlib import Path

import yaml

import rules


def arguments(manifest, name, image, secrets):
    container = next(one for one in rules.containers(manifest) if one["name"] == name)
    pod = rules.pod(manifest)["spec"]["securityContext"]
    own = container["securityContext"]
    yield from ("--user", f"{pod['runAsUser']}:{pod['runAsGroup']}")
    if own["readOnlyRootFilesystem"]:
        yield "--read-only"
    if not own["allowPrivilegeEscalation"]:
        yield from ("--security-opt", "no-new-privileges")
    for capability in own["capabilities"]["drop"]:
        yield from ("--cap-drop", capability)
    yield from ("--memory", container["resources"]["limits"]["memory"].replace("Mi", "m"))
    for entry in container.get("env", []):
        value = entry.get("value")
        if value is None:
            key = entry["valueFrom"]["secretKeyRef"]
            value = secrets[f"{key['name']}/{key['key']}"]
        yield from ("--env", f"{entry['name']}={value}")
    line = rules.line(container)
    yield from ("--entrypoint", line[0], image, *line[1:])


def main():
    path, name, image, *secrets = sys.argv[1:]
    manifest = yaml.safe_load(Path(path).read_text())
    print("\n".join(arguments(manifest, name, image, dict(secret.split("=", 1) for secret in secrets))))


if __name__ == "__main__":
    main()
