//! What responses are told apart by, and which values mean which targets.

use crate::bucket::{Bucketer, Reduce};
use crate::cli::config::RunConfig;
use crate::observe::Observation;
use crate::split::Expected;
use crate::verdict::mapping::{MapRule, Mapping, MappingError, recognise};

/// Which values mean which targets, as far as values have been seen.
pub(in crate::cli) fn derive(
    expected: &Expected,
    rules: &[MapRule],
    seen: &Observation,
) -> Result<Mapping, MappingError> {
    Mapping::derive(expected, rules, seen.tallies.keys())
}

pub(in crate::cli) fn bucketer(config: &RunConfig, expected: Option<&Expected>) -> Bucketer {
    // Where one endpoint is meant, what all of its kind have in common tells nothing.
    let bucketer = match expected {
        Some(expected) if config.bucket.is_empty() && expected.is_endpoint() => {
            Bucketer::parse(&["endpoint"])
        }
        _ => Bucketer::parse(&config.bucket),
    };
    let bucketer = bucketer.expect("checked when it was typed");
    match expected {
        None => bucketer,
        Some(expected) => bucketer.with_reducer(Targets {
            expected: expected.clone(),
            rules: config.map.clone(),
        }),
    }
}

/// Reduces a value to the name of the target that it means.
#[derive(Debug)]
struct Targets {
    expected: Expected,
    rules: Vec<MapRule>,
}

impl Reduce for Targets {
    fn reduce(&self, value: &str, status: u16) -> Option<String> {
        recognise(&self.expected, &self.rules, value, status).map(str::to_owned)
    }
}
