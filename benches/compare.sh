#!/usr/bin/env bash
# What a request costs the client, beside other load generators, on the same target.
#
#   benches/compare.sh [-c 50,100,1000] [-n REQUESTS] [-r ROUNDS] [-2]
#
# -2 compares HTTP/2 without TLS (8 connections with 32 streams each) instead of HTTP/1.1.
# -s sends the same head with every response. Without it heads vary as a mesh's do (x-request-id and
#    x-envoy-upstream-service-time differ), which no table of header fields makes cheap.
#
# Builds what is shipped (`--profile dist`, static where musl is installed; RESPLIT=FILE takes another), starts a private nginx on the second core and runs every client on the first,
# one after the other, in another order each round. Prints the medians of CPU time (user + system) and instructions per
# request, and of the peak of resident memory, then resplit's share of each. Clients that are not installed are named and
# left out: wrk, hey and nghttp2-client are in Debian, oha comes from `cargo install oha`.
#
# CPU time repeats to 10 % on a quiet machine, and to 30 % on a busy one; instructions to 1 %, where the kernel counts them
# (`perf stat`); `benches/instructions.sh` counts those of user space anywhere. What was measured is in benches/README.md.
set -euo pipefail
cd "$(dirname "$0")/.."

connections=50,100,1000 requests=200000 rounds=5 http2= same=
while getopts c:n:r:2s option; do
    case $option in
    c) connections=$OPTARG ;;
    n) requests=$OPTARG ;;
    r) rounds=$OPTARG ;;
    2) http2=yes ;;
    s) same=yes ;;
    *) sed -n '2,17s/^# \{0,1\}//p' "$0" && exit 2 ;;
    esac
done

need() {
    command -v "$1" >/dev/null || { echo "needed: $1 (apt-get install $2)" >&2; exit 2; }
}
need nginx nginx-light
need taskset util-linux
[[ -x /usr/bin/time ]] || { echo "needed: /usr/bin/time (apt-get install time)" >&2; exit 2; }

# The static binary where its target is installed, as in the image: its allocator is another.
if [[ ! ${RESPLIT:-} ]]; then
    host=$(rustc -vV | sed -n 's/^host: //p') triple=
    if rustup target list --installed 2>/dev/null | grep -qx "${host%-gnu}-musl"; then triple=${host%-gnu}-musl; fi
    cargo build --quiet --profile dist --locked --bin resplit ${triple:+--target "$triple"}
    RESPLIT=${CARGO_TARGET_DIR:-target}/${triple:+$triple/}dist/resplit
fi
resplit=$RESPLIT

room=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$room"' EXIT
port=18777
varied='add_header x-request-id $request_id; add_header x-envoy-upstream-service-time $msec;'
if [[ $same ]]; then varied=; fi
listen="127.0.0.1:$port backlog=8192${http2:+ http2}"
cat >"$room/nginx.conf" <<CONFIG
worker_processes 1; master_process off; daemon off; pid $room/pid; error_log $room/error.log warn;
worker_rlimit_nofile 30000;
events { worker_connections 20000; multi_accept on; }
http {
    access_log off; server_tokens off; default_type text/plain;
    keepalive_requests 1000000000; keepalive_timeout 3600s; http2_max_concurrent_streams 256;
    client_body_temp_path $room/a; proxy_temp_path $room/b; fastcgi_temp_path $room/c;
    uwsgi_temp_path $room/d; scgi_temp_path $room/e;
    split_clients "\$request_id" \$version { 10% v2; * v1; }
    server { listen $listen; location / { add_header x-version \$version; $varied return 200 "\$version\n"; } }
}
CONFIG
taskset -c 1 nginx -c "$room/nginx.conf" -p "$room" &
server=$!
sleep 0.5
url=http://127.0.0.1:$port/
ulimit -n "$(ulimit -H -n)"

counters=
if perf stat -x, -e instructions:u true 2>&1 | grep -q '^[0-9]'; then counters=yes; fi

# The command of a client for $1 connections; nothing where there is none.
command_of() {
    local c=$2 oha=${OHA:-oha}
    case $1${http2:+-2} in
    resplit) echo "$resplit --quiet -o json --bucket header:x-version --threads 1 -n $requests -c $c $url" ;;
    resplit-2) echo "$resplit --quiet -o json --bucket header:x-version --threads 1 --h2c -p 32 -n $requests -c $c $url" ;;
    wrk) echo "wrk -t1 -c$c -d3s $url" ;;
    oha) echo "$oha --no-tui -n $requests -c $c $url" ;;
    oha-2) echo "$oha --no-tui --http2 -p 32 -n $requests -c $c $url" ;;
    hey) echo "hey -cpus 1 -n $requests -c $c $url" ;;
    h2load) echo "h2load --h1 -n $requests -c $c $url" ;;
    h2load-2) echo "h2load -m 32 -n $requests -c $c $url" ;;
    esac
}

# Runs a client once and appends `cpu_us user_instructions kernel_instructions rss_mb` to its results.
once() {
    local name=$1 line sent
    line=$(command_of "$name" "$2")
    local measured=(/usr/bin/time -f '%U %S %M' -o "$room/time" taskset -c 0 bash -c "exec $line")
    if [[ $counters ]]; then
        perf stat -x, -o "$room/perf" -e instructions:u,instructions:k -- "${measured[@]}" >"$room/out" 2>&1
    else
        "${measured[@]}" >"$room/out" 2>&1
    fi
    # wrk takes a time instead of a number.
    sent=$(sed -nE 's/^ *([0-9]+) requests in .*/\1/p' "$room/out")
    [[ $name == wrk ]] || sent=$requests
    local user=0 kernel=0
    if [[ $counters ]]; then
        user=$(awk -F, '/instructions:u/ {print $1}' "$room/perf")
        kernel=$(awk -F, '/instructions:k/ {print $1}' "$room/perf")
    fi
    tail -n 1 "$room/time" | awk -v n="$sent" -v u="$user" -v k="$kernel" \
        '{printf "%.3f %.0f %.0f %.1f\n", ($1 + $2) * 1e6 / n, u / n, k / n, $3 / 1024}' >>"$room/$name"
}

median() {
    cut -d' ' -f"$2" "$room/$1" | sort -g | awk '{a[NR] = $1} END {print (a[int((NR + 1) / 2)] + a[int((NR + 2) / 2)]) / 2}'
}

[[ $http2 ]] && all=(resplit oha h2load) connections=8 || all=(resplit wrk oha hey h2load)
clients=()
for name in "${all[@]}"; do
    program=$(command_of "$name" 1 | cut -d' ' -f1)
    if command -v "$program" >/dev/null; then clients+=("$name"); else echo "left out: $name is not installed"; fi
done

for c in ${connections//,/ }; do
    rm -f "${clients[@]/#/$room/}"
    for round in $(seq "$rounds"); do
        for at in "${!clients[@]}"; do
            once "${clients[(at + round) % ${#clients[@]}]}" "$c"
        done
    done
    echo
    echo "$c connections, $requests requests, medians of $rounds rounds"
    printf '%-10s %12s %12s %12s %10s %14s\n' client 'cpu us' 'user ins' 'kernel ins' 'rss MB' 'resplit/cpu'
    ours=$(median resplit 1)
    for name in "${clients[@]}"; do
        cpu=$(median "$name" 1)
        printf '%-10s %12.2f %12.0f %12.0f %10.1f %14.2f\n' "$name" "$cpu" "$(median "$name" 2)" "$(median "$name" 3)" \
            "$(median "$name" 4)" "$(awk -v a="$ours" -v b="$cpu" 'BEGIN {print a / b}')"
    done
done
[[ $counters ]] || echo "instructions are 0: this machine does not let them be counted (perf stat)"
