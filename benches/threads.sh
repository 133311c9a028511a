#!/usr/bin/env bash
# What threads cost each other: CPU time for each request with one thread and with two, each beside an nginx worker on the
# same cores, so that the target never has more of the machine than the client.
#
#   benches/threads.sh [-c CONNECTIONS] [-n REQUESTS] [-r ROUNDS]
#
# Threads share nothing but a counter, so where a target is not the bottleneck throughput grows with the threads by
# `threads x (CPU of one / CPU of many)`; on a machine without spare cores this is how that can be measured. Needs two cores
# and nginx-light.
set -euo pipefail
cd "$(dirname "$0")/.."

connections=100 requests=400000 rounds=5
while getopts c:n:r: option; do
    case $option in
    c) connections=$OPTARG ;;
    n) requests=$OPTARG ;;
    r) rounds=$OPTARG ;;
    *) sed -n '2,11s/^# \{0,1\}//p' "$0" && exit 2 ;;
    esac
done
for program in nginx taskset /usr/bin/time; do
    command -v "$program" >/dev/null || { echo "needed: $program (apt-get install nginx-light util-linux time)" >&2; exit 2; }
done
[[ ${RESPLIT:-} ]] || cargo build --quiet --profile dist --locked --bin resplit
resplit=${RESPLIT:-${CARGO_TARGET_DIR:-target}/dist/resplit}

room=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null || true; rm -rf "$room"' EXIT
# A worker on each core, behind a port of its own.
for core in 0 1; do
    cat >"$room/$core.conf" <<CONFIG
worker_processes 1; master_process off; daemon off; pid $room/$core.pid; error_log $room/$core.log warn;
events { worker_connections 20000; }
http {
    access_log off; server_tokens off; default_type text/plain; keepalive_requests 1000000000;
    client_body_temp_path $room/a; proxy_temp_path $room/b; fastcgi_temp_path $room/c;
    uwsgi_temp_path $room/d; scgi_temp_path $room/e;
    server { listen 127.0.0.1:18790 reuseport; location / { add_header x-version v1; return 200 "v1\n"; } }
}
CONFIG
    taskset -c "$core" nginx -c "$room/$core.conf" -p "$room" &
    servers+=($!)
done
sleep 0.5

# CPU time for each request in microseconds, with so many threads on so many cores.
once() {
    local threads=$1 cores=$2
    /usr/bin/time -f '%U %S' -o "$room/time" taskset -c "$cores" "$resplit" --quiet -o json --bucket header:x-version \
        --threads "$threads" -n "$requests" -c "$connections" http://127.0.0.1:18790/ >/dev/null
    awk -v n="$requests" '{printf "%.3f\n", ($1 + $2) * 1e6 / n}' "$room/time" >>"$room/by-$threads"
}

for _ in $(seq "$rounds"); do
    once 1 0
    once 2 0,1
done
median() { sort -g "$room/by-$1" | awk '{a[NR] = $1} END {print (a[int((NR + 1) / 2)] + a[int((NR + 2) / 2)]) / 2}'; }
one=$(median 1) two=$(median 2)
awk -v one="$one" -v two="$two" -v c="$connections" 'BEGIN {
    printf "%d connections: %.2f us of CPU with one thread, %.2f with two: two threads carry %.2f times as much\n",
        c, one, two, 2 * one / two }'
