//! Weights that were given to each other's targets.

use super::close;
use crate::diag::{Code, Note};
use crate::units::percent;
use crate::verdict::Hypothesis;

/// Up to so many targets every order of the weights is thought of; with more, two that were swapped.
const ALL_ORDERS: usize = 4;
/// Beyond so many targets the pairs are too many to tell apart.
const MOST_TARGETS: usize = 20;

/// The declared shares in every other order.
pub(super) fn hypotheses<'n>(
    declared: &[f64],
    name: impl Fn(usize) -> &'n String,
) -> Vec<Hypothesis> {
    let mut splits: Vec<Vec<f64>> = Vec::new();
    for split in orders(declared) {
        let known = close(&split, declared) || splits.iter().any(|other| close(other, &split));
        if !known {
            splits.push(split);
        }
    }
    let hypothesis = |shares: Vec<f64>| {
        let moved = (0..shares.len()).filter(|at| (shares[*at] - declared[*at]).abs() > 1e-9);
        let moved: Vec<String> = moved
            .map(|at| format!("{} for `{}`", percent(shares[at]), name(at)))
            .collect();
        let note = Note::new(
            Code::SwappedWeights,
            "are the subsets' labels the right way round?",
        );
        let exchanged = if moved.len() == 2 {
            "swapped"
        } else {
            "permuted"
        };
        Hypothesis::new(note, shares)
            .named(format!("the weights {exchanged}, {}", moved.join(" and ")))
    };
    splits.into_iter().map(hypothesis).collect()
}

/// The shares in other orders, the declared one among them.
fn orders(declared: &[f64]) -> Vec<Vec<f64>> {
    let targets = declared.len();
    if targets <= ALL_ORDERS {
        return permutations(declared);
    }
    if targets > MOST_TARGETS {
        return Vec::new();
    }
    let pairs = (0..targets).flat_map(|one| (one + 1..targets).map(move |other| (one, other)));
    let swapped = |(one, other)| {
        let mut split = declared.to_vec();
        split.swap(one, other);
        split
    };
    pairs.map(swapped).collect()
}

fn permutations(shares: &[f64]) -> Vec<Vec<f64>> {
    if shares.is_empty() {
        return vec![Vec::new()];
    }
    let with_first = |first: usize| {
        let mut rest = shares.to_vec();
        let own = rest.remove(first);
        let rest = permutations(&rest).into_iter();
        rest.map(move |mut order| {
            order.insert(0, own);
            order
        })
    };
    (0..shares.len()).flat_map(with_first).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splits(declared: &[f64]) -> Vec<String> {
        let names: Vec<String> = (0..declared.len()).map(|at| format!("v{at}")).collect();
        let all = hypotheses(declared, |at| &names[at]).into_iter();
        all.filter_map(|own| own.split).collect()
    }

    #[test]
    fn each_other_order_is_thought_of_once() {
        assert_eq!(
            splits(&[0.9, 0.1]),
            ["the weights swapped, 10% for `v0` and 90% for `v1`"]
        );
        assert_eq!(splits(&[0.5, 0.5]), [""; 0]);
        assert_eq!(splits(&[0.8, 0.1, 0.1]).len(), 2);
        assert_eq!(splits(&[0.7, 0.2, 0.1]).len(), 5);
        assert_eq!(splits(&[0.4, 0.3, 0.15, 0.1, 0.05]).len(), 10);
        assert_eq!(splits(&[1.0 / 30.0; 30]), [""; 0]);
    }
}
