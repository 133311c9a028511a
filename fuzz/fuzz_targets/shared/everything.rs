//! Everything that is said about a file.

use std::io::sink;

use resplit::diag::Sources;
use resplit::lint::{Context, check};
use resplit::manifest::{lower, parse, unrouted};
use resplit::report::Request;
use resplit::report::explain::{Explained, explain, render, render_json};
use resplit::report::lint::{Findings, LINT_FORMATS, checked};
use resplit::route::example_request::rule_reaches;
use resplit::route::{Implementation, Probe, Vantage, resolve};

/// Requests that files often have a rule for.
const URLS: [&str; 3] = ["http://web/", "http://weather:8080/a/b?v=1", "https://www.example.com/"];

pub fn said_about(name: &str, text: &str) {
    let mut sources = Sources::new();
    sources.add(name, text.to_owned());
    let (manifests, problems) = parse(&sources);
    for problem in &problems {
        let _ = problem.sentence(&sources);
    }
    let mesh = Vantage::mesh(None, None);
    let probes = URLS.map(|url| {
        let url = url.parse().expect("a URL");
        Probe::new("GET", &url).expect("a request")
    });
    for (probe, implementation) in probes.iter().zip([
        None,
        Some(Implementation::EnvoyGateway),
        Some(Implementation::Istio),
    ]) {
        let vantage = Vantage {
            implementation,
            ..mesh.clone()
        };
        let context = Context::everywhere(&sources, &manifests, &problems, &vantage)
            .with_request(&vantage, probe);
        let findings = check(&context);
        let report = Findings {
            findings: &findings,
            sources: &sources,
            checked: checked(&context),
            denied: 0,
        };
        for format in LINT_FORMATS {
            (format.render)(&report, true, &mut sink()).expect("nothing refuses it");
        }
        for view in &context.views {
            explained(&sources, &view.table, &view.vantage, probe);
        }
        let _ = unrouted(&manifests, &vantage, probe);
        explained(&sources, &lower(&manifests, &vantage), &vantage, probe);
    }
}

fn explained(
    sources: &Sources,
    table: &resplit::route::RouteTable,
    vantage: &Vantage,
    probe: &Probe,
) {
    let Ok(resolution) = resolve(table, probe) else {
        return;
    };
    let _ = resolution.expected(sources);
    let explanation = explain(Explained {
        request: Request {
            url: format!("{}://{}{}", probe.scheme, probe.authority, probe.path),
            method: probe.method.clone(),
            host: probe.authority.clone(),
        },
        probe,
        vantage,
        sources,
        table,
        resolution: &resolution,
        caveats: resolution.caveats.iter().collect(),
        rules: Some(rule_reaches(table, resolution.host, probe)),
    });
    render(&explanation, &mut sink()).expect("nothing refuses it");
    render_json(&explanation, &mut sink()).expect("nothing refuses it");
}
