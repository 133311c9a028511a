//! A split as people type it: `v1=90,v2=10`.

use super::{Expected, ExpectedError, Identifiers, LocalReply, LocalReplyCause, Mechanism, Target};

/// Why a typed split is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// Not `NAME=WEIGHT`.
    #[error("`{0}` is not a valid weight: write NAME=WEIGHT, as in v1=90,v2=10")]
    Form(String),
    /// One name twice.
    #[error("`{0}` is named twice")]
    Twice(String),
    /// Together they are no split.
    #[error("{0}")]
    Split(#[from] ExpectedError),
}

/// Reads lists of `NAME=WEIGHT` (`90`, `90%`, `99.9`), which together are the split. The sum need not be 100. The name
/// `status 503` stands for a response of the proxy itself.
pub fn parse_weights<S: AsRef<str>>(lists: &[S]) -> Result<Expected, WeightsError> {
    let parts = typed(lists)?.into_iter().map(|(name, weight)| {
        let identifiers = Identifiers {
            names: [name.clone()].into(),
            ..Identifiers::default()
        };
        (target(name), weight.digits, identifiers)
    });
    Ok(Expected::from_weights(
        "--expect",
        Mechanism::Iid,
        parts.collect(),
    )?)
}

/// The sum of the weights, as a person writes it, where it is close to 100 without being 100: between 80 and 120, or for
/// fractions between 0.8 and 1.2. Ratios such as 1,1 or 9,1 are far from both.
pub fn sum_beside_hundred<S: AsRef<str>>(lists: &[S]) -> Option<String> {
    let weights = typed(lists).ok()?;
    let unit = 10_u128.pow(weights.first()?.1.decimals);
    let sum: u128 = weights
        .iter()
        .map(|(_, weight)| u128::from(weight.digits))
        .sum();
    let beside = |whole: u128| sum != whole && (whole * 8 / 10..=whole * 12 / 10).contains(&sum);
    if !beside(100 * unit) && (unit == 1 || !beside(unit)) {
        return None;
    }
    let (whole, rest) = (sum / unit, sum % unit);
    let width = unit.ilog10() as usize;
    let text = if rest == 0 {
        whole.to_string()
    } else {
        format!("{whole}.{rest:0width$}")
            .trim_end_matches('0')
            .to_owned()
    };
    Some(text)
}

/// A weight as digits, so many of them behind the point.
struct Weight {
    digits: u64,
    decimals: u32,
}

/// The names and their weights, all with the same number of decimals.
fn typed<S: AsRef<str>>(lists: &[S]) -> Result<Vec<(String, Weight)>, WeightsError> {
    let mut parts: Vec<(String, u64, u32)> = Vec::new();
    for item in lists
        .iter()
        .flat_map(|list| list.as_ref().split(','))
        .filter(|item| !item.trim().is_empty())
    {
        let form = || WeightsError::Form(item.trim().to_owned());
        let (name, weight) = item.rsplit_once('=').ok_or_else(form)?;
        let (digits, decimals) = exact(weight.trim().trim_end_matches('%')).ok_or_else(form)?;
        let name = name.trim();
        if name.is_empty() {
            return Err(form());
        }
        if parts.iter().any(|(known, ..)| known == name) {
            return Err(WeightsError::Twice(name.to_owned()));
        }
        parts.push((name.to_owned(), digits, decimals));
    }
    let decimals = parts
        .iter()
        .map(|(.., decimals)| *decimals)
        .max()
        .unwrap_or(0);
    let scaled = parts.into_iter().map(|(name, digits, own)| {
        let digits = digits
            .checked_mul(10_u64.pow(decimals - own))
            .ok_or_else(|| WeightsError::Form(name.clone()))?;
        Ok((name, Weight { digits, decimals }))
    });
    scaled.collect()
}

fn target(name: String) -> Target {
    let status = name
        .strip_prefix("status ")
        .and_then(|code| code.parse().ok())
        .filter(|code| (100..600).contains(code));
    status.map_or(Target::Named(name), |status| {
        Target::LocalReply(LocalReply {
            status,
            cause: LocalReplyCause::Expected,
        })
    })
}

/// `99.9` as 999 with one decimal: no float in between, so 99.9/0.1 is exactly 999 to 1.
fn exact(text: &str) -> Option<(u64, u32)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction}");
    let plain =
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && fraction.len() <= 9;
    if !plain {
        return None;
    }
    Some((digits.parse().ok()?, u32::try_from(fraction.len()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(text: &str) -> Result<Vec<(String, String)>, WeightsError> {
        let expected = parse_weights(&[text])?;
        Ok(expected
            .declared()
            .iter()
            .map(|d| (d.name.clone(), d.share.to_string()))
            .collect())
    }

    #[test]
    fn weights_are_exact_and_need_not_sum_to_a_hundred() {
        let pair = |a: &str, x: &str, b: &str, y: &str| {
            Ok(vec![
                (a.to_owned(), x.to_owned()),
                (b.to_owned(), y.to_owned()),
            ])
        };
        assert_eq!(shares("v1=90,v2=10"), pair("v1", "9/10", "v2", "1/10"));
        assert_eq!(
            shares(" v1 = 90% , v2 = 10% "),
            pair("v1", "9/10", "v2", "1/10")
        );
        assert_eq!(
            shares("v1=99.9,v2=.1"),
            pair("v1", "999/1000", "v2", "1/1000")
        );
        assert_eq!(shares("v1=1,v2=2"), pair("v1", "1/3", "v2", "2/3"));
        assert_eq!(shares("v1=100,v2=0"), pair("v1", "1/1", "v2", "0/1"));
    }

    #[test]
    fn a_sum_close_to_a_hundred_is_told_from_a_ratio() {
        for (text, sum) in [
            ("v1=90,v2=20", Some("110")),
            ("v1=80", Some("80")),
            ("v1=90%,v2=9.5%", Some("99.5")),
            ("v1=33,v2=33,v3=33", Some("99")),
            ("v1=0.9,v2=0.2", Some("1.1")),
            ("v1=90,v2=10", None),
            ("v1=0.9,v2=0.1", None),
            ("v1=1,v2=1", None),
            ("v1=9,v2=1", None),
            ("v1=100,v2=21", None),
            ("v1=70,v2=9", None),
            ("v1=1", None),
        ] {
            assert_eq!(sum_beside_hundred(&[text]).as_deref(), sum, "{text}");
        }
    }

    #[test]
    fn a_status_is_an_answer_of_the_proxy() {
        let expected = parse_weights(&["v1=8", "status 503=2"]).expect("a split");
        assert_eq!(expected.declared()[1].target.status(), Some(503));
    }

    #[test]
    fn what_is_no_split_says_why() {
        for text in [
            "",
            "v1",
            "v1=",
            "=1",
            "v1=-1",
            "v1=1e3",
            "v1=x",
            "v1=1,v1=2",
            "v1=0,v2=0",
            "v1=99999999999999999999",
        ] {
            assert!(shares(text).is_err(), "{text}");
        }
    }
}
