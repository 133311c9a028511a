//! `/metrics`: how many checks run, wait, were refused, and how those ended that did, as `OpenMetrics`.

use std::fmt::Write as _;

use super::checks::Counters;

/// The media type of the text.
pub(in crate::cli) const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The counters as text. Names of checks and outcomes have no letter that would have to be escaped.
pub(super) fn text(counters: &Counters) -> String {
    let mut text = format!(
        "# TYPE resplit_checks_running gauge\n# HELP resplit_checks_running Checks that run.\nresplit_checks_running {}\n\
         # TYPE resplit_checks_queued gauge\n# HELP resplit_checks_queued Checks that wait for their turn.\nresplit_checks_queued {}\n\
         # TYPE resplit_calls counter\n# HELP resplit_calls Calls that asked for a check.\nresplit_calls_total {}\n\
         # TYPE resplit_calls_refused counter\n# HELP resplit_calls_refused Calls that were refused since the queue was \
         full.\nresplit_calls_refused_total {}\n\
         # TYPE resplit_checks counter\n# HELP resplit_checks Checks that have ended.\n",
        counters.running, counters.queued, counters.calls, counters.refused
    );
    for ((check, outcome), count) in &counters.ended {
        let _ = writeln!(
            text,
            "resplit_checks_total{{check=\"{check}\",outcome=\"{outcome}\"}} {count}"
        );
    }
    text.push_str("# TYPE resplit_check_seconds counter\n# UNIT resplit_check_seconds seconds\n# HELP resplit_check_seconds Time that checks took.\n");
    for (check, seconds) in &counters.seconds {
        let _ = writeln!(
            text,
            "resplit_check_seconds_total{{check=\"{check}\"}} {seconds}"
        );
    }
    text.push_str("# EOF\n");
    text
}
