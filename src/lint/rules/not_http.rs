//! RS005: a port whose protocol keeps the routes from being applied.

use crate::diag::{Code, Note, Severity};
use crate::lint::Rule;
use crate::lint::{Context, Finding};
use crate::route::ResolveError;
/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs005,
    name: "not_http",
    rationale: "the proxy forwards connections of such a port and never looks at routes for requests: every pod gets its part of the connections",
    fix: "name the port `http-…`, or set `appProtocol: http`",
    facts: &[Code::NotHttp, Code::HttpsInMesh, Code::TcpOnTls],
    check: Some(check),
    ..Rule::BASE
};

/// A host whose only routes are about connections, where requests are sent.
fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let found = |note: Note, severity| Finding::of(Some(RULE.code), note.with_severity(severity));
    let connections = |note: &&Note| note.code == Code::ConnectionsOnly;
    // A proxy knows its hosts by their requests.
    for view in context.views.iter().filter(|view| !view.table.from_dump) {
        let notes = view.hosts().filter_map(|host| host.unsupported.as_ref());
        let notes = notes.filter(connections).cloned();
        findings.extend(notes.map(|note| found(note, Severity::Warning)));
    }
    let request = context.request.as_ref();
    let request = request.filter(|request| !request.view.table.from_dump);
    if let Some(Err(ResolveError::Unsupported(note))) = request.map(crate::lint::Request::resolve)
        && connections(&&*note)
    {
        findings.push(found(*note, Severity::Error));
    }
}
