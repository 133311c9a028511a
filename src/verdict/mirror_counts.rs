//! Copies that a proxy sent to a cluster, beside the part of the requests that is declared and programmed to be copied.

use super::proxy_counts::{CLEARLY, TargetCounts};
use crate::diag::{Code, Note};
use crate::stats::binomial::ln_central;
use crate::units::percent;

/// What a cluster that gets copies was sent.
#[derive(Clone, Debug, Default)]
pub struct MirrorCounts {
    /// Its name, copies, and the part of the requests that the proxy is programmed to copy.
    pub target: TargetCounts,
    /// The part that is declared, where rules are.
    pub declared: Option<f64>,
    /// Requests that were sent to targets of the split, each of which may be copied.
    pub requests: u64,
    /// Whether the counters hold copies of this run alone.
    pub own: bool,
    /// Since when the proxy is programmed with that, in words.
    pub since: String,
    /// Why a proxy may not have what is declared.
    pub help: String,
}

impl MirrorCounts {
    fn programmed(&self) -> f64 {
        self.target.programmed.unwrap_or(0.0)
    }

    /// The chance of a number of copies at least this far off, if each request is copied with the programmed chance; `None`
    /// where the counters do not tell.
    #[must_use]
    pub fn p_value(&self) -> Option<f64> {
        let (n, copies) = (self.requests, self.target.counted);
        if !self.own || n == 0 {
            return None;
        }
        Some(if copies > n {
            0.0
        } else {
            ln_central(n, copies, self.programmed()).exp()
        })
    }

    /// What is to be said of it: that the proxy is programmed with another part than is declared, or copies another one than it
    /// is programmed with.
    #[must_use]
    pub fn note(&self) -> Option<Note> {
        let name = &self.target.name;
        let (n, copies) = (self.requests, self.target.counted);
        let got = format!(
            "copies of {} of the requests ({copies} of {n})",
            percent(copies as f64 / n.max(1) as f64)
        );
        let part = |part: f64| match part {
            0.0 => "none of the requests".to_owned(),
            part => format!("{} of the requests", percent(part)),
        };
        let programmed = part(self.programmed());
        let declared = self.declared.unwrap_or(self.programmed());
        let message = if (declared - self.programmed()).abs() > 1e-6 {
            let got = self.p_value().map(|_| format!(": it got {got}"));
            let help = (!self.help.is_empty()).then(|| format!("; {}", self.help));
            format!(
                "`{name}` is declared to get copies of {}, and the proxy is programmed to copy {programmed}{}{}{}",
                part(declared),
                self.since,
                got.unwrap_or_default(),
                help.unwrap_or_default()
            )
        } else if self.p_value()? < CLEARLY {
            let causes = self.target.causes();
            let why = if causes.is_empty() {
                "its counters do not say why; look for a runtime override".to_owned()
            } else {
                causes.join("; ")
            };
            format!("`{name}` got {got}, and the proxy is programmed to copy {programmed}: {why}")
        } else {
            return None;
        };
        Some(Note::new(Code::MirrorDiffers, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror(declared: Option<f64>, programmed: f64, counted: u64) -> MirrorCounts {
        MirrorCounts {
            target: TargetCounts {
                name: "m".to_owned(),
                programmed: Some(programmed),
                counted,
                endpoints: 1,
                ..TargetCounts::default()
            },
            declared,
            requests: 1000,
            own: true,
            since: " since noon".to_owned(),
            help: "it is not connected".to_owned(),
        }
    }

    fn said(mirror: &MirrorCounts) -> String {
        mirror.note().map_or_else(String::new, |note| note.message)
    }

    #[test]
    fn copies_are_held_against_what_is_declared_and_programmed() {
        for declared in [None, Some(0.1)] {
            let agrees = mirror(declared, 0.1, 95);
            assert_eq!(said(&agrees), "");
            assert!(agrees.p_value() > Some(0.5));
        }
        assert_eq!(
            said(&mirror(Some(0.1), 0.1, 1000)),
            "`m` got copies of 100% of the requests (1000 of 1000), and the proxy is programmed to copy 10% of the requests: its \
             counters do not say why; look for a runtime override"
        );
        assert_eq!(
            said(&mirror(Some(0.1), 0.5, 500)),
            "`m` is declared to get copies of 10% of the requests, and the proxy is programmed to copy 50% of the requests since \
             noon: it got copies of 50% of the requests (500 of 1000); it is not connected"
        );
        assert!(
            said(&mirror(Some(0.1), 0.0, 0)).contains("programmed to copy none of the requests")
        );
        assert!(
            said(&mirror(Some(0.0), 0.2, 200))
                .contains("declared to get copies of none of the requests")
        );
    }

    #[test]
    fn what_kept_copies_from_a_cluster_is_named() {
        let mut failing = mirror(Some(0.1), 0.1, 0);
        failing.target.connect_failures = 100;
        assert!(said(&failing).contains("100 connections to its endpoints failed"));
    }

    #[test]
    fn copies_of_others_are_not_judged() {
        let others = MirrorCounts {
            own: false,
            ..mirror(Some(0.1), 0.1, 5000)
        };
        assert_eq!(said(&others), "");
        let programmed = MirrorCounts {
            own: false,
            ..mirror(Some(0.1), 0.5, 5000)
        };
        assert!(said(&programmed).ends_with("since noon; it is not connected"));
    }
}
