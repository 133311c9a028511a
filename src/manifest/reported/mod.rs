//! What controllers say in the `status` of objects, where it is not that all is well: conditions that do not hold, and a
//! status that is about another generation of the object than the one that stands there.

pub(super) mod remark;

use super::attached::nodes::{items, text};
use super::yaml::Node;
use crate::diag::{Code, Note};
use crate::route::AppliesTo;

/// Conditions that hold where all is well.
const WANTED: [&str; 4] = ["Accepted", "ResolvedRefs", "Programmed", "Reconciled"];
/// Conditions that hold where something is wrong.
const UNWANTED: [&str; 3] = ["Conflicted", "Detached", "PartiallyInvalid"];

/// Something that a controller says about an object.
#[derive(Clone, Debug)]
pub struct Reported {
    /// The kind of the object.
    pub kind: String,
    /// Its namespace and name.
    pub name: [String; 2],
    /// What of the object it is about.
    pub part: Part,
    /// What it says.
    pub note: Note<AppliesTo>,
}

/// What a status is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The whole object.
    Whole,
    /// The object at a parent or ancestor: kind, namespace and name.
    At([String; 3]),
    /// A listener, by its name.
    Listener(String),
}

/// Conditions with what they are about, and who says it.
struct Conditions<'n, 's> {
    of: &'n Node<'s>,
    part: Part,
    /// As a message names it.
    subject: String,
    by: Option<String>,
}

/// What the status of an object says, where its kind has conditions that say whether it is in effect.
pub(super) fn read(node: &Node<'_>, group: &str, object: [&str; 3]) -> Vec<Reported> {
    let families = [
        "gateway.networking.k8s.io",
        "gateway.networking.x-k8s.io",
        "gateway.envoyproxy.io",
        "inference.networking.k8s.io",
        "inference.networking.x-k8s.io",
    ];
    let of_istio = group.ends_with("istio.io");
    let status = node.get("status");
    let Some(status) = status.filter(|_| of_istio || families.contains(&group)) else {
        return Vec::new();
    };
    let [kind, namespace, name] = object;
    // A class of Gateways has no namespace.
    let called = match kind {
        "GatewayClass" => format!("{kind} {name}"),
        _ => format!("{kind} {namespace}/{name}"),
    };
    let generation = node.get("metadata").and_then(|one| one.get("generation"));
    let generation = generation.and_then(number);
    let said = |part: &Part, note| Reported {
        kind: kind.to_owned(),
        name: [namespace.to_owned(), name.to_owned()],
        part: part.clone(),
        note,
    };
    let mut found = Vec::new();
    for one in groups(status, &called, namespace) {
        let notes = one.notes(generation).into_iter();
        found.extend(notes.map(|note| said(&one.part, note)));
    }
    if of_istio {
        let messages = items(status, "validationMessages").iter();
        let notes = messages.filter_map(|message| analyzed(message, &called));
        found.extend(notes.map(|note| said(&Part::Whole, note)));
    }
    found
}

/// The conditions of a status: of the object itself, of each parent or ancestor, and of each listener.
fn groups<'n, 's>(status: &'n Node<'s>, called: &str, home: &str) -> Vec<Conditions<'n, 's>> {
    let mut found = vec![Conditions {
        of: status,
        part: Part::Whole,
        subject: called.to_owned(),
        by: None,
    }];
    let of = |node: &Node<'_>, key: &str| node.get(key).and_then(text);
    for (list, key) in [("parents", "parentRef"), ("ancestors", "ancestorRef")] {
        for item in items(status, list) {
            let Some(parent) = item.get(key) else {
                continue;
            };
            let kind = of(parent, "kind").unwrap_or_else(|| "Gateway".to_owned());
            let namespace = of(parent, "namespace").unwrap_or_else(|| home.to_owned());
            let name = of(parent, "name").unwrap_or_default();
            let section = of(parent, "sectionName");
            let section = section.map_or_else(String::new, |name| format!(", `{name}` of it"));
            found.push(Conditions {
                of: item,
                subject: format!("{called} at {kind} {namespace}/{name}{section}"),
                part: Part::At([kind, namespace, name]),
                by: of(item, "controllerName"),
            });
        }
    }
    for item in items(status, "listeners") {
        let name = of(item, "name").unwrap_or_default();
        found.push(Conditions {
            of: item,
            subject: format!("the listener `{name}` of {called}"),
            part: Part::Listener(name),
            by: None,
        });
    }
    found
}

impl Conditions<'_, '_> {
    /// What is wrong. "observedGeneration represents the .metadata.generation that the condition was set based upon. For
    /// instance, if .metadata.generation is currently 12, but the .status.conditions[x].observedGeneration is 9, the
    /// condition is out of date with respect to the current state of the instance."
    fn notes(&self, generation: Option<u64>) -> Vec<Note<AppliesTo>> {
        let mut notes: Vec<Note<AppliesTo>> = Vec::new();
        for condition in items(self.of, "conditions") {
            let of = |key: &str| condition.get(key).and_then(text);
            let (Some(kind), Some(status)) = (of("type"), of("status")) else {
                continue;
            };
            let wanted = WANTED.contains(&kind.as_str());
            if !wanted && !UNWANTED.contains(&kind.as_str()) {
                continue;
            }
            let place = condition.get("type").map(|node| node.span);
            let seen = condition.get("observedGeneration").and_then(number);
            let outdated = (generation.zip(seen)).filter(|(now, seen)| *seen > 0 && seen < now);
            let wrong = status == if wanted { "False" } else { "True" };
            let because = if wrong || status == "Unknown" {
                because(of("reason"), of("message"), self.by.as_ref())
            } else {
                String::new()
            };
            let subject = &self.subject;
            let note = match (outdated, wrong) {
                (Some((now, seen)), _) => Note::about(
                    Code::StatusOutdated,
                    format!(
                        "{subject}: its status is about generation {seen}, and this is generation {now}; `{kind}` was {status} then{because}"
                    ),
                    place,
                )
                .help("wait until its controller has seen it, and take the object anew"),
                (None, true) => Note::about(
                    match kind.as_str() {
                        "Accepted" => Code::NotAccepted,
                        _ => Code::ConditionFalse,
                    },
                    format!("{subject}: `{kind}` is {status}{because}"),
                    place,
                )
                .help("mend what the reason names"),
                (None, false) if wanted && status == "Unknown" => Note::about(
                    Code::StatusOutdated,
                    format!("{subject}: `{kind}` is Unknown{because}"),
                    place,
                )
                .help("see whether a controller for it runs"),
                (None, false) => continue,
            };
            // One word about a generation is enough.
            let told = |known: &Note<AppliesTo>| {
                outdated.is_some() && known.code == Code::StatusOutdated && !wrong
            };
            if !notes.iter().any(told) {
                notes.push(note);
            }
        }
        notes
    }
}

/// `: NoMatchingParent, "no listener …" (says istio.io/gateway-controller)`.
fn because(reason: Option<String>, message: Option<String>, by: Option<&String>) -> String {
    let message = message.filter(|text| !text.is_empty()).map(|message| {
        let words: Vec<&str> = message.split_whitespace().collect();
        format!("\"{}\"", words.join(" "))
    });
    let said: Vec<String> = reason.into_iter().chain(message).collect();
    let said = match said.len() {
        0 => String::new(),
        _ => format!(": {}", said.join(", ")),
    };
    let by = by.map_or_else(String::new, |by| format!(" (says {by})"));
    said + &by
}

fn number(node: &Node<'_>) -> Option<u64> {
    text(node)?.parse().ok()
}

/// What Istio's own analysis says of an object, where it is an error.
fn analyzed(message: &Node<'_>, called: &str) -> Option<Note<AppliesTo>> {
    let of = |key: &str| message.get("type")?.get(key).and_then(text);
    let level = message.get("level").and_then(text)?;
    if !matches!(level.as_str(), "ERROR" | "Error") {
        return None;
    }
    let (code, name) = (of("code")?, of("name").unwrap_or_default());
    let said = format!("{called}: the analysis of istiod reports {code} {name}");
    let note = Note::about(Code::ConditionFalse, said.trim_end(), Some(message.span));
    let page = message.get("documentationUrl").and_then(text);
    Some(note.help(page.map_or_else(
        || format!("istioctl analyze tells more about {code}"),
        |page| format!("see {page}"),
    )))
}
