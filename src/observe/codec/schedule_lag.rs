//! The lag of an open loop, with its summary for whoever reads the report.

use hdrhistogram::Histogram;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::observe::summary::Latency;

#[derive(Serialize)]
struct Written<'a> {
    schedule_lag_ms: Option<Latency>,
    #[serde(with = "super::histogram")]
    schedule_lag: &'a Histogram<u64>,
}

#[derive(Deserialize)]
struct Read {
    #[serde(with = "super::histogram")]
    schedule_lag: Histogram<u64>,
}

pub(crate) fn serialize<S: Serializer>(
    lag: &Histogram<u64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let written = Written {
        schedule_lag_ms: Latency::of(lag),
        schedule_lag: lag,
    };
    written.serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Histogram<u64>, D::Error> {
    Read::deserialize(deserializer).map(|read| read.schedule_lag)
}
