//! The port, the address and the TLS name that are dialled: where no rule applies, that is said, with what was meant.

use serde_json::Value;

use crate::support::cmd::run;

const SUBSETS: &str = "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec: {host: HOST, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [HOST]
  http:
  - route:
    - {destination: {host: HOST, subset: v1}, weight: 90}
    - {destination: {host: HOST, subset: v2}, weight: 10}
";

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 8080, targetPort: 9090}]}
---";

const ENTRY: &str = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ext}
spec:
  hosts: [ext.example.com]
  resolution: STATIC
  endpoints: [{address: 10.9.0.1, labels: {version: v1}}, {address: 10.9.0.2, labels: {version: v2}}]
  ports: [{number: 8080, name: http, protocol: HTTP}]
---";

const GATEWAY: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw, namespace: istio-system}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 443, name: a, protocol: HTTPS}, hosts: [a.example.com], tls: {mode: SIMPLE, credentialName: a}}
  - {port: {number: 443, name: b, protocol: HTTPS}, hosts: ['*.b.example.com'], tls: {mode: SIMPLE, credentialName: b}}
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a}
spec: {hosts: [a.example.com], gateways: [istio-system/gw], http: [{route: [{destination: {host: one}}]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: b}
spec: {hosts: [x.b.example.com], gateways: [istio-system/gw], http: [{route: [{destination: {host: two}}]}]}
";

const LISTENERS: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw, namespace: istio-system}
spec:
  gatewayClassName: istio
  listeners:
  - {name: a, port: 443, protocol: HTTPS, hostname: a.example.com, allowedRoutes: {namespaces: {from: All}}}
  - {name: b, port: 443, protocol: HTTPS, hostname: '*.b.example.com', allowedRoutes: {namespaces: {from: All}}}
  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: a}
spec: {parentRefs: [{name: gw, namespace: istio-system}], hostnames: [a.example.com], rules: [{backendRefs: [{name: one, port: 80}]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: b}
spec: {parentRefs: [{name: gw, namespace: istio-system}], hostnames: [x.b.example.com], rules: [{backendRefs: [{name: two, port: 80}]}]}
";

struct Manifests {
    _folder: tempfile::TempDir,
    file: String,
}

impl Manifests {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("web.yaml");
        std::fs::write(&path, text).expect("writable");
        let file = path.to_str().expect("a path").to_owned();
        Self {
            _folder: folder,
            file,
        }
    }

    fn explain(&self, args: &[&str]) -> Value {
        let outcome = run(&[&["explain", "-f", &self.file, "-o", "json"], args].concat());
        assert_eq!(outcome.code, Some(0), "{args:?}: {}", outcome.stderr);
        serde_json::from_str(&outcome.stdout).expect("JSON")
    }

    /// What lint says about the request.
    fn lint(&self, args: &[&str]) -> Value {
        run(&[&["lint", "-f", &self.file, "-o", "json"], args].concat())
            .report()
            .0["findings"]
            .clone()
    }
}

#[test]
fn no_rule_applies_to_a_port_that_the_host_does_not_have() {
    let service = Manifests::new(&[SERVICE, &SUBSETS.replace("HOST", "web")].concat());
    let entry = Manifests::new(&[ENTRY, &SUBSETS.replace("HOST", "ext.example.com")].concat());
    for (manifests, url, said) in [
        (&service, "http://web/", "dial port 8080"),
        (&service, "http://web:1234/", "dial port 8080"),
        (
            &service,
            "http://web:9090/",
            "9090 is the port of its pods: dial port 8080",
        ),
        (&entry, "http://ext.example.com/", "dial port 8080"),
        (&entry, "http://ext.example.com:81/", "dial port 8080"),
    ] {
        let told = manifests.explain(&[url]);
        assert!(
            told["route"].is_null() && told["expected"].is_null(),
            "{url}: {told}"
        );
        assert!(told["caveats"].to_string().contains(said), "{url}: {told}");
        let findings = manifests.lint(&[url]);
        assert_eq!(findings[0]["rule"], "RS016", "{url}: {findings}");
        assert!(findings.to_string().contains(said), "{url}: {findings}");
    }
    for (manifests, url) in [
        (&service, "http://web:8080/"),
        (&entry, "http://ext.example.com:8080/"),
    ] {
        assert_eq!(
            manifests.explain(&[url])["expected"]["shares"][0]["ratio"],
            "9/10",
            "{url}"
        );
        assert_eq!(
            manifests.lint(&[url]).as_array().map(Vec::len),
            Some(0),
            "{url}"
        );
    }
}

#[test]
fn no_rule_applies_to_an_address() {
    let service = Manifests::new(&[SERVICE, &SUBSETS.replace("HOST", "web")].concat());
    for url in [
        "http://10.0.0.1:8080/",
        "http://10.0.0.1/",
        "http://[fd00::1]:8080/",
    ] {
        let told = service.explain(&[url]);
        assert!(
            told["route"].is_null() && told["expected"].is_null(),
            "{url}: {told}"
        );
        let findings = service.lint(&[url]);
        assert_eq!(findings[0]["rule"], "RS016", "{url}: {findings}");
    }
    // A port-forward to this machine may stand for the only rule.
    let told = service.explain(&["http://127.0.0.1:8080/"]);
    assert_eq!(told["caveats"][0]["id"], "assumed-host", "{told}");
}

#[test]
fn the_name_in_the_handshake_chooses_the_server() {
    let at = ["--gateway", "istio-system/gw"];
    for text in [GATEWAY, LISTENERS] {
        let manifests = Manifests::new(text);
        let explain = |args: &[&str]| manifests.explain(&[&at, args].concat());
        for (url, service) in [
            ("https://a.example.com/", "one"),
            ("https://x.b.example.com/", "two"),
            ("http://a.example.com/", "one"),
        ] {
            let told = explain(&[url]);
            assert_eq!(
                told["expected"]["shares"][0]["target"], service,
                "{url}: {told}"
            );
        }
        // `Host` is looked up among the hosts of the server that the handshake has chosen.
        let told = explain(&["--host", "x.b.example.com", "https://a.example.com/"]);
        assert_eq!(told["expected"]["shares"][0]["status"], 404, "{told}");
        // Nobody sends an address, and there is no server without a name.
        for url in ["https://10.0.0.1/", "https://c.example.com/"] {
            let told = explain(&["--host", "a.example.com", url]);
            assert!(told["expected"].is_null(), "{url}: {told}");
            let findings = manifests.lint(&[&at, &["--host", "a.example.com", url][..]].concat());
            assert_ne!(
                findings.as_array().map(Vec::len),
                Some(0),
                "{url}: {findings}"
            );
        }
        // TLS is not spoken on the port of plain HTTP, nor the other way round.
        for url in ["https://a.example.com:80/", "http://a.example.com:443/"] {
            assert!(explain(&[url])["expected"].is_null(), "{url}");
        }
    }
}

/// Where the notes say that a split takes no effect, it is not shown as what applies.
#[test]
fn a_split_that_takes_no_effect_does_not_lead() {
    let service = |port: &str, more: &str| {
        let service = format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: {{{more}selector: {{app: web}}, ports: [{port}]}}\n---"
        );
        Manifests::new(&[service.as_str(), &SUBSETS.replace("HOST", "web")].concat())
    };
    for (manifests, url) in [
        (service("{name: tcp, port: 8080}", ""), "http://web:8080/"),
        (
            service("{name: http, port: 8080}", "clusterIP: None, "),
            "http://web:8080/",
        ),
        (service("{name: http, port: 8080}", ""), "https://web:8080/"),
        (service("{name: https, port: 8443}", ""), "http://web:8443/"),
    ] {
        let told = manifests.explain(&[url]);
        assert!(told["route"].is_null(), "{url}: {told}");
        assert_eq!(
            told["not_in_effect"]["declared"]["shares"][0]["ratio"], "9/10",
            "{url}: {told}"
        );
        let applies = &told["expected"]["shares"];
        assert!(
            applies.is_null() || applies[0]["ratio"] == "1/1",
            "{url}: {told}"
        );
    }
}
