//! The groups that doubt the independence of responses.

use serde_json::{Value, json};

use resplit::stats::dependence;
use resplit::stats::dispersion::Dispersion;

use super::fixed::{count, counts, shares};

pub(super) fn clustering(input: &Value) -> Value {
    let rows: Vec<Vec<u64>> = input["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .map(counts)
        .collect();
    let effect = dependence::rao_scott(&rows, &shares(&input["weights"]));
    let purity = dependence::purity(&rows);
    json!({
        "chi2": effect.x2, "deff_null_centred": effect.design_effect,
        "deff_est_centred": effect.design_effect_observed, "chi2_rs": effect.corrected,
        "p_rs": effect.ln_p.exp(), "n_eff": effect.effective_n, "icc": dependence::icc(&rows),
        "all_pure": purity.all_pure, "log10_p_all_pure": purity.log10_p,
    })
}

pub(super) fn dispersion_windows(input: &Value) -> Value {
    let labels = input["labels"].as_str().expect("labels").chars();
    let hits: Vec<bool> = labels.map(|label| label == '1').collect();
    let window = usize::try_from(count(input, "window")).expect("short");
    let found = Dispersion::new(&hits, window).expect("windows of both kinds");
    json!({"p_hat": found.share, "windows": found.windows, "chi2": found.x2, "index": found.index, "z": found.z})
}
