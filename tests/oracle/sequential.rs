//! The groups about looking after every response.

use serde_json::{Value, json};

use resplit::stats::design::{Design, Resolution};
use resplit::stats::sequential::{self, Decision, Sequential};

use super::compare::number;
use super::fixed::{count, counts, float, shares};

pub(super) fn evalue(input: &Value) -> Value {
    let (counts, shares) = (counts(&input["counts"]), shares(&input["weights"]));
    let ln = |c| number(sequential::ln_e_value(&counts, &shares, c));
    let mixture = sequential::ln_e_mixture(&counts, &shares);
    json!({
        "ln_e_c10": ln(10.0), "ln_e_c100": ln(100.0), "ln_e_c10000": ln(10_000.0),
        "ln_e_mix_10_100": mixture, "p_always_valid_mix": (-mixture).exp().min(1.0),
    })
}

pub(super) fn early_pass(input: &Value) -> Value {
    let bucket = usize::try_from(count(input, "bucket")).expect("few");
    let share = shares(&input["weights"])[bucket];
    let ratio = |edge: usize| {
        let edge = input["box"][edge].as_f64().expect("an edge");
        sequential::ln_likelihood_ratio(count(input, "x"), count(input, "n"), share, edge)
    };
    let (lower, upper) = (ratio(0), ratio(1));
    let passes = lower.min(upper) >= (1.0 / float(input, "beta_seq")).ln();
    json!({"ln_e_lower": lower, "ln_e_upper": upper, "passes": passes})
}

pub(super) fn confidence_sequence(input: &Value) -> Value {
    assert_eq!(input["concentrations"], json!([10, 100]));
    let bucket = usize::try_from(count(input, "bucket")).expect("few");
    let share = shares(&input["weights"])[bucket];
    let (x, n, alpha) = (count(input, "x"), count(input, "n"), float(input, "alpha"));
    let interval = sequential::confidence(x, n, share, alpha);
    json!({"lo": interval.lo, "hi": interval.hi})
}

pub(super) fn verdict_sequential(input: &Value) -> Value {
    let (alpha, beta) = (float(input, "alpha"), float(input, "beta"));
    let design = Design::new(
        &shares(&input["weights"]),
        alpha,
        beta,
        0.0,
        Resolution::Auto,
    );
    let mut run = Sequential::new(&design);
    let most = usize::try_from(count(input, "max_n")).expect("few");
    let early = labels(input).take(most).find_map(|label| {
        run.push(label);
        run.decision()
    });
    let counts = run.counts();
    let (n, x) = (counts.iter().sum::<u64>(), counts[1]);
    let (share, (lo, hi)) = (design.shares()[1], design.edges(1));
    let ratio = |edge| sequential::ln_likelihood_ratio(x, n, share, edge);
    let (p, equivalence) = (
        design.p_diverged(counts, 1).p,
        design.p_equivalence(counts, 0),
    );
    let verdict = match early {
        Some(Decision::Diverged) => "DIVERGED",
        Some(Decision::Pass) => "PASS",
        None if p <= alpha / 2.0 => "DIVERGED",
        None if equivalence <= beta / 2.0 => "PASS",
        None => "INCONCLUSIVE",
    };
    json!({
        "verdict": verdict, "stage": if early.is_some() { "sequential" } else { "final" }, "n": n, "x": x,
        "ln_e": run.ln_e(), "ln_e_lower": lo.map(ratio), "ln_e_upper": hi.map(ratio),
        "p": p, "p_equivalence": equivalence,
    })
}

/// The labels of a stream, written as run lengths.
fn labels(input: &Value) -> impl Iterator<Item = usize> {
    let first = usize::try_from(count(input, "first_label")).expect("0 or 1");
    let runs = counts(&input["run_lengths"]).into_iter().enumerate();
    runs.flat_map(move |(i, length)| {
        std::iter::repeat_n((first + i) % 2, usize::try_from(length).expect("short"))
    })
}
