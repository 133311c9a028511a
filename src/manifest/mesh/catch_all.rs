//! Routes that take every request, as Istio knows them: it moves them behind all others of their host.

use crate::diag::Code;
use crate::route::{Condition, Test, TextMatch};

/// "catch-all := no headers/query/metadata matchers and path prefix "/" or regex ".*"."
pub(in crate::manifest) fn catches_all(conditions: &[Condition]) -> bool {
    conditions.iter().all(|condition| match &condition.test {
        Test::Fixed(held) => *held,
        // Istio makes the routes of each port by itself: which port it is decides whether anything is left behind this one.
        Test::Assumed(caveat) => caveat.code != Code::UnknownPort,
        // A header that Istio ignores: nothing is left for Envoy to ask.
        Test::Path(TextMatch::Present) => true,
        Test::Path(TextMatch::Prefix { text, .. }) => text == "/",
        Test::Path(TextMatch::Regex(regex)) => regex.as_str() == "^(?:.*)$",
        _ => false,
    })
}
