//! The two forms of counters: the text that a proxy exposes, and the result of a query.

use serde::Deserialize;

use super::{Labels, Series};
use crate::counts::CountsError;

/// The series of a metric in either form.
pub(super) fn series(text: &str, metric: &str) -> Result<Series, CountsError> {
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
pub(super) fn sample(rest: &str) -> Option<(Labels, f64)> {
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
        Error { error: String },
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
    let result = match response {
        Response::Error { error } => return Err(refused(format!("Prometheus says `{error}`"))),
        Response::Whole { data } | Response::Data(data) => data.result,
        Response::Result(result) => result,
    };
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
