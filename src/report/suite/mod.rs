//! What cases came to, in every format: schema [`TEST_SCHEMA`].

mod github;
mod json;
mod live;
mod text;
mod xml;

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use super::explain::{HeaderRow, WitnessRow, witness};
use crate::route::Probe;
use crate::suite::{Case, Coverage, Outcome, Verdict};
use crate::units::{counted, percent};
pub use live::LiveRow;

/// The name and major version of the JSON form.
pub const TEST_SCHEMA: &str = "resplit.test/1";

/// All suites of a call.
#[derive(Clone, Debug, Default)]
pub struct TestReport {
    /// The suites in order.
    pub suites: Vec<SuiteReport>,
    /// Which rules their requests take.
    pub coverage: Coverage,
    /// The coverage that is asked for.
    pub fail_under: Option<f64>,
    /// Cases that were left out, because of `--only` or `--fail-fast`.
    pub left_out: usize,
    /// What has to be said of the requests as a whole, where any were to be sent.
    pub live: Option<Vec<String>>,
}

/// One suite.
#[derive(Clone, Debug, Default)]
pub struct SuiteReport {
    /// The file.
    pub name: String,
    /// Its cases.
    pub cases: Vec<CaseRow>,
}

/// One case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CaseRow {
    /// Its name.
    pub name: String,
    /// `pass`, `fail` or `skip`; `inconclusive` or `no-data` of requests that were sent.
    pub outcome: &'static str,
    /// The line where it begins.
    pub line: usize,
    /// The request.
    pub request: RequestRow,
    /// The rule that takes the request.
    pub rule: Option<String>,
    /// Where that rule is.
    pub source: Option<String>,
    /// What does not hold.
    pub differences: Vec<DifferenceRow>,
    /// What was not checked, with why.
    pub skipped: Vec<String>,
    /// What its requests showed, where they were sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveRow>,
}

/// The request of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestRow {
    /// `GET`
    pub method: String,
    /// The URL.
    pub url: String,
    /// The `Host` header.
    pub host: String,
    /// The headers.
    pub headers: Vec<HeaderRow>,
    /// The options of resplit that send it, quoted for a shell.
    pub arguments: String,
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DifferenceRow {
    /// What.
    pub what: String,
    /// What the case expects.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// A format of `test`.
pub struct TestFormat {
    /// What is typed.
    pub name: &'static str,
    /// What writes it; the flag asks for colour.
    pub render: fn(&TestReport, bool, &mut dyn Write) -> io::Result<()>,
}

/// All of them.
pub const TEST_FORMATS: &[TestFormat] = &[
    TestFormat {
        name: "text",
        render: text::render,
    },
    TestFormat {
        name: "json",
        render: json::render,
    },
    TestFormat {
        name: "junit",
        render: xml::render,
    },
    TestFormat {
        name: "github",
        render: github::render,
    },
];

impl CaseRow {
    /// The row of a case.
    #[must_use]
    pub fn new(case: &Case, verdict: &Verdict) -> Self {
        let rule = verdict
            .actual
            .as_ref()
            .and_then(|actual| actual.rule.as_ref());
        let differences = verdict.differences.iter().map(|one| DifferenceRow {
            what: one.what.clone(),
            expected: one.expected.clone(),
            found: one.found.clone(),
        });
        Self {
            name: case.name.clone(),
            outcome: word(verdict.outcome()),
            line: case.line,
            request: request(&case.probe),
            rule: rule.map(|rule| format!("{} {}", rule.object, rule.label)),
            source: rule.map(|rule| rule.source.clone()),
            differences: differences.collect(),
            skipped: verdict.skipped.clone(),
            live: None,
        }
    }

    /// Whether it failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.outcome == word(Outcome::Fail)
    }

    /// What does not hold, or why that is not known, a line for each; of what was sent the command that sends it.
    fn lines(&self) -> Vec<String> {
        let differences = self.differences.iter();
        let differences = differences.map(|one| {
            format!(
                "{}: expected {}, found {}",
                one.what, one.expected, one.found
            )
        });
        let live = self.live.iter().flat_map(LiveRow::lines);
        differences.chain(live).collect()
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Fail => "fail",
        Outcome::Skip => "skip",
        Outcome::Inconclusive => "inconclusive",
        Outcome::NoData => "no-data",
    }
}

fn request(probe: &Probe) -> RequestRow {
    let WitnessRow {
        method,
        url,
        host,
        headers,
        arguments,
        ..
    } = witness(probe, probe);
    RequestRow {
        method,
        url,
        host,
        headers,
        arguments,
    }
}

impl TestReport {
    /// How many cases ended so.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        let cases = self.suites.iter().flat_map(|suite| &suite.cases);
        cases.filter(|case| case.outcome == word(outcome)).count()
    }

    /// How the whole ended: the worst of the cases decides. A skip is no failure; too few rules covered are one. Where requests were to
    /// be sent and none was there is no data.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let order = [Outcome::Fail, Outcome::NoData, Outcome::Inconclusive];
        let found = |outcome: &Outcome| self.count(*outcome) > 0;
        if self.uncovered() {
            return Outcome::Fail;
        }
        let nothing = self.live.is_some() && self.sent() == 0 && self.count(Outcome::Skip) > 0;
        let otherwise = if nothing {
            Outcome::NoData
        } else {
            Outcome::Pass
        };
        order.into_iter().find(found).unwrap_or(otherwise)
    }

    /// Requests that were sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        let cases = self.suites.iter().flat_map(|suite| &suite.cases);
        cases
            .filter_map(|case| Some(case.live.as_ref()?.sent))
            .sum()
    }

    /// Whether fewer rules are covered than asked for.
    #[must_use]
    pub fn uncovered(&self) -> bool {
        self.fail_under
            .is_some_and(|least| self.coverage.fraction() < least)
    }

    /// `12 cases: 10 passed, 1 failed, 1 skipped; 8 of 9 rules covered (88.9%)`
    #[must_use]
    pub fn summary(&self) -> String {
        let counts = [
            Outcome::Pass,
            Outcome::Fail,
            Outcome::Skip,
            Outcome::Inconclusive,
            Outcome::NoData,
        ]
        .map(|outcome| self.count(outcome));
        let all: usize = counts.iter().sum();
        let cases = if all == 1 { "case" } else { "cases" };
        let left = match self.left_out {
            0 => String::new(),
            left => format!(", {left} left out"),
        };
        let [passed, failed, skipped, open, silent] = counts;
        let more = |count: usize, what: &str| match count {
            0 => String::new(),
            count => format!(", {count} {what}"),
        };
        let open = more(open, "inconclusive");
        let silent = more(silent, "without data");
        let mut text = format!(
            "{all} {cases}: {passed} passed, {failed} failed{open}{silent}, {skipped} skipped{left}"
        );
        if self.live.is_some() {
            let _ = write!(text, "; {} sent", counted(self.sent(), "request"));
        }
        if self.coverage.rules > 0 {
            let part = percent(self.coverage.fraction());
            let (covered, rules) = (self.coverage.covered, self.coverage.rules);
            let _ = write!(text, "; {covered} of {rules} rules covered ({part})");
        }
        if let (true, Some(least)) = (self.uncovered(), self.fail_under) {
            let _ = write!(text, ", fewer than --fail-under {}", percent(least));
        }
        text
    }
}
