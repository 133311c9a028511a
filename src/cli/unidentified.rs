//! Responses that do not say where they are from: when sending stops for it, what is said, and what could be used
//! instead. Not: which part of a response that is (see `verdict::identity_source`).

use std::fmt;

use super::config::RunConfig;
use super::exit::Exit;
use super::failure::Failure;
use super::load_config::{Amount, LoadConfig};
use super::secrets::{self, Query};
use crate::bucket;
use crate::diag::{Code, Note};
use crate::observe::{self, Observation};
use crate::split::{Bucket, Expected, Identity};
use crate::units::counted;
use crate::verdict::attribution::{Classification, classify};
use crate::verdict::identity_source::{IdentitySource, bucket_option, identity_sources, short};
use crate::verdict::mapping::{MapRule, Mapping, MappingError, map_option};

/// Responses, errors left out, among which some would have an identity if there was one.
const ENOUGH: u64 = 50;
/// Requests after which it is known whether anybody is there.
const NOBODY: u64 = 200;
/// Values that are shown, and for which `--map` is proposed, at most.
const SHOWN: usize = 3;
const MOST_MAPPED: usize = 10;
/// The longest value that anybody would type.
const LONGEST_MAPPED: usize = 60;

/// Why nothing is judged: no response could be tied to a declared target.
#[derive(Debug)]
pub(super) struct Unidentified {
    /// Options that never matched.
    unmatched: Vec<Note>,
    /// What the responses were counted under, the most frequent first.
    values: Vec<(String, u64)>,
    /// Responses that were looked through for something better.
    looked_through: u64,
    sources: Vec<IdentitySource>,
    targets: Vec<String>,
}

/// How a run ends of which no response could be tied to a target.
#[derive(Debug)]
pub(super) enum Untied {
    /// Everything was sent that was asked for; the exit code.
    Sent(Unidentified, Exit),
    /// More would have been sent: why it was not, and what could be used instead.
    Stopped(Failure, Vec<Note>),
}

/// Whether a run may end before everything is sent: nobody asked for a number, a time or a rate.
pub(super) fn may_stop(load: &LoadConfig) -> bool {
    load.pace.is_none() && !matches!(load.amount, Amount::Exactly(_))
}

/// Whether responses, errors left out, have come, and none of all responses is tied to a target.
pub(super) fn nothing_tied(
    expected: &Expected,
    mapping: &Result<Mapping, MappingError>,
    seen: &Observation,
) -> bool {
    let mapping = match mapping {
        Err(error) => return matches!(error, MappingError::Untied { .. }),
        Ok(mapping) => mapping,
    };
    let mut declared = expected.declared().iter();
    let tied = |bucket: &Bucket| {
        matches!(
            classify(bucket, Some((expected, mapping))),
            Classification::Target(_)
        )
    };
    mapping.is_empty()
        && declared.any(|declared| declared.target.status().is_none())
        && successes(seen) > 0
        && !(seen.tallies.keys()).any(|bucket| !bucket.is_error() && tied(bucket))
}

/// Whether responses cannot be tied to the declared targets, and so many have come that those to come will be no clearer.
pub(super) fn hopeless(
    declared: Option<(&Expected, &Result<Mapping, MappingError>)>,
    seen: &Observation,
) -> bool {
    declared.is_some_and(|(expected, mapping)| {
        enough(seen) && (mapping.is_err() || nothing_tied(expected, mapping, seen))
    })
}

/// Whether after so many requests nobody is there: each of them failed, or, where something is declared, was an error or a
/// redirect that no target can be named for.
pub(super) fn nobody_there(declared: Option<(&Expected, &Mapping)>, seen: &Observation) -> bool {
    let nobodys = |bucket: &Bucket| {
        declared.is_some()
            && (bucket.is_error() || bucket.is_redirect())
            && classify(bucket, declared) == Classification::Unattributed
    };
    seen.answered() + seen.failed() >= NOBODY && seen.tallies.keys().all(nobodys)
}

/// Whether so many responses, errors left out, have come that some would have an identity if there was one.
pub(super) fn enough(seen: &Observation) -> bool {
    successes(seen) >= ENOUGH
}

fn successes(seen: &Observation) -> u64 {
    let own = |bucket: &Bucket| !bucket.is_error() && !bucket.is_redirect();
    let successes = seen.tallies.iter().filter(|(bucket, _)| own(bucket));
    successes.map(|(_, tally)| tally.count).sum()
}

/// A word about each `--bucket` that found nothing and each `--map` that matched nothing.
pub(super) fn unmatched(
    config: &RunConfig,
    expected: Option<&Expected>,
    seen: &Observation,
) -> Vec<Note> {
    let mut unmatched = Vec::new();
    let all = seen.consulted.first().map_or(0, |first| first.asked);
    for (spec, consulted) in config.bucket.iter().zip(&seen.consulted) {
        if consulted.asked == 0 || consulted.found > 0 {
            continue;
        }
        let among = match consulted.asked {
            1 => "the one response".to_owned(),
            asked => format!("any of {asked} responses"),
        };
        let left = if consulted.asked < all {
            " in which those before it found nothing"
        } else {
            ""
        };
        unmatched.push(Note::new(
            Code::BucketNeverMatched,
            format!("{} found nothing in {among}{left}", bucket_option(spec)),
        ));
    }
    if let Some(expected) = expected.filter(|_| seen.answered() > 0) {
        let rules = config.map.iter();
        let never = rules.filter(|rule| never_matched(rule, expected, seen));
        unmatched.extend(
            never.map(|rule| {
                Note::new(Code::MapNeverMatched, format!("{rule} matched no response"))
            }),
        );
    }
    unmatched
}

/// A word about responses that all send the client elsewhere, and where to, as far as they were looked through.
pub(super) fn redirected(seen: &Observation) -> Option<Note> {
    let first = seen.tallies.keys().next()?;
    let mut buckets = seen.tallies.keys();
    if !first.is_redirect() || buckets.any(|bucket| bucket.status != first.status) {
        return None;
    }
    let mut places = seen.carried.few();
    let locations = places.find(|(spec, _)| *spec == "header:location");
    let most = locations.and_then(|(_, values)| values.iter().max_by_key(|(_, count)| **count));
    let to = most.map_or_else(String::new, |(location, _)| {
        format!(" to {}", short(&secrets::url(location, Query::Masked)))
    });
    Some(Note::new(
        Code::Redirected,
        format!(
            "all responses are {}{to}: redirects are not followed, and none says which target it is from; call the URL that \
             they name",
            first.status
        ),
    ))
}

/// Whether it is certain that a rule matched nothing. Where there are too many values to keep apart, those that a rule
/// matches are counted under the name of its target, or nobody knows any more.
fn never_matched(rule: &MapRule, expected: &Expected, seen: &Observation) -> bool {
    let (mut buckets, kept) = (seen.tallies.keys(), seen.tallies.len());
    let may_mean =
        |bucket: &Bucket| kept >= bucket::MOST_BUCKETS && bucket.value() == Some(rule.target());
    kept < observe::MOST_BUCKETS
        && !buckets.any(|bucket| rule.matches(bucket, expected) || may_mean(bucket))
}

/// A word about each header and member that could be used instead: where no response is tied to a target, and where
/// nothing is declared and `--bucket` found nothing at all, or too many values to keep apart.
pub(super) fn suggestions(
    config: &RunConfig,
    expected: Option<&Expected>,
    seen: &Observation,
    untied: Option<&Untied>,
) -> Vec<Note> {
    let missing = |bucket: &Bucket| bucket.identity == Identity::Missing;
    let shapeless = seen.tallies.len() >= bucket::MOST_BUCKETS || seen.tallies.keys().all(missing);
    match (untied, expected) {
        (Some(Untied::Sent(known, _)), _) => known.notes(),
        (Some(Untied::Stopped(_, notes)), _) => notes.clone(),
        (None, None) if shapeless => Unidentified::new(config, None, seen, &[]).notes(),
        (None, _) => Vec::new(),
    }
}

impl Unidentified {
    /// What is known of responses that could not be tied; `unmatched` as said by [`unmatched`].
    pub(super) fn new(
        config: &RunConfig,
        expected: Option<&Expected>,
        seen: &Observation,
        unmatched: &[Note],
    ) -> Self {
        let mut values: Vec<(String, u64)> = Vec::new();
        for (bucket, tally) in seen.tallies.iter().filter(|(bucket, _)| !bucket.is_error()) {
            if let Some(value) = bucket.value() {
                match values.iter_mut().find(|(known, _)| known == value) {
                    Some((_, count)) => *count += tally.count,
                    None => values.push((value.to_owned(), tally.count)),
                }
            }
        }
        values.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let declared = expected.map_or(&[][..], Expected::declared).iter();
        let destinations = declared.filter(|declared| declared.target.status().is_none());
        Self {
            unmatched: unmatched.to_vec(),
            values,
            looked_through: seen.carried.responses(),
            sources: identity_sources(&seen.carried, expected, &config.map, &config.bucket),
            targets: destinations.map(|d| d.name.clone()).collect(),
        }
    }

    /// A word about each part of the responses that could be used instead.
    pub(super) fn notes(&self) -> Vec<Note> {
        let note = |source: &IdentitySource| {
            Note::new(
                Code::IdentityCandidate,
                format!("in {}: {source}", counted(self.looked_through, "response")),
            )
        };
        self.sources.iter().map(note).collect()
    }

    /// The next step. Which target a value means is only said where the value says so.
    pub(super) fn help(&self) -> String {
        let targets = self.targets.join(" or ");
        let maps = |values: &mut dyn Iterator<Item = &str>| {
            let options: Vec<String> = values.map(|value| map_option(value, "TARGET")).collect();
            format!("{}, where TARGET is {targets}", options.join(" "))
        };
        if let Some(best) = self.sources.first() {
            let named: Vec<String> = best.targets().iter().map(|t| format!("`{t}`")).collect();
            if !named.is_empty() {
                return format!("use {}, which names {}", best.option(), named.join(" and "));
            }
        }
        if self.few_values() {
            let mut values = self.values.iter().map(|(value, _)| value.as_str());
            return format!("say which value is which target: {}", maps(&mut values));
        }
        match self.sources.first() {
            Some(best) => {
                let mut values = best.values.iter().map(|value| value.value.as_str());
                format!(
                    "if this tells the targets apart, say which value is which target: {} {}",
                    best.option(),
                    maps(&mut values)
                )
            }
            None => "look at a response (curl -i): --bucket header:NAME, json:/POINTER or regex:RE reads what names the \
                     version; where nothing does, let the application or the proxy send a header that does"
                .to_owned(),
        }
    }

    /// Whether the values are so few and short that somebody could say what each of them means.
    fn few_values(&self) -> bool {
        let all: u64 = self.values.iter().map(|(_, count)| count).sum();
        let typed = |(value, _): &(String, u64)| {
            !value.is_empty() && value.chars().count() <= LONGEST_MAPPED
        };
        let distinct = self.values.len();
        (1..=MOST_MAPPED).contains(&distinct)
            && all >= 2 * distinct as u64
            && self.values.iter().all(typed)
    }
}

impl From<Unidentified> for Failure {
    fn from(known: Unidentified) -> Self {
        Self::Unidentified {
            message: known.to_string(),
            help: known.help(),
        }
    }
}

impl fmt::Display for Unidentified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<String> =
            (self.unmatched.iter().map(|note| note.message.clone())).collect();
        if !self.values.is_empty() || lines.is_empty() {
            let targets = self.targets.join(", ");
            lines.push(format!("no response names a declared target ({targets})"));
        }
        f.write_str(&lines.join("\n  "))?;
        if !self.values.is_empty() {
            let shown = if self.few_values() {
                MOST_MAPPED
            } else {
                SHOWN
            };
            let value = |(value, count): &(String, u64)| match value.as_str() {
                "" => format!("(empty) × {count}"),
                value => format!("{:?} × {count}", short(value)),
            };
            let values: Vec<String> = self.values.iter().take(shown).map(value).collect();
            write!(f, "\n  their values: {}", values.join(", "))?;
            if self.values.len() > shown {
                write!(f, " and {} more", self.values.len() - shown)?;
            }
        }
        if !self.sources.is_empty() {
            write!(f, "\n  in {}:", counted(self.looked_through, "response"))?;
        }
        for source in &self.sources {
            write!(f, "\n    {source}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::ValueCounts;
    use crate::split::parse_weights;

    fn unidentified(values: &[(&str, u64)], carried: &[(&str, &str)]) -> Unidentified {
        let expected = parse_weights(&["v1=90,v2=10"]).expect("a split");
        let mut counts = ValueCounts::default();
        for (place, value) in carried {
            counts.push([((*place).to_owned(), (*value).to_owned())]);
        }
        Unidentified {
            unmatched: Vec::new(),
            values: values.iter().map(|(v, n)| ((*v).to_owned(), *n)).collect(),
            looked_through: counts.responses(),
            sources: identity_sources(&counts, Some(&expected), &[], &[]),
            targets: vec!["v1".to_owned(), "v2".to_owned()],
        }
    }

    #[test]
    fn nobody_is_there_when_only_failures_errors_and_redirects_come() {
        use crate::observe::{FailureCount, FailureKind, Tally};
        let expected = parse_weights(&["v1=90,v2=10"]).expect("a split");
        let seen = |responses: &[(Identity, u16, u64)], failed: u64| {
            let mut seen = Observation::default();
            for (identity, status, count) in responses {
                let (identity, status) = (identity.clone(), *status);
                let tally = Tally {
                    count: *count,
                    ..Tally::default()
                };
                seen.tallies.insert(Bucket { identity, status }, tally);
            }
            let failed = FailureCount::new(failed, "");
            seen.failures.insert(FailureKind::Connect, failed);
            seen
        };
        let nobody = |seen: &Observation| {
            let mapping = Mapping::derive(&expected, &[], seen.tallies.keys()).expect("clear");
            nobody_there(Some((&expected, &mapping)), seen)
        };
        let unnamed = |status: u16, count: u64| (Identity::Missing, status, count);
        let v1 = |status: u16| (Identity::Value("v1".into()), status, 1);
        assert!(nobody(&seen(&[unnamed(503, 150), unnamed(302, 20)], 30)));
        assert!(!nobody(&seen(&[unnamed(503, 150)], 49)), "too few");
        assert!(!nobody(&seen(&[unnamed(503, 200), unnamed(200, 1)], 0)));
        // A target that responds with errors is there.
        assert!(!nobody(&seen(&[unnamed(503, 200), v1(500)], 0)));
        // Without a declaration errors are what is asked about.
        assert!(!nobody_there(None, &seen(&[unnamed(503, 200)], 0)));
        assert!(nobody_there(None, &seen(&[], 200)));
    }

    #[test]
    fn the_next_step_never_says_which_value_is_which_target_by_position() {
        let colours = [("blue", 45), ("green", 5)];
        let few = unidentified(&colours, &[]).help();
        assert_eq!(
            few,
            "say which value is which target: --map 'blue=TARGET' --map 'green=TARGET', where TARGET is v1 or v2"
        );
        let builds = [("header:x-build", "17"); 4].into_iter();
        let builds: Vec<_> = builds.chain([("header:x-build", "18"); 2]).collect();
        let untied = unidentified(&[], &builds).help();
        assert!(
            untied.ends_with(
                "--bucket header:x-build --map '17=TARGET' --map '18=TARGET', where TARGET is v1 or v2"
            ),
            "{untied}"
        );
    }

    #[test]
    fn a_source_that_names_targets_comes_before_all_else() {
        let carried = [
            ("header:x-v", "v1"),
            ("header:x-v", "v1"),
            ("header:x-v", "v2"),
            ("header:x-v", "v2"),
        ];
        let known = unidentified(&[("blue", 3), ("green", 2)], &carried);
        assert_eq!(
            known.help(),
            "use --bucket header:x-v, which names `v1` and `v2`"
        );
        assert_eq!(
            known.to_string(),
            "no response names a declared target (v1, v2)\n  their values: \"blue\" × 3, \"green\" × 2\n  \
             in 4 responses:\n    header x-v: v1 × 2, v2 × 2 → --bucket header:x-v"
        );
    }

    #[test]
    fn no_map_is_proposed_for_an_empty_value_or_for_more_than_anybody_would_type() {
        let unique: Vec<String> = (0..40).map(|n| format!("<html>{n}")).collect();
        let unique: Vec<(&str, u64)> = unique.iter().map(|v| (v.as_str(), 1)).collect();
        let long = "a".repeat(LONGEST_MAPPED + 1);
        for values in [&[("", 50)][..], &unique, &unique[..4], &[(&long, 50)]] {
            let help = unidentified(values, &[]).help();
            assert!(help.starts_with("look at a response"), "{values:?}: {help}");
        }
        let text = unidentified(&unique, &[]).to_string();
        assert!(text.contains("\"<html>2\" × 1 and 37 more"), "{text}");
    }
}
