//! Numbers for buckets: no work and no allocation for a response that is known, and a cap on how many there are.

use super::local_reply::{LocalReply, from_upstream, is_body, local_reply};
use super::shorten::shortened;
use super::{Bucketer, Origin, Reply};
use crate::split::{Bucket, Consulted, Identity};

/// Distinct (value, status) pairs that are kept apart. Every one costs a histogram per thread.
pub const MOST_BUCKETS: usize = 64;
/// What a response of at most this length said is remembered, so that it need not be read again.
const LONGEST_KNOWN: usize = 4096;
/// How many such responses are remembered.
const MOST_KNOWN: usize = 64;

/// The number of a bucket within one [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BucketId(usize);

impl BucketId {
    /// The position of the bucket in [`Names::buckets`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// The buckets seen so far, numbered in the order in which they came. They are few enough to be searched.
#[derive(Debug, Default)]
pub struct Names {
    buckets: Vec<Bucket>,
    known: Vec<Known>,
    consulted: Vec<Consulted>,
    /// Whether responses carry the mark of an endpoint behind Envoy.
    upstream_marked: bool,
}

/// A response that has been read before.
#[derive(Debug)]
struct Known {
    status: u16,
    origin: Origin,
    /// Everything the value depends on.
    bytes: Box<[u8]>,
    id: BucketId,
    /// Whether a value was found.
    found: bool,
}

impl Names {
    /// The bucket of a response.
    pub fn of(&mut self, bucketer: &Bucketer, reply: &Reply<'_>) -> BucketId {
        if let Some(local) = local_reply(reply, self.upstream_marked) {
            let found = bucketer.found(reply);
            return match found.filter(|(_, value)| !is_body(value, reply)) {
                Some((at, value)) => {
                    self.consult(bucketer, Some(at));
                    self.id(bucketer, Some(&value), reply.status)
                }
                None => self.local(&local, reply.status),
            };
        }
        let before = self.buckets.len();
        let id = self.known_or_read(bucketer, reply);
        // A look at the first response of each value is enough.
        if before < self.buckets.len() && reply.status < 400 && from_upstream(reply) {
            self.upstream_marked = true;
        }
        id
    }

    /// The bucket of a response that is no reply of the proxy.
    fn known_or_read(&mut self, bucketer: &Bucketer, reply: &Reply<'_>) -> BucketId {
        let Some((origin, bytes)) = bucketer.source(reply) else {
            return self.read(bucketer, reply).0;
        };
        let same = |known: &&Known| {
            known.status == reply.status && known.origin == origin && *known.bytes == *bytes
        };
        if let Some(known) = self.known.iter().find(same) {
            let (id, found) = (known.id, known.found);
            self.consult(bucketer, found.then_some(0));
            return id;
        }
        let (id, found) = self.read(bucketer, reply);
        if self.known.len() < MOST_KNOWN && bytes.len() <= LONGEST_KNOWN {
            self.known.push(Known {
                status: reply.status,
                origin,
                bytes: bytes.into(),
                id,
                found,
            });
        }
        id
    }

    /// The bucket of a response that is not known yet, and whether it has a value.
    fn read(&mut self, bucketer: &Bucketer, reply: &Reply<'_>) -> (BucketId, bool) {
        let found = bucketer.found(reply);
        self.consult(bucketer, found.as_ref().map(|(at, _)| *at));
        let value = found.as_ref().map(|(_, value)| value.as_ref());
        let id = self.id(bucketer, value, reply.status);
        (id, value.is_some())
    }

    /// Counts that extractors were asked in their order, up to the one that found a value.
    fn consult(&mut self, bucketer: &Bucketer, found: Option<usize>) {
        self.consulted
            .resize(bucketer.extractors.len(), Consulted::default());
        for (at, consulted) in self.consulted.iter_mut().enumerate() {
            consulted.asked += 1;
            if found == Some(at) {
                consulted.found += 1;
                return;
            }
        }
    }

    /// How often each extractor was asked and found a value, since the last call.
    pub fn take_consulted(&mut self) -> Vec<Consulted> {
        std::mem::take(&mut self.consulted)
    }

    /// The bucket of a response with this value and status.
    pub fn id(&mut self, bucketer: &Bucketer, value: Option<&str>, status: u16) -> BucketId {
        let Some(value) = value else {
            return self.special(Identity::Missing, status);
        };
        if let Some(id) = self.find(value, status) {
            return id;
        }
        let short = shortened(value);
        if let Some(id) = self.find(&short, status) {
            return id;
        }
        if self.buckets.len() < MOST_BUCKETS {
            return self.add(short, status);
        }
        // Too many values: what counts is which target the answer names, if it names one.
        match bucketer.reduce(value, status) {
            Some(short) => match self.find(&short, status) {
                Some(id) => id,
                None => self.add(short, status),
            },
            None => self.special(Identity::Overflow, status),
        }
    }

    /// The bucket of a local reply. Where there are too many texts to keep apart, its reason is left.
    fn local(&mut self, local: &LocalReply<'_>, status: u16) -> BucketId {
        let identity = |text: String| Identity::LocalReply {
            flag: local.flag,
            text,
        };
        let own = identity(shortened(&local.text));
        let known = |bucket: &Bucket| bucket.status == status && bucket.identity == own;
        if self.buckets.len() < MOST_BUCKETS || self.buckets.iter().any(known) {
            return self.special(own, status);
        }
        self.special(identity(String::new()), status)
    }

    /// All buckets, in the order of their numbers.
    #[must_use]
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    fn find(&self, value: &str, status: u16) -> Option<BucketId> {
        let same = |bucket: &Bucket| {
            bucket.status == status
                && matches!(&bucket.identity, Identity::Value(own) if own == value)
        };
        self.buckets.iter().position(same).map(BucketId)
    }

    fn add(&mut self, value: String, status: u16) -> BucketId {
        self.buckets.push(Bucket {
            identity: Identity::Value(value),
            status,
        });
        BucketId(self.buckets.len() - 1)
    }

    fn special(&mut self, identity: Identity, status: u16) -> BucketId {
        let bucket = Bucket { identity, status };
        let position = self
            .buckets
            .iter()
            .position(|known| *known == bucket)
            .unwrap_or_else(|| {
                self.buckets.push(bucket);
                self.buckets.len() - 1
            });
        BucketId(position)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Reduce;
    use super::super::tests::of_reply;
    use super::*;

    /// Knows `v1` and `v2` at the beginning of a value.
    #[derive(Debug)]
    struct FirstWord;

    impl Reduce for FirstWord {
        fn reduce(&self, value: &str, _status: u16) -> Option<String> {
            let word = value.split(' ').next()?;
            ["v1", "v2"].contains(&word).then(|| word.to_owned())
        }
    }

    fn bucketer() -> Bucketer {
        Bucketer::parse(&["body"])
            .expect("a spec")
            .with_reducer(FirstWord)
    }

    #[test]
    fn a_known_answer_is_not_read_again_and_never_mistaken() {
        #[derive(Debug)]
        struct Counted(std::sync::atomic::AtomicU32);
        impl super::super::Extract for Counted {
            fn extract<'r>(&self, reply: &Reply<'r>) -> Option<std::borrow::Cow<'r, str>> {
                self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                super::super::body::Body.extract(reply)
            }

            fn source<'r>(&self, reply: &Reply<'r>) -> Option<(Origin, &'r [u8])> {
                Some((Origin::Body, reply.body))
            }
        }
        let bucketer = Bucketer::of(Box::new(Counted(0.into())));
        let mut names = Names::default();
        let mut of = |status, body| of_reply(status, &[], body, |reply| names.of(&bucketer, reply));
        let first = of(200, "v1");
        assert_eq!(of(200, "v1"), first);
        assert_ne!(of(200, "v2"), first);
        assert_ne!(of(500, "v1"), first);
        // The same value, from other bytes.
        assert_eq!(of(200, "v1\n"), first);
        assert_eq!(names.known.len(), 4);
        assert_eq!(names.buckets().len(), 3);
        let extractor = format!("{bucketer:?}");
        assert!(extractor.contains("Counted(4)"), "{extractor}");
    }

    #[test]
    fn each_extractor_is_asked_until_one_finds_a_value() {
        let counted = |specs: &[&str], bodies: &[&'static str]| {
            let bucketer = Bucketer::parse(specs).expect("specs");
            let mut names = Names::default();
            for body in bodies {
                of_reply(200, &[], body, |reply| names.of(&bucketer, reply));
            }
            let consulted = names.take_consulted();
            assert!(names.take_consulted().is_empty());
            consulted
                .iter()
                .map(|counted| (counted.asked, counted.found))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            counted(
                &["regex:v1", "header:x-a", "body"],
                &["v1", "v2", "v1", "v2"]
            ),
            [(4, 2), (2, 0), (2, 2)]
        );
        // Responses that are known count as well.
        assert_eq!(
            counted(&["regex:v1"], &["v1", "v2", "v1", "v2", "v2"]),
            [(5, 2)]
        );
        assert_eq!(counted(&["header:x-a"], &["v1", "v1"]), [(2, 0)]);
    }

    #[test]
    fn a_local_reply_is_one_unless_something_in_it_names_who_responded() {
        let marked = [("x-envoy-upstream-service-time", "1")];
        let flags = [("x-resplit", ";;route;UF")];
        let version = [("x-version", "v2")];
        let bucketer = Bucketer::parse(&["header:x-version"]).expect("a spec");
        let mut names = Names::default();
        let mut of = |status: u16, headers: &[(&str, &str)], body: &str| {
            let id = of_reply(status, headers, body, |reply| names.of(&bucketer, reply));
            names.buckets()[id.index()].identity.clone()
        };
        let local = |flag, text: &str| Identity::LocalReply {
            flag,
            text: text.to_owned(),
        };
        let unreachable = Some(crate::split::ResponseFlag::ConnectionFailure);
        assert_eq!(of(503, &flags, "sorry"), local(unreachable, "sorry"));
        let envoy = [("server", "envoy")];
        assert_eq!(of(503, &envoy, ""), Identity::Missing);
        assert_eq!(of(200, &marked, ""), Identity::Missing);
        assert_eq!(of(503, &envoy, ""), local(None, ""));
        // The same body, from who names itself.
        assert_eq!(
            of(503, &version, "no healthy upstream"),
            Identity::Value("v2".to_owned())
        );
    }

    #[test]
    fn past_the_cap_local_replies_are_told_apart_by_their_reason() {
        let (mut names, bucketer) = (Names::default(), bucketer());
        for n in 0..2 * MOST_BUCKETS {
            let body = format!("upstream request timeout {n}");
            of_reply(504, &[], &body, |reply| names.of(&bucketer, reply));
        }
        assert_eq!(names.buckets().len(), MOST_BUCKETS + 1);
    }

    #[test]
    fn the_same_value_and_status_is_one_bucket() {
        let (mut names, bucketer) = (Names::default(), bucketer());
        let first = names.id(&bucketer, Some("v1"), 200);
        assert_eq!(names.id(&bucketer, Some("v1"), 200), first);
        assert_ne!(names.id(&bucketer, Some("v1"), 500), first);
        assert_ne!(names.id(&bucketer, None, 200), first);
    }

    #[test]
    fn past_the_cap_a_value_is_reduced_to_its_word_else_it_is_other() {
        let (mut names, bucketer) = (Names::default(), bucketer());
        for n in 0..1000 {
            names.id(&bucketer, Some(&format!("v1 at {n}")), 200);
            names.id(&bucketer, Some(&format!("noise {n}")), 200);
        }
        assert_eq!(names.buckets().len(), MOST_BUCKETS + 2);
        let last: Vec<String> = names.buckets()[MOST_BUCKETS..]
            .iter()
            .map(|b| b.identity.to_string())
            .collect();
        assert_eq!(last, ["v1", "(other values)"]);
    }

    #[test]
    fn a_long_value_is_cut_at_a_character_and_keeps_its_difference() {
        let (mut names, bucketer) = (Names::default(), bucketer());
        let long = "é".repeat(1000);
        let (a, b) = (
            names.id(&bucketer, Some(&format!("{long}a")), 200),
            names.id(&bucketer, Some(&format!("{long}b")), 200),
        );
        assert_ne!(a, b);
        assert_eq!(names.id(&bucketer, Some(&format!("{long}a")), 200), a);
        assert!(
            names
                .buckets()
                .iter()
                .all(|bucket| bucket.value().is_some_and(|value| value.len() < 300))
        );
    }
}
