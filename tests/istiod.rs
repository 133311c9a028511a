//! What Istio's own control plane programs, recorded: `explain` says the same, target by target, or says why it cannot.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::support::cmd::{Outcome, run};

/// Shares by target, as written: `9/10`.
type Shares = BTreeMap<String, (u128, u128)>;

/// What is not known from manifests alone: a caveat with one of these ids may stand beside another share.
const UNSURE: &[&str] = &[
    // Subsets of which no rule is given are taken to exist, and so is everything of which no file is given.
    "no-destination-rule",
    "no-service-entry",
    "unknown-destination",
    "unknown-namespace-labels",
    "services-not-given",
    "parent-not-given",
    "gateway-not-given",
    "external-name",
    // Where the proxies of a gateway stand is not said by its object.
    "gateway-namespace",
    // The Service in front of a gateway may map ports.
    "mapped-port",
    // Implementations and versions differ in these.
    "ignored-header",
    "repeated-header",
    // What a pool of models answers is decided by its endpoint picker.
    "inference-pool",
];

/// Sets in which resplit knowingly says something else, and why.
const OTHERWISE: &[(&str, &str)] = &[(
    "headless",
    "two clusters, and both of them go to the pod that the client's DNS answer has picked",
)];

/// One recorded set of manifests.
struct Set {
    name: String,
    flags: Vec<String>,
    /// The objects that Istio's schema or webhook refuses.
    refused: Vec<String>,
    requests: Vec<Value>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/istiod")
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().expect("a list");
    let text = |one: &Value| one.as_str().expect("a text").to_owned();
    list.iter().map(text).collect()
}

fn sets() -> Vec<Set> {
    let mut files: Vec<PathBuf> = (fs::read_dir(folder()).expect("the recorded sets"))
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "json"))
        .collect();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let text = fs::read_to_string(file).expect("readable");
        let list: Vec<Value> = serde_json::from_str(&text).expect("a list of sets");
        all.extend(list.into_iter().map(|set| Set {
            name: set["name"].as_str().expect("a name").to_owned(),
            flags: texts(&set["flags"]),
            refused: texts(&set["refused"]),
            requests: set["requests"].as_array().expect("requests").clone(),
        }));
    }
    all
}

impl Set {
    fn file(&self) -> String {
        let path = folder().join("sets").join(format!("{}.yaml", self.name));
        path.to_str().expect("a path").to_owned()
    }

    fn explain(&self, request: &Value) -> Outcome {
        let text = |key: &str| request[key].as_str();
        let mut args = vec!["explain".to_owned(), "-f".to_owned(), self.file()];
        args.push(text("url").expect("a URL").to_owned());
        args.extend(["-o".to_owned(), "json".to_owned()]);
        args.extend(self.flags.iter().cloned());
        for (option, key) in [("-m", "method"), ("--host", "host")] {
            args.extend(
                text(key)
                    .into_iter()
                    .flat_map(|value| [option, value])
                    .map(str::to_owned),
            );
        }
        for (name, value) in request["headers"].as_object().into_iter().flatten() {
            let value = value.as_str().expect("a text");
            let header = if value.is_empty() {
                format!("{name};")
            } else {
                format!("{name}: {value}")
            };
            args.extend(["-H".to_owned(), header]);
        }
        if request["h2c"].as_bool() == Some(true) {
            args.push("--h2c".to_owned());
        }
        run(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

fn fraction(text: &str) -> (u128, u128) {
    let (top, bottom) = text.split_once('/').unwrap_or((text, "1"));
    let number = |text: &str| text.parse().expect("a number");
    (number(top), number(bottom))
}

fn add(shares: &mut Shares, target: String, (top, bottom): (u128, u128)) {
    let gcd = |mut a: u128, mut b: u128| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a.max(1)
    };
    let known = shares.entry(target).or_insert((0, 1));
    let sum = (known.0 * bottom + top * known.1, known.1 * bottom);
    let common = gcd(sum.0, sum.1);
    *known = (sum.0 / common, sum.1 / common);
}

fn programmed(request: &Value) -> Shares {
    let mut shares = Shares::new();
    for (target, share) in request["programmed"].as_object().expect("shares") {
        add(
            &mut shares,
            target.clone(),
            fraction(share.as_str().expect("a share")),
        );
    }
    shares
}

fn explained(told: &Value) -> Shares {
    let mut shares = Shares::new();
    for share in told["expected"]["shares"].as_array().into_iter().flatten() {
        let target = if let Some(status) = share["status"].as_u64() {
            format!("status {status}")
        } else {
            let port = share["port"].as_u64().map(|port| port.to_string());
            format!(
                "dest {}/{}/{}",
                share["host"].as_str().unwrap_or_default(),
                port.unwrap_or_default(),
                share["subset"].as_str().unwrap_or_default()
            )
        };
        add(
            &mut shares,
            target,
            fraction(share["ratio"].as_str().expect("a ratio")),
        );
    }
    shares.retain(|_, share| share.0 > 0);
    shares
}

/// What resplit says about a request that is not what was programmed, if it says that.
fn difference(set: &Set, request: &Value) -> Option<String> {
    let outcome = set.explain(request);
    let wanted = programmed(request);
    let url = request["url"].as_str().unwrap_or_default();
    if outcome.code != Some(0) {
        return Some(format!("{} {url}: {}", set.name, outcome.stderr));
    }
    let told: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let found = explained(&told);
    // A connection that no proxy decides about has no shares.
    let alone = ["passthrough", "closed", "no-listener"];
    let undecided = wanted.keys().all(|target| alone.contains(&target.as_str()));
    let same = if undecided {
        told["route"].is_null() && told["expected"].is_null()
    } else {
        found == wanted
    };
    let ids: Vec<&str> = (told["caveats"].as_array().into_iter().flatten())
        .filter_map(|caveat| caveat["id"].as_str())
        .collect();
    let unsure = ids.iter().any(|id| UNSURE.contains(id));
    (!same && !unsure).then(|| {
        format!(
            "{} {url}: programmed {wanted:?}, explained {found:?}, {ids:?}",
            set.name
        )
    })
}

/// Runs a question for every item, on all cores.
fn every<T: Sync>(items: &[T], ask: impl Fn(&T) -> Vec<String> + Sync) -> Vec<String> {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let answers = ask(item);
                    found
                        .lock()
                        .expect("no test panics in here")
                        .extend(answers);
                }
            });
        }
    });
    let mut found = found.into_inner().expect("all have ended");
    found.sort();
    found
}

#[test]
fn every_recorded_request_gets_what_istiod_programs() {
    let sets: Vec<Set> = sets()
        .into_iter()
        .filter(|set| set.refused.is_empty())
        .collect();
    let requests: usize = sets.iter().map(|set| set.requests.len()).sum();
    assert!(
        requests > 2500,
        "{requests} requests of {} sets",
        sets.len()
    );
    let differences = every(&sets, |set| {
        let known = OTHERWISE.iter().any(|(name, _)| *name == set.name);
        let requests = set.requests.iter().filter(|_| !known);
        requests
            .filter_map(|request| difference(set, request))
            .collect()
    });
    assert_eq!(differences, [""; 0], "{} differ", differences.len());
}

/// A set that differs no longer is a set that is tested.
#[test]
fn what_is_said_otherwise_is_still_said_otherwise() {
    let sets = sets();
    for (name, why) in OTHERWISE {
        let set = sets.iter().find(|set| set.name == *name).expect(name);
        let mut requests = set.requests.iter();
        let differs = requests.any(|request| difference(set, request).is_some());
        assert!(differs, "{name} agrees now: {why}");
    }
}

/// Istio refuses the object, so that its share is no answer; the first thing to say is which object that is.
#[test]
fn an_object_that_istio_refuses_is_named() {
    let sets: Vec<Set> = sets()
        .into_iter()
        .filter(|set| !set.refused.is_empty())
        .collect();
    assert!(sets.len() > 10, "{} sets", sets.len());
    let silent = every(&sets, |set| {
        let file = set.file();
        let outcome = run(&["lint", "-f", &file, "-o", "json"]);
        let told: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        let errors: Vec<&str> = (told["findings"].as_array().into_iter().flatten())
            .filter(|finding| finding["severity"] == "error")
            .filter_map(|finding| finding["object"].as_str())
            .collect();
        let missed = set
            .refused
            .iter()
            .filter(|object| !errors.contains(&object.as_str()));
        missed
            .map(|object| format!("{} {object}", set.name))
            .collect()
    });
    assert_eq!(silent, [""; 0], "no error names these");
}
