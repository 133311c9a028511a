//! Whatever a file of cases holds, in each of the three formats, nothing panics, and what its cases came to can be shown. And
//! whatever manifests hold, the suite that is written of them is read again without a problem, and holds.
#![no_main]

use std::collections::BTreeSet;
use std::io::sink;

use libfuzzer_sys::fuzz_target;
use resplit::diag::{Severity, Sources};
use resplit::manifest::{dump_as_json, parse};
use resplit::report::suite::{CaseRow, SuiteReport, TEST_FORMATS, TestReport};
use resplit::suite::{Outcome, Suite, World, decode, write};

const MANIFESTS: [&str; 3] = [
    include_str!("../../tests/suites/shop.yaml"),
    include_str!("../../examples/reviews/canary.yaml"),
    include_str!("../../tests/suites/routes.yaml"),
];

/// What files hold, where nothing in them is an error.
fn world(texts: &[&str]) -> Option<World> {
    let mut sources = Sources::new();
    for (at, text) in texts.iter().enumerate() {
        let text = dump_as_json(text).unwrap_or_else(|| (*text).to_owned());
        sources.add(format!("{at}.yaml"), text);
    }
    let (manifests, problems) = parse(&sources);
    let error = problems.iter().any(|one| one.severity == Severity::Error);
    (!error).then(|| World::new(sources, manifests))
}

fn suite(text: &str) -> Option<Suite> {
    let mut sources = Sources::new();
    let id = sources.add("suite.yaml", text.to_owned());
    let (suite, problems) = decode(&sources, id);
    for problem in &problems {
        let _ = problem.sentence(&sources);
    }
    let error = problems.iter().any(|one| one.severity == Severity::Error);
    suite.filter(|_| !error)
}

fn checked(world: &World, suite: &Suite) -> TestReport {
    let mut taken = BTreeSet::new();
    let mut cases = Vec::new();
    for case in &suite.cases {
        let verdict = world.check(case, suite.strict);
        let actual = verdict.actual.as_ref();
        taken.extend(actual.and_then(|actual| Some(actual.rule.as_ref()?.full())));
        cases.push(CaseRow::new(case, &verdict));
    }
    let report = TestReport {
        suites: vec![SuiteReport { name: "suite.yaml".to_owned(), cases }],
        coverage: world.coverage(&taken),
        ..TestReport::default()
    };
    for format in TEST_FORMATS {
        (format.render)(&report, true, &mut sink()).expect("nothing refuses it");
    }
    report
}

fuzz_target!(|text: &str| {
    if let Some(suite) = suite(text) {
        let world = world(&MANIFESTS).expect("manifests without an error");
        let _ = checked(&world, &suite);
    }
    if let Some(world) = world(&[text]) {
        let written = write(&world, &["0.yaml".to_owned()], None);
        if written.cases > 0 {
            let again = suite(&written.text).expect("what is written is read");
            assert_eq!(again.cases.len(), written.cases);
            let report = checked(&world, &again);
            assert_eq!(report.count(Outcome::Fail), 0, "{}", written.text);
        }
    }
});
