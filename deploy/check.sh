#!/usr/bin/env bash
# Checks the files below deploy/ and the workflows with programs and schemas of others:
#   kubernetes-validate (PyPI)     the schemas of Kubernetes: Deployment, Service, and what `resplit job` prints
#   CRDs of Argo Rollouts, Flagger (Go modules) with jsonschema (PyPI): AnalysisTemplate, Canary
#   actionlint (Go module)         workflows of GitHub
#   kubectl kustomize              the kustomization
#   helm lint, helm template (Go)  the chart, whose objects kubernetes-validate reads
#   krew install (Go module)       the manifest of the plugin, from an archive as a release has it
# A real API server takes all that is for a cluster, and the container of kubectl-resplit, in tests/kubernetes_live.rs.
# Nothing here checks github-action/action.yml and gitlab/split.gitlab-ci.yml beyond that they are YAML.
set -euo pipefail
cd "$(dirname "$0")/.."
resplit=${RESPLIT:-target/debug/resplit}
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet kubernetes-validate==1.37.0 jsonschema pyyaml

module() { # its folder
    (cd "$work" && go mod download -json "$1") | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'
}
argo=$(module github.com/argoproj/argo-rollouts@v1.8.3)
flagger=$(module github.com/fluxcd/flagger@v1.41.0)

"$resplit" job --generators 3 --name split -f examples/weather/fixed -q 100 -z 1m http://weather-backend:5000/version \
    >"$work/job.yaml" 2>/dev/null
kubectl kustomize deploy/kustomize >"$work/kustomize.yaml"
"$resplit" lint --deny warning -f deploy/kustomize/rules.yaml
(cd tests/kubernetes && go build -o "$work/helm" helm.sh/helm/v3/cmd/helm)
for values in deploy/helm/resplit/ci/*-values.yaml; do
    "$work/helm" lint --strict deploy/helm/resplit -f "$values"
    "$work/helm" template split deploy/helm/resplit --kube-version 1.34 -n shop -f "$values" >"$work/$(basename "$values")"
done
"$work/venv/bin/kubernetes-validate" --strict -k 1.35 "$work/job.yaml" "$work/kustomize.yaml" "$work"/*-values.yaml

"$work/venv/bin/python" - "$argo" "$flagger" <<'PYTHON'
import glob
import sys

import jsonschema
import yaml


def closed(schema):
    """The schema without room for fields that it does not have, as the API server prunes them."""
    if isinstance(schema, dict):
        loose = schema.get("x-kubernetes-preserve-unknown-fields")
        if "properties" in schema and "additionalProperties" not in schema and not loose:
            schema["additionalProperties"] = False
        for value in schema.values():
            closed(value)
    elif isinstance(schema, list):
        for value in schema:
            closed(value)
    return schema


schemas = {}
for folder, pattern in ((sys.argv[1], "manifests/crds/*.yaml"), (sys.argv[2], "artifacts/flagger/crd.yaml")):
    for path in glob.glob(f"{folder}/{pattern}"):
        for crd in yaml.safe_load_all(open(path)):
            if not crd or crd["kind"] != "CustomResourceDefinition":
                continue
            for version in crd["spec"]["versions"]:
                schema = closed(version["schema"]["openAPIV3Schema"])
                schema["properties"].update(apiVersion={}, kind={}, metadata={})
                schemas[crd["spec"]["group"] + "/" + version["name"], crd["spec"]["names"]["kind"]] = schema
files = glob.glob("deploy/argo-rollouts/*.yaml") + glob.glob("deploy/flagger/*.yaml")
assert len(files) == 3, files
for path in files:
    for item in yaml.safe_load_all(open(path)):
        schema = schemas[item["apiVersion"], item["kind"]]
        jsonschema.Draft7Validator(schema).validate(item)
        print(f"{path}: {item['kind']} is valid")
for path in ("deploy/github-action/action.yml", "deploy/gitlab/split.gitlab-ci.yml"):
    yaml.safe_load(open(path))
PYTHON

version=v0.1.0
for target in x86_64-unknown-linux-musl aarch64-unknown-linux-musl; do
    name=resplit-$version-$target
    mkdir "$work/$name"
    cp LICENSE-APACHE LICENSE-MIT README.md CHANGELOG.md deploy/kubectl/kubectl-resplit "$work/$name"
    # What is installed is not run here.
    install -m 755 /dev/null "$work/$name/resplit"
    tar -C "$work" -czf "$work/$name.tar.gz" "$name"
done
deploy/krew/manifest.sh "$version" example/resplit "$work" >"$work/resplit.yaml"
GOBIN=$work/bin GOFLAGS=-modcacherw go install sigs.k8s.io/krew/cmd/krew@v0.4.3
export KREW_ROOT=$work/krew
for platform in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do
    target=x86_64-unknown-linux-musl
    [ "${platform#*/}" = amd64 ] || target=aarch64-unknown-linux-musl
    KREW_OS=${platform%/*} KREW_ARCH=${platform#*/} "$work/bin/krew" install --manifest="$work/resplit.yaml" \
        --archive="$work/resplit-$version-$target.tar.gz" 2>"$work/said" || { cat "$work/said"; exit 1; }
    "$KREW_ROOT/bin/kubectl-resplit" --help | grep '^usage: kubectl resplit POD'
    rm -rf "$KREW_ROOT"
done

GOBIN=$work/bin GOFLAGS=-modcacherw go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.7
"$work/bin/actionlint" .github/workflows/*.yml
echo "workflows: actionlint finds nothing"
