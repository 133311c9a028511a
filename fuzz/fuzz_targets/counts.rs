//! Whatever counts come from elsewhere, nothing panics, and what is counted adds up. The first byte of the input says as what it
//! is read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use resplit::counts::{Selection, access_log, lines, prometheus};

fuzz_target!(|input: &str| {
    let Some(first) = input.chars().next() else {
        return;
    };
    let text = &input[first.len_utf8()..];
    let selection = Selection::default();
    let read = match first {
        'l' => lines::read(text),
        'w' => lines::words(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()),
        'p' => prometheus::read(&[text.to_owned()], prometheus::METRIC, &selection),
        'd' => {
            let (before, after) = text.split_at(text.find("---").unwrap_or(0));
            let texts = [before.to_owned(), after.trim_start_matches('-').to_owned()];
            prometheus::read(&texts, prometheus::METRIC, &selection)
        }
        _ => access_log::read(text, &selection),
    };
    if let Ok(seen) = read.and_then(|counts| counts.observation()) {
        assert_eq!(seen.answered(), seen.sent);
    }
});
