#!/usr/bin/env bash
# Proves that the shipped binary needs nothing around it: builds it as it is shipped and runs it where there is no
# other file. Prefers the musl target, which the image is built for; falls back to a static glibc.
set -euo pipefail
cd "$(dirname "$0")/.."

host=$(rustc -vV | sed -n 's/^host: //p')
musl=${host%-gnu}-musl
target_dir=${CARGO_TARGET_DIR:-target}/static

if [[ $host == *-musl ]]; then
    triple=$host
elif command -v rustup >/dev/null && rustup target list --installed | grep -qx "$musl" && command -v musl-gcc >/dev/null; then
    triple=$musl
else
    triple=$host
    # Only for this target: with `--target` given, build scripts and macros stay dynamic, as they must. `RUSTFLAGS`
    # would win over it.
    unset RUSTFLAGS
    name=$(tr 'a-z-' 'A-Z_' <<<"$triple")
    export "CARGO_TARGET_${name}_RUSTFLAGS=-C target-feature=+crt-static"
fi

cargo build --quiet --profile dist --locked --bin resplit --target "$triple" --target-dir "$target_dir"
binary=$target_dir/$triple/dist/resplit

if ldd "$binary" 2>&1 | grep -q '=>'; then
    echo "not static:" >&2
    ldd "$binary" >&2
    exit 1
fi

room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cp "$binary" "$room/resplit"
PATH=$PATH:/usr/sbin:/sbin
if [[ $(id -u) == 0 ]]; then
    enter=(chroot)
elif unshare --map-root-user true 2>/dev/null; then
    enter=(unshare --map-root-user chroot)
else
    # Some systems allow user namespaces to root alone.
    enter=(sudo --non-interactive chroot)
fi
version=$("${enter[@]}" "$room" /resplit --version)
commit=$(git log -1 --abbrev=12 --format=%h 2>/dev/null || true)
[[ $version == "resplit "*"$commit"* ]] || { echo "it calls itself \`$version\`" >&2; exit 1; }
# The main job, on loopback, with nothing to read and nowhere to write.
timeout 120 "${enter[@]}" "$room" /resplit demo

echo "proven: $version for $triple, $(du -h "$binary" | cut -f1), runs with no other file around it"
