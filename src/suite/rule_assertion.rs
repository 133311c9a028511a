//! What a test case of istio-config-validator asserts: what the rule that takes a request says, word for word.

use serde_json::Value as Json;

use super::actual::Actual;
use super::json::{empty, same, written};
use super::verdict::Verdict;

/// What the rule must say, or must not.
#[derive(Clone, Debug)]
pub struct RuleAssertion {
    pub(super) want_match: bool,
    // By field, as they are written.
    pub(super) fields: Vec<(&'static str, Json)>,
    pub(super) delegate: Option<Json>,
}

impl RuleAssertion {
    pub(super) fn check(&self, actual: &Actual, verdict: &mut Verdict) {
        if let Some(delegate) = &self.delegate {
            let found = actual.delegate.as_deref();
            let holds = found.is_some_and(|found| names(delegate, found));
            let words = if holds { "it" } else { found.unwrap_or("none") };
            self.compare(
                holds,
                "delegate",
                written(delegate),
                words.to_owned(),
                verdict,
            );
        }
        let null = Json::Null;
        for (name, wanted) in &self.fields {
            let rule = actual.text.as_ref();
            let found = rule.and_then(|rule| rule.get(*name)).unwrap_or(&null);
            self.compare(
                same(wanted, found),
                name,
                written(wanted),
                written(found),
                verdict,
            );
        }
    }

    fn compare(
        &self,
        holds: bool,
        name: &str,
        wanted: String,
        found: String,
        verdict: &mut Verdict,
    ) {
        if self.want_match {
            verdict.compare(holds, name, wanted, found);
        } else {
            verdict.compare(!holds, name, format!("anything but {wanted}"), found);
        }
    }
}

/// Whether a delegate as it is written is an object, `VirtualService default/web`.
fn names(delegate: &Json, object: &str) -> bool {
    let Some((namespace, name)) = object
        .split_once(' ')
        .and_then(|(_, full)| full.split_once('/'))
    else {
        return false;
    };
    let home = delegate.get("namespace").filter(|home| !empty(home));
    delegate.get("name").and_then(Json::as_str) == Some(name)
        && home.is_none_or(|home| home.as_str() == Some(namespace))
}
