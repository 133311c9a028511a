#!/usr/bin/env bash
# Instructions of user space for each request: callgrind counts them for two runs of different length, and what both have in
# common falls out. It needs no counters of the processor. What goes by time (counts are handed over ten times a second) weighs
# more under callgrind than without it, and more still on a busy machine: compare figures of one quiet machine.
#
#   benches/instructions.sh [LIMIT] [OPTIONS OF RESPLIT…]
#
# Ends with 1 where a request takes more than LIMIT (6000 unless told). Needs valgrind and nginx-light.
set -euo pipefail
cd "$(dirname "$0")/.."
limit=${1:-6000}
shift || true

for program in valgrind nginx; do
    command -v "$program" >/dev/null || { echo "needed: $program (apt-get install valgrind nginx-light)" >&2; exit 2; }
done
# RESPLIT=FILE counts another.
[[ ${RESPLIT:-} ]] || cargo build --quiet --profile dist --locked --bin resplit
resplit=${RESPLIT:-${CARGO_TARGET_DIR:-target}/dist/resplit}

room=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$room"' EXIT
port=18779
# Heads vary as a mesh's do, unless SAME is set.
varied='add_header x-request-id $request_id; add_header x-envoy-upstream-service-time $msec;'
if [[ ${SAME:-} ]]; then varied=; fi
cat >"$room/nginx.conf" <<CONFIG
worker_processes 1; master_process off; daemon off; pid $room/pid; error_log $room/error.log warn;
events { worker_connections 4096; }
http {
    access_log off; server_tokens off; default_type text/plain; keepalive_requests 1000000000;
    client_body_temp_path $room/a; proxy_temp_path $room/b; fastcgi_temp_path $room/c;
    uwsgi_temp_path $room/d; scgi_temp_path $room/e;
    split_clients "\$request_id" \$version { 10% v2; * v1; }
    server { listen 127.0.0.1:$port; location / { add_header x-version \$version; $varied return 200 "\$version\n"; } }
    server { listen 127.0.0.1:$((port + 1)) http2; location / { add_header x-version \$version; $varied return 200 "\$version\n"; } }
}
CONFIG
nginx -c "$room/nginx.conf" -p "$room" &
server=$!
sleep 0.5
[[ " $* " == *" --h2c "* ]] && port=$((port + 1))

count() {
    valgrind --tool=callgrind --callgrind-out-file="$room/callgrind.out" "$resplit" --quiet -o json \
        --bucket header:x-version --threads 1 -c 50 -n "$1" "${@:2}" "http://127.0.0.1:$port/" 2>&1 >/dev/null |
        sed -nE 's/.*Collected *: *([0-9]+).*/\1/p'
}

short=$(count 2000 "$@")
long=$(count 22000 "$@")
each=$(((long - short) / 20000))
echo "$each instructions of user space for each request${*:+ ($*)}; the limit is $limit"
((each <= limit))
