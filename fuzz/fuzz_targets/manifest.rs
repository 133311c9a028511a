//! Whatever files hold, nothing panics on the way from their text to the routes from everywhere, the findings of lint in every
//! format, and what `explain --all-rules` says of a request; and every problem can be shown.
#![no_main]

#[path = "shared/everything.rs"]
mod everything;

libfuzzer_sys::fuzz_target!(|text: &str| everything::said_about("fuzz.yaml", text));
