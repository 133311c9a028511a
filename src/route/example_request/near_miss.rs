//! Requests that a route takes but for one condition: they show where the route ends.

use super::values::{Asked, Part};
use crate::route::matching::Evaluation;
use crate::route::{Condition, Probe, Route, TextMatch, VirtualHost};

/// What stands in a value that was changed.
const OTHER: char = '~';

/// For each condition of a route requests like one that it takes, which fail this condition; with the field of the condition.
#[must_use]
pub fn near_misses<'t>(
    host: &VirtualHost,
    route: &'t Route,
    taken: &Probe,
) -> Vec<(&'t str, Probe)> {
    let mut found: Vec<(&str, Probe)> = Vec::new();
    for condition in &route.conditions {
        for probe in around(condition, host, taken) {
            if !found.iter().any(|(_, known)| *known == probe) {
                found.push((&condition.field, probe));
            }
        }
    }
    found
}

/// Requests beside the border of a condition, and one far from it.
fn around(condition: &Condition, host: &VirtualHost, taken: &Probe) -> Vec<Probe> {
    let Some(part) = Part::of(&condition.test) else {
        return Vec::new();
    };
    let fails = |value: Option<String>| {
        let probe = part.set(taken, value.as_deref())?;
        (condition.holds(&probe) == Evaluation::No).then_some(probe)
    };
    // Servers refuse a method that they do not know, whatever the routes are.
    let near = condition.test.text().filter(|_| part != Part::Method);
    let beside = near.map_or_else(Vec::new, beside);
    let mut probes: Vec<Probe> = beside
        .into_iter()
        .filter_map(|value| fails(Some(value)))
        .collect();
    let asked = Asked {
        own: Vec::new(),
        before: vec![&condition.test],
    };
    let mut far = part.values(&asked, taken, host).into_iter();
    probes.extend(far.find_map(fails));
    probes
}

/// Values that differ from one that passes by a character.
fn beside(wanted: &TextMatch) -> Vec<String> {
    let shorter = |text: &str| {
        let mut chars = text.chars();
        chars.next_back();
        chars.as_str().to_owned()
    };
    let other = |text: &str| format!("{}{OTHER}", shorter(text));
    match wanted {
        TextMatch::Exact { text, .. } => vec![format!("{text}{OTHER}"), shorter(text)],
        TextMatch::Prefix { text, .. } | TextMatch::Contains { text, .. } => {
            vec![shorter(text), other(text)]
        }
        TextMatch::Below { text, .. } => vec![shorter(text), other(text), format!("{text}{OTHER}")],
        TextMatch::Suffix { text, .. } => {
            let rest: String = text.chars().skip(1).collect();
            vec![rest, other(text)]
        }
        TextMatch::Range { start, end } => {
            vec![start.saturating_sub(1).to_string(), end.to_string()]
        }
        TextMatch::Present | TextMatch::Regex(_) => Vec::new(),
    }
}
