//! RS010: weights that leave nothing, or everything, to one destination.

use crate::diag::Code;
use crate::lint::{Context, Finding, Rule};

/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs010,
    name: "zero_total",
    istio: Some("IST0106"),
    rationale: "a total of 0 is refused at admission; a missing weight counts as 0, so that one weight of 90 beside none is 100/0 \
          and not 90/10",
    fix: "give every destination its `weight`",
    facts: &[Code::ZeroTotal],
    check: Some(check),
    ..Rule::BASE
};

/// "2 destinations, one weight 90, other unset => 100/0, not 90/10."
fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for split in context.destinations().filter(|split| split.items.len() > 1) {
        let (set, unset): (Vec<_>, Vec<_>) =
            split.items.iter().partition(|item| item.weight.is_some());
        let [only] = set[..] else { continue };
        let Some(weight) = &only.weight else { continue };
        // Clients that leave out zeroes write 100 and nothing for 100/0, and mean it.
        if weight.value == 100 {
            continue;
        }
        let message = format!(
            "only one of {} destinations has a weight: it gets everything",
            split.items.len()
        );
        let finding = Finding::new(RULE.code, message)
            .of_route(split.route)
            .at(weight.span, "gets everything");
        let finding = unset.iter().fold(finding, |finding, item| {
            finding.at(item.host.span, "gets nothing")
        });
        findings
            .push(finding.help("a missing weight counts as 0: give each destination a `weight`"));
    }
}
