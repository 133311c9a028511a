//! How the patches that make a mesh write `x-resplit` are written: commands for a shell, JSON, or an `EnvoyFilter`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::sanitize::safe_json;
use crate::diag::Sources;
use crate::manifest::instrument::{Change, HEADER, Instrumentation, Operation, Patch, any_cluster};

/// The name and major version of the JSON form.
pub const INSTRUMENT_SCHEMA: &str = "resplit.instrument/1";

/// What the commands do, for a person who reads them.
const ADDED: &str = "\
# Each destination names itself in a response header `x-resplit: cluster;address;route;flags`, which --bucket auto reads:
# its own responses, and the replies that Envoy gives in its place (response flags UH, UF, UO, UT, NC and others).
# A request that no rule takes (404, flag NR) gets no header from a rule; `resplit instrument --envoy-filter` covers it too.
# Clients see the header. To take it away again: resplit instrument --remove, with the objects as they are then.
";
const BY_BACKEND: &str = "\
# Filters of a backend are up to the implementation of the Gateway API: where it does not take them, it says so in the `status` of
# the route.
";
const REMOVED: &str = "# Takes the response header `x-resplit` away from each destination.\n";

/// Where an `EnvoyFilter` applies.
#[derive(Clone, Debug)]
pub struct FilterScope {
    /// The namespace of the proxies.
    pub namespace: String,
    /// The labels of their pods; none means all of the namespace.
    pub labels: BTreeMap<String, String>,
    /// They are those of a gateway, and not sidecars.
    pub gateway: bool,
}

/// Commands for a shell.
pub fn render_commands(
    found: &Instrumentation,
    change: Change,
    sources: &Sources,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_all(match change {
        Change::Add => ADDED.as_bytes(),
        Change::Remove => REMOVED.as_bytes(),
    })?;
    let of_api = |patch: &Patch| patch.kind.ends_with("Route");
    if change == Change::Add && found.patches.iter().any(of_api) {
        out.write_all(BY_BACKEND.as_bytes())?;
    }
    for patch in &found.patches {
        writeln!(out, "\n# {}", sources.place(patch.span))?;
        writeln!(out, "{}", command(patch))?;
    }
    Ok(())
}

/// The same as JSON.
pub fn render_json(
    found: &Instrumentation,
    sources: &Sources,
    out: &mut dyn Write,
) -> io::Result<()> {
    let patches = found.patches.iter().map(|patch| {
        let operations = patch.operations.iter().map(Operation::json);
        json!({
            "object": format!("{} {}/{}", patch.kind, patch.namespace, patch.name),
            "file": sources.get(patch.span.source).name(),
            "line": sources.position(patch.span).0,
            "patch": operations.collect::<Vec<Value>>(),
            "command": command(patch),
        })
    });
    let report = json!({
        "schema": INSTRUMENT_SCHEMA,
        "header": HEADER,
        "patches": patches.collect::<Vec<Value>>(),
        "unchanged": found.unchanged,
    });
    let text = serde_json::to_string_pretty(&report).map_err(io::Error::from)?;
    writeln!(out, "{}", safe_json(&text))
}

/// An `EnvoyFilter` that writes the header on every response of the proxies, their own replies included.
///
/// A header that a destination has written already stays: it names the cluster where Envoy has none.
pub fn render_filter(scope: &FilterScope, out: &mut dyn Write) -> io::Result<()> {
    let context = if scope.gateway {
        "GATEWAY"
    } else {
        "SIDECAR_OUTBOUND"
    };
    let (value, namespace) = (any_cluster(), &scope.namespace);
    let header =
        format!("{{header: {{key: {HEADER}, value: \"{value}\"}}, append_action: ADD_IF_ABSENT}}");
    writeln!(
        out,
        "# Envoy writes `{HEADER}: cluster;address;route;flags` on every response, its own replies included: --bucket auto reads it.\n\
         # The cluster is empty where Envoy has none (flags NR and NC); `resplit instrument` has each destination named for NC too.\n\
         apiVersion: networking.istio.io/v1alpha3\n\
         kind: EnvoyFilter\n\
         metadata: {{name: {HEADER}, namespace: {namespace}}}\n\
         spec:"
    )?;
    if !scope.labels.is_empty() {
        let labels = serde_json::to_string(&scope.labels).map_err(io::Error::from)?;
        writeln!(out, "  workloadSelector: {{labels: {labels}}}")?;
    }
    writeln!(
        out,
        "  configPatches:
  - applyTo: ROUTE_CONFIGURATION
    match: {{context: {context}}}
    patch:
      operation: MERGE
      value:
        response_headers_to_add:
        - {header}
  - applyTo: NETWORK_FILTER
    match:
      context: {context}
      listener: {{filterChain: {{filter: {{name: envoy.filters.network.http_connection_manager}}}}}}
    patch:
      operation: MERGE
      value:
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          local_reply_config:
            mappers:
            - filter: {{not_health_check_filter: {{}}}}
              headers_to_add:
              - {header}"
    )
}

/// `kubectl patch` with its operations, one on a line.
fn command(patch: &Patch) -> String {
    let operations = patch.operations.iter();
    let lines: Vec<String> = operations.map(|one| format!("  {}", one.json())).collect();
    // A quote ends where a quote begins.
    let lines = lines.join(",\n").replace('\'', r"'\''");
    format!(
        "kubectl patch {} {} -n {} --type=json -p '[\n{lines}\n]'",
        patch.kind.to_lowercase(),
        patch.name,
        patch.namespace,
    )
}
