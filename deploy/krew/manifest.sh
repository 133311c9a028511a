#!/bin/sh
# deploy/krew/manifest.sh VERSION REPOSITORY FOLDER
#
# Prints the manifest of the plugin for krew: of release VERSION (v1.2.3) of the GitHub repository REPOSITORY (owner/name), whose archives
# are in FOLDER. On macOS the plugin is the script alone, which prints the report as JSON unless resplit is installed.
set -eu
[ $# -eq 3 ] || { sed -n '2s/^# /usage: /p' "$0" >&2; exit 2; }
version=$1 repository=$2 folder=$3

# platform OS ARCHITECTURE TARGET FILES…
platform() {
    os=$1 architecture=$2 archive="resplit-$version-$3.tar.gz"
    sum=$(sha256sum "$folder/$archive")
    shift 3
    cat <<END
    - selector:
        matchLabels: { os: $os, arch: $architecture }
      uri: https://github.com/$repository/releases/download/$version/$archive
      sha256: ${sum%% *}
      bin: kubectl-resplit
      files:
END
    for file in "$@"; do
        printf '        - { from: "*/%s", to: . }\n' "$file"
    done
}

cat <<END
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: resplit
spec:
  version: $version
  homepage: https://github.com/$repository
  shortDescription: Check a traffic split from within a pod
  description: |
    Runs resplit in an ephemeral container of a pod of yours: it sends requests from where they come from, counts who responded, and judges
    the split against the VirtualServices and HTTPRoutes of the cluster. Nothing is changed but the pod, which gets the container.
  platforms:
END
platform linux amd64 x86_64-unknown-linux-musl kubectl-resplit resplit LICENSE-MIT
platform linux arm64 aarch64-unknown-linux-musl kubectl-resplit resplit LICENSE-MIT
platform darwin amd64 x86_64-unknown-linux-musl kubectl-resplit LICENSE-MIT
platform darwin arm64 aarch64-unknown-linux-musl kubectl-resplit LICENSE-MIT
