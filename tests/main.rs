//! The tests of resplit, as one binary: one link, and helpers that are shared instead of copied.
#![allow(
    clippy::disallowed_methods,
    reason = "tests wait, read files and run programs; the core does not"
)]

// What the tests stand on: an in-process mesh, servers that misbehave, a real Envoy, the built binary.
mod support;

// Which module may import which.
mod layers;

// Files that import each other in a ring.
mod rings;

// What ARCHITECTURE.md says about files and layers, and what its recipes cost.
mod architecture;
// Notes are told apart by their codes; reports from before that load.
mod notes;

// What is read takes no more memory than it may, and no sum runs over.
mod bounds;

// Only our own files are in the tree.
mod own_files;

// Every number of the statistics against values computed independently, with 60 digits where it matters.
mod oracle;

// Every manifest in `tests/manifests/` with what is wrong in it, or where a request goes.
mod manifests;

// What is attached to the way of a request, clients without a proxy, destinations without pods.
mod attached;

// The Gateway API through the binary: what controllers report, who implements a Gateway, listeners and connections.
mod gateway_api;

// Weights of other dialects through the binary: those that are not read are named.
mod gateways;

// Gateways of the same proxies are lowered once.
mod shared_tables;

// The exit codes, wherever they are written down.
mod exits;

// The splits that a real istiod programs.
mod istiod;

// A proxy that a real istiod drives; asked for, since it takes Go.
mod istiod_live;

// What resplit prints and deploys, given to a real API server; asked for, since it takes Go.
mod kubernetes_live;

// The port, the address and the TLS name that are dialled.
mod dialled;

// Manifests in the shapes that kubectl takes.
mod kubectl_input;

// Which rule takes a request, and why the others do not.
mod explain;

// Cases of requests against manifests, in three formats, and those that are written from manifests.
mod suites;

// The same with traffic, against a real Envoy.
mod live;
// Keys that a hash ties to a pod, against a real Envoy.
mod pinning;

// What becomes of a host that nobody registers.
mod egress;

// What makes a mesh say who answered, and what is read back from a real Envoy.
mod instrument;

// One run in every format.
mod formats;

// Requests that name their endpoint, against a real Envoy.
mod endpoints;

// Saved reports: judged again, merged, compared, refused.
mod report;

// The HTML report in a browser.
mod html;

// Why a split would not take effect: every rule broken and kept, and what each format says.
mod helps;
mod lint;
mod lint_places;

// Who answered: extractors and targets.
mod buckets;

// Who answered, where nobody says: what could tell versions apart.
mod identity;

// Random tables and requests: the same answers as a real Envoy, and the same again from its dump.
mod differential;

// Every rule of a host with traffic.
mod all_rules;

// Requests that differ from each other, and keys that pin them.
mod vary;

// Dumps of Envoy's configuration: what is read from them, and what is refused.
mod dumps;

// Targets that never answer or only fail, behind a real Envoy: named first, whatever the shares say.
mod targets;

// Servers that misbehave: every failure has its kind, and the run goes on.
mod causes;
mod faults;

// What is refused, and how: exit 2 and the next step.
mod input;

// What is sent: exact counts, connections, pace, TLS, signals.
mod load;

// The promised error rates, by simulation.
mod calibration;

// Every way in which a real Envoy splits, with the verdict it deserves.
mod mechanisms;

// A split that is watched for ever.
mod monitor;

// What a monitor says of a server, a webhook and an admin interface that fail.
mod monitor_faults;

// Tests that need a program from outside are listed.
mod parts;

// When, where and how a report was made; one request in full.
mod record;

// A line for each request.
mod request_log;

// What a first use found.
mod first_use;

// What fingers type that know other tools.
mod command_line;

// Connections that a server closes without saying so.
mod keepalive;

// Connections that many requests share, and servers that limit them, end them, or forget them.
mod http2;

// The same exchanges through resplit and through hyper's client.
mod wire;

// Which certificates are trusted, and what a failure of TLS advises.
mod certificates;

// Every protocol a mesh speaks, against real servers and proxies.
mod protocols;
mod public_reports;

// Streams of events and of gRPC messages.
mod streams;

// Starts at a rate: the schedule, honest latencies, warm-up.
mod open_loop;

// The stories of the demo.
mod demo;

// README and docs show what the program prints.
mod docs;

// What is said, and where.
mod output;

// What the proxy has been told and what it counted, beside what is declared and seen.
mod proxy_admin;

// Faults of what is written, by their numbers.
mod faults_of_output;

// An end in every phase of a run.
mod ends;

// Any text at all in every format, for readers that are not ours.
mod any_text;

// The main job against an in-process mesh: verdicts.
mod run;

// The main job against a real Envoy: the founding story.
mod run_envoy;

// How many requests it takes to see what.
mod size;

// The verdict on counts from elsewhere.
mod judge;

// Several generators in a Job, and their logs.
mod job;

// kubectl resplit, with a kubectl that writes down how it is called.
mod kubectl_plugin;

// Checks on demand, for gates.
mod serve;

// The proxy beside a run: waited for, and asked to quit.
mod sidecar;

// Service level objectives: what holds, what does not, and what is refused.
mod slo;

// What is known about a request, said in every outcome.
mod known;

// A server that is away for a while.
mod outages;

// Latencies: at which load, and whether responses queued.
mod latency;

// Laws of resolving: which host wins, and that no table and no request break it.
mod routes;

// One test per sentence of what the dialects document, the sentence quoted above it.
mod spec;

// Laws of the dialects that declare weights.
mod weights_only;

// Laws of the requests that are sought for every rule.
mod example_requests;
