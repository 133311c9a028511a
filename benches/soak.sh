#!/usr/bin/env bash
# Requests against real servers that close, reload and drain, over each protocol: none may be counted as failed that was not.
#
#   benches/soak.sh [-n REQUESTS]      100000 unless told, for each row
#
# Rows whose server is not installed are named and left out: nginx-light and nghttp2-server are in Debian, `go` builds
# benches/soak/server.go, ENVOY=FILE is an Envoy (the tests fetch one into target/envoy). RESPLIT=FILE is the resplit that is
# asked, else it is built (`--profile dist`). All of it stays on loopback. Ends with 1 where a request failed.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin

requests=100000
while getopts n: option; do
    case $option in
    n) requests=$OPTARG ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0" && exit 2 ;;
    esac
done
if [[ ! ${RESPLIT:-} ]]; then
    cargo build --quiet --profile dist --locked --bin resplit
    RESPLIT=${CARGO_TARGET_DIR:-target}/dist/resplit
fi
resplit=$(realpath "$RESPLIT")
envoy=${ENVOY:-$(find target/envoy/ -name envoy -type f 2>/dev/null | head -n 1)}

room=$(mktemp -d)
servers=()
cleanup() {
    for server in "${servers[@]}"; do kill "$server" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$room"
}
trap cleanup EXIT
# The seconds are a bound for whatever goes wrong.
background() { timeout 1800 "$@" >>"$room/log" 2>&1 & servers+=($!); }
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$room/key" -out "$room/cert" 2>/dev/null

failures=0
printf '%-46s %9s %8s %11s %12s\n' server requests failed 'sent again' connections
# row NAME REQUESTS ARGUMENTS…
row() {
    local name=$1 n=$2
    shift 2
    "$resplit" --quiet -o json -k -n "$n" --bucket status "$@" >"$room/report" 2>>"$room/log" || true
    python3 - "$name" "$room/report" <<'PYTHON' || failures=1
import json, sys
seen = json.load(open(sys.argv[2]))["observation"]
print("%-46s %9d %8d %11d %12d" % (sys.argv[1], seen["sent"], seen["failed"], seen["retried"], seen["connections"]), flush=True)
for failure in seen["failures"]:
    if failure["count"]:
        print("   ", failure["kind"], failure["count"], failure.get("example", ""), flush=True)
sys.exit(seen["failed"] > 0)
PYTHON
}
# Waits until something listens on these ports.
listening() {
    local port
    for port; do
        for _ in {1..300}; do
            if (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then continue 2; fi
            sleep 0.1
        done
        echo "nothing listens on port $port" >&2
        exit 2
    done
}
missing() { printf '%-46s %s\n' "$1" "left out: not installed"; }
base=18800 slow=$((requests / 20))

if command -v nginx >/dev/null; then
    cat >"$room/nginx.conf" <<CONFIG
worker_processes 2; daemon off; pid $room/nginx.pid; error_log /dev/null;
events { worker_connections 4096; }
http {
    access_log off; default_type text/plain; ssl_certificate $room/cert; ssl_certificate_key $room/key;
    client_body_temp_path $room/a; proxy_temp_path $room/b; fastcgi_temp_path $room/c;
    uwsgi_temp_path $room/d; scgi_temp_path $room/e;
    server { listen 127.0.0.1:$base backlog=4096; keepalive_requests 100; location / { return 200 v1; } }
    server { listen 127.0.0.1:$((base + 1)) http2; keepalive_requests 100; location / { return 200 v1; } }
    server { listen 127.0.0.1:$((base + 2)) ssl http2; keepalive_requests 100; location / { return 200 v1; } }
    server { listen 127.0.0.1:$((base + 3)); keepalive_timeout 100ms; location / { return 200 v1; } }
    server { listen 127.0.0.1:$((base + 4)) http2; keepalive_timeout 100ms; location / { return 200 v1; } }
}
CONFIG
    background nginx -c "$room/nginx.conf" -p "$room"
    listening "$base" $((base + 4))
    plain=http://127.0.0.1:$base/ h2c=http://127.0.0.1:$((base + 1))/ tls=https://127.0.0.1:$((base + 2))/
    row 'nginx, 100 requests a connection, HTTP/1.1' "$requests" -c 50 "$plain"
    row 'nginx, 100 requests a connection, h2c' "$requests" -c 5 -p 10 --h2c "$h2c"
    row 'nginx, 100 requests a connection, h2' "$requests" -c 5 -p 10 --http2 "$tls"
    # Each connection gets a request every 100 ms, which is when it is closed.
    row 'nginx, idle for 100 ms at most, HTTP/1.1' "$slow" -c 40 -q 400 "http://127.0.0.1:$((base + 3))/"
    row 'nginx, idle for 100 ms at most, h2c' "$slow" -c 40 -q 400 --h2c "http://127.0.0.1:$((base + 4))/"
    while sleep 0.5; do kill -HUP "$(cat "$room/nginx.pid")" || break; done 2>/dev/null &
    servers+=($!)
    row 'nginx, reloaded twice a second, HTTP/1.1' "$requests" -c 50 "$plain"
    row 'nginx, reloaded twice a second, h2c' "$requests" -c 5 -p 10 --h2c "$h2c"
    row 'nginx, reloaded twice a second, h2' "$requests" -c 5 -p 10 --http2 "$tls"
else
    missing nginx
fi

if command -v nghttpd >/dev/null; then
    mkdir "$room/www" && echo v1 >"$room/www/index.html"
    background nghttpd -a 127.0.0.1 --no-tls -m 5 -d "$room/www" $((base + 10))
    background nghttpd -a 127.0.0.1 -m 5 -d "$room/www" $((base + 11)) "$room/key" "$room/cert"
    listening $((base + 10)) $((base + 11))
    row 'nghttpd, 5 streams, h2c' "$requests" -c 5 -p 10 --h2c "http://127.0.0.1:$((base + 10))/"
    row 'nghttpd, 5 streams, h2' "$requests" -c 5 -p 10 --http2 "https://127.0.0.1:$((base + 11))/"
else
    missing nghttpd
fi

if command -v go >/dev/null && go build -o "$room/server" benches/soak/server.go 2>>"$room/log"; then
    mkfifo "$room/go" && exec 9<>"$room/go"
    timeout 1800 "$room/server" "127.0.0.1:$((base + 20))" "127.0.0.1:$((base + 21))" "$room/cert" "$room/key" \
        <"$room/go" >>"$room/log" 2>&1 & servers+=($!)
    listening $((base + 20)) $((base + 21))
    row 'Go net/http, HTTP/1.1' "$requests" -c 50 "http://127.0.0.1:$((base + 20))/"
    row 'Go net/http, h2c' "$requests" -c 5 -p 10 --h2c "http://127.0.0.1:$((base + 20))/"
    row 'Go net/http, h2' "$requests" -c 5 -p 10 --http2 "https://127.0.0.1:$((base + 21))/"
    row 'Go net/http, idle for 50 ms at most, HTTP/1.1' "$slow" -c 20 -q 400 "http://127.0.0.1:$((base + 20))/"
    row 'Go net/http, idle for 50 ms at most, h2c' "$slow" -c 20 -q 400 --h2c "http://127.0.0.1:$((base + 20))/"
else
    missing 'Go net/http'
fi

if [[ -x $envoy ]]; then
    connection_manager() {
        cat <<CONFIG
  - name: listener_$1
    address: { socket_address: { address: 127.0.0.1, port_value: $1 } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: soak
          codec_type: AUTO
          drain_timeout: 0.5s
          common_http_protocol_options: { max_connection_duration: 0.5s, max_requests_per_connection: 1000 }
          http2_protocol_options: { max_concurrent_streams: 10, hpack_table_size: 1024 }
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: v1 } } }]
          http_filters:
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
CONFIG
    }
    { echo "static_resources:" && echo "  listeners:" && connection_manager $((base + 30)); } >"$room/envoy.yaml"
    background "$envoy" --disable-hot-restart --concurrency 1 -l off -c "$room/envoy.yaml"
    listening $((base + 30))
    row 'Envoy, drains connections, HTTP/1.1' "$requests" -c 50 "http://127.0.0.1:$((base + 30))/"
    row 'Envoy, drains connections, h2c' "$requests" -c 5 -p 10 --h2c "http://127.0.0.1:$((base + 30))/"
else
    missing Envoy
fi
exit $failures
