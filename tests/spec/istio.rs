//! Istio, sentence by sentence: which rule a request meets, and what it gets there.

mod delegates;
mod gateways;
mod hosts;
mod laws;
mod ports;
mod rules;
mod scopes;

use resplit::diag::Sources;
use resplit::manifest::{lower, parse};
use resplit::route::{Origin, Probe, Proxy, Vantage, resolve};

/// What a request meets.
#[derive(Debug, PartialEq, Eq)]
struct Met {
    // `VirtualService default/reviews http[0]`
    rule: String,
    // `9/10 v1`
    shares: Vec<String>,
    caveats: Vec<&'static str>,
}

impl Met {
    fn has(&self, id: &str) -> bool {
        self.caveats.contains(&id)
    }

    fn shares(&self) -> String {
        self.shares.join(", ")
    }
}

/// Manifests, and from where they are looked at.
struct View<'a> {
    text: &'a str,
    vantage: Vantage,
}

fn mesh(text: &str) -> View<'_> {
    View {
        text,
        vantage: Vantage::mesh(None, None),
    }
}

impl View<'_> {
    fn of(self, namespace: Option<&str>, label: Option<(&str, &str)>, proxy: Proxy) -> Self {
        let labels = label.map(|(key, value)| [(key.to_owned(), value.to_owned())].into());
        let origin = Origin::Mesh {
            namespace: namespace.map(str::to_owned),
            labels,
            proxy,
        };
        Self {
            vantage: Vantage::at(origin),
            ..self
        }
    }

    fn namespace(self, name: &str) -> Self {
        self.of(Some(name), None, Proxy::Sidecar)
    }

    fn labels(self, namespace: &str, key: &str, value: &str) -> Self {
        self.of(Some(namespace), Some((key, value)), Proxy::Sidecar)
    }

    fn waypoint(self) -> Self {
        self.of(None, None, Proxy::Waypoint)
    }

    fn gateway(self, namespace: &str, name: &str) -> Self {
        Self {
            vantage: Vantage::gateway(namespace, name),
            ..self
        }
    }

    fn istio(mut self, version: &str) -> Self {
        self.vantage.istio = Some(version.parse().expect("a version"));
        self
    }

    /// The answer for `GET` of a URL.
    fn get(&self, url: &str) -> Result<Met, String> {
        self.sends(&probe(url))
    }

    /// The same with another `Host`.
    fn get_as(&self, url: &str, host: &str) -> Result<Met, String> {
        self.sends(&probe(url).with_host(host))
    }

    fn sends(&self, probe: &Probe) -> Result<Met, String> {
        let mut sources = Sources::new();
        sources.add("t.yaml", self.text);
        let (manifests, problems) = parse(&sources);
        assert_eq!(problems, [], "{}", self.text);
        let table = lower(&manifests, &self.vantage.clone().dialling(probe));
        let found = resolve(&table, probe).map_err(|error| error.to_string())?;
        let rule = found.route.map_or("none".to_owned(), |route| {
            format!("{} {}", route.object, route.rule)
        });
        let expected = found.expected(&sources);
        let share = |one: &resplit::split::TargetShare| format!("{} {}", one.share, one.name);
        Ok(Met {
            rule,
            shares: expected.declared().iter().map(share).collect(),
            caveats: found.caveats.iter().map(resplit::diag::Note::id).collect(),
        })
    }
}

fn probe(url: &str) -> Probe {
    Probe::new("GET", &url.parse().expect("a URL")).expect("an absolute URL")
}

/// The problems of a text, by id.
fn problems(text: &str) -> Vec<String> {
    let mut sources = Sources::new();
    sources.add("t.yaml", text);
    let (_, problems) = parse(&sources);
    problems
        .iter()
        .map(|problem| problem.message.clone())
        .collect()
}

fn object(kind: &str, name: &str, spec: &str) -> String {
    let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
    let api = match kind {
        "Service" => "v1",
        _ => "networking.istio.io/v1",
    };
    format!(
        "apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n---\n"
    )
}

/// A VirtualService for the mesh that sends everything to one host.
fn to(name: &str, host: &str, destination: &str) -> String {
    let spec = format!(
        "{{hosts: [{host}], http: [{{route: [{{destination: {{host: {destination}}}}}]}}]}}"
    );
    object("VirtualService", name, &spec)
}

/// A split of 90 and 10 between the subsets v1 and v2 of a host.
fn split(name: &str, host: &str) -> String {
    let item = |subset, weight| {
        format!("{{destination: {{host: {host}, subset: {subset}}}, weight: {weight}}}")
    };
    let spec = format!(
        "{{hosts: [{host}], http: [{{route: [{}, {}]}}]}}",
        item("v1", 90),
        item("v2", 10)
    );
    object("VirtualService", name, &spec)
}

/// The DestinationRule with the subsets v1 and v2 of a host, and more fields.
fn subsets(name: &str, host: &str, more: &str) -> String {
    let spec = format!(
        "{{host: {host}, subsets: [{{name: v1, labels: {{version: v1}}}}, {{name: v2, labels: {{version: v2}}}}]{more}}}"
    );
    object("DestinationRule", name, &spec)
}

/// A Service with one port.
fn service(name: &str, port: &str, number: u16) -> String {
    object(
        "Service",
        name,
        &format!("{{ports: [{{name: {port}, port: {number}}}]}}"),
    )
}
