//! A declared split in a report: one flat row for each target.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Destination, Expected, Identifiers, LocalReply, LocalReplyCause, Mechanism, Share, Target,
    TargetShare, Undeliverable,
};

#[derive(Serialize)]
struct Written<'a> {
    source: &'a str,
    mechanism: Mechanism,
    shares: &'a [TargetShare],
    /// What it asks for and no proxy can deliver.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<&'a Undeliverable>,
}

#[derive(Deserialize)]
struct Read {
    source: String,
    mechanism: Mechanism,
    shares: Vec<Row>,
    #[serde(default)]
    broken: Undeliverable,
}

/// One target's share.
#[derive(Serialize, Deserialize)]
struct Row {
    target: String,
    /// In `[0, 1]`.
    share: f64,
    ratio: Share,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    subset: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    cause: Option<LocalReplyCause>,
}

impl Row {
    fn target(self) -> Target {
        match (self.host, self.status) {
            (Some(host), _) => Target::Destination(Destination {
                host,
                port: self.port,
                subset: self.subset,
            }),
            (None, Some(status)) => Target::LocalReply(LocalReply {
                status,
                cause: self.cause.unwrap_or(LocalReplyCause::Expected),
            }),
            (None, None) => Target::Named(self.target),
        }
    }
}

impl Serialize for TargetShare {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (destination, reply) = match &self.target {
            Target::Named(_) => (None, None),
            Target::Destination(destination) => (Some(destination.clone()), None),
            Target::LocalReply(reply) => (None, Some(reply)),
        };
        let (host, port, subset) = destination.map_or((None, None, None), |destination| {
            (Some(destination.host), destination.port, destination.subset)
        });
        let row = Row {
            target: self.name.clone(),
            share: self.share.as_f64(),
            ratio: self.share,
            host,
            port,
            subset,
            status: reply.map(|reply| reply.status),
            cause: reply.map(|reply| reply.cause),
        };
        row.serialize(serializer)
    }
}

impl Serialize for Expected {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = Written {
            source: &self.source,
            mechanism: self.mechanism,
            shares: &self.declared,
            broken: Some(&self.undeliverable).filter(|broken| **broken != Undeliverable::default()),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Expected {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Read::deserialize(deserializer)?;
        let names: Vec<String> = read.shares.iter().map(|row| row.target.clone()).collect();
        let shares = read.shares.into_iter();
        let parts = shares.map(|row| (row.ratio, row.target()));
        let parts = parts.map(|(share, target)| (target, share, Identifiers::default()));
        let expected = Self::new(read.source, read.mechanism, parts.collect())
            .map_err(D::Error::custom)?
            .with_undeliverable(read.broken);
        if !(expected.declared.iter().map(|declared| &declared.name)).eq(&names) {
            return Err(D::Error::custom(
                "its targets are not named as resplit names them",
            ));
        }
        Ok(expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_reads_back_and_no_other_text_is_one() {
        let destination = |subset: Option<&str>| {
            Target::Destination(Destination {
                host: "web.default.svc.cluster.local".into(),
                port: Some(80),
                subset: subset.map(str::to_owned),
            })
        };
        let reply = Target::LocalReply(LocalReply {
            status: 503,
            cause: LocalReplyCause::FaultAbort,
        });
        let named = Target::Named("other".into());
        let parts = [destination(Some("v1")), destination(None), reply, named];
        let parts = parts.map(|target| (target, 1, Identifiers::default()));
        let own =
            Expected::from_weights("a.yaml:1", Mechanism::Wrr, parts.into()).expect("a split");
        let text = serde_json::to_string(&own).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Expected>(&text).expect("its own JSON"),
            own
        );
        for (from, to) in [
            ("\"1/4\"", "\"1/3\""),
            ("\"target\":\"v1\"", "\"target\":\"v2\""),
        ] {
            let other = text.replacen(from, to, 1);
            assert_ne!(other, text, "{from}");
            assert!(serde_json::from_str::<Expected>(&other).is_err(), "{other}");
        }
    }
}
