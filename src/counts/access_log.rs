//! Access logs of Envoy: JSON objects, or lines in Istio's and Envoy's default text formats.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Counts, CountsError, Selection, bucket, listed, telling};
use crate::diag::{Code, Note};
use crate::split::Bucket;
use crate::units::counted;

/// Fields that name the target of a request, the most exact first.
const TARGETS: [&str; 2] = ["upstream_cluster", "upstream_host"];
/// What was called.
const AUTHORITY: &str = "authority";

/// The fields of Istio's default text format, in their order.
const ISTIO: [&str; 17] = [
    "start_time",
    "request",
    "response_code",
    "response_flags",
    "response_code_details",
    "connection_termination_details",
    "upstream_transport_failure_reason",
    "bytes_received",
    "bytes_sent",
    "duration",
    "upstream_service_time",
    "x_forwarded_for",
    "user_agent",
    "request_id",
    AUTHORITY,
    "upstream_host",
    "upstream_cluster",
];

/// The fields of Envoy's default text format, in their order.
const ENVOY: [&str; 13] = [
    "start_time",
    "request",
    "response_code",
    "response_flags",
    "bytes_received",
    "bytes_sent",
    "duration",
    "upstream_service_time",
    "x_forwarded_for",
    "user_agent",
    "request_id",
    AUTHORITY,
    "upstream_host",
];

/// A request in the log: its fields by name. Those of a line of text have their place, from 1, as a name too.
type Entry<'t> = BTreeMap<Cow<'t, str>, Cow<'t, str>>;

/// Counts the requests of a log.
///
/// # Errors
///
/// If no line of it is a request, or it is not clear what is counted.
pub fn read(text: &str, selection: &Selection) -> Result<Counts, CountsError> {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let mut entries: Vec<Entry<'_>> = lines.iter().filter_map(|line| entry(line)).collect();
    let other = lines.len() - entries.len();
    if entries.is_empty() {
        return Err(CountsError::new(
            "no line is a request as Envoy logs them",
            "give JSON objects, or lines in Istio's or Envoy's default text format; for others count the values first: … | sort | uniq -c | resplit judge --expect … -",
        ));
    }
    let mut notes = Vec::new();
    if other > 0 {
        let lines = counted(other as u64, "line");
        let are = if other == 1 {
            "is no request"
        } else {
            "are no requests"
        };
        notes.push(Note::new(
            Code::CountsSelected,
            format!("{lines} of the log {are}, and left out"),
        ));
    }
    for (name, value) in &selection.only {
        let known: BTreeSet<String> = values(&entries, name)
            .into_iter()
            .map(str::to_owned)
            .collect();
        entries.retain(|entry| entry.get(name.as_str()).is_some_and(|own| own == value));
        if entries.is_empty() {
            let names = known.iter().map(String::as_str);
            return Err(CountsError::new(
                format!("no request of the log has {name}={value} beside what else is asked for"),
                if known.is_empty() {
                    fields(text)
                } else {
                    format!("`{name}` is one of {}", listed(names))
                },
            ));
        }
    }
    let by = field(text, &mut entries, selection, &mut notes)?;
    let mut counts = Counts::default();
    for entry in &entries {
        let of = |name: &str| entry.get(name).map_or("", |value| value.as_ref());
        let status = of("response_code").parse().unwrap_or(Bucket::NO_STATUS);
        counts.add(bucket(of(&by), status, of("response_flags")), 1)?;
    }
    Ok(Counts { notes, ..counts })
}

fn entry(line: &str) -> Option<Entry<'_>> {
    if line.starts_with('{') {
        let fields: BTreeMap<String, Value> = serde_json::from_str(line).ok()?;
        let text = |value: Value| match value {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let fields = fields.into_iter();
        return Some(
            fields
                .map(|(name, value)| (name.into(), text(value).into()))
                .collect(),
        );
    }
    let words = words(line)?;
    let names: &[&str] = if words.len() >= ISTIO.len() {
        &ISTIO
    } else {
        &ENVOY
    };
    if words.len() < names.len() || words[2].parse::<u16>().is_err() {
        return None;
    }
    let fields = names.iter().zip(&words);
    let by_name = fields.map(|(name, word)| (Cow::Borrowed(*name), Cow::Borrowed(*word)));
    let placed = (1_usize..).zip(&words);
    let by_place =
        placed.map(|(place, word)| (Cow::Owned(place.to_string()), Cow::Borrowed(*word)));
    Some(by_place.chain(by_name).collect())
}

/// The fields of a line of text: `[time]`, `"quoted"` or plain; `None` where it begins with no time.
fn words(line: &str) -> Option<Vec<&str>> {
    let mut words = Vec::new();
    let mut rest = line.strip_prefix('[').map(|_| line)?;
    while !rest.is_empty() {
        let (word, after) = match rest.chars().next()? {
            '[' => rest[1..].split_once(']')?,
            '"' => rest[1..].split_once('"')?,
            _ => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word);
        rest = after.trim_start();
    }
    Some(words)
}

fn values<'e>(entries: &'e [Entry<'_>], name: &str) -> BTreeSet<&'e str> {
    let own = entries.iter().filter_map(|entry| entry.get(name));
    own.map(AsRef::as_ref).collect()
}

/// The names of the fields there are, for a message.
fn fields(text: &str) -> String {
    let first = text.lines().find_map(|line| entry(line.trim()));
    let names: Vec<String> = first.map_or_else(Vec::new, |entry| {
        let names = entry.keys().filter(|name| name.parse::<usize>().is_err());
        names.map(ToString::to_string).collect()
    });
    format!("there are the fields {}", names.join(", "))
}

/// The field that names the target.
fn field(
    text: &str,
    entries: &mut Vec<Entry<'_>>,
    selection: &Selection,
    notes: &mut Vec<Note>,
) -> Result<String, CountsError> {
    if let Some(by) = &selection.by {
        if values(entries, by).is_empty() {
            return Err(CountsError::new(
                format!("no request of the log has the field `{by}`"),
                fields(text),
            ));
        }
        return Ok(by.clone());
    }
    // A sidecar logs what comes in as well; that is somebody else's split.
    let all = entries.len();
    let inbound = |entry: &Entry<'_>| {
        entry
            .get(TARGETS[0])
            .is_some_and(|cluster| cluster.starts_with("inbound|"))
    };
    if !entries.iter().all(inbound) {
        entries.retain(|entry| !inbound(entry));
    }
    if entries.len() < all {
        let inbound = counted((all - entries.len()) as u64, "request");
        notes.push(Note::new(
            Code::CountsSelected,
            format!("{inbound} to the pod itself (inbound) are left out"),
        ));
    }
    let by = telling(&TARGETS, |name| values(entries, name)).ok_or_else(|| {
        CountsError::new(
            "none of the usual fields says which target a request went to",
            format!("name the one that does with --by FIELD; {}", fields(text)),
        )
    })?;
    let hosts = values(entries, AUTHORITY);
    if hosts.len() > 1 {
        return Err(CountsError::new(
            format!("the log is about several hosts: {}", listed(hosts)),
            format!("choose one with --where {AUTHORITY}=HOST"),
        ));
    }
    Ok(by.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISTIO_LINE: &str = r#"[2026-11-30T10:00:00.000Z] "GET /version HTTP/1.1" 200 - via_upstream - "-" 0 9 3 2 "-" "curl/8.5" "id" "web:5000" "10.0.0.7:80" outbound|5000|v1|web.default.svc.cluster.local 10.0.0.2:4 10.0.0.9:5000 10.0.0.2:5 - default"#;
    const ENVOY_LINE: &str = r#"[2026-11-30T10:00:00.000Z] "GET / HTTP/1.1" 503 UH 0 19 0 - "-" "curl/8.5" "id" "web" "-""#;

    fn counted_by(
        text: &str,
        selection: &Selection,
    ) -> Result<Vec<(String, u16, u64)>, CountsError> {
        let counts = read(text, selection)?;
        let rows = counts.buckets.iter();
        Ok(rows
            .map(|(own, count)| (own.identity.to_string(), own.status, *count))
            .collect())
    }

    #[test]
    fn both_default_formats_and_json_say_which_cluster_and_status() {
        let log = format!(
            "{ISTIO_LINE}\ninfo\txdsproxy\tconnected\n{}\n",
            ISTIO_LINE.replace("|v1|", "|v2|")
        );
        let rows = counted_by(&log, &Selection::default()).expect("counts");
        assert_eq!(rows, [("v1".to_owned(), 200, 1), ("v2".to_owned(), 200, 1)]);
        assert!(
            read(&log, &Selection::default()).expect("counts").notes[0]
                .message
                .contains("1 line")
        );
        let json = r#"{"upstream_cluster":"outbound|80|v1|web","response_code":200,"response_flags":"-","authority":"web"}
{"upstream_cluster":null,"response_code":503,"response_flags":"NC","authority":"web"}"#;
        let rows = counted_by(json, &Selection::default()).expect("counts");
        assert_eq!(
            rows,
            [("v1".to_owned(), 200, 1), ("(empty)".to_owned(), 503, 1)]
        );
        let by = |name: &str| Selection {
            by: Some(name.to_owned()),
            ..Selection::default()
        };
        for name in ["upstream_host", "13"] {
            let rows = counted_by(ENVOY_LINE, &by(name)).expect("counts");
            assert_eq!(rows, [("(empty)".to_owned(), 503, 1)], "{name}");
        }
    }

    #[test]
    fn requests_to_the_pod_itself_are_left_out_and_several_hosts_refused() {
        let inbound = ISTIO_LINE.replace(
            "outbound|5000|v1|web.default.svc.cluster.local",
            "inbound|8080||",
        );
        let log = format!("{ISTIO_LINE}\n{inbound}\n");
        let counts = read(&log, &Selection::default()).expect("counts");
        assert!(
            counts.notes[0]
                .message
                .starts_with("1 request to the pod itself")
        );
        assert_eq!(counts.buckets.values().sum::<u64>(), 1);
        let other = ISTIO_LINE.replace("web:5000", "shop:80");
        let log = format!("{ISTIO_LINE}\n{other}\n");
        let several = counted_by(&log, &Selection::default()).expect_err("two hosts");
        assert!(several.problem.ends_with("shop:80, web:5000"), "{several}");
        let shop = Selection {
            only: vec![("authority".to_owned(), "shop:80".to_owned())],
            ..Selection::default()
        };
        assert_eq!(counted_by(&log, &shop).expect("one").len(), 1);
    }

    #[test]
    fn what_is_no_log_is_refused() {
        for text in [
            "",
            "hello\n",
            "{\"a\":\n",
            "[x] \"GET\n",
            "[t] \"GET / HTTP/1.1\" abc -\n",
        ] {
            assert!(counted_by(text, &Selection::default()).is_err(), "{text}");
        }
        let by = Selection {
            by: Some("pod".to_owned()),
            ..Selection::default()
        };
        let refused = counted_by(ENVOY_LINE, &by).expect_err("no such field");
        assert!(refused.help.contains("upstream_host"), "{}", refused.help);
    }
}
