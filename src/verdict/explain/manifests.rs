//! Hypotheses that come from manifests: another rule, the number of pods, what a proxy is programmed with.

use crate::diag::{Code, Note};
use crate::split::{Expected, TargetShare};
use crate::verdict::Hypothesis;

/// Traffic follows another rule of the host; `place` is where that begins. What it gives to targets that are not declared is
/// said by their origins.
#[must_use]
pub fn other_rule(
    rule: &str,
    place: &str,
    shares: Vec<f64>,
    known: impl IntoIterator<Item = (String, f64)>,
) -> Hypothesis {
    let message = format!(
        "traffic follows {rule} ({place}) instead: another rule takes the request by the order of the rules, or an older \
         generation of the rules is still in effect"
    );
    Hypothesis {
        known: known.into_iter().collect(),
        ..Hypothesis::new(Note::new(Code::OtherRule, message), shares)
    }
}

/// Traffic follows what the proxy has; `differs` says what that is.
#[must_use]
pub fn programmed(differs: &str, shares: Vec<f64>) -> Hypothesis {
    let message = format!("traffic follows what the proxy is programmed with: {differs}");
    Hypothesis::new(Note::new(Code::ProgrammedDiffers, message), shares)
}

/// Requests are spread evenly although rules are applied: `taken`, a rule of the same host, gets its requests as declared, so
/// that no caller without a proxy explains it.
#[must_use]
pub fn although_applied(taken: &str, expected: &Expected) -> Hypothesis {
    let declared = expected.declared();
    let active = |own: &TargetShare| own.share.as_f64() > 0.0;
    let k = declared.iter().filter(|own| active(own)).count();
    let share = |own: &TargetShare| if active(own) { 1.0 / k as f64 } else { 0.0 };
    let message = format!(
        "rules of this host are applied, as `{taken}` shows, and other weights are in effect for this request: those of an older \
         generation, or of another object that declares the host; look at `istioctl proxy-config routes POD -o json`"
    );
    let note = Note::new(Code::EvenSplit, message);
    Hypothesis::new(note, declared.iter().map(share).collect())
        .named(format!("an even split over {k} targets"))
}

/// What the traffic follows where no rule is applied: the pods. Where they are equally many it is the even split, which
/// needs no manifests to be thought of.
#[must_use]
pub fn by_replicas(pods: &[u64]) -> Option<Hypothesis> {
    let total: u64 = pods.iter().sum();
    if pods.iter().all(|own| *own == pods[0]) {
        return None;
    }
    let numbers: Vec<String> = pods.iter().map(u64::to_string).collect();
    let message =
        "the route rules may not be applied, and the Service spreads requests over all pods";
    let shares = pods.iter().map(|own| *own as f64 / total as f64).collect();
    let hypothesis = Hypothesis::new(Note::new(Code::ByReplicas, message), shares);
    Some(hypothesis.named(format!("the number of pods, {}", numbers.join(":"))))
}

/// Pods in the declared ratio: rules that are applied and rules that are ignored look alike.
#[must_use]
pub fn in_ratio(expected: &Expected, pods: &[u64]) -> Option<Note> {
    let total: u64 = pods.iter().sum();
    let near = |(declared, own): (&TargetShare, &u64)| {
        let share = declared.share.as_f64();
        // The resolution of a verdict without options: a tenth of the standard deviation of one draw.
        (*own as f64 / total as f64 - share).abs() <= 0.1 * (share * (1.0 - share)).sqrt()
    };
    let alike = pods.len() > 1 && expected.declared().iter().zip(pods).all(near);
    alike.then(|| {
        Note::new(
            Code::EndpointsInRatio,
            "the pods are in the declared ratio already: traffic cannot tell rules that are applied from rules that are ignored",
        )
    })
}
