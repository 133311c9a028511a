//! Why a split diverges: other splits that would explain it, held against the declaration by their likelihood.
//!
//! Each hypothesis is a split fixed before the data is looked at, so its likelihood ratio against the declaration is an
//! e-value. One is reported when it is 1000 times as likely as the declaration, fits the counts, and is 20 times as
//! likely as every other hypothesis that fits; otherwise those that fit are listed together.

mod certainty;
pub mod manifests;
mod permuted_weights;
mod undeclared;

use super::case::Case;
use super::hypothesis::Hypothesis;
use super::{Outcome, Verdict};
use crate::diag::{Code, Note};
use crate::stats::binomial::ln_central;
use crate::stats::dependence::Unit;
use crate::stats::fit::Fit;

/// `ln 1000`: how much likelier than the declaration.
const CLEARLY: f64 = 6.907_755_278_982_137;
/// `ln 20`: how much likelier than the next.
const DISTINCTLY: f64 = 2.995_732_273_553_991;
/// A hypothesis whose own test rejects it at this level explains nothing.
const FITS: f64 = 0.01;

/// What explains a divergence, the best explanation first.
pub(super) fn findings(case: &Case<'_>, verdict: &Verdict) -> Vec<Note> {
    if verdict.outcome != Outcome::Diverged {
        return Vec::new();
    }
    let mut found = Vec::new();
    if let (Some(key), true) = (case.key, case.per_connection()) {
        return vec![per_key(key)];
    }
    let addresses = case.per_connection().then(|| several_addresses(case));
    let several = matches!(addresses, Some(Some(_)));
    found.extend(addresses.map(|known| known.unwrap_or_else(per_connection)));
    let strangers = undeclared::findings(case);
    if strangers.is_empty() && explicable(case) {
        let mut likely = likely(case);
        // That no proxy splits is known then, and why.
        likely.retain(|note| !(several && note.code == Code::EvenSplit));
        found.extend(likely);
    }
    found.extend(strangers);
    found
}

/// Whether the shares of the targets can explain a divergence: not where responses come from elsewhere, a target of weight 0
/// included, where the split changed during the run, or where responses of one connection resemble each other.
fn explicable(case: &Case<'_>) -> bool {
    case.unexpected() <= case.policy.allow_unexpected
        && case.change.is_none()
        && case.segment.is_none()
        && !matches!(case.unit, Unit::Clustered { .. })
}

/// Connections went to more than one address: what balances them is the client, which takes each in turn.
fn several_addresses(case: &Case<'_>) -> Option<Note> {
    let mut places = case.seen.carried.few();
    let (_, addresses) = places.find(|(place, _)| *place == "peer")?;
    if addresses.len() < 2 {
        return None;
    }
    let names: Vec<&str> = addresses.keys().map(String::as_str).collect();
    Some(Note::new(
        Code::SeveralAddresses,
        format!(
            "the host has {} addresses ({}), and connections go to each of them in turn: where an address is one version, DNS \
             balances and no proxy splits. Call an address that a proxy listens on, or --resolve the host to one of them",
            names.len(),
            names.join(", ")
        ),
    ))
}

fn per_key(key: &str) -> Note {
    Note::new(
        Code::Sticky,
        format!(
            "the key ({key}) decides the target: something hashes it over all targets. Look for a hash policy of a Service or \
             subset that has the pods of several of them"
        ),
    )
}

fn per_connection() -> Note {
    Note::new(
        Code::PerConnection,
        "connections are balanced, not requests: something on the way forwards bytes instead of HTTP. Look for a port \
         that is not named http-*, a route of kind tcp, or a caller without a proxy; if it is meant, --balancing connection",
    )
}

/// The counts of what is split: responses, or connections by their first one.
fn counted(case: &Case<'_>) -> Vec<u64> {
    match case.unit {
        Unit::Connection => case.first_of_connections().0,
        Unit::Response | Unit::Clustered { .. } => case.counts.clone(),
    }
}

/// The hypotheses that explain the counts.
fn likely(case: &Case<'_>) -> Vec<Note> {
    let counts = counted(case);
    let fitting = fitting(case, &counts);
    let best = fitting.first().map_or(0.0, |(ln_ratio, _)| *ln_ratio);
    let tied = fitting
        .into_iter()
        .take_while(|(ln_ratio, _)| best - ln_ratio < DISTINCTLY);
    let mut known: Vec<Vec<f64>> = Vec::new();
    let mut findings = Vec::new();
    for (_, hypothesis) in tied {
        // Two names for one split: the first, more telling one stands.
        if !known.iter().any(|shares| close(shares, &hypothesis.shares)) {
            findings.push(certainty::note(case, &counts, &hypothesis));
            known.push(hypothesis.shares);
        }
    }
    findings
}

/// The hypotheses that are clearly likelier than the declaration and that the counts do not reject, the likeliest first.
fn fitting(case: &Case<'_>, counts: &[u64]) -> Vec<(f64, Hypothesis)> {
    let n: u64 = counts.iter().sum();
    if n == 0 || case.active.len() < 2 {
        return Vec::new();
    }
    let others = case.hypotheses.iter();
    let others = others.filter(|hypothesis| hypothesis.known.is_empty());
    let hypotheses = others
        .map(|hypothesis| among_active(case, hypothesis))
        .chain(built_in(case));
    let declared = case.design.shares();
    let mut fitting: Vec<(f64, Hypothesis)> = hypotheses
        .map(|hypothesis| (ln_ratio(counts, &hypothesis.shares, declared), hypothesis))
        .filter(|(ln_ratio, hypothesis)| *ln_ratio >= CLEARLY && fits(counts, &hypothesis.shares))
        .collect();
    fitting.sort_by(|a, b| b.0.total_cmp(&a.0));
    fitting
}

/// Whether more responses would tell which explanation holds: some fit, and so would much else.
pub(super) fn is_open(case: &Case<'_>) -> bool {
    if case.per_connection() || !explicable(case) || undeclared::is_seen(case) {
        return false;
    }
    let counts = counted(case);
    let mut fitting = fitting(case, &counts).into_iter();
    fitting.any(|(_, hypothesis)| certainty::is_wide(case, &counts, &hypothesis))
}

/// The hypotheses that need nothing but the declaration.
fn built_in(case: &Case<'_>) -> Vec<Hypothesis> {
    let (declared, k) = (case.design.shares(), case.active.len());
    let name = |position: usize| &case.expected.declared()[case.active[position]].name;
    let even = Hypothesis::new(
        Note::new(
            Code::EvenSplit,
            "the route rules may not be applied: the caller has no proxy, another host or gateway than that of the rule is called, \
             or its port is not treated as HTTP; look at `istioctl proxy-config routes POD`",
        ),
        vec![1.0 / k as f64; k],
    );
    let even = even.named(format!("an even split over {k} targets"));
    let single = (0..k).map(|position| {
        let message = "a later or earlier stage of the rollout may be in effect, the request may carry something that pins it (a \
                       header, a cookie), or nobody else is ready";
        let shares = (0..k).map(|other| if other == position { 1.0 } else { 0.0 });
        Hypothesis::new(Note::new(Code::SingleTarget, message), shares.collect())
            .named(format!("everything going to `{}`", name(position)))
    });
    let missing = (0..k).filter(|_| k > 2).map(|position| {
        let others = 1.0 - declared[position];
        let share = |other: usize| if other == position { 0.0 } else { declared[other] / others };
        let message = "the mesh may not know it (a subset or a service that does not exist for the proxy), or it has no ready \
                       endpoint";
        let note = Note::new(Code::MissingTarget, message);
        Hypothesis::new(note, (0..k).map(share).collect()).named(format!(
            "a split in which `{}` gets nothing, and the others have its part in proportion to their weights",
            name(position)
        ))
    });
    std::iter::once(even)
        .chain(single)
        .chain(missing)
        .chain(permuted_weights::hypotheses(declared, name))
        .collect()
}

/// A hypothesis of all declared targets, as one of those with a share. What it gives to the others is kept by nobody.
fn among_active(case: &Case<'_>, hypothesis: &Hypothesis) -> Hypothesis {
    Hypothesis {
        shares: case
            .active
            .iter()
            .map(|index| hypothesis.shares[*index])
            .collect(),
        ..hypothesis.clone()
    }
}

/// `ln` of how much likelier the counts are under one split than under another.
fn ln_ratio(counts: &[u64], hypothesis: &[f64], declared: &[f64]) -> f64 {
    let terms = counts
        .iter()
        .zip(hypothesis.iter().zip(declared))
        .filter(|(count, _)| **count > 0);
    terms
        .map(|(count, (hypothesis, declared))| *count as f64 * (hypothesis / declared).ln())
        .sum()
}

/// Whether the counts do not reject a split.
fn fits(counts: &[u64], shares: &[f64]) -> bool {
    let n: u64 = counts.iter().sum();
    if counts
        .iter()
        .zip(shares)
        .any(|(count, share)| *share <= 0.0 && *count > 0)
    {
        return false;
    }
    let positive: Vec<(u64, f64)> = counts
        .iter()
        .copied()
        .zip(shares.iter().copied())
        .filter(|(_, share)| *share > 0.0)
        .collect();
    match positive.as_slice() {
        [] | [_] => true,
        [(count, share), _] => ln_central(n, *count, *share) >= FITS.ln(),
        several => {
            let (counts, shares): (Vec<u64>, Vec<f64>) = several.iter().copied().unzip();
            Fit::new(&counts, &shares).ln_p >= FITS.ln()
        }
    }
}

fn close(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9)
}
