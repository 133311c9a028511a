#!/bin/sh
# Lints Istio's samples and the manifests of its integration tests: samples.sh RESPLIT
# Needs Go; the module is downloaded to the cache of Go, and nothing of it is kept here.
set -eu
resplit=$(realpath "$1")
cd "$(dirname "$0")/recorder"
version=$(sed -n 's/^require istio.io\/istio //p' go.mod)
go mod download "istio.io/istio@$version"
cd "$(go list -m -f '{{.Dir}}' "istio.io/istio@$version")"

# Charts and values are no manifests, TCPRoutes are not read without weights of others, and the rest means what lint finds.
expected='
samples/ambient-argo/tag-chart/
samples/bookinfo/swagger.yaml
samples/security/spire-trust-domain-federation/spire-
samples/bookinfo/networking/fault-injection-details-v1.yaml
samples/tcp-echo/gateway-api/tcp-echo-20-v2.yaml
tests/integration/ambient/testdata/automtls-partial-sidecar-dr-disable.yaml
tests/integration/pilot/testdata/invalid.yaml
tests/integration/pilot/testdata/some-dir/missing-gateway.yaml
'
failed=0
for file in $(find samples tests/integration -name '*.yaml' | sort); do
    # Templates have no values here.
    if grep -q '{{' "$file"; then
        continue
    fi
    if "$resplit" lint "$file" >/tmp/samples.$$ 2>&1; then
        continue
    fi
    known=no
    for name in $expected; do
        case $file in "$name"*) known=yes ;; esac
    done
    if [ $known = no ]; then
        failed=1
        grep -A2 '^error' /tmp/samples.$$ || cat /tmp/samples.$$
    fi
done
rm -f /tmp/samples.$$
exit $failed
