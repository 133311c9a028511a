//! What the split could be instead of the declared one: what the proxy is programmed with, or another rule.

use super::Routes;
use crate::cli::proxy_admin::{Live, is_programmed, over};
use crate::diag::{Code, Note, Sources};
use crate::route::{Alternative, Probe, Resolution, Vantage, resolve};
use crate::split::{Expected, Target};
use crate::units::percent;
use crate::verdict::Hypothesis;
use crate::verdict::explain::manifests as hypotheses;

/// What a proxy is programmed with, where that is another split than the one that was typed, and the split over the targets of
/// that. Nothing is said where it has none of these targets: they may be called otherwise.
pub(super) fn differs(
    live: &Live,
    expected: &Expected,
    from: &Vantage,
) -> Option<(Note, Option<Hypothesis>)> {
    let programmed = live.start()?;
    let shares = over(expected, &programmed.split);
    if is_programmed(expected, &programmed.split)? {
        return None;
    }
    let declared = expected.declared().iter();
    let declared = declared.map(|own| format!("{} {}", percent(own.share.as_f64()), own.name));
    let declared: Vec<String> = declared.collect();
    let note = live.differs(&declared.join(", "), programmed, &from.origin);
    let hypothesis = shares.map(|shares| hypotheses::programmed(&note.text(), shares));
    Some((note, hypothesis))
}

/// What the proxy is programmed with, where that is another split over the declared targets.
pub(super) fn programmed(
    routes: &Routes,
    resolution: &Resolution<'_>,
    expected: &Expected,
    probe: &Probe,
) -> Option<Hypothesis> {
    let mut caveats = resolution.caveats.iter();
    let differs = caveats.find(|caveat| caveat.code == Code::ProgrammedDiffers)?;
    let table = routes.table.programmed.as_deref()?;
    let found = resolve(table, probe).ok()?.expected(&routes.sources);
    let of = |declared: &crate::split::TargetShare| -> f64 {
        let own = (found.declared().iter()).filter(|found| same(&found.target, &declared.target));
        own.map(|found| found.share.as_f64()).sum()
    };
    let shares: Vec<f64> = expected.declared().iter().map(of).collect();
    let whole = (shares.iter().sum::<f64>() - 1.0).abs() < 1e-9;
    whole.then(|| hypotheses::programmed(&differs.sentence(&routes.sources), shares))
}

/// Another rule of the host, if the targets that it sends to have a name.
pub(super) fn other_rule(
    other: Alternative<'_>,
    expected: &Expected,
    sources: &Sources,
) -> Option<Hypothesis> {
    let origin = |(target, share): (Target, f64)| {
        let mut known = expected.known().iter();
        let found = known.find(|known| known.target.as_ref() == Some(&target))?;
        Some((found.origin.clone(), share))
    };
    let known: Option<Vec<_>> = other.beyond.into_iter().map(origin).collect();
    let (rule, place) = (&other.route.rule, sources.place(other.route.span));
    Some(hypotheses::other_rule(rule, &place, other.shares, known?))
}

/// Whether two targets are one; where a port is not known, it is no difference.
fn same(one: &Target, other: &Target) -> bool {
    match (one, other) {
        (Target::Destination(one), Target::Destination(other)) => {
            let ports = one.port.zip(other.port);
            one.host == other.host
                && one.subset == other.subset
                && ports.is_none_or(|(one, other)| one == other)
        }
        _ => one == other,
    }
}
