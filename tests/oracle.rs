//! The statistics against an oracle: values made by mpmath with 60 digits, exact rationals, scipy, R and statsmodels.
//! Each case says how its values were made and how close a double must come.
//!
//! `RESPLIT_ORACLE` may name one more file of the same form.

mod compare;
mod doubts;
mod fixed;
mod quality;
mod sequential;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use compare::differences;

/// One case of an oracle file.
#[derive(Deserialize)]
struct Case {
    id: String,
    group: String,
    input: Value,
    expect: Value,
    rtol: f64,
}

#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

/// Computes what a case expects, under the same names.
type Compute = fn(&Value) -> Value;

const GROUPS: [(&str, Compute); 27] = [
    ("chi2_isf", fixed::chi2_isf),
    ("chi2_tail", fixed::chi2_tail),
    ("clopper_pearson", fixed::clopper_pearson),
    ("exact_binomial", fixed::exact_binomial),
    ("exact_multinomial", fixed::exact_multinomial),
    ("gof", fixed::gof),
    ("interval_null", fixed::interval_null),
    ("ln_gamma", fixed::ln_gamma),
    ("ncx2", fixed::ncx2),
    ("plan_alt", fixed::plan_alt),
    ("plan_auto", fixed::plan_auto),
    ("plan_w", fixed::plan_w),
    ("power", fixed::power),
    ("starvation_n", fixed::starvation_n),
    ("unattributed", fixed::unattributed),
    ("verdict_fixed_n", fixed::verdict_fixed_n),
    ("wilson", fixed::wilson),
    ("confidence_sequence", sequential::confidence_sequence),
    ("early_pass", sequential::early_pass),
    ("evalue", sequential::evalue),
    ("verdict_sequential", sequential::verdict_sequential),
    ("clustering", doubts::clustering),
    ("dispersion_windows", doubts::dispersion_windows),
    ("error_rate_2x2", quality::error_rate_2x2),
    ("merge_heterogeneity", quality::merge_heterogeneity),
    ("quantile_ranks", quality::quantile_ranks),
    ("quantile_ratio_mover", quality::quantile_ratio_mover),
];

#[test]
#[expect(clippy::disallowed_methods, reason = "the test reads its oracle")]
fn every_number_agrees_with_the_oracle() {
    let groups: BTreeMap<&str, Compute> = GROUPS.into_iter().collect();
    let mut checked: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for path in oracle_files() {
        let text = std::fs::read_to_string(&path).expect("an oracle file can be read");
        let cases: Cases = serde_json::from_str(&text).expect("an oracle file has cases");
        for case in cases.cases {
            let Some((group, compute)) = groups.get_key_value(case.group.as_str()) else {
                wrong.push(format!("{}: unknown group `{}`", case.id, case.group));
                continue;
            };
            *checked.entry(*group).or_default() += 1;
            let got = compute(&case.input);
            let found = differences(&case.expect, &got, case.rtol);
            wrong.extend(found.into_iter().map(|what| format!("{}: {what}", case.id)));
        }
    }
    for group in groups.keys() {
        if !checked.contains_key(group) {
            wrong.push(format!("group `{group}` has no case"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differences\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// All oracle files: those beside this test, and the one named by `RESPLIT_ORACLE`.
#[expect(
    clippy::disallowed_methods,
    reason = "the test asks for one more oracle"
)]
fn oracle_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle");
    let entries = std::fs::read_dir(folder).expect("the folder of the oracle");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry of the folder").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "json"))
        .collect();
    files.sort();
    files.extend(std::env::var_os("RESPLIT_ORACLE").map(PathBuf::from));
    files
}
