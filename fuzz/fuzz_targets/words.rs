//! Whatever is typed for an option that has a grammar, nothing panics. The first line of the input says which.
#![no_main]

use libfuzzer_sys::fuzz_target;
use resplit::bucket::Bucketer;
use resplit::route::IstioVersion;
use resplit::split::{Share, parse_weights};
use resplit::units::{Count, Fraction, Percentiles, Period, Rate};
use resplit::verdict::mapping::MapRule;

fuzz_target!(|input: &str| {
    let (which, text) = input.split_once('\n').unwrap_or(("", input));
    let words: Vec<String> = text.lines().map(str::to_owned).collect();
    match which {
        "bucket" => drop(Bucketer::parse(&words)),
        "map" => drop(text.parse::<MapRule>()),
        "expect" => drop(parse_weights(&words)),
        "rate" => drop(text.parse::<Rate>().map(|rate| rate.to_string())),
        "time" => drop(text.parse::<Period>()),
        "count" => drop(text.parse::<Count>()),
        "fraction" => drop(text.parse::<Fraction>()),
        "share" => drop(text.parse::<Share>().map(|share| share.to_string())),
        "percentiles" => drop(text.parse::<Percentiles>()),
        _ => drop(text.parse::<IstioVersion>()),
    }
});
