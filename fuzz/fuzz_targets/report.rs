//! Whatever a file holds, reading it as a saved report does not panic. What was read is written and read again, judged again by
//! itself and with another, compared, and shown in every format.
#![no_main]

use std::io::sink;

use libfuzzer_sys::fuzz_target;
use resplit::units::Percentiles;
use resplit::report::{Changes, ComparisonFormat, FORMATS, Report, Style, comparison, read, rejudge};

/// A run that others can be merged with.
const OTHER: &str = include_str!("../../tests/reports/open-loop.json");

fn shown(report: &Report) {
    let style = Style {
        colour: true,
        bars: true,
        width: 100,
        verbose: true,
        percentiles: Percentiles::default(),
    };
    for format in FORMATS {
        (format.render)(report, style, &mut sink()).expect("nothing refuses it");
    }
}

fuzz_target!(|text: &str| {
    let Ok(report) = read(text) else {
        return;
    };
    let written = serde_json::to_string(&report).expect("a report is JSON");
    assert!(read(&written).is_ok());
    let other = read(OTHER).expect("a report");
    let changes = Changes::default();
    if let Ok(found) = comparison(("a", &report), ("b", &other), &[]) {
        for format in [ComparisonFormat::Text, ComparisonFormat::Markdown, ComparisonFormat::Json] {
            found.render(format, &mut sink()).expect("nothing refuses it");
        }
    }
    for others in [vec![], vec![other]] {
        let mut reports = vec![("a".to_owned(), report.clone())];
        reports.extend(others.into_iter().map(|other| ("b".to_owned(), other)));
        if let Ok(again) = rejudge(reports, &changes) {
            shown(&again);
        }
    }
});
