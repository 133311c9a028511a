//! How many requests of each case are sent: a few where everything goes to one place, else what the verdict takes.

use super::{Case, Depth};
use crate::cli::config::RunConfig;
use crate::cli::failure::Failure;
use crate::cli::load_config::Amount;
use crate::cli::load_plan::PAIRS;
use crate::plan::{LoadPlan, Reuse, Stop};
use crate::split::Mechanism;
use crate::verdict::{Balancing, Number, Policy, Watch};

/// What a row leaves open that asks for a rule, and not for exact shares: so many points, and so much of the smallest share.
const RULE_RESOLUTION: f64 = 0.1;
const PART_OF_SHARE: f64 = 0.7;

/// How many requests of a case are sent, and how they are judged.
pub(super) struct Sized {
    pub(super) policy: Policy,
    pub(super) most: u64,
    watched: bool,
}

/// One case while its requests are sent.
pub(super) struct LiveCase<'c> {
    pub(super) case: &'c Case,
    pub(super) sized: Sized,
    pub(super) watch: Option<Watch>,
    /// Whether nothing more of it has to be sent.
    pub(super) ended: bool,
}

/// All cases with the number of requests that each gets.
pub(super) struct Numbers<'c> {
    pub(super) live: Vec<LiveCase<'c>>,
    /// Of each request whose responses are only read.
    pub(super) read: Vec<u64>,
}

/// The cases with the number of requests that each gets.
pub(super) fn live<'c>(
    cases: &'c [Case],
    reads: usize,
    config: &RunConfig,
) -> Result<Numbers<'c>, Failure> {
    let alpha = config.policy.alpha / cases.len().max(1) as f64;
    let policy = Policy {
        alpha,
        ..config.policy
    };
    let mut live: Vec<LiveCase<'c>> = (cases.iter())
        .map(|case| LiveCase {
            sized: sized(case, policy, config.load.amount),
            case,
            watch: None,
            ended: false,
        })
        .collect();
    let mut read = vec![few(&policy); reads];
    let (typed, exact) = match config.load.amount {
        Amount::Exactly(Stop::Requests(n)) => (Some(n), true),
        Amount::UntilDecided(most) | Amount::UntilDiverged(most) | Amount::Planned(most) => {
            (most, false)
        }
        Amount::Exactly(Stop::Elapsed(_)) => {
            read.fill(u64::MAX);
            (None, true)
        }
    };
    let mut numbers: Vec<&mut u64> = (live.iter_mut().map(|own| &mut own.sized.most))
        .chain(&mut read)
        .collect();
    let needed = numbers
        .iter()
        .fold(0_u64, |sum, own| sum.saturating_add(**own));
    if let Some(typed) = typed.filter(|typed| exact || *typed < needed) {
        deal(&mut numbers, typed, needed)?;
        for own in &mut live {
            own.sized.policy.number = match config.load.amount {
                Amount::UntilDecided(_) | Amount::UntilDiverged(_) => {
                    Number::AtMost(own.sized.most)
                }
                Amount::Exactly(_) | Amount::Planned(_) => Number::Fixed,
            };
        }
    }
    for own in live.iter_mut().filter(|own| own.sized.watched) {
        own.watch = Some(Watch::new(own.case.declared.expected(), &own.sized.policy));
    }
    Ok(Numbers { live, read })
}

/// As many requests as the verdict of a case takes: a few where everything goes to one place.
fn sized(case: &Case, policy: Policy, amount: Amount) -> Sized {
    let expected = case.declared.expected();
    let shares = || {
        expected
            .declared()
            .iter()
            .filter(|own| !own.share.is_zero())
    };
    let smallest = shares().map(|own| own.share.as_f64()).fold(1.0, f64::min);
    let connections =
        policy.balancing == Balancing::Connection || expected.mechanism == Mechanism::PerConnection;
    let per_draw = if connections { 2 } else { 1 };
    if let Amount::Exactly(Stop::Elapsed(_)) = amount {
        return Sized {
            policy: Policy {
                number: Number::Fixed,
                ..policy
            },
            most: u64::MAX,
            watched: false,
        };
    }
    if shares().count() == 1 && policy.resolution.is_none() {
        return Sized {
            policy: Policy {
                number: Number::Fixed,
                ..policy
            },
            most: few(&policy) * per_draw,
            watched: false,
        };
    }
    let of_rule = RULE_RESOLUTION.min(PART_OF_SHARE * smallest);
    let policy = Policy {
        resolution: match case.depth {
            Depth::Shares => policy.resolution,
            Depth::Rule => policy.resolution.or(Some(of_rule)),
        },
        number: Number::Planned,
        ..policy
    };
    let design = policy.design(expected, 0);
    let watched = matches!(amount, Amount::UntilDecided(_) | Amount::UntilDiverged(_));
    let draws = if watched {
        design.requests_sequential()
    } else {
        design.requests_fixed()
    };
    Sized {
        policy,
        most: draws.saturating_mul(per_draw),
        watched,
    }
}

/// So many responses that are all alike rule out that one in ten is another one.
fn few(policy: &Policy) -> u64 {
    whole((policy.beta.ln() / (1.0 - RULE_RESOLUTION).ln()).ceil()).max(1)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of requests"
)]
fn whole(number: f64) -> u64 {
    number.max(0.0) as u64
}

/// Deals out so many requests as each case needs a part of all, at least one each.
fn deal(numbers: &mut [&mut u64], requests: u64, needed: u64) -> Result<(), Failure> {
    let kinds = numbers.len() as u64;
    if requests < kinds {
        return Err(Failure::usage(
            format!("{requests} requests are fewer than the {kinds} kinds of requests to send"),
            format!("give at least {kinds}, or leave -n and --max-requests out"),
        ));
    }
    let mut left = requests - kinds;
    let spare = left;
    for own in numbers.iter_mut() {
        let part = u128::from(spare) * u128::from(**own) / u128::from(needed.max(1));
        let part = u64::try_from(part).unwrap_or(left).min(left);
        **own = 1 + part;
        left -= part;
    }
    // What rounding left goes to those that are first.
    for own in numbers.iter_mut().take(usize::try_from(left).unwrap_or(0)) {
        **own += 1;
    }
    Ok(())
}

impl Numbers<'_> {
    /// The plan for all cases together.
    pub(super) fn plan(&self, plan: LoadPlan, config: &RunConfig) -> LoadPlan {
        shared(plan, &self.live, &self.read, config)
    }
}

/// The plan for cases that share connections.
pub(super) fn shared(
    plan: LoadPlan,
    live: &[LiveCase<'_>],
    read: &[u64],
    config: &RunConfig,
) -> LoadPlan {
    let numbers = live
        .iter()
        .map(|own| own.sized.most)
        .chain(read.iter().copied());
    let total = numbers.fold(0_u64, u64::saturating_add);
    let stop = match config.load.amount {
        Amount::Exactly(elapsed @ Stop::Elapsed(_)) => elapsed,
        _ => Stop::Requests(total.max(1)),
    };
    let connections = u32::try_from(total.max(1)).unwrap_or(u32::MAX);
    let connections = plan
        .connections
        .max(config.load.connections)
        .min(connections);
    let watched = live.iter().any(|own| own.sized.watched);
    let reuse = if watched { PAIRS } else { Reuse::Unlimited };
    LoadPlan {
        stop,
        connections,
        threads: plan.threads.min(connections),
        reuse: config.load.reuse.unwrap_or(reuse),
        ends_early: !matches!(config.load.amount, Amount::Exactly(_)),
        ..plan
    }
}

#[cfg(test)]
mod tests {
    use super::super::calibration::{case, configured};
    use super::*;

    fn most(cases: &[Case], arguments: &[&str]) -> Vec<u64> {
        let config = configured(arguments);
        let numbers = live(cases, 0, &config).expect("enough requests");
        numbers.live.iter().map(|own| own.sized.most).collect()
    }

    #[test]
    fn a_rule_with_one_target_takes_few_requests_and_a_split_what_its_verdict_takes() {
        let cases = [
            case("v1=1", Depth::Shares),
            case("v1=90,v2=10", Depth::Shares),
            case("v1=90,v2=10", Depth::Rule),
        ];
        let most = most(&cases, &[]);
        assert_eq!(most[0], 44);
        assert!(most[1] > 3000 && most[2] < most[1] / 3, "{most:?}");
    }

    #[test]
    fn a_number_is_dealt_out_by_need_and_none_is_lost() {
        let cases = [
            case("v1=1", Depth::Shares),
            case("v1=90,v2=10", Depth::Shares),
        ];
        for n in ["2", "7", "100", "1000"] {
            let dealt = most(&cases, &["-n", n]);
            assert_eq!(
                dealt.iter().sum::<u64>(),
                n.parse::<u64>().expect("a number")
            );
            assert!(dealt[0] >= 1 && dealt[1] >= dealt[0], "{dealt:?}");
        }
        // A cap that is no cap changes nothing.
        assert_eq!(most(&cases, &["--max-requests", "1M"]), most(&cases, &[]));
        // What is only read takes its part.
        let config = configured(&["-n", "100"]);
        let numbers = live(&cases, 2, &config).expect("enough requests");
        let split: u64 = numbers.live.iter().map(|own| own.sized.most).sum();
        assert_eq!(split + numbers.read.iter().sum::<u64>(), 100);
    }
}
