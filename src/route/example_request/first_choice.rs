//! The request that most rules need: one look at each rule before it tells.

use std::collections::BTreeMap;

use super::values::{Asked, Part};
use super::{Evaluation, Search};
use crate::route::{Condition, Probe, Route};

impl Search<'_, '_> {
    /// The request with the first value that fits of every part that the route itself asks about, where it reaches the route.
    pub(super) fn first_choice(&self, before: &[&Route]) -> Option<Probe> {
        let mut asked: BTreeMap<Part, Asked<'_>> = BTreeMap::new();
        for condition in self.wanted() {
            if let Some(part) = Part::of(&condition.test) {
                asked.entry(part).or_default().own.push(&condition.test);
            }
        }
        let mut probe = self.like.clone();
        for (part, asked) in &asked {
            let about = |condition: &&Condition| Part::of(&condition.test).as_ref() == Some(part);
            let own: Vec<&Condition> = self.wanted().iter().filter(about).collect();
            let mut values = part.values(asked, self.like, self.host).into_iter();
            let current = part.current(self.like);
            probe = values.find_map(|value| {
                let set = if value == current {
                    probe.clone()
                } else {
                    part.set(&probe, value.as_deref())?
                };
                let holds = |condition: &&Condition| condition.holds(&set) == Evaluation::Yes;
                own.iter().all(holds).then_some(set)
            })?;
        }
        let refuses = |condition: &Condition| condition.holds(&probe) == Evaluation::No;
        let passed = |route: &&Route| route.conditions.iter().any(refuses);
        (before.iter().all(passed) && self.reaches(&probe)).then_some(probe)
    }
}
