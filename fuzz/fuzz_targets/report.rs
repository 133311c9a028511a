//! Whatever a file holds, reading it as a saved report does not panic, and what was read is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use resplit::report::read;

fuzz_target!(|text: &str| {
    if let Ok(report) = read(text) {
        let written = serde_json::to_string(&report).expect("a report is JSON");
        assert!(read(&written).is_ok());
    }
});
