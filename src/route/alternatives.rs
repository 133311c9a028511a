//! What a request could meet instead of the route that it should: the other splits of its host, and why no route took it.

use std::collections::HashSet;

use super::allocation::outcome;
use super::{Action, Probe, Resolution, Route};
use crate::diag::Sources;
use crate::split::{Expected, Target};

/// A rule that splits too, and would not take the request.
#[derive(Clone, Debug)]
pub struct Alternative<'t> {
    /// The rule, and where it begins.
    pub route: &'t Route,
    /// What it gives to the declared targets, in their order.
    pub shares: Vec<f64>,
    /// What it gives to destinations that are not declared.
    pub beyond: Vec<(Target, f64)>,
}

/// Shares of the declared targets, and of other destinations.
type Shares = (Vec<f64>, Vec<(Target, f64)>);

/// Losing rules that a message lists.
const MOST: usize = 5;

impl<'t> Resolution<'t> {
    /// The other rules of the host that send to destinations, each other split once.
    #[must_use]
    pub fn others(&self, expected: &Expected) -> Vec<Alternative<'t>> {
        let Some(winner) = self.route else {
            return Vec::new();
        };
        let declared: Vec<f64> = expected
            .declared()
            .iter()
            .map(|d| d.share.as_f64())
            .collect();
        let mut known = vec![(declared, Vec::new())];
        let mut seen = HashSet::new();
        let mut others = Vec::new();
        for route in &self.host.routes {
            let own = (route.object.as_str(), route.rule.as_str());
            let again = own == (winner.object, winner.rule) || !seen.insert(own);
            if again || !matches!(route.outcome.action, Action::Split(_)) {
                continue;
            }
            let Some(shares) = self.shares(route, expected) else {
                continue;
            };
            if !known.contains(&shares) {
                known.push(shares.clone());
                let (shares, beyond) = shares;
                others.push(Alternative {
                    route,
                    shares,
                    beyond,
                });
            }
        }
        others
    }

    /// What a route gives to the declared targets and to other destinations, unless the proxy answers a part by itself.
    fn shares(&self, route: &Route, expected: &Expected) -> Option<Shares> {
        let mut shares = vec![0.0; expected.declared().len()];
        let mut beyond: Vec<(Target, f64)> = Vec::new();
        for (target, share, _) in outcome(&route.outcome, self.port).targets {
            let mut declared = expected.declared().iter();
            let at = declared.position(|declared| declared.target == target);
            match (at, target) {
                (Some(at), _) => shares[at] += share.as_f64(),
                (None, target @ Target::Destination(_)) => beyond.push((target, share.as_f64())),
                (None, _) => return None,
            }
        }
        Some((shares, beyond))
    }

    /// Why the answer is a 404, if no route took the request.
    #[must_use]
    pub fn unmatched(&self, probe: &Probe, sources: &Sources) -> Option<String> {
        if self.route.is_some() || self.trace.is_empty() {
            return None;
        }
        let mut lost: Vec<String> = self
            .trace
            .iter()
            .take(MOST)
            .map(|tried| {
                let hint = match tried.failed_condition {
                    "authority" => {
                        format!(", which includes the port as sent: `{}`", probe.authority)
                    }
                    _ => String::new(),
                };
                let place = sources.place(tried.failed_at);
                format!(
                    "{} lost on {} ({place}){hint}",
                    tried.rule, tried.failed_condition
                )
            })
            .collect();
        if let Some(more) = self.trace.len().checked_sub(MOST).filter(|more| *more > 0) {
            lost.push(format!("and {more} more"));
        }
        Some(format!(
            "no rule of {} matches {} {}: the mesh answers 404; {}",
            self.host.objects.join(" and "),
            probe.method,
            probe.path,
            lost.join("; ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use crate::diag::Sources;
    use crate::route::{
        Action, Backend, Outcome, Probe, Route, RouteTable, Split, VirtualHost, resolve,
    };
    use crate::split::{Destination, Identifiers, Mechanism};

    #[test]
    fn another_split_of_the_host_is_a_rival() {
        let mut sources = Sources::new();
        let span = crate::diag::Span::new(sources.add("t.yaml", "text"), 0..4);
        let route = |number: usize, weights: &[(&str, u32)]| {
            let backend = |(host, weight): &(&str, u32)| Backend {
                destination: Destination {
                    host: (*host).to_owned(),
                    port: None,
                    subset: None,
                },
                weight: *weight,
                identifiers: Identifiers::default(),
                broken: None,
            };
            let split = Split::new(Mechanism::Iid, weights.iter().map(backend).collect());
            Route {
                object: "rules".to_owned(),
                rule: format!("http[{number}]"),
                alternative: None,
                name: None,
                span,
                conditions: Vec::new(),
                outcome: std::sync::Arc::new(Outcome {
                    action: Action::Split(split.expect("a split")),
                    abort: None,
                    mirrors: Vec::new(),
                    caveats: Vec::new(),
                }),
            }
        };
        let table = RouteTable {
            hosts: vec![VirtualHost {
                name: "h".to_owned(),
                domains: vec!["h".to_owned()],
                objects: vec!["rules".to_owned()],
                span,
                https_only: false,
                unsupported: None,
                routes: vec![
                    route(0, &[("a", 90), ("b", 10)]),
                    route(1, &[("b", 1), ("a", 9)]),
                    route(2, &[("b", 80), ("a", 20)]),
                    route(3, &[("b", 1)]),
                    route(4, &[("a", 1), ("c", 1)]),
                ]
                .into(),
                caveats: Vec::new(),
            }],
            ..RouteTable::default()
        };
        let url = "http://h/".parse().expect("a URL");
        let probe = Probe::new("GET", &url).expect("an absolute URL");
        let resolution = resolve(&table, &probe).expect("a host");
        let others = resolution.others(&resolution.expected(&sources));
        let found: Vec<_> = others
            .iter()
            .map(|other| {
                let beyond = other.beyond.iter().map(|(_, share)| *share);
                let beyond: Vec<f64> = beyond.collect();
                (other.route.rule.as_str(), other.shares.clone(), beyond)
            })
            .collect();
        assert_eq!(
            found,
            [
                ("http[2]", vec![0.2, 0.8], vec![]),
                ("http[3]", vec![0.0, 1.0], vec![]),
                ("http[4]", vec![0.5, 0.0], vec![0.5])
            ],
            "equal shares are no rivals"
        );
    }
}
