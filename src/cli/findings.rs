//! What lint finds about a request whose traffic diverged. Not: the rules, and what the counts themselves tell.

use super::declared::Asked;
use crate::diag::Sources;
use crate::lint::{self, Context, Finding};
use crate::route::resolve;
use crate::verdict::{Caveat, Outcome, Verdict};

/// Says in the diagnosis of a diverged verdict what in the manifests may be the reason. What the counts told comes first;
/// where both say the same, it is said once, with the rule as its name.
pub(super) fn explain(verdict: &mut Verdict, asked: &Asked) {
    if verdict.outcome != Outcome::Diverged {
        return;
    }
    for finding in findings(asked) {
        match (verdict.diagnosis.iter_mut()).find(|known| known.message == finding.message) {
            Some(known) => known.id = finding.id,
            None => verdict.diagnosis.push(finding),
        }
    }
}

fn findings(asked: &Asked) -> Vec<Caveat> {
    let Asked { routes, probe } = asked;
    // The routes were there when the run began.
    let Ok(resolution) = resolve(&routes.table, probe) else {
        return Vec::new();
    };
    let (sources, vantage) = (&routes.sources, &routes.vantage);
    let context =
        Context::from(sources, &routes.manifests, &[], vantage).with_request(vantage, probe);
    let findings = lint::about(&context, &resolution);
    let stated = |finding: &Finding| Caveat {
        id: finding.rule.to_owned(),
        message: sentence(finding, sources),
    };
    findings.iter().map(stated).collect()
}

/// The finding in one line, as a caveat of the routes says it.
fn sentence(finding: &Finding, sources: &Sources) -> String {
    let fact = crate::route::Caveat {
        help: finding.problem.help.clone(),
        ..crate::route::Caveat::new(finding.name, &finding.problem.message, finding.place())
    };
    fact.sentence(sources)
}
