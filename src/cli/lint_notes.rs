//! What lint finds about a request that is sent.

use std::rc::Rc;

use super::expectation::{Asked, Routes};
use crate::diag::{Code, Note};
use crate::lint::{self, Context, Finding};
use crate::route::{Probe, resolve};

/// What in the manifests may keep the split of this request from taking effect.
pub(super) fn lint_notes(asked: &Asked) -> Vec<Note> {
    about(&asked.routes, &asked.probe)
}

/// The same for one of several requests, each meant for the rule that takes it: that it does not come to another one is no news.
pub(super) fn about_one(routes: &Routes, probe: &Probe) -> Vec<Note> {
    let mut notes = about(routes, probe);
    notes.retain(|note| note.code != Code::Rs015);
    notes
}

/// The same for a request.
fn about(routes: &Routes, probe: &Probe) -> Vec<Note> {
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
        let same = caveats.find(|caveat| caveat.tells_the_same(&finding.note));
        let note = same.map_or_else(|| finding.note.stated(sources), |same| same.stated(sources));
        Note {
            rule: finding.note.rule,
            ..note
        }
    };
    findings.iter().map(stated).collect()
}
