//! Counters of Prometheus: the text that a proxy exposes, or the result of a query.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Counts, CountsError, NO_STATUS, Selection, bucket, listed, telling};
use crate::diag::{Code, Note};

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
        let own = bucket(of(&by), status.unwrap_or(NO_STATUS), of("response_flags"));
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

/// The series of a metric in either form.
fn series(text: &str, metric: &str) -> Result<Series, CountsError> {
    if text.trim_start().starts_with(['{', '[']) {
        return query(text);
    }
    let mut series = Series::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        let own = line
            .strip_prefix(metric)
            .filter(|rest| rest.starts_with(['{', ' ', '\t']));
        let Some(rest) = own else {
            continue;
        };
        let (labels, value) = sample(rest).ok_or_else(|| {
            CountsError::new(
                format!("line {number} is no sample of Prometheus' text format: `{line}`"),
                "give what the proxy exposes: curl localhost:15090/stats/prometheus > metrics.txt",
            )
        })?;
        *series.entry(labels).or_default() += value;
    }
    Ok(series)
}

/// What follows the name in a sample: `{name="value",…} VALUE [TIMESTAMP]`.
fn sample(rest: &str) -> Option<(Labels, f64)> {
    let mut labels = Labels::new();
    let mut rest = rest.trim_start();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            rest = rest.trim_start_matches([',', ' ', '\t']);
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let (name, quoted) = rest.split_once('=')?;
            let (value, after) = text(quoted.trim_start().strip_prefix('"')?)?;
            labels.insert(name.trim().to_owned(), value);
            rest = after;
        }
    }
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some((labels, value))
}

/// A label's value up to its closing quote, and what follows it.
fn text(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

/// The result of an instant query, as the HTTP API gives it, or its `data` or `result` alone.
fn query(text: &str) -> Result<Series, CountsError> {
    #[derive(Deserialize)]
    struct Sample {
        metric: Labels,
        value: Option<(f64, String)>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Response {
        Whole { data: Data },
        Data(Data),
        Result(Vec<Sample>),
    }
    #[derive(Deserialize)]
    struct Data {
        result: Vec<Sample>,
    }
    let refused = |why: String| {
        CountsError::new(
            format!("this is no result of an instant query: {why}"),
            "give what /api/v1/query answers: curl -G --data-urlencode query=istio_requests_total http://prometheus:9090/api/v1/query",
        )
    };
    let response: Response =
        serde_json::from_str(text).map_err(|error| refused(error.to_string()))?;
    let (Response::Whole {
        data: Data { result },
    }
    | Response::Data(Data { result })
    | Response::Result(result)) = response;
    let mut series = Series::new();
    for mut sample in result {
        let (_, value) = sample.value.ok_or_else(|| {
            refused("a series has no `value`, as those of a range query".to_owned())
        })?;
        let value: f64 = value
            .parse()
            .map_err(|_| refused(format!("`{value}` is no number")))?;
        sample.metric.remove("__name__");
        *series.entry(sample.metric).or_default() += value;
    }
    Ok(series)
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
mod tests {
    use super::*;

    const EXPOSED: &str = r#"# TYPE istio_requests_total counter
istio_requests_total{reporter="source",destination_service_name="web",destination_version="v1",response_code="200",response_flags="-"} 900 1700000000000
istio_requests_total{reporter="source",destination_service_name="web",destination_version="v2",response_code="200",response_flags="-",} 90
istio_requests_total{reporter="source",destination_service_name="web",destination_version="unknown",response_code="503",response_flags="UH"} 10
istio_requests_total{reporter="destination",destination_service_name="web",destination_version="v1",response_code="200",response_flags="-"} 899
istio_requests_total_created{a="b"} 5
other{x="a\"}b\\",y=""} 1e3
"#;

    fn counted(
        texts: &[&str],
        selection: &Selection,
    ) -> Result<Vec<(String, u16, u64)>, CountsError> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let counts = read(&texts, METRIC, selection)?;
        let rows = counts.buckets.iter();
        Ok(rows
            .map(|(own, count)| (own.identity.to_string(), own.status, *count))
            .collect())
    }

    fn only(name: &str, value: &str) -> Selection {
        Selection {
            only: vec![(name.to_owned(), value.to_owned())],
            ..Selection::default()
        }
    }

    #[test]
    fn the_source_counts_by_version_and_replies_of_the_proxy_are_nobodys() {
        let rows = counted(&[EXPOSED], &Selection::default()).expect("counts");
        let expected = [("v1", 200, 900), ("v2", 200, 90), ("(empty)", 503, 10)];
        assert_eq!(
            rows,
            expected.map(|(name, status, count)| (name.to_owned(), status, count))
        );
        let rows = counted(&[EXPOSED], &only("reporter", "destination")).expect("counts");
        assert_eq!(rows, [("v1".to_owned(), 200, 899)]);
    }

    #[test]
    fn between_two_moments_counts_what_came_in() {
        let after = EXPOSED
            .replace("} 900 ", "} 1000 ")
            .replace("} 90\n", "} 101\n");
        let rows = counted(&[EXPOSED, &after], &Selection::default()).expect("counts");
        assert_eq!(
            rows[..2],
            [("v1".to_owned(), 200, 100), ("v2".to_owned(), 200, 11)]
        );
        let back = counted(&[&after, EXPOSED], &Selection::default()).expect_err("a restart");
        assert!(
            back.problem.contains("went down from 1000 to 900"),
            "{back}"
        );
        let gone = after.lines().skip(2).collect::<Vec<_>>().join("\n");
        let gone = counted(&[EXPOSED, &gone], &Selection::default()).expect_err("a series is gone");
        assert!(gone.problem.contains("lacks the counter"), "{gone}");
    }

    #[test]
    fn the_result_of_a_query_is_read_whole_or_in_part_and_estimates_are_named() {
        let result = r#"[{"metric":{"destination_version":"v1"},"value":[1700000000.1,"90.4"]},
                         {"metric":{"destination_version":"v2"},"value":[1700000000.1,"10"]}]"#;
        let data = format!(r#"{{"resultType":"vector","result":{result}}}"#);
        let whole = format!(r#"{{"status":"success","data":{data}}}"#);
        for text in [result, &data, &whole] {
            let counts = read(&[text.to_owned()], METRIC, &Selection::default()).expect("counts");
            assert_eq!(
                counts.buckets.values().copied().collect::<Vec<_>>(),
                [90, 10]
            );
            assert_eq!(counts.notes[0].code, Code::CountsRounded);
        }
        let range = r#"{"data":{"result":[{"metric":{},"values":[[1,"2"]]}]}}"#;
        let refused = counted(&[range], &Selection::default()).expect_err("a range");
        assert!(refused.problem.contains("range query"), "{refused}");
    }

    #[test]
    fn what_is_not_clear_is_refused_with_what_there_is() {
        let two = EXPOSED.replace(
            r#"destination_service_name="web",destination_version="v2""#,
            r#"destination_service_name="shop",destination_version="v2""#,
        );
        let problem =
            |texts: &[&str], selection: &Selection| counted(texts, selection).expect_err("refused");
        let several = problem(&[&two], &Selection::default());
        assert!(
            several.problem.ends_with("several services: shop, web"),
            "{several}"
        );
        assert_eq!(
            counted(&[&two], &only(SERVICE, "shop")).expect("one").len(),
            1
        );
        let unknown = problem(&[EXPOSED], &only("destination_version", "v9"));
        assert!(unknown.help.contains("v1, v2"), "{}", unknown.help);
        let by = Selection {
            by: Some("pod".to_owned()),
            ..Selection::default()
        };
        assert!(problem(&[EXPOSED], &by).help.contains("reporter"));
        assert!(
            problem(&["up 1\n"], &Selection::default())
                .problem
                .contains("no `istio_requests_total`")
        );
        assert!(
            problem(&["istio_requests_total{a=\"b} 1\n"], &Selection::default())
                .problem
                .starts_with("line 1")
        );
        assert!(
            problem(
                &["istio_requests_total{destination_version=\"v1\"} NaN\n"],
                &Selection::default()
            )
            .problem
            .contains("counts nothing")
        );
    }

    #[test]
    fn labels_may_hold_anything() {
        let (labels, value) =
            sample(r#"{x="a\"}b\\",y="",z="1,2"} 1e3 # {id="7"} 1"#).expect("a sample");
        let own = |name: &str| labels[name].as_str();
        assert_eq!(
            (own("x"), own("y"), own("z"), value),
            ("a\"}b\\", "", "1,2", 1000.0)
        );
    }
}
