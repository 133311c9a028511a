//! What lint finds about a request that is sent. Not: the rules, and what the counts themselves tell.

use std::rc::Rc;

use super::declared::{Asked, Routes};
use crate::diag::Sources;
use crate::lint::{self, Context, Finding};
use crate::route::{Probe, resolve};
use crate::verdict::Caveat;

/// What in the manifests may keep the split of this request from taking effect.
pub(super) fn findings(asked: &Asked) -> Vec<Caveat> {
    let Asked { routes, probe } = asked;
    // The routes were there when the run began.
    let Ok(resolution) = resolve(&routes.table, probe) else {
        return Vec::new();
    };
    let (sources, vantage) = (&routes.sources, &routes.vantage);
    let table = Rc::clone(&routes.table);
    let context = Context::of(sources, &routes.manifests, &[], vantage, table);
    let context = context.with_request(vantage, probe);
    let findings = lint::about(&context, &resolution);
    let stated = |finding: &Finding| {
        // What the routes say about the same fact says it in the same words: it is shown once.
        let mut caveats = resolution.caveats.iter();
        let same = caveats.find(|caveat| caveat.message == finding.problem.message);
        Caveat {
            id: finding.rule.to_owned(),
            message: same.map_or_else(
                || sentence(finding, sources),
                |caveat| caveat.sentence(sources),
            ),
        }
    };
    findings.iter().map(stated).collect()
}

/// What is known about the client of a request that no rule takes; `said` was said already.
pub(super) fn of_client(routes: &Routes, probe: &Probe, said: &str) -> Vec<String> {
    let (sources, vantage) = (&routes.sources, &routes.vantage);
    let table = Rc::clone(&routes.table);
    let context = Context::of(sources, &routes.manifests, &[], vantage, table);
    let context = context.with_request(vantage, probe);
    let findings = lint::about_client(&context);
    let news = (findings.iter()).filter(|finding| !said.contains(&finding.problem.message));
    news.map(|finding| sentence(finding, sources)).collect()
}

/// The finding in one line, as a caveat of the routes says it.
fn sentence(finding: &Finding, sources: &Sources) -> String {
    let fact = crate::route::Caveat {
        help: finding.problem.help.clone(),
        ..crate::route::Caveat::new(finding.name, &finding.problem.message, finding.place())
    };
    fact.sentence(sources)
}
