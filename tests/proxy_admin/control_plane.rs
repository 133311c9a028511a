//! What a proxy says of its control plane, in the statistics that Envoy publishes and in those that a default sidecar of Istio does.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::hostile::{INFO, page, server};
use super::said;
use crate::support::cmd::{Report, run_in_order};
use crate::support::mesh::Mesh;
use crate::support::server::Server;

/// A statistic, what it was at first, and what it is from the second look on.
type Stat = (&'static str, u64, u64);

/// The admin interface of a proxy that splits evenly and publishes these statistics.
fn admin(stats: &[Stat]) -> Server {
    let (stats, looks) = (stats.to_vec(), AtomicU32::new(0));
    server(move |path| {
        let cluster = |name: &str| json!({ "name": name, "weight": 50 });
        let route = json!({ "weighted_clusters": { "clusters": [cluster("v1"), cluster("v2")] } });
        let host = json!({ "name": "h", "domains": ["*"], "routes": [{ "match": { "prefix": "/" }, "route": route }] });
        let routes = json!({ "version_info": "7", "last_updated": "2026-11-30T17:00:00Z",
            "route_config": { "name": "5000", "virtual_hosts": [host] } });
        match path {
            "/server_info" => page(INFO),
            path if path.starts_with("/stats") => {
                let first = looks.fetch_add(1, Ordering::SeqCst) == 0;
                let stats = stats.iter().map(|(name, before, after)| {
                    json!({ "name": name, "value": if first { before } else { after } })
                });
                page(&json!({ "stats": stats.collect::<Vec<_>>() }).to_string())
            }
            path if path.contains("dynamic_route_configs") => {
                page(&json!({ "configs": [routes] }).to_string())
            }
            _ => page("{}"),
        }
    })
}

fn asked(server: &Server, declared: &str) -> Report {
    let mesh = Mesh::split([("v1", 50), ("v2", 50)]).seed(7).start();
    let (admin, url) = (format!("http://{}", server.addr()), mesh.url("/"));
    let args = [
        "--proxy-admin",
        &admin,
        "--expect",
        declared,
        "-n",
        "2000",
        &url,
    ];
    run_in_order(&args).report()
}

#[test]
fn why_a_proxy_has_other_weights_is_what_its_statistics_say() {
    const LOST: &str = "it is not connected to its control plane (`";
    const REFUSED: &str = "it has rejected them (its log says so)";
    let cases: [(&[Stat], &str, &str, Option<bool>); 6] = [
        (
            &[("control_plane.connected_state", 0, 0)],
            "it is not connected to its control plane (`control_plane.connected_state` is 0)",
            REFUSED,
            Some(false),
        ),
        (
            &[("cluster.xds-grpc;.upstream_rq_active", 0, 0)],
            "it is not connected to its control plane (`cluster.xds-grpc.upstream_rq_active` is 0)",
            REFUSED,
            Some(false),
        ),
        // The connection of a sidecar of Istio is one to the agent beside it, which stays.
        (
            &[
                ("cluster.xds-grpc;.upstream_rq_active", 0, 0),
                ("cluster.xds-grpc;.upstream_cx_active", 1, 1),
            ],
            LOST,
            REFUSED,
            Some(false),
        ),
        (
            &[
                ("cluster.xds-grpc;.upstream_rq_active", 1, 1),
                ("cluster_manager.cds.update_rejected", 0, 0),
            ],
            REFUSED,
            LOST,
            Some(true),
        ),
        (
            &[
                ("control_plane.connected_state", 1, 1),
                ("http.outbound_0.0.0.0_5000;.rds.5000.update_rejected", 0, 0),
            ],
            "the rules have not reached it, or others are in effect for it",
            REFUSED,
            Some(true),
        ),
        (&[], REFUSED, LOST, None),
    ];
    for (stats, part, not, connected) in cases {
        let report = asked(&admin(stats), "v1=90,v2=10");
        let why = &report.0["verdict"]["diagnosis"][0];
        assert_eq!(why["id"], "programmed-differs", "{stats:?}: {why:#}");
        let help = why["message"].as_str().expect("a text");
        assert!(
            help.contains(part) && !help.contains(not),
            "{stats:?}: {help}"
        );
        assert_eq!(
            report.0["programmed"]["connected"].as_bool(),
            connected,
            "{stats:?}"
        );
    }
}

#[test]
fn a_control_plane_that_is_lost_in_mid_run_is_said_and_changes_no_verdict() {
    for (name, shown) in [
        (
            "control_plane.connected_state",
            "control_plane.connected_state",
        ),
        (
            "cluster.xds-grpc;.upstream_rq_active",
            "cluster.xds-grpc.upstream_rq_active",
        ),
    ] {
        for (before, after, expected) in [(1, 0, 1), (1, 1, 0), (0, 0, 0), (0, 1, 0)] {
            let report = asked(&admin(&[(name, before, after)]), "v1=50,v2=50");
            let said = said(&report, "proxy-disconnected");
            assert_eq!(said.len(), expected, "{name} {before} {after}: {said:?}");
            let part = format!("during the run (`{shown}` is 0)");
            assert!(said.iter().all(|said| said.contains(&part)), "{said:?}");
            assert_eq!(report.verdict(), "pass", "{:#}", report.0["verdict"]);
        }
    }
}

/// The admin interface of a proxy of Istio on port 5000 that knows one host, and has this for all others.
fn with_last(last: &serde_json::Value) -> Server {
    let known = json!({ "name": "web:5000", "domains": ["web"], "routes": [
        { "match": { "prefix": "/" }, "route": { "cluster": "outbound|5000||web" } }] });
    let config = json!({ "configs": [{ "last_updated": "2026-11-30T17:00:00Z",
        "route_config": { "name": "5000", "virtual_hosts": [known, last] } }] });
    server(move |path| match path {
        "/server_info" => page(INFO),
        path if path.contains("dynamic_route_configs") => page(&config.to_string()),
        _ => page("{}"),
    })
}

#[test]
fn what_becomes_of_a_host_that_the_proxy_does_not_know_is_said() {
    let any = |action: &str, value| {
        json!({ "name": if action == "route" { "allow_any" } else { "block_all" }, "domains": ["*"],
            "routes": [{ "match": { "prefix": "/" }, action: value }] })
    };
    let blocked = any("direct_response", json!({ "status": 502 }));
    let passed = any("route", json!({ "cluster": "PassthroughCluster" }));
    for (last, id, part) in [
        (
            &blocked,
            "registry-only",
            "and answers its requests with 502 (`block_all` of the route configuration `5000`, `BlackHoleCluster`)",
        ),
        (
            &passed,
            "passthrough",
            "and passes its requests through to where they are dialled (`allow_any` of the route configuration `5000`,",
        ),
    ] {
        let (mesh, server) = (Mesh::split([("v1", 1)]).start(), with_last(last));
        let admin = format!("http://{}", server.addr());
        let to = format!("api.example.org:5000:{}", mesh.addr());
        let args = ["--proxy-admin", &admin, "--connect-to", &to, "-n", "20"];
        let url = "http://api.example.org:5000/";
        let report = run_in_order(&[&args[..], &[url]].concat()).report();
        let told = said(&report, id).concat();
        let whole = format!("the proxy has no virtual host for `api.example.org`, {part}");
        assert!(told.contains(&whole), "{told}");
        assert_eq!(said(&report, "proxy-admin"), [""; 0]);
    }
}
