//! RS007: a rule that is bound to other places than the one the request comes from.

use crate::diag::Code;
use crate::lint::{Context, Finding, Rule};

/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs007,
    name: "bound_elsewhere",
    rationale: "`gateways` without the word `mesh` keeps a rule away from sidecars, and no `gateways` keeps it away from gateways: \
          the request takes the default route over all pods",
    fix: "list the gateway or `mesh` under `gateways`, or ask from where the rule applies (`--gateway`)",
    check: Some(check),
    ..Rule::BASE
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let rules = context.not_from_here();
    let bound = rules.iter().filter(|rule| rule.is(Code::BoundElsewhere));
    findings.extend(bound.map(|rule| rule.finding(&RULE)));
}
