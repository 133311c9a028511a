//! `/metrics` of a watch, as `OpenMetrics`.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::super::exposition::Exposition;
use crate::verdict::monitor::{Monitor, SeenShare, State};

/// What a watch knows beside the split.
#[derive(Clone, Debug)]
pub struct Published<'a> {
    /// When the watch began.
    pub began: SystemTime,
    /// Requests of the whole watch, by how they ended.
    pub requests: &'a BTreeMap<&'static str, u64>,
    /// Responses of the whole watch, by target.
    pub responses: &'a BTreeMap<String, u64>,
    /// Events by name.
    pub events: &'a BTreeMap<String, u64>,
    /// Events for the webhook by what became of them; empty without one.
    pub webhook: &'a BTreeMap<&'static str, u64>,
    /// Requests that were not looked at.
    pub missed: u64,
}

/// The metrics of a watch.
#[must_use]
pub fn metrics(monitor: &Monitor, published: &Published<'_>) -> String {
    let mut text = Exposition(String::new());
    let state = monitor.state();
    text.gauges(
        "resplit_monitor_state",
        "1 for the state of the watch, 0 for all others.",
        "state",
        State::ALL.map(|own| (own.word().to_owned(), u8::from(own == state))),
    );
    let period = monitor.period();
    let since = published.began + Duration::from_secs(period.since);
    let since = since
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    text.gauge(
        "resplit_monitor_state_since_seconds",
        "When the first request of the present state ended, in Unix time.",
        since.as_secs(),
    );
    shares(&mut text, &period.shares);
    evidence(&mut text, monitor, &period.shares);
    counters(&mut text, published);
    text.0.push_str("# EOF\n");
    text.0
}

fn shares(text: &mut Exposition, shares: &[SeenShare]) {
    type Of = fn(&SeenShare) -> f64;
    let families: [(&str, &str, Of); 5] = [
        (
            "declared_share",
            "The share that a target should get.",
            |own| own.declared,
        ),
        (
            "share",
            "The share of a target of the responses since the present state began that name one.",
            |own| own.share.unwrap_or(f64::NAN),
        ),
        (
            "share_low",
            "The lower end of its 99% interval, which holds at all times if the split has been one since then.",
            |own| own.interval.lo,
        ),
        ("share_high", "The upper end of the same interval.", |own| {
            own.interval.hi
        }),
        (
            "share_off",
            "1 where the declared share lies outside of the interval.",
            |own| f64::from(u8::from(own.is_off)),
        ),
    ];
    for (name, help, of) in families {
        let values = shares
            .iter()
            .map(|own| (own.target.clone(), number(of(own))));
        text.gauges(&format!("resplit_monitor_{name}"), help, "target", values);
    }
}

fn evidence(text: &mut Exposition, monitor: &Monitor, shares: &[SeenShare]) {
    let evidence = monitor.evidence();
    text.gauge(
        "resplit_monitor_e_value",
        "The evidence for the next change of the split, in requests for one false alarm.",
        number(evidence.value),
    );
    text.gauge(
        "resplit_monitor_e_value_threshold",
        "The evidence that it takes.",
        number(evidence.threshold),
    );
    let parts = monitor.evidence_by_target().into_iter().map(number);
    text.gauges(
        "resplit_monitor_target_e_value",
        "The part of the evidence against the declared split that speaks for another share of a target; of two targets the smaller one has all.",
        "target",
        shares.iter().map(|own| own.target.clone()).zip(parts),
    );
}

fn counters(text: &mut Exposition, published: &Published<'_>) {
    let mut counter = |name: &str, help: &str, label: &str, values: Vec<(String, u64)>| {
        let name = format!("resplit_monitor_{name}");
        text.family(&name, "counter", help);
        for (value, count) in values {
            let labels = [(label, value.as_str())];
            let labels = if label.is_empty() { &[][..] } else { &labels };
            text.sample(&format!("{name}_total"), labels, count);
        }
    };
    let named = |counts: &BTreeMap<&'static str, u64>| {
        let counts = counts.iter();
        counts
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect()
    };
    let owned = |counts: &BTreeMap<String, u64>| {
        let counts = counts.iter();
        counts.map(|(name, count)| (name.clone(), *count)).collect()
    };
    counter(
        "requests",
        "Requests that have ended: attributed to a target, undeclared, an error, unidentified, failed, or not counted.",
        "ended",
        named(published.requests),
    );
    counter(
        "responses",
        "Responses that name a target.",
        "target",
        owned(published.responses),
    );
    counter("events", "Events.", "event", owned(published.events));
    if !published.webhook.is_empty() {
        counter(
            "webhook",
            "Events for the webhook, by what became of them.",
            "result",
            named(published.webhook),
        );
    }
    counter(
        "missed",
        "Requests that were sent and not looked at, because more ended than could be.",
        "",
        vec![(String::new(), published.missed)],
    );
}

/// A number as `OpenMetrics` writes it.
fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value == f64::INFINITY {
        "+Inf".to_owned()
    } else {
        value.to_string()
    }
}
