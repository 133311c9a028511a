//! RS036: a policy that keeps requests from a destination, or from a gateway.

use crate::diag::{Code, Severity};
use crate::lint::Rule;
use crate::lint::rule::PlacedNote;

/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs036,
    name: "refused_by_policy",
    rationale: "the proxies of a destination answer with 403 what an AuthorizationPolicy does not let through, and take no connection \
          that a PeerAuthentication does not allow (503): a version with such a policy answers nothing by itself",
    fix: "let the client through, or have both sides agree about TLS",
    facts: &[Code::AccessDenied, Code::AccessLimited, Code::TlsMismatch],
    severity_fn: Some(severity),
    ..Rule::BASE
};

/// Fatal where the requests that are asked about are refused, all or none of them where none is.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the signature of all rules that grade by the place"
)]
fn severity(place: &PlacedNote<'_, '_>) -> Option<Severity> {
    let caveat = place.caveat;
    let asked = place.context.request.as_ref();
    let certain = caveat.code != Code::AccessLimited;
    let all = caveat.severity == Severity::Error;
    let these = asked.is_some_and(|request| std::ptr::eq(&raw const request.view, place.view));
    Some(if certain && (all || these) {
        Severity::Error
    } else {
        Severity::Warning
    })
}
