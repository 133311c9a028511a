//! A proxy that makes the splits of several requests: what it is programmed with for each of them stands in its dump, and is
//! compared again where a push came during the run. What it counts is not told apart by request.

use super::{AdminChoice, Asked, Live, ProgrammedSplit, begin, pages};
use crate::diag::Note;
use crate::report::proxy::{Change, changed};
use crate::route::{Probe, Vantage};
use crate::verdict::Verdict;

/// The proxy of such a run, where its interface answers.
pub(in crate::cli) struct ProxyOfCases {
    live: Option<Live>,
    notes: Vec<Note>,
}

impl ProxyOfCases {
    /// Reads what the proxy has for requests like this one.
    pub(in crate::cli) fn begin(
        choice: Option<&AdminChoice>,
        vantage: &Vantage,
        probe: &Probe,
    ) -> Self {
        let asked = Asked {
            probe: probe.clone(),
            vantage: vantage.clone(),
            among_others: true,
        };
        let (live, notes) = begin(choice, asked);
        Self { live, notes }
    }

    /// The proxy, whose dump is read beside the manifests.
    pub(in crate::cli) fn live(&self) -> Option<&Live> {
        self.live.as_ref()
    }

    /// Looks at the proxy from now on.
    pub(in crate::cli) fn watch(&mut self) {
        self.live.iter_mut().for_each(|live| {
            live.watch();
        });
    }

    /// Looks at it for the last time. The verdict about a request whose split was another one after a while is open.
    pub(in crate::cli) fn end<'a>(
        self,
        verdicts: impl Iterator<Item = (&'a Probe, &'a mut Verdict)>,
    ) -> Vec<Note> {
        let Self { live, mut notes } = self;
        let Some(mut live) = live else {
            return notes;
        };
        live.stop();
        let before = live.dump.take();
        let Some(mut watched) = live.watched.take() else {
            notes.append(&mut live.notes);
            return notes;
        };
        let push = watched.pushes.first();
        let push = push.map(|push| (push.at.as_secs_f64(), push.moved.clone()));
        if let (Some((after_s, moved)), Some(before)) = (push, before) {
            let routes = watched.routes.clone();
            let now = pages::dump(&mut watched.client, routes.as_deref(), &watched.asked);
            for (probe, verdict) in verdicts {
                let asked = Asked {
                    probe: probe.clone(),
                    ..watched.asked.clone()
                };
                let split = |dump: &str| ProgrammedSplit::of(dump, &asked).ok();
                let now = now.as_deref().ok().and_then(split);
                let same = match (split(&before), &now) {
                    (Some(before), Some(now)) => before.is_as(now),
                    (before, now) => before.is_none() && now.is_none(),
                };
                if !same {
                    let then = now.map_or_else(
                        || "it has no route for this request from then on".to_owned(),
                        |now| format!("{} from then on", now.listed()),
                    );
                    let change = Change {
                        after_s,
                        message: format!("{moved}: {then}"),
                        concerns_request: true,
                    };
                    *verdict = changed(&change, verdict.clone());
                }
            }
        }
        notes.extend(live.state(&mut watched));
        notes.append(&mut live.notes);
        notes
    }
}
