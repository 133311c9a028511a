//! Counters of Prometheus: the text that a proxy exposes, or the result of a query.

mod form;

use std::collections::{BTreeMap, BTreeSet};

use super::{Counts, CountsError, Selection, bucket, listed, telling};
use crate::diag::{Code, Note};
use crate::split::Bucket;
use form::series;

/// The counter of Istio's proxies.
pub const METRIC: &str = "istio_requests_total";

/// Labels that name the target of a request, the most exact first.
const TARGETS: [&str; 4] = [
    "destination_version",
    "destination_workload",
    "destination_service_name",
    "envoy_cluster_name",
];

/// Whose proxy has counted: both ends count the same request.
const REPORTER: &str = "reporter";
/// What was called.
const SERVICE: &str = "destination_service_name";

type Labels = BTreeMap<String, String>;

/// Counters by their labels.
type Series = BTreeMap<Labels, f64>;

/// Counts of one moment, or what was counted between two of them.
///
/// # Errors
///
/// If a text is neither an exposition nor the result of a query, a counter went down in between, or it is not clear what is
/// counted.
pub fn read(texts: &[String], metric: &str, selection: &Selection) -> Result<Counts, CountsError> {
    let mut moments = Vec::new();
    for text in texts {
        let series = series(text, metric)?;
        if series.is_empty() {
            return Err(absent(text, metric));
        }
        moments.push(selected(&series, metric, selection)?);
    }
    let mut notes = Vec::new();
    let counted = match moments.as_slice() {
        [before, after] => between(before, after)?,
        [only] => only.clone(),
        _ => {
            return Err(CountsError::new(
                format!("{} files of Prometheus are given", texts.len()),
                "give one, or one from before and one from after",
            ));
        }
    };
    let counted = one_reporter(counted, &mut notes);
    let by = label(&counted, selection)?;
    let mut counts = Counts::default();
    let mut rounded = 0;
    for (labels, value) in &counted {
        let whole = value.round();
        rounded += u64::from((value - whole).abs() > 1e-6);
        let of = |name: &str| labels.get(name).map_or("", String::as_str);
        let code = ["response_code", "envoy_response_code"].map(of);
        let status = code.iter().find_map(|code| code.parse().ok());
        let own = bucket(
            of(&by),
            status.unwrap_or(Bucket::NO_STATUS),
            of("response_flags"),
        );
        counts.add(own, to_count(whole, metric)?)?;
    }
    if rounded > 0 {
        notes.push(Note::new(
            Code::CountsRounded,
            format!(
                "{rounded} of {} counters are no whole numbers, as increase() gives them: they are estimates, rounded here; two \
                 moments of the counter itself are exact",
                counted.len()
            ),
        ));
    }
    Ok(Counts { notes, ..counts })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked: a whole number from 0 to 2^53"
)]
fn to_count(value: f64, metric: &str) -> Result<u64, CountsError> {
    if (0.0..=9_007_199_254_740_992.0).contains(&value) {
        return Ok(value as u64);
    }
    Err(CountsError::new(
        format!("`{metric}` is {value}, which counts nothing"),
        "give a counter, or its increase",
    ))
}

/// Says which counters of requests there are instead.
fn absent(text: &str, metric: &str) -> CountsError {
    let names = text
        .lines()
        .filter_map(|line| line.split(['{', ' ']).next());
    let known: BTreeSet<&str> = names
        .filter(|name| name.ends_with("rq_total") || name.ends_with("requests_total"))
        .collect();
    CountsError::new(
        format!("there is no `{metric}`"),
        if known.is_empty() {
            "name another counter with --metric; a proxy of Istio exposes its own at localhost:15090/stats/prometheus".to_owned()
        } else {
            format!(
                "name another counter with --metric: there is {}",
                listed(known)
            )
        },
    )
}

/// The series that are asked for.
fn selected(series: &Series, metric: &str, selection: &Selection) -> Result<Series, CountsError> {
    let mut asked = series.clone();
    for (name, value) in &selection.only {
        asked.retain(|labels, _| labels.get(name).is_some_and(|own| own == value));
        if asked.is_empty() {
            let known: BTreeSet<&str> = values(series, name);
            let known = if known.is_empty() {
                let names: BTreeSet<&str> = series
                    .keys()
                    .flat_map(|own| own.keys().map(String::as_str))
                    .collect();
                format!("there are the labels {}", listed(names))
            } else {
                format!("`{name}` is one of {}", listed(known))
            };
            return Err(CountsError::new(
                format!("no series of `{metric}` has {name}={value} beside what else is asked for"),
                known,
            ));
        }
    }
    Ok(asked)
}

fn values<'s>(series: &'s Series, name: &str) -> BTreeSet<&'s str> {
    let own = series.keys().filter_map(|labels| labels.get(name));
    own.map(String::as_str).collect()
}

/// What was counted between two moments. A series that is new has begun at 0.
fn between(before: &Series, after: &Series) -> Result<Series, CountsError> {
    let again = "take both from the same proxies, with no restart in between";
    let named = |labels: &Labels| {
        let pairs = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{value}\""));
        pairs.collect::<Vec<_>>().join(",")
    };
    for (labels, was) in before {
        match after.get(labels) {
            None => {
                let problem = format!("the second file lacks the counter {{{}}}", named(labels));
                return Err(CountsError::new(problem, again));
            }
            Some(is) if is < was => {
                let problem = format!(
                    "the counter {{{}}} went down from {was} to {is}",
                    named(labels)
                );
                return Err(CountsError::new(problem, again));
            }
            Some(_) => {}
        }
    }
    let difference = |(labels, is): (&Labels, &f64)| {
        let was = before.get(labels).copied().unwrap_or_default();
        (labels.clone(), is - was)
    };
    Ok(after.iter().map(difference).collect())
}

/// Leaves out what the proxies of the destinations count, where those of the sources count the same requests.
fn one_reporter(mut series: Series, notes: &mut Vec<Note>) -> Series {
    let reporters = values(&series, REPORTER);
    if reporters.contains("source") && reporters.len() > 1 {
        notes.push(Note::new(
            Code::CountsSelected,
            "only what reporter=source has counted is taken: the proxies of the destinations count the same requests again",
        ));
        series.retain(|labels, _| labels.get(REPORTER).is_some_and(|own| own == "source"));
    }
    series
}

/// The label that names the target.
fn label(series: &Series, selection: &Selection) -> Result<String, CountsError> {
    if let Some(by) = &selection.by {
        if values(series, by).is_empty() {
            let names: BTreeSet<&str> = series
                .keys()
                .flat_map(|own| own.keys().map(String::as_str))
                .collect();
            return Err(CountsError::new(
                format!("no series has the label `{by}`"),
                format!("there are {}", listed(names)),
            ));
        }
        return Ok(by.clone());
    }
    let by = telling(&TARGETS, |label| values(series, label)).ok_or_else(|| {
        CountsError::new(
            "none of the labels says which target a request went to",
            "name the one that does with --by LABEL",
        )
    })?;
    // The same version of two services would be counted as one.
    let services = values(series, SERVICE);
    if services.len() > 1 && by != SERVICE {
        return Err(CountsError::new(
            format!(
                "the counters are about several services: {}",
                listed(services)
            ),
            format!("choose one with --where {SERVICE}=NAME, or split by it with --by {SERVICE}"),
        ));
    }
    Ok(by.to_owned())
}

#[cfg(test)]
mod tests;
