//! The lines of an `OpenMetrics` text.

use std::fmt::{Display, Write as _};

use super::sanitize::safe;

/// Lines, family by family.
pub(super) struct Exposition(pub(super) String);

impl Exposition {
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# TYPE {name} {kind}\n# HELP {name} {help}");
    }

    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let label = |(key, value): &(&str, &str)| {
            let value = safe(value).replace('\\', "\\\\").replace('"', "\\\"");
            format!("{key}=\"{value}\"")
        };
        let labels: Vec<String> = labels.iter().map(label).collect();
        let labels = match labels.join(",") {
            labels if labels.is_empty() => labels,
            labels => format!("{{{labels}}}"),
        };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    /// One number.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }

    /// A number for each value of a label.
    pub(super) fn gauges<V: Display>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (String, V)>,
    ) {
        self.family(name, "gauge", help);
        for (own, value) in values {
            self.sample(name, &[(label, &own)], value);
        }
    }
}
