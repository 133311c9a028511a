//! An `AuthorizationPolicy` of Istio: which requests proxies refuse with 403.

use std::sync::Arc;

use super::nodes::{items, text, texts};
use crate::diag::Span;
use crate::manifest::yaml::{Node, Value};
use crate::route::{AppliesTo, Condition, HeaderTest, Test, TextMatch};

/// More alternatives of one rule are not looked at one by one.
const MOST: usize = 64;

/// An `AuthorizationPolicy`.
#[derive(Clone, Debug)]
pub struct Access {
    /// What becomes of requests that a rule takes.
    pub action: Action,
    /// The rules; a request that one of them takes is taken.
    pub rules: Vec<Rule>,
}

/// What becomes of requests that a policy takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// They are let through; others are refused.
    Allow,
    /// They are refused.
    Deny,
    /// A server of its own decides.
    Custom,
    /// They are written down.
    Audit,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Who sends it; none means anybody.
    pub from: Vec<Sender>,
    /// What is sent: all conditions of one of these sets hold. Every request has the empty set.
    pub sets: Vec<Vec<Condition>>,
    /// Whether these sets say all that the rule asks of the request.
    pub whole: bool,
}

/// Who sends a request, as far as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    namespaces: Vec<String>,
    principals: Vec<String>,
    /// It asks for more than that.
    more: bool,
}

/// What a policy does to the requests of one client.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// Every request is refused.
    All,
    /// These requests are refused.
    Some(AppliesTo),
    /// Some requests may be refused: what it asks for is not known.
    Perhaps(Option<AppliesTo>),
}

impl Access {
    pub(super) fn read(spec: Option<&Node<'_>>) -> Self {
        let action = spec.and_then(|spec| spec.get("action")).and_then(text);
        Self {
            action: match action.as_deref() {
                Some("DENY") => Action::Deny,
                Some("CUSTOM") => Action::Custom,
                Some("AUDIT") => Action::Audit,
                _ => Action::Allow,
            },
            rules: spec.map_or_else(Vec::new, |spec| {
                items(spec, "rules").iter().map(Rule::read).collect()
            }),
        }
    }

    /// What a policy that refuses what it takes does to a client of a namespace.
    #[must_use]
    pub fn denied(&self, namespace: Option<&str>) -> Vec<Refusal> {
        let rules = self.rules.iter().filter_map(|rule| {
            let sent = rule.sent_from(namespace);
            let every = rule.sets.iter().any(Vec::is_empty);
            let only = || AppliesTo::Matching(Arc::from(rule.sets.clone()));
            match (sent, rule.whole) {
                (Some(false), _) => None,
                (Some(true), true) if every => Some(Refusal::All),
                (Some(true), true) => Some(Refusal::Some(only())),
                _ => Some(Refusal::Perhaps((!every).then(only))),
            }
        });
        rules.collect()
    }

    /// What policies that let through what they take do together to a client of a namespace, where there are any.
    #[must_use]
    pub fn not_allowed<'a>(
        policies: impl Iterator<Item = &'a Self>,
        namespace: Option<&str>,
    ) -> Option<Refusal> {
        let rules = policies.flat_map(|policy| &policy.rules);
        let own: Vec<&Rule> = rules
            .filter(|rule| rule.sent_from(namespace) != Some(false))
            .collect();
        if own.is_empty() {
            return Some(Refusal::All);
        }
        let certain = |rule: &&Rule| rule.whole && rule.sent_from(namespace) == Some(true);
        let (sure, unsure): (Vec<&Rule>, Vec<&Rule>) = own.into_iter().partition(certain);
        let sets: Vec<Vec<Condition>> = sure.iter().flat_map(|rule| rule.sets.clone()).collect();
        if sets.iter().any(Vec::is_empty) {
            return None;
        }
        let outside = (!sets.is_empty()).then(|| AppliesTo::Outside(Arc::from(sets)));
        if unsure.is_empty() {
            return outside.map(Refusal::Some);
        }
        Some(Refusal::Perhaps(outside))
    }
}

impl Rule {
    fn read(node: &Node<'_>) -> Self {
        let mut whole = true;
        let from = items(node, "from").iter();
        let from = from.filter_map(|one| one.get("source").map(Sender::read));
        let mut sets: Vec<Vec<Condition>> = Vec::new();
        for operation in items(node, "to")
            .iter()
            .filter_map(|to| to.get("operation"))
        {
            sets.extend(operations(operation, &mut whole));
        }
        if sets.is_empty() {
            sets.push(Vec::new());
        }
        for when in items(node, "when") {
            let Some(values) = header_values(when) else {
                whole = false;
                continue;
            };
            sets = product(sets, &values, &mut whole);
        }
        Self {
            from: from.collect(),
            sets,
            whole,
        }
    }

    /// Whether the rule is about what a client of a namespace sends; `None` where that is not known.
    fn sent_from(&self, namespace: Option<&str>) -> Option<bool> {
        if self.from.is_empty() {
            return Some(true);
        }
        let each: Vec<Option<bool>> = self.from.iter().map(|one| one.is(namespace)).collect();
        if each.contains(&Some(true)) {
            Some(true)
        } else if each.iter().all(|one| *one == Some(false)) {
            Some(false)
        } else {
            None
        }
    }
}

impl Sender {
    fn read(node: &Node<'_>) -> Self {
        let more = match &node.value {
            Value::Map(entries) => entries
                .iter()
                .any(|entry| !matches!(&*entry.key, "namespaces" | "principals")),
            _ => true,
        };
        Self {
            namespaces: texts(node, "namespaces"),
            principals: texts(node, "principals"),
            more,
        }
    }

    /// Whether a client of a namespace is meant; which account it runs under is not known.
    fn is(&self, namespace: Option<&str>) -> Option<bool> {
        let namespace = namespace?;
        let named = self.namespaces.is_empty()
            || (self.namespaces.iter()).any(|one| compared(one, false).matches(namespace));
        let account = |principal: &String| {
            let home = principal.split_once("/ns/")?.1.split('/').next()?;
            (!home.contains('*') && home != namespace).then_some(())
        };
        let other =
            !self.principals.is_empty() && self.principals.iter().all(|one| account(one).is_some());
        if !named || other {
            return Some(false);
        }
        let any = self.principals.is_empty() || self.principals.iter().any(|one| one == "*");
        (any && !self.more).then_some(true)
    }
}

/// `*`, `prefix*`, `*suffix`, or the text itself.
fn compared(text: &str, ignore_case: bool) -> TextMatch {
    if text == "*" {
        return TextMatch::Present;
    }
    if let Some(prefix) = text.strip_suffix('*') {
        let text = prefix.to_owned();
        return TextMatch::Prefix { text, ignore_case };
    }
    match text.strip_prefix('*') {
        Some(suffix) => TextMatch::Suffix {
            text: suffix.to_owned(),
            ignore_case,
        },
        None => TextMatch::Exact {
            text: text.to_owned(),
            ignore_case,
        },
    }
}

/// The alternatives of what is sent.
fn operations(node: &Node<'_>, whole: &mut bool) -> Vec<Vec<Condition>> {
    let mut sets = vec![Vec::new()];
    let Value::Map(entries) = &node.value else {
        return sets;
    };
    for entry in entries {
        let field = entry.key.to_string();
        let values = texts(node, &entry.key);
        let tests: Vec<Test> = match &*field {
            "methods" => values
                .iter()
                .map(|one| Test::Method(compared(one, false)))
                .collect(),
            "hosts" => values
                .iter()
                .map(|one| Test::Authority(compared(one, true)))
                .collect(),
            // A template of a path has braces.
            "paths" if !values.iter().any(|one| one.contains('{')) => values
                .iter()
                .map(|one| Test::Path(compared(one, false)))
                .collect(),
            _ => {
                *whole = false;
                continue;
            }
        };
        let conditions = tests
            .into_iter()
            .map(|test| condition(&field, entry.key_span, test));
        sets = product(sets, &conditions.collect::<Vec<_>>(), whole);
    }
    sets
}

/// What `when` asks of a header; `None` where it asks something else.
fn header_values(node: &Node<'_>) -> Option<Vec<Condition>> {
    let key = node.get("key")?;
    let name = text(key)?;
    let name = name
        .strip_prefix("request.headers[")?
        .strip_suffix(']')?
        .to_lowercase();
    if node.get("notValues").is_some() {
        return None;
    }
    let values = texts(node, "values");
    let test =
        |value: &String| Test::Header(HeaderTest::with(name.clone(), compared(value, false)));
    Some(
        values
            .iter()
            .map(|value| condition(&name, key.span, test(value)))
            .collect(),
    )
}

fn condition(field: &str, span: Span, test: Test) -> Condition {
    Condition {
        field: field.to_owned(),
        span,
        test,
    }
}

/// Every set with each of the alternatives; of too many alternatives none is looked at.
fn product(sets: Vec<Vec<Condition>>, by: &[Condition], whole: &mut bool) -> Vec<Vec<Condition>> {
    if by.is_empty() {
        return sets;
    }
    if sets.len() * by.len() > MOST {
        *whole = false;
        return sets;
    }
    let with = |set: &Vec<Condition>, one: &Condition| {
        let mut set = set.clone();
        set.push(one.clone());
        set
    };
    let each = sets
        .iter()
        .flat_map(|set| by.iter().map(move |one| with(set, one)));
    each.collect()
}
