//! As `manifest`, of JSON: the config dump of a proxy, or what kubectl writes.
#![no_main]

#[path = "shared/everything.rs"]
mod everything;

libfuzzer_sys::fuzz_target!(|text: &str| everything::said_about("fuzz.json", text));
