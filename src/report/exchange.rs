//! One request and its response, word for word, and what they are counted as: what `--debug` shows.

use std::fmt::Write as _;

use super::latency_table::millis;
use super::sanitize::safe;
use crate::observe::Observation;
use crate::split::Expected;
use crate::units::percent;
use crate::verdict::attribution::classify;
use crate::verdict::attribution::{Classification, label_of};
use crate::verdict::mapping::Mapping;

/// Bytes of a body that are shown.
const LONGEST_BODY: usize = 4096;

/// A run of one request.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The head of the request, line by line, its secrets masked.
    pub head: &'a [String],
    /// Bytes of its body.
    pub body: usize,
    /// The header fields of the response, their secrets masked.
    pub fields: &'a [String],
    /// What was seen.
    pub seen: &'a Observation,
    /// The rule that takes the request, and where it stands, if manifests say it.
    pub rule: Option<&'a str>,
    /// What was declared, and which values mean which targets.
    pub declared: Option<(&'a Expected, &'a Mapping)>,
    /// The `--bucket` options in their order.
    pub buckets: &'a [String],
}

impl Exchange<'_> {
    /// The text, with a mark before each line as curl has it: `*` for a remark, `>` for what is sent, `<` for what comes.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        if let Some((expected, _)) = self.declared {
            let _ = writeln!(
                text,
                "* declared in {}: {}",
                safe(&expected.source),
                shares(expected)
            );
        }
        if let Some(rule) = self.rule {
            let _ = writeln!(text, "* route: {}", safe(rule));
        }
        for line in self.head {
            let _ = writeln!(text, "> {}", safe(line));
        }
        text.push_str(">\n");
        if self.body > 0 {
            let _ = writeln!(text, "* a body of {} bytes", self.body);
        }
        self.response(&mut text);
        self.times(&mut text);
        self.counted(&mut text);
        text
    }

    fn response(&self, text: &mut String) {
        let Some(response) = &self.seen.response else {
            let failures = self
                .seen
                .failures
                .iter()
                .filter(|(_, failed)| failed.count > 0);
            for (kind, failed) in failures {
                let _ = writeln!(text, "* no response ({kind}): {}", safe(&failed.example));
            }
            return;
        };
        let _ = writeln!(text, "* from {}", safe(&response.peer));
        let _ = writeln!(text, "< {}", response.status);
        for field in self.fields {
            let _ = writeln!(text, "< {}", safe(field));
        }
        text.push_str("<\n");
        let shown = &response.body[..response.body.len().min(LONGEST_BODY)];
        for line in String::from_utf8_lossy(shown).lines() {
            let _ = writeln!(text, "{}", safe(line));
        }
        let rest = response.body.len() - shown.len();
        if rest > 0 {
            let _ = writeln!(text, "* and {rest} bytes more");
        }
    }

    /// The parts of the request that took time.
    fn times(&self, text: &mut String) {
        let phases = &self.seen.phases;
        let total = self.seen.tallies.values().next();
        let parts = [
            ("DNS", Some(&phases.dns)),
            ("connect", Some(&phases.connect)),
            ("TLS", Some(&phases.tls)),
            ("first byte", Some(&phases.first_byte)),
            ("total", total.map(|tally| &tally.latency)),
        ];
        let parts = parts.into_iter().filter_map(|(name, times)| {
            let times = times.filter(|times| !times.is_empty())?;
            let micros = u32::try_from(times.max()).unwrap_or(u32::MAX);
            Some(format!("{name} {} ms", millis(f64::from(micros) / 1000.0)))
        });
        let parts: Vec<String> = parts.collect();
        if !parts.is_empty() {
            let _ = writeln!(text, "* {}", parts.join(", "));
        }
    }

    /// What the response counts as, and what said so.
    fn counted(&self, text: &mut String) {
        let Some(bucket) = self.seen.tallies.keys().next() else {
            return;
        };
        let place = classify(bucket, self.declared);
        let expected = self.declared.map(|(expected, _)| expected);
        let found = self
            .seen
            .consulted
            .iter()
            .position(|consulted| consulted.found > 0);
        let by = found.and_then(|at| self.buckets.get(at));
        let by = by.map_or_else(String::new, |spec| format!(" (--bucket {})", safe(spec)));
        let value = safe(&label_of(bucket, place, expected));
        let target = match (place, expected) {
            (Classification::Target(at), Some(expected)) => {
                format!(", target {}", safe(&expected.declared()[at].name))
            }
            (Classification::Undeclared, _) => ", which no declared target is".to_owned(),
            (Classification::Unattributed, _) => ": it does not say whose it is".to_owned(),
            _ => String::new(),
        };
        let _ = writeln!(text, "* counted as `{value}`{by}{target}");
    }
}

fn shares(expected: &Expected) -> String {
    let shares = expected.declared().iter();
    let shares = shares.map(|declared| {
        format!(
            "{} {}",
            safe(&declared.name),
            percent(declared.share.as_f64())
        )
    });
    shares.collect::<Vec<_>>().join(", ")
}
