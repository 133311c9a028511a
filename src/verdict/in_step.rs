//! Workers of a proxy that take turns in step: after a start each of them sends a rare target nothing for half a cycle or a whole
//! one, and all of them do that together. Counts alone do not tell that from another split until it exceeds what so many workers
//! can do.

use crate::observe::Observation;
use crate::stats::binomial::ln_le;
use crate::stats::design::Design;

/// Workers that are allowed for.
const WORKERS: f64 = 32.0;
/// How a proxy says who it is.
const PLACE: &str = "header:server";
/// What shares out requests by smooth weighted round robin, which begins in step.
const NGINX: &str = "nginx";
/// What draws, or begins its turns anywhere.
const ENVOY: [&str; 2] = ["envoy", "istio-envoy"];
/// Draws give a target so few of the first responses this rarely.
const LATE: f64 = 0.001;

/// Who shares out the requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Balancer {
    /// Requests are drawn, or workers do not begin in step, as those of Envoy; or no response was looked at.
    #[default]
    Independent,
    /// A target is chosen in the middle of its turn (smooth weighted round robin).
    Nginx,
    /// Responses do not say who.
    Unknown,
}

impl Balancer {
    /// Who responses say they come from.
    pub(super) fn of(seen: &Observation) -> Self {
        if seen.carried.responses() == 0 {
            return Self::Independent;
        }
        let mut places = seen.carried.few();
        let Some((_, servers)) = places.find(|(place, _)| *place == PLACE) else {
            return Self::Unknown;
        };
        let all = |known: &dyn Fn(&str) -> bool| servers.keys().all(|server| known(server));
        if all(&|server| server.starts_with(NGINX)) {
            Self::Nginx
        } else if all(&|server| ENVOY.contains(&server)) {
            Self::Independent
        } else {
            Self::Unknown
        }
    }

    /// How many responses a target with this share may have too few, and too many. Turns leave each worker off by less than one:
    /// by half a response where smooth weighted round robin has two targets, and by less than `1 - share` too few where a target
    /// is chosen at the end of its turn (earliest deadline first).
    fn allowed(self, share: f64, targets: usize) -> (f64, f64) {
        let middle = if targets == 2 { 0.5 } else { 1.0 };
        match self {
            Self::Independent => (0.0, 0.0),
            Self::Nginx => (WORKERS * middle, WORKERS * middle),
            Self::Unknown => (WORKERS * (1.0 - share).max(middle), WORKERS * middle),
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
        rare(design).all(|target| {
            let (few, many) = self.allowed(design.shares()[target], counts.len());
            let count = counts[target] as f64;
            count >= n * lo[target] - few && count <= n * hi[target] + many
        })
    }

    /// Whether a target had fewer of the first responses than draws give it, and all else is what workers in step do, too.
    pub(super) fn late_beginning(self, labels: &[usize], design: &Design) -> Option<LateBeginning> {
        let late = rare(design).filter_map(|target| late(labels, target, design.shares()[target]));
        let late = late.max_by_key(|late| late.responses)?;
        let mut counts = vec![0_u64; design.shares().len()];
        let mut explained = labels.iter().map(|label| {
            counts[*label] += 1;
            self.explains(&counts, design)
        });
        explained.all(|explained| explained).then_some(late)
    }
}

/// The first responses, of which a target had few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LateBeginning {
    /// The target, among those with a share.
    pub(super) target: usize,
    /// How many it had.
    pub(super) count: u64,
    /// Of so many.
    pub(super) responses: u64,
}

/// The longest beginning in which a target had too few responses for draws. Workers in step are through with it after a cycle.
fn late(labels: &[usize], target: usize, share: f64) -> Option<LateBeginning> {
    let cycles = 2.0 * WORKERS / share;
    let (mut count, mut found) = (0, None);
    for (responses, _) in (0_u64..).zip(labels).filter(|(_, label)| **label == target) {
        if responses as f64 > cycles {
            break;
        }
        if ln_le(responses, count, share) < LATE.ln() {
            found = Some(LateBeginning {
                target,
                count,
                responses,
            });
        }
        count += 1;
    }
    found
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
            assert_eq!(saying(unknown), Balancer::Unknown, "{unknown:?}");
        }
    }

    #[test]
    fn a_cycle_without_a_rare_target_is_explained_and_more_is_not() {
        let rare = design(&[0.99, 0.01]);
        for (balancer, explained, not) in [
            (Balancer::Nginx, 1600, 1700),
            (Balancer::Unknown, 3100, 3200),
        ] {
            assert!(balancer.explains(&[explained, 0], &rare), "{balancer:?}");
            assert!(!balancer.explains(&[not, 0], &rare), "{balancer:?}");
            assert!(!balancer.explains(&[30, 30], &rare), "{balancer:?}");
        }
        assert!(!Balancer::Independent.explains(&[100, 0], &rare));
        assert!(!Balancer::Unknown.explains(&[40, 0], &design(&[0.5, 0.5])));
    }

    /// Workers that take turns, each request at the next of them.
    fn in_step(n: usize, workers: usize, every: usize) -> Vec<usize> {
        (0..n)
            .map(|at| usize::from((at / workers) % every == every / 2))
            .collect()
    }

    #[test]
    fn a_late_beginning_is_that_of_workers_in_step_as_long_as_they_can_do_it() {
        let rare = design(&[0.99, 0.01]);
        let begins = |labels: &[usize]| {
            let late = Balancer::Nginx.late_beginning(labels, &rare)?;
            Some((late.count, late.responses))
        };
        assert_eq!(begins(&in_step(4000, 32, 100)), Some((4, 1604)));
        // One worker was ahead.
        let mut ahead = in_step(4000, 32, 100);
        ahead[700] = 1;
        ahead[1631] = 0;
        assert_eq!(begins(&ahead), Some((4, 1603)));
        // A target that joins after 2000 responses has had twenty too few.
        let mut late = vec![0; 2000];
        late.extend(in_step(2000, 1, 100));
        assert_eq!(begins(&late), None);
        // From the start as declared.
        assert_eq!(begins(&in_step(4000, 1, 100)), None);
    }
}
