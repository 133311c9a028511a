//! The request that most rules need: resolving it tells, without a comparison with the rules before.

use std::collections::BTreeMap;

use super::values::{Asked, Part};
use super::{Evaluation, Search};
use crate::route::{Condition, Probe};

impl Search<'_> {
    /// The request with the first value that fits of every part that the route itself asks about, where it reaches the route.
    pub(super) fn first_choice(&self) -> Option<Probe> {
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
        self.reaches(&probe).then_some(probe)
    }
}
