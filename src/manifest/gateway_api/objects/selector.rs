//! A label selector: `matchLabels` and `matchExpressions`, decided for labels of which some may be unknown.

use std::collections::BTreeMap;

use crate::manifest::decode::Decoder;
use crate::manifest::fields::Fields;

/// A label selector; without requirements it selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    asks: Asks,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Asks {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
}

impl Selector {
    pub(super) fn decode(mut fields: Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Self {
        let labels = fields.labels("matchLabels", decoder).into_iter();
        let mut requirements: Vec<Requirement> = labels
            .map(|(key, value)| Requirement {
                key,
                asks: Asks::In(vec![value]),
            })
            .collect();
        let expressions = fields.list("matchExpressions", decoder, |node, decoder| {
            let mut fields = decoder.map(node, "a match expression")?;
            let key = fields.required("key", decoder);
            let operators = ["In", "NotIn", "Exists", "DoesNotExist"];
            let operator = fields.choice("operator", &operators, decoder);
            let values = fields.texts("values", decoder).into_iter();
            let values = values.map(|value| value.value).collect();
            fields.finish(decoder);
            let asks = match operator?.value {
                "In" => Asks::In(values),
                "NotIn" => Asks::NotIn(values),
                "Exists" => Asks::Exists,
                _ => Asks::Absent,
            };
            Some(Requirement {
                key: key?.value,
                asks,
            })
        });
        requirements.extend(expressions);
        fields.finish(decoder);
        Self { requirements }
    }

    /// Whether labels are selected. Where `complete` is false there may be more labels than these, and the answer may be
    /// unknown.
    #[must_use]
    pub fn selects(&self, labels: &BTreeMap<String, String>, complete: bool) -> Option<bool> {
        let mut sure = true;
        for requirement in &self.requirements {
            match requirement.holds(labels.get(&requirement.key), complete) {
                Some(true) => {}
                Some(false) => return Some(false),
                None => sure = false,
            }
        }
        sure.then_some(true)
    }
}

impl Requirement {
    fn holds(&self, value: Option<&String>, complete: bool) -> Option<bool> {
        if value.is_none() && !complete {
            return None;
        }
        Some(match (&self.asks, value) {
            (Asks::In(values), Some(value)) => values.contains(value),
            (Asks::NotIn(values), Some(value)) => !values.contains(value),
            (Asks::Exists, Some(_)) | (Asks::NotIn(_) | Asks::Absent, None) => true,
            (Asks::In(_) | Asks::Exists, None) | (Asks::Absent, Some(_)) => false,
        })
    }
}
