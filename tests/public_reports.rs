//! Kinds of mistakes that people have reported about Istio: what lint says about them, and explain where a request is asked
//! about.

use serde_json::Value;

use crate::support::cmd::run;

/// A Service of the application.
fn service(name: &str, port: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{selector: {{app: {name}}}, ports: [{port}]}}\n---\n"
    )
}

/// Subsets `v1` and `v2` of a host, and a VirtualService that splits them for requests to another one.
fn split(host: &str, of: &str, http: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {of}}}
spec: {{host: {of}, subsets: [{{name: v1, labels: {{version: v1}}}}, {{name: v2, labels: {{version: v2}}}}]}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: rule}}
spec:
  hosts: [{host}]
{http}
---
"
    )
}

fn route(of: &str) -> String {
    format!(
        "  http:
  - route:
    - {{destination: {{host: {of}, subset: v1}}, weight: 90}}
    - {{destination: {{host: {of}, subset: v2}}, weight: 10}}
"
    )
}

/// What lint finds: severity, id, message and help of each finding.
fn lint(manifests: &str, args: &[&str]) -> Vec<String> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), manifests).expect("written");
    let path = file.path().to_str().expect("a path");
    let outcome = run(&[&["lint", path, "-o", "json"], args].concat());
    let told: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let findings = told["findings"].as_array().expect("findings");
    let words = |one: &Value| {
        let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        let rule = [text("rule"), text("name")];
        let rule = rule.iter().find(|text| !text.is_empty()).cloned();
        format!(
            "{} {} {} {}",
            text("severity"),
            rule.unwrap_or_default(),
            text("message"),
            text("help")
        )
    };
    findings.iter().map(words).collect()
}

/// The finding that begins with these words, and says those.
#[track_caller]
fn says(findings: &[String], begins: &str, parts: &[&str]) {
    let found = findings.iter().find(|one| one.starts_with(begins));
    let found = found.unwrap_or_else(|| panic!("no `{begins}` among {findings:#?}"));
    for part in parts {
        assert!(found.contains(part), "{part}: {found}");
    }
}

#[test]
fn a_host_that_is_no_service_of_its_namespace_is_said_without_a_request() {
    let http = "{name: http, port: 80}";
    for (host, near) in [
        ("wbe", "did you mean `web`"),
        ("shopfront", "pass the file"),
    ] {
        let manifests = service("web", http) + &split(host, "web", &route("web"));
        let findings = lint(&manifests, &[]);
        says(
            &findings,
            "warning RS004",
            &[&format!("`{host}.default.svc"), near],
        );
    }
    // A host of another domain may be one that only DNS knows.
    let manifests = service("web", http) + &split("shop.example.com", "web", &route("web"));
    assert_eq!(lint(&manifests, &[]), [""; 0]);
    // And a Service is one.
    let manifests = service("web", http) + &split("web", "web", &route("web"));
    assert_eq!(lint(&manifests, &[]), [""; 0]);
}

#[test]
fn a_rule_for_the_caller_is_told_from_one_for_the_called_service() {
    let http = "{name: http, port: 80}";
    let manifests = service("orders", http) + &service("checkout", http);
    let manifests = manifests + &split("checkout", "orders", &route("orders"));
    let findings = lint(&manifests, &["http://orders/"]);
    says(
        &findings,
        "error RS016",
        &[
            "VirtualService default/rule leads to `orders`",
            "requests to `checkout`",
            "name `orders` under its `hosts`",
        ],
    );
    assert_eq!(lint(&manifests, &["http://checkout/"]), [""; 0]);
}

#[test]
fn what_is_hidden_from_the_client_that_is_named_is_said_without_a_request() {
    let rule = split("web", "web", &route("web"))
        .replace("  hosts: [web]", "  exportTo: [.]\n  hosts: [web]");
    let manifests = service("web", "{name: http, port: 80}") + &rule;
    says(
        &lint(&manifests, &["--from-namespace", "b"]),
        "warning RS027",
        &["is not exported to namespace b"],
    );
    assert_eq!(lint(&manifests, &["--from-namespace", "default"]), [""; 0]);
    let sidecar = "apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: shop}
spec: {workloadSelector: {labels: {app: shop}}, egress: [{hosts: ['./stock.default.svc.cluster.local']}]}
";
    let manifests =
        service("web", "{name: http, port: 80}") + &split("web", "web", &route("web")) + sidecar;
    let from = ["--from-namespace", "default", "--from-labels", "app=shop"];
    says(
        &lint(&manifests, &from),
        "warning RS027",
        &["hidden by Sidecar default/shop", "add `./web.default.svc"],
    );
}

#[test]
fn matches_that_read_like_wildcards_are_said() {
    let one = |matches: &str| {
        let rule = format!(
            "  http:\n  - match: [{matches}]\n    route: [{{destination: {{host: web, subset: v2}}}}]\n  \
             - route: [{{destination: {{host: web, subset: v1}}}}]\n"
        );
        lint(
            &(service("web", "{name: http, port: 80}") + &split("web", "web", &rule)),
            &[],
        )
    };
    for (matches, said) in [
        (
            "headers: {user-agent: {regex: Chrome}}",
            "write `.*Chrome.*`",
        ),
        (
            "headers: {User-Agent: {regex: '^Mobile$'}}",
            "write `.*Mobile.*`",
        ),
        (
            "headers: {cookie: {regex: canary=always}}",
            "the header holds all cookies",
        ),
        ("headers: {x-user: {exact: '*'}}", "write `x-user: {}`"),
        ("uri: {prefix: '/shop/*'}", "write `prefix: /shop/`"),
        ("uri: {exact: '/shop*'}", "write `prefix: /shop`"),
        ("uri: {prefix: '/a?b=1'}", "`b=1` under `queryParams`"),
        ("method: {exact: get}", "write `GET`"),
    ] {
        says(&one(&format!("{{{matches}}}")), "warning RS025", &[said]);
    }
    for matches in [
        "headers: {user-agent: {regex: '.*Chrome.*'}}",
        "headers: {cookie: {regex: '^(.*; )?canary=always(;.*)?$'}}",
        "headers: {x-version: {regex: v2}}",
        "headers: {x-user: {exact: '**'}}",
        "uri: {prefix: /shop/}",
        "method: {exact: GET}",
        "method: {exact: PURGE}",
    ] {
        assert_eq!(one(&format!("{{{matches}}}")), [""; 0], "{matches}");
    }
}

#[test]
fn a_tcp_route_at_a_port_for_tls_is_no_split() {
    let tcp = "  tcp:
  - route:
    - {destination: {host: web, subset: v1}, weight: 90}
    - {destination: {host: web, subset: v2}, weight: 10}
";
    for (port, applies) in [
        ("{name: tls, port: 80}", false),
        ("{name: https-web, port: 80}", false),
        ("{name: tcp, port: 80}", true),
    ] {
        let manifests = service("web", port) + &split("web", "web", tcp);
        let findings = lint(&manifests, &["http://web/"]);
        if applies {
            assert_eq!(findings, [""; 0], "{port}");
        } else {
            let parts = ["declared as TLS", "split `tls` routes by `sniHosts`"];
            says(&findings, "error RS005", &parts);
        }
    }
}

#[test]
fn objects_that_the_webhook_refuses_are_errors() {
    let service = service("web", "{name: tls, port: 443}");
    let exported = |to: &str| {
        split("web", "web", &route("web")).replace(
            "  hosts: [web]",
            &format!("  exportTo: [{to}]\n  hosts: [web]"),
        )
    };
    let tls = |name: &str| {
        let tls = format!(
            "  tls:\n  - match: [{{port: 443, sniHosts: [{name}]}}]\n    route: [{{destination: {{host: web}}}}]\n"
        );
        split("web", "web", &tls)
    };
    let egress = |listeners: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: s}}\nspec: {{egress: [{listeners}]}}\n"
        )
    };
    let selecting = |to: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: d}}\nspec: {{host: web, exportTo: [{to}], workloadSelector: {{matchLabels: {{app: a}}}}}}\n"
        )
    };
    for refused in [
        exported("., default"),
        exported("a, a"),
        exported("'*', a"),
        tls("web.default.svc.cluster.local"),
        egress("{hosts: [./*]}, {hosts: ['*/*']}"),
        egress("{hosts: [./*]}, {port: {number: 80, protocol: HTTP, name: http}, hosts: ['*/*']}"),
        selecting("a"),
        selecting("., a"),
    ] {
        let findings = lint(&(service.clone() + &refused), &[]);
        let refusals = findings
            .iter()
            .filter(|one| one.contains("Istio refuses this object"));
        assert_eq!(refusals.count(), 1, "{refused}: {findings:#?}");
    }
    for taken in [
        exported("., a"),
        exported("'*'"),
        tls("web"),
        egress("{port: {number: 80, protocol: HTTP, name: http}, hosts: ['*/*']}, {hosts: [./*]}"),
        selecting("."),
        selecting("default"),
    ] {
        let findings = lint(&(service.clone() + &taken), &[]);
        let refused = findings.iter().any(|one| one.contains("Istio refuses"));
        assert!(!refused, "{taken}: {findings:#?}");
    }
}

#[test]
fn a_listener_whose_secret_is_no_certificate_takes_nothing() {
    let gateway = |secret: &str| {
        service("web", "{name: http, port: 80}")
            + &format!(
                "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: gw}}
spec:
  gatewayClassName: istio
  listeners:
  - {{name: s, port: 443, protocol: HTTPS, tls: {{certificateRefs: [{{name: c}}]}}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: r}}
spec: {{parentRefs: [{{name: gw}}], rules: [{{backendRefs: [{{name: web, port: 80}}]}}]}}
---
apiVersion: v1
kind: Secret
metadata: {{name: c}}
{secret}
"
            )
    };
    let url = "https://shop.example.com/";
    let broken = [
        (
            "data: {tls.crt: eA==, tls.key: eA==}",
            "has no PEM text in `tls.crt`",
        ),
        (
            "data: {tls.crt: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==}",
            "has no `tls.key`",
        ),
        ("data: {other: eA==}", "has no `tls.crt`"),
    ];
    for (secret, why) in broken {
        let findings = lint(&gateway(secret), &["--gateway", "default/gw", url]);
        says(
            &findings,
            "error RS016",
            &[
                "the listener `s` of Gateway default/gw does not listen",
                why,
            ],
        );
        assert!(
            !findings.iter().any(|one| one.contains("eA==")),
            "{findings:#?}"
        );
    }
    // What a tool has sealed, or left out, may be one.
    for secret in [
        "data: {tls.crt: 'ENC[AES256,x]', tls.key: 'ENC[AES256,y]'}",
        "type: kubernetes.io/tls",
    ] {
        let findings = lint(&gateway(secret), &["--gateway", "default/gw", url]);
        assert_eq!(findings, [""; 0], "{secret}");
    }
}

#[test]
fn a_gateway_with_servers_of_two_kinds_serves_each_rule_at_its_own() {
    let manifests = |http: &str| {
        service("web", "{name: http, port: 80}")
            + "apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}
  - {port: {number: 31400, name: tcp, protocol: TCP}, hosts: ['*']}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: rule}
spec:
  hosts: ['*']
  gateways: [gw]
" + http
    };
    let route = "[{route: [{destination: {host: web, port: {number: 80}}}]}]";
    for key in ["http", "tcp"] {
        let findings = lint(&manifests(&format!("  {key}: {route}\n")), &[]);
        assert_eq!(findings, [""; 0], "{key}");
    }
    let tls =
        "  tls: [{match: [{sniHosts: ['*.a.example']}], route: [{destination: {host: web}}]}]\n";
    says(
        &lint(&manifests(tls), &[]),
        "error RS035",
        &["has no `tcp` routes"],
    );
}

/// flagger#263: calls to the admin port of a Service went to the port of the application.
#[test]
fn a_port_of_destinations_that_takes_the_calls_to_another_port_is_said() {
    let two = "{name: http, port: 8080}, {name: http-admin, port: 9090}";
    let rule = |item: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: rule}}\nspec: {{hosts: [web], http: [{item}]}}\n"
        )
    };
    let to = |port: &str| {
        format!(
            "route: [{{destination: {{host: blue{port}}}, weight: 90}}, {{destination: {{host: green{port}}}, weight: 10}}]"
        )
    };
    let services = service("web", two) + &service("blue", two) + &service("green", two);
    let with = |item: &str| lint(&(services.clone() + &rule(item)), &[]);
    says(
        &with(&format!("{{{}}}", to(", port: {number: 8080}"))),
        "warning RS025",
        &[
            "calls to port 9090 of Service default/web too, and sends them to port 8080 of blue",
            "`port: 8080`",
        ],
    );
    let matched = format!(
        "{{match: [{{port: 8080}}], {}}}",
        to(", port: {number: 8080}")
    );
    for silent in [format!("{{{}}}", to("")), matched] {
        assert_eq!(with(&silent), [""; 0]);
    }
    // A port that the destinations do not have is meant to be another one.
    let one = "{name: http, port: 8080}";
    let services = service("web", two) + &service("blue", one) + &service("green", one);
    let moved = rule(&format!("{{{}}}", to(", port: {number: 8080}")));
    assert_eq!(lint(&(services + &moved), &[]), [""; 0]);
}

/// istio#8807, istio#11828: the `Host` of a request to another port than 80 has that port.
#[test]
fn an_authority_without_the_port_that_is_called_is_said() {
    let http = |authority: &str| {
        format!(
            "  http:\n  - match: [{{authority: {authority}}}]\n    route: [{{destination: {{host: web, subset: v1}}}}]\n  - route: [{{destination: {{host: web, subset: v2}}}}]\n"
        )
    };
    let at = |port: u16, authority: &str| {
        let web = service("web", &format!("{{name: http, port: {port}}}"));
        lint(&(web + &split("web", "web", &http(authority))), &[])
    };
    let says_it = [
        "`web` does not take requests to `web:9080`",
        "`prefix: web`",
    ];
    says(&at(9080, "{exact: web}"), "warning RS025", &says_it);
    says(&at(80, "{exact: web}"), "info RS025", &["`web:8080`"]);
    for silent in ["{exact: 'web:9080'}", "{prefix: web}"] {
        assert_eq!(at(9080, silent), [""; 0]);
    }
}

/// istio#33470, istio#41787: a destination whose pods are elsewhere than in the places that are listed.
#[test]
fn requests_that_are_distributed_to_places_are_said() {
    let with = |setting: &str| {
        let policy = format!(
            "host: web, trafficPolicy: {{loadBalancer: {{localityLbSetting: {setting}}}}}, subsets"
        );
        let rules = split("web", "web", &route("web")).replace("host: web, subsets", &policy);
        lint(&(service("web", "{name: http, port: 80}") + &rules), &[])
    };
    let distribute = "distribute: [{from: '*', to: {'us-central1/*': 100}}]";
    says(
        &with(&format!("{{enabled: true, {distribute}}}")),
        "warning RS029",
        &["no pod in one of them becomes 503"],
    );
    for silent in [
        format!("{{enabled: false, {distribute}}}"),
        "{failover: [{from: a, to: b}]}".to_owned(),
    ] {
        assert_eq!(with(&silent), [""; 0]);
    }
}

/// istio#36705, istio#7776: an ingress controller with a sidecar sends the outer host to the port of the Service.
#[test]
fn a_host_of_no_service_where_nothing_has_port_80_is_said() {
    let on = |port: u16| {
        let shop = service("shop", &format!("{{name: http, port: {port}}}"));
        lint(
            &(shop + &split("shop.example.com", "shop", &route("shop"))),
            &[],
        )
    };
    says(
        &on(9898),
        "warning RS004",
        &[
            "`shop.example.com`",
            "on port 80 only, and none of them has an HTTP port 80",
        ],
    );
    assert_eq!(on(80), [""; 0]);
}

/// istio#12170: the proxies of a gateway in a namespace of its own see the rule for every host there first.
#[test]
fn a_gateway_in_a_namespace_of_istio_stands_beside_its_proxies() {
    let in_namespace = |namespace: &str| {
        let wildcard = format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: all, namespace: {namespace}}}\nspec: {{host: '*.local', trafficPolicy: {{tls: {{mode: ISTIO_MUTUAL}}}}}}\n---\n"
        );
        let gateway = format!(
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: edge, namespace: {namespace}}}\nspec: {{selector: {{istio: ingressgateway}}, servers: [{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: ['*']}}]}}\n---\n"
        );
        let rules = split("shop.example.com", "web", &route("web")).replace(
            "  hosts: [",
            &format!("  gateways: [{namespace}/edge]\n  hosts: ["),
        );
        lint(
            &(wildcard + &gateway + &service("web", "{name: http, port: 80}") + &rules),
            &[],
        )
    };
    says(&in_namespace("istio-ingress"), "error RS002", &["`v1`"]);
    // Elsewhere the proxies are those that Istio installs in its own namespace.
    assert_eq!(in_namespace("apps"), [""; 0]);
}
