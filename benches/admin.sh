#!/usr/bin/env bash
# What a proxy pays for being asked: an Envoy with a configuration of some 50 MB, with and without --proxy-admin.
#
#   benches/admin.sh [-z SECONDS] [-q RATE] [-r ROUNDS] [-s SERVICES]
#
# Starts an Envoy (the one that the tests fetch, or ENVOY=FILE) with so many services, each with a route configuration's worth of
# routes and a cluster with two subsets, and sends requests at a fixed rate through one of them. Rounds with and without the
# admin interface take turns. Prints, as medians: CPU time and the growth of resident memory of Envoy, and the 50th and 99th
# percentile of the response times. RESPLIT=FILE takes another binary than target/release/resplit.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=20 rate=500 rounds=5 services=2500
while getopts z:q:r:s: option; do
    case $option in
    z) seconds=$OPTARG ;;
    q) rate=$OPTARG ;;
    r) rounds=$OPTARG ;;
    s) services=$OPTARG ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "$0" && exit 2 ;;
    esac
done
resplit=${RESPLIT:-target/release/resplit}
envoy=${ENVOY:-$(ls target/envoy/*/envoy | tail -1)}
[[ -x $resplit ]] || { echo "needed: $resplit (cargo build --release)" >&2; exit 2; }
[[ -x $envoy ]] || { echo "needed: an Envoy (cargo test --test main run_envoy fetches one)" >&2; exit 2; }

python3 - "$resplit" "$envoy" "$seconds" "$rate" "$rounds" "$services" <<'PYTHON'
import http.server, json, os, socketserver, statistics, subprocess, sys, tempfile, threading, time, urllib.request

resplit, envoy, seconds, rate, rounds, services = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])


class Backend(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.server.version.encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


def backend(version):
    server = Server(("127.0.0.1", 0), Backend)
    server.version = version
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


ports = {"v1": backend("v1"), "v2": backend("v2")}


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def host(at):
    return f"service-{at}.namespace-{at % 50}.svc.cluster.local"


def cluster(at, subset):
    name = f"outbound|8080|{subset}|{host(at)}"
    # What istiod writes about a cluster, and Envoy keeps.
    labels = {f"label-{n}": "x" * 40 for n in range(20)}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address(ports[subset])},
                                    "metadata": {"filter_metadata": {"istio": labels}}}]}]
    return {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": name, "type": "STATIC",
            "load_assignment": {"cluster_name": name, "endpoints": endpoints},
            "metadata": {"filter_metadata": {"istio": {"config": "/apis/x/" + host(at), **labels}}}}


def virtual_host(at):
    clusters = [{"name": f"outbound|8080|{subset}|{host(at)}", "weight": weight} for subset, weight in (("v1", 90), ("v2", 10))]
    routes = [{"match": {"prefix": f"/path-{n}/" + "y" * 60, "headers": [{"name": "x-user", "string_match": {"exact": f"user-{n}"}}]},
               "route": {"weighted_clusters": {"clusters": clusters}}} for n in range(12)]
    routes.append({"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": clusters}}})
    return {"name": host(at), "domains": [host(at), f"service-{at}"], "routes": routes}


folder = tempfile.TemporaryDirectory()
path = lambda name: os.path.join(folder.name, name)


def write(name, value):
    with open(path(name), "w") as file:
        json.dump(value, file)


write("cds.json", {"version_info": "1", "resources": [cluster(at, subset) for at in range(services) for subset in ("v1", "v2")]})
write("rds.json", {"version_info": "1", "resources": [{
    "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "name": "8080", "ignore_port_in_host_matching": True,
    "virtual_hosts": [virtual_host(at) for at in range(services)]}]})
source = lambda name: {"resource_api_version": "V3", "path_config_source": {"path": path(name)}}
manager = {"@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
           "stat_prefix": "in", "rds": {"route_config_name": "8080", "config_source": source("rds.json")},
           "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {
               "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}]}
# A default sidecar of Istio publishes no statistics of clusters.
patterns = [{"prefix": prefix} for prefix in ("cluster_manager", "listener_manager", "server")]
write("bootstrap.json", {
    "node": {"id": "bench", "cluster": "bench"}, "admin": {"address": address(0)},
    "stats_config": {"stats_matcher": {"inclusion_list": {"patterns": patterns}}},
    "dynamic_resources": {"cds_config": source("cds.json")},
    "static_resources": {"listeners": [{"name": "in", "address": address(0), "filter_chains": [{"filters": [
        {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]}]}})
process = subprocess.Popen([envoy, "-c", path("bootstrap.json"), "--admin-address-path", path("admin"), "--log-path", path("log"),
                            "--concurrency", "2", "--disable-hot-restart"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    deadline = time.time() + 300
    while True:
        try:
            admin = "http://" + open(path("admin")).read().strip()
            if urllib.request.urlopen(admin + "/ready").status == 200:
                break
        except OSError:
            if time.time() > deadline or process.poll() is not None:
                sys.exit("Envoy does not get ready: " + open(path("log")).read()[-2000:])
            time.sleep(0.5)
    listeners = json.load(urllib.request.urlopen(admin + "/listeners?format=json"))
    port = listeners["listener_statuses"][0]["local_address"]["socket_address"]["port_value"]
    began = time.time()
    size = len(urllib.request.urlopen(admin + "/config_dump?include_eds").read())
    print(f"{services} services, config_dump?include_eds: {size / 1e6:.1f} MB in {time.time() - began:.1f} s")

    def cpu():
        fields = open(f"/proc/{process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident():
        return next(int(line.split()[1]) / 1024 for line in open(f"/proc/{process.pid}/status") if line.startswith("VmRSS"))

    def measured(more):
        before, held = cpu(), resident()
        name = host(services // 2)
        command = [resplit, "-o", "json", "-z", f"{seconds}s", "-q", str(rate), "-c", "10", "--alpha", "0.000000001",
                   "--expect", "v1=90,v2=10", "--connect-to", f"{name}:8080:127.0.0.1:{port}", *more, f"http://{name}:8080/"]
        report = json.loads(subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
        used, grown = cpu() - before, resident() - held
        if more and report["counted"] is None:
            sys.exit(f"nothing was counted: {report['verdict']['caveats']}")
        first = report["observation"]["targets"][0]["response_ms"]
        return used, grown, first["p50"], first["p99"]

    results = {False: [], True: []}
    measured([])
    for _ in range(rounds):
        for asked in (False, True):
            results[asked].append(measured(["--proxy-admin", admin] if asked else []))
    print(f"{rounds} rounds of {seconds} s at {rate} requests/s, medians:")
    print(f"{'':24}{'CPU of Envoy, s':>16}{'memory, MB':>12}{'p50, ms':>10}{'p99, ms':>10}")
    for asked, name in ((False, "without"), (True, "with --proxy-admin")):
        used, grown, p50, p99 = (statistics.median(column) for column in zip(*results[asked]))
        print(f"{name:24}{used:16.2f}{grown:+12.1f}{p50:10.2f}{p99:10.2f}")
finally:
    process.terminate()
    process.wait()
PYTHON
