//! RS013: weights that do not add up to 100, with the shares they make.

use crate::diag::Code;
use crate::lint::{Context, Finding, Rule};
use crate::units::percent;

/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs013,
    name: "weight_sum",
    rationale: "that is legal: each share is its weight divided by the sum, which may not be what the numbers look like",
    fix: "nothing, if the shares are meant; else let the weights add up to 100",
    check: Some(check),
    ..Rule::BASE
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for split in context.destinations().filter(|split| split.items.len() > 1) {
        // A weight that is missing is a finding of its own.
        if split.items.iter().any(|item| item.weight.is_none()) {
            continue;
        }
        let weights: Vec<u32> = split.items.iter().map(|item| split.weight(item)).collect();
        let total: u64 = weights.iter().copied().map(u64::from).sum();
        let place = split.items.iter().find_map(|item| item.weight.as_ref());
        let Some(first) = place.filter(|_| total != 100 && total > 0) else {
            continue;
        };
        let shares: Vec<String> = weights
            .iter()
            .map(|weight| percent(f64::from(*weight) / total as f64))
            .collect();
        let message = format!(
            "the weights add up to {total}: the shares are {}",
            shares.join(", ")
        );
        findings.push(
            Finding::new(RULE.code, message)
                .of_route(split.route)
                .at(first.span, ""),
        );
    }
}
