//! Workers of a proxy that take turns in step: after a start each of them sends a rare target nothing for half a cycle,
//! and all of them do that together. Counts alone do not tell that from another split until it exceeds what so many workers
//! can do.

use crate::observe::Observation;
use crate::stats::Label;
use crate::stats::binomial::ln_le;
use crate::stats::design::Design;

/// Workers that are allowed for.
const WORKERS: f64 = 32.0;
/// How a proxy says who it is.
const PLACE: &str = "header:server";
/// What shares out requests by smooth weighted round robin, which begins in step.
const NGINX: &str = "nginx";
/// Draws give a target so few of the first responses this rarely.
const LATE: f64 = 0.001;

/// Who shares out the requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Balancer {
    /// Requests are drawn, or workers do not begin in step, as those of Envoy; or nobody knows. A target that gets nothing at all
    /// is far more often gone than late.
    #[default]
    Independent,
    /// A target is chosen in the middle of its turn (smooth weighted round robin).
    Nginx,
}

impl Balancer {
    /// Who responses say they come from.
    pub(super) fn of(seen: &Observation) -> Self {
        let mut places = seen.carried.few();
        let servers = places.find(|(place, _)| *place == PLACE);
        match servers {
            Some((_, servers)) if servers.keys().all(|server| server.starts_with(NGINX)) => {
                Self::Nginx
            }
            _ => Self::Independent,
        }
    }

    /// How many responses a target may have too few or too many. Turns leave each worker off by less than one: by half a response
    /// where smooth weighted round robin has two targets.
    fn allowed(self, targets: usize) -> f64 {
        match self {
            Self::Independent => 0.0,
            Self::Nginx if targets == 2 => WORKERS / 2.0,
            Self::Nginx => WORKERS,
        }
    }

    /// Whether workers in step can have led to the counts under an accepted split. The most frequent target has what the others
    /// leave.
    pub(super) fn explains(self, counts: &[u64], design: &Design) -> bool {
        if self == Self::Independent {
            return false;
        }
        let n = counts.iter().sum::<u64>() as f64;
        let (lo, hi) = design.tolerated();
        let allowed = self.allowed(counts.len());
        rare(design).all(|target| {
            let count = counts[target] as f64;
            count >= n * lo[target] - allowed && count <= n * hi[target] + allowed
        })
    }

    /// Whether a target had fewer of the first responses than draws give it, and all else is what workers in step do, too.
    pub(super) fn begins_late(self, labels: &[Label], design: &Design) -> bool {
        if !rare(design).any(|target| is_late(labels, target, design.shares()[target])) {
            return false;
        }
        let mut counts = vec![0_u64; design.shares().len()];
        labels.iter().all(|label| {
            counts[usize::from(*label)] += 1;
            self.explains(&counts, design)
        })
    }
}

/// Whether a target had too few of the first responses for draws. Workers in step are through with that after a cycle.
fn is_late(labels: &[Label], target: usize, share: f64) -> bool {
    let cycles = 2.0 * WORKERS / share;
    let own = (0_u64..).zip(labels);
    let own = own.filter(|(_, label)| usize::from(**label) == target);
    let own = own.take_while(|(responses, _)| *responses as f64 <= cycles);
    (0_u64..)
        .zip(own)
        .any(|(count, (responses, _))| ln_le(responses, count, share) < LATE.ln())
}

/// All targets but the most frequent one.
fn rare(design: &Design) -> impl Iterator<Item = usize> {
    let shares = design.shares();
    let common = (0..shares.len()).max_by(|a, b| shares[*a].total_cmp(&shares[*b]));
    (0..shares.len()).filter(move |target| Some(*target) != common)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::ValueCounts;
    use crate::stats::design::Resolution;

    fn saying(servers: &[&str]) -> Balancer {
        let mut carried = ValueCounts::default();
        for server in servers {
            carried.push([(PLACE.to_owned(), (*server).to_owned())]);
        }
        Balancer::of(&Observation {
            carried,
            ..Observation::default()
        })
    }

    fn design(shares: &[f64]) -> Design {
        Design::new(shares, 0.001, 0.01, 0.0, Resolution::Auto)
    }

    #[test]
    fn a_proxy_is_known_by_what_it_says() {
        assert_eq!(saying(&[]), Balancer::Independent);
        assert_eq!(saying(&["nginx/1.22.1", "nginx"]), Balancer::Nginx);
        assert_eq!(saying(&["istio-envoy"]), Balancer::Independent);
        for unknown in [&["Cowboy"][..], &["envoy", "nginx"], &["envoy", "v2"]] {
            assert_eq!(saying(unknown), Balancer::Independent, "{unknown:?}");
        }
    }

    #[test]
    fn a_cycle_without_a_rare_target_is_explained_and_more_is_not() {
        let rare = design(&[0.99, 0.01]);
        assert!(Balancer::Nginx.explains(&[1600, 0], &rare));
        assert!(!Balancer::Nginx.explains(&[1700, 0], &rare));
        assert!(!Balancer::Nginx.explains(&[30, 30], &rare));
        assert!(!Balancer::Nginx.explains(&[40, 0], &design(&[0.5, 0.5])));
        assert!(!Balancer::Independent.explains(&[100, 0], &rare));
    }

    /// Workers that take turns, each request at the next of them.
    fn in_step(n: usize, workers: usize, every: usize) -> Vec<Label> {
        (0..n)
            .map(|at| Label::from((at / workers) % every == every / 2))
            .collect()
    }

    #[test]
    fn a_late_beginning_is_that_of_workers_in_step_as_long_as_they_can_do_it() {
        let rare = design(&[0.99, 0.01]);
        let begins = |labels: &[Label]| Balancer::Nginx.begins_late(labels, &rare);
        assert!(begins(&in_step(4000, 32, 100)));
        assert!(!Balancer::Independent.begins_late(&in_step(4000, 32, 100), &rare));
        // One worker was ahead.
        let mut ahead = in_step(4000, 32, 100);
        ahead[700] = 1;
        ahead[1631] = 0;
        assert!(begins(&ahead));
        // A target that joins after 2000 responses has had twenty too few.
        let mut late = vec![0; 2000];
        late.extend(in_step(2000, 1, 100));
        assert!(!begins(&late));
        // From the start as declared.
        assert!(!begins(&in_step(4000, 1, 100)));
    }
}
