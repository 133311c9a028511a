//! Whatever a file holds, reading it as YAML, JSON or a dump of a proxy does not panic, and every problem can be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use resplit::diag::Sources;
use resplit::manifest::parse;

fuzz_target!(|text: &str| {
    let mut sources = Sources::new();
    sources.add("fuzz.yaml", text.to_owned());
    let (_, problems) = parse(&sources);
    for problem in problems {
        let _ = problem.sentence(&sources);
    }
});
