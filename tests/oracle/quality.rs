//! The groups about latencies, errors and generators.

use serde_json::{Value, json};

use resplit::stats::heterogeneity::Heterogeneity;
use resplit::stats::interval::Interval;
use resplit::stats::quantile::{self, Estimate};
use resplit::stats::rate::{self, Errors};

use super::fixed::{count, counts, float};

pub(super) fn quantile_ranks(input: &Value) -> Value {
    let n = count(input, "n");
    let ranks = quantile::order_statistics(n, float(input, "q"), float(input, "alpha"));
    json!({
        "point_rank": ranks.point, "lower_rank": ranks.lower.unwrap_or(0),
        "upper_rank": ranks.upper.unwrap_or(n + 1), "coverage": ranks.coverage,
    })
}

pub(super) fn quantile_ratio_mover(input: &Value) -> Value {
    let estimate = |name: &str| {
        let at = |i: usize| input[name][i].as_f64().expect("point, low, high");
        Estimate {
            point: at(0),
            lo: at(1),
            hi: at(2),
        }
    };
    let ratio = quantile::ratio(&estimate("base"), &estimate("canary"));
    json!({"ratio": ratio.point, "lo": ratio.lo, "hi": ratio.hi})
}

pub(super) fn error_rate_2x2(input: &Value) -> Value {
    let errors = |name: &str| {
        let cells = counts(&input[name]);
        Errors {
            errors: cells[0],
            n: cells[0] + cells[1],
        }
    };
    let (first, second) = (errors("first"), errors("second"));
    let fisher = rate::fisher(first, second);
    let pair = |interval: Interval| json!([interval.lo, interval.hi]);
    json!({
        "fisher_two_sided": fisher.two_sided, "fisher_second_greater": fisher.second_greater,
        "fisher_midp_second_greater": fisher.mid_p,
        "newcombe95_second_minus_first": pair(rate::newcombe(first, second, 0.05)),
    })
}

pub(super) fn merge_heterogeneity(input: &Value) -> Value {
    let tables: Vec<Vec<u64>> = input["tables"]
        .as_array()
        .expect("tables")
        .iter()
        .map(counts)
        .collect();
    let found = Heterogeneity::new(&tables, 99, 1);
    json!({"merged": found.merged, "chi2": found.x2, "df": found.df, "p": found.ln_p.exp()})
}
