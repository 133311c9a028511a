#!/usr/bin/env bash
# Whether memory and open files stay where they are, however long resplit goes on: a closed loop, an open loop, `resplit monitor` with
# responses of two targets and with responses that are all different, and `resplit serve` with checks one after the other. A second
# is a sample; flat means that the last third of them has no more than the second third. By then a run has what it remembers of a
# million requests one by one.
#
#   benches/endurance.sh [-n REQUESTS] [-t SECONDS] [-o NAME]
#
# 10000000 requests of the closed loop and 600 s of each of the others unless told; NAME is the only one of them: closed, open, monitor,
# monitor-all, serve.
#
# Needs nginx (nginx-light in Debian) and curl. RESPLIT=FILE is the resplit that is asked, else it is built (`--profile dist`). All of
# it stays on loopback and ends by itself. Ends with 1 where something grows.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin

requests=10000000 seconds=600 only=''
while getopts n:t:o: option; do
    case $option in
    n) requests=$OPTARG ;;
    t) seconds=$OPTARG ;;
    o) only=$OPTARG ;;
    *) sed -n '2,13s/^# \{0,1\}//p' "$0" && exit 2 ;;
    esac
done
if [[ ! ${RESPLIT:-} ]]; then
    cargo build --quiet --profile dist --locked --bin resplit
    RESPLIT=${CARGO_TARGET_DIR:-target}/dist/resplit
fi
resplit=$(realpath "$RESPLIT")

room=$(mktemp -d)
started=()
cleanup() {
    for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$room"
}
trap cleanup EXIT
base=18850
cat >"$room/nginx.conf" <<CONFIG
worker_processes 1; daemon off; pid $room/nginx.pid; error_log /dev/null;
events { worker_connections 16384; }
http {
    access_log off; default_type text/plain; keepalive_requests 100000;
    client_body_temp_path $room/a; proxy_temp_path $room/b; fastcgi_temp_path $room/c;
    uwsgi_temp_path $room/d; scgi_temp_path $room/e;
    split_clients "\$request_id" \$version { 10% v2; * v1; }
    server { listen 127.0.0.1:$base backlog=4096; location / { return 200 "\$version\n"; }
        location /all { return 200 "\$request_id\n"; } }
}
CONFIG
# The seconds are a bound for whatever goes wrong.
timeout $((7200 + 3 * seconds)) nginx -c "$room/nginx.conf" -p "$room" 2>/dev/null & started+=($!)
url=http://127.0.0.1:$base/
for _ in {1..100}; do curl -fso /dev/null "$url" && break || sleep 0.1; done

grown=0
# sampled PID NAME: writes what it takes each second until it has ended.
sampled() {
    local kib files
    while kib=$(awk '/^VmRSS/ {print $2}' "/proc/$1/status" 2>/dev/null) && [[ $kib ]]; do
        files=$(find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l)
        echo "$kib $files"
        sleep 1
    done >"$room/$2.samples"
}
# flat NAME WHAT: a run that has closed its connections is being judged, which takes more for a moment.
flat() {
    awk -v name="$1" -v what="$2" '
        { all[NR] = $1; taken[NR] = $2; if ($2 > highest) highest = $2 }
        function most(of, from, to,   at, found) {
            for (at = from; at <= to; at++) if (of[at] > found) found = of[at]
            return found
        }
        END {
            for (at = 1; at <= NR; at++) if (name !~ /^(closed|open)$/ || taken[at] >= highest / 2) {
                n++; kib[n] = all[at]; files[n] = taken[at]
            }
            third = int(n / 3)
            if (third < 5) { printf "%-12s too short: %d samples\n", name, n; exit 1 }
            before = most(kib, third + 1, 2 * third); after = most(kib, 2 * third + 1, n)
            open = most(files, third + 1, 2 * third); opened = most(files, 2 * third + 1, n)
            # Pages that the allocator has not given back yet.
            ok = after <= before * 1.05 + 1024 && opened <= open + 2
            printf "%-12s %8d s  %7.1f MiB  %7.1f MiB  %5d  %5d  %-6s %s\n", name, n, before / 1024, after / 1024, open, opened,
                ok ? "flat" : "GROWS", what
            exit !ok
        }' "$room/$1.samples" || grown=1
}
printf '%-12s %10s  %11s  %11s  %5s  %5s\n' run samples 'second third' 'last third' files files
# run NAME ARGUMENTS…
run() {
    local name=$1
    shift
    "$resplit" --quiet -o json --expect v1=90,v2=10 "$@" "$url" >"$room/report" 2>>"$room/log" & local process=$!
    sampled "$process" "$name"
    wait "$process" || true
    flat "$name" "$(sed -n 's/^ *"\(sent\|answered\|failed\)": \([0-9]*\),*$/\1 \2/p' "$room/report" | head -n 3 | tr '\n' ' ')"
}
# wanted NAME
wanted() { [[ ! $only || $only = "$1" ]]; }
if wanted closed; then run closed -n "$requests" -c 50; fi
if wanted open; then run open -q 10000 -z "${seconds}s" -c 50; fi

# watch NAME URL: 50,000 requests are a run of the engine, 65,536 are remembered; each has a connection of its own.
watch() {
    "$resplit" monitor --quiet -o json -q 1000 -z "${seconds}s" --expect v1=90,v2=10 "$2" >"$room/events" 2>>"$room/log" & local process=$!
    sampled "$process" "$1"
    wait "$process" || true
    flat "$1" "$(tail -n 1 "$room/events" | sed -n 's/.*"message":"\([^"]*\)".*/\1/p')"
}
if wanted monitor; then watch monitor "$url"; fi
if wanted monitor-all; then watch monitor-all "${url}all"; fi
wanted serve || exit "$grown"

cat >"$room/checks.yaml" <<CHECKS
checks:
  web:
    urls: ["$url"]
    options: ["--expect=v1={{ args.v1 }},v2=10", "-n2000"]
    wait: 60s
CHECKS
timeout $((seconds + 300)) "$resplit" serve -f "$room/checks.yaml" --listen 127.0.0.1:$((base + 1)) 2>>"$room/log" & started+=($!)
for _ in {1..100}; do curl -fso /dev/null "http://127.0.0.1:$((base + 1))/readyz" && break || sleep 0.1; done
serve=$(pgrep -P "${started[-1]}")
sampled "$serve" serve & sampler=$!
checks=0
end=$((SECONDS + seconds))
while ((SECONDS < end)); do
    # Whoever asks the same again shares what is known: each asks something else.
    curl -so /dev/null -X POST -d "{\"metadata\": {\"v1\": \"90.$checks\"}}" "http://127.0.0.1:$((base + 1))/flagger/web"
    curl -so /dev/null "http://127.0.0.1:$((base + 1))/metrics"
    checks=$((checks + 1))
done
kill "$serve"
wait "$sampler" || true
flat serve "checks $checks"
exit "$grown"
