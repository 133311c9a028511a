//! Any Unicode at all in the place of every text that comes from elsewhere: each format is still what its readers read, and
//! holds nothing that a terminal or a page obeys. The readers are not ours.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use resplit::report::{FORMATS, Report, read};
use serde_json::{Map, Value};

use crate::formats::{literal, plain};
use crate::support::tools::{HDR_HISTOGRAM, HTML, JUNIT, MARKDOWN, OPENMETRICS, python};

/// Runs with other texts.
const RUNS: usize = 40;
/// What breaks readers: ends of strings, tags, cells, lines and commands, controls, directions, noncharacters, joiners.
const NASTY: [&str; 40] = [
    "\"",
    "'",
    "`",
    "<",
    ">",
    "&",
    "]]>",
    "--",
    "|",
    "\\",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "\0",
    "\u{1b}[31m",
    "\u{1b}]0;x\u{7}",
    "\u{7f}",
    "\u{9b}2J",
    "\u{85}",
    "\u{a0}",
    "\u{61c}",
    "\u{200b}",
    "\u{200d}",
    "\u{2028}",
    "\u{2029}",
    "\u{202e}",
    "\u{2066}",
    "\u{feff}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{fdd0}",
    "\u{1fffe}",
    "\u{10ffff}",
    "\u{e0041}",
    "=cmd|' /C calc'!A0",
    "::error::x",
    "%0A%25",
    "</title><script>alert(1)</script>",
    "[x](javascript:alert(1)) ![y](http://example.test/z)",
];

fn text(rng: &mut Xoshiro256PlusPlus) -> String {
    let pieces = rng.random_range(1..8);
    let piece = |_| -> String {
        match rng.random_range(0..4_u32) {
            0 => loop {
                // Any character but the halves of others.
                if let Some(c) = char::from_u32(rng.random_range(0..0x11_0000)) {
                    break c.to_string();
                }
            },
            1 => "aZ0 .:/=ä天🌦"
                .chars()
                .nth(rng.random_range(0..12))
                .unwrap_or(' ')
                .to_string(),
            _ => NASTY[rng.random_range(0..NASTY.len())].to_owned(),
        }
    };
    (0..pieces).map(piece).collect()
}

/// Other texts for everything that comes from a server, a file or a command line. The same text stays the same.
fn changed(value: Value, known: &mut Map<String, Value>, rng: &mut Xoshiro256PlusPlus) -> Value {
    /// Their values are ours, or packed.
    const OURS: [&str; 25] = [
        "schema",
        "data",
        "packing",
        "service",
        "response",
        "ttfb",
        "kind",
        "outcome",
        "method",
        "place",
        "unit",
        "mechanism",
        "id",
        "status",
        "severity",
        "cause",
        "balancing",
        "number",
        "over",
        "phases",
        "pace",
        "first_batch",
        "slo",
        "share",
        "ratio",
    ];
    match value {
        Value::String(own) => {
            // Distinct texts stay distinct.
            let number = known.len();
            known
                .entry(own)
                .or_insert_with(|| Value::String(format!("{}{number}", text(rng))))
                .clone()
        }
        Value::Array(all) => all
            .into_iter()
            .map(|own| changed(own, known, rng))
            .collect(),
        Value::Object(all) => {
            let own = |(key, own): (String, Value)| {
                let own = if OURS.contains(&key.as_str()) {
                    own
                } else {
                    changed(own, known, rng)
                };
                (key, own)
            };
            Value::Object(all.into_iter().map(own).collect())
        }
        other => other,
    }
}

fn reports() -> Vec<Report> {
    let json: Value = serde_json::from_str(&plain(&literal(), "json")).expect("JSON");
    let run = |seed: usize| {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed as u64);
        // A target that is a reply of the proxy is named by its status.
        let mut known: Map<String, Value> = [("status 418".to_owned(), "status 418".into())]
            .into_iter()
            .collect();
        let text = changed(json.clone(), &mut known, &mut rng).to_string();
        read(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    };
    (0..RUNS).map(run).collect()
}

/// All runs in one format, as a list in JSON.
fn all(reports: &[Report], format: &str) -> String {
    let texts: Vec<String> = reports.iter().map(|report| plain(report, format)).collect();
    serde_json::to_string(&texts).expect("JSON")
}

#[test]
fn fault_6_nothing_that_is_obeyed_is_in_any_format() {
    for report in reports() {
        for format in FORMATS {
            let text = plain(&report, format.name);
            let bad = text.chars().find(|c| {
                let line = *c == '\n' || *c == '\r' && format.name == "csv";
                !line && resplit::units::is_unsafe(*c)
            });
            assert_eq!(bad, None, "{}: {text}", format.name);
        }
    }
}

#[test]
fn fault_6_json_and_csv_are_read_by_python() {
    let script = "
import csv, io, json, sys
for text in json.load(sys.stdin):
    json.loads(text)
";
    let reports = reports();
    python(JUNIT, script, &all(&reports, "json"));
    let script = "
import csv, io, json, sys
for text in json.load(sys.stdin):
    rows = list(csv.reader(io.StringIO(text, newline=''), strict=True))
    assert len(rows) > 3 and len(set(map(len, rows))) == 1, rows
    for cell in (cell for row in rows for cell in row):
        assert not cell.startswith(('=', '+', '-', '@')) or cell == '-' or cell.lstrip('-').replace('.', '').isdigit(), cell
";
    python(JUNIT, script, &all(&reports, "csv"));
}

#[test]
fn fault_6_junit_is_read_by_expat() {
    let script = "
import json, sys, xml.etree.ElementTree, junitparser
for text in json.load(sys.stdin):
    xml.etree.ElementTree.fromstring(text)
    assert len(list(junitparser.JUnitXml.fromstring(text.encode()))) == 1
";
    python(JUNIT, script, &all(&reports(), "junit"));
}

#[test]
fn fault_6_html_is_read_by_html5lib_and_has_no_script() {
    let script = "
import html5lib, json, sys
for text in json.load(sys.stdin):
    page = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)
    for element in page.iter():
        assert element.tag not in ('script', 'img', 'iframe', 'object', 'base', 'form', 'a'), element.tag
        for name, value in element.items():
            assert not name.startswith('on') and 'javascript:' not in str(value) or name in ('title', 'aria-label'), (name, value)
";
    // It takes a second for each page.
    python(HTML, script, &all(&reports()[..8], "html"));
}

#[test]
fn fault_6_markdown_is_read_by_markdown_it_and_links_nowhere() {
    let script = "
import json, re, sys
from markdown_it import MarkdownIt
OURS = {'<code', '</code', '<details', '</details', '<summary', '</summary', '<br'}
reader = MarkdownIt('commonmark', {'html': True}).enable('table')
def walk(tokens):
    for token in tokens:
        yield token
        yield from walk(token.children or [])
for text in json.load(sys.stdin):
    tokens = list(walk(reader.parse(text)))
    kinds = {token.type for token in tokens}
    html = ''.join(token.content for token in tokens if token.type.startswith('html_'))
    assert 'table_open' in kinds, text
    assert not kinds & {'link_open', 'image'}, (kinds, text)
    assert set(re.findall('<[^>]*', html)) <= OURS, (html, text)
";
    python(MARKDOWN, script, &all(&reports(), "markdown"));
}

#[test]
fn fault_6_openmetrics_is_read_by_the_client_of_prometheus() {
    let script = "
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as new
from prometheus_client.parser import text_string_to_metric_families as old
for text in json.load(sys.stdin):
    for read in (new, old):
        assert sum(len(family.samples) for family in read(text)) > 10
";
    python(OPENMETRICS, script, &all(&reports(), "openmetrics"));
}

#[test]
fn fault_6_hlog_is_read_by_hdrhistogram() {
    let script = "
import json, sys, tempfile
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
for text in json.load(sys.stdin):
    with tempfile.NamedTemporaryFile() as file:
        file.write(text.encode())
        file.flush()
        reader, found = HistogramLogReader(file.name, HdrHistogram(1, 3600000000, 3)), 0
        while reader.get_next_interval_histogram() is not None:
            found += 1
        assert found >= 3, text
";
    python(HDR_HISTOGRAM, script, &all(&reports(), "hlog"));
}
