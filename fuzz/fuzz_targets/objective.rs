//! Whatever is typed for `--slo`, nothing panics, and a problem lies within the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use resplit::verdict::slo::Slo;

fuzz_target!(|text: &str| {
    match text.parse::<Slo>() {
        Ok(slo) => {
            let again: Slo = slo.to_string().parse().expect("what is printed is read");
            assert_eq!(again, slo);
        }
        Err(problem) => {
            let text = text.trim();
            assert!(text.get(problem.span.clone()).is_some(), "{problem:?}");
        }
    }
});
