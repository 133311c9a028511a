//! What a test of Envoy's route table check tool asserts: what the route that takes a request makes of it.

use regex::Regex;
use serde_json::Value as Json;

use super::actual::Actual;
use super::verdict::Verdict;
use crate::route::Probe;
use crate::split::{LocalReplyCause, Target};

/// What the route must make of a request.
#[derive(Clone, Debug)]
pub struct RouteAssertion {
    // By field; an empty text says that there is nothing.
    pub(super) wanted: Vec<(&'static str, String)>,
    pub(super) skipped: Vec<String>,
    pub(super) random: u64,
}

impl RouteAssertion {
    pub(super) fn check(&self, probe: &Probe, actual: &Actual, verdict: &mut Verdict) {
        verdict.skipped.extend(self.skipped.iter().cloned());
        for (name, wanted) in &self.wanted {
            match self.found(name, probe, actual) {
                Ok(found) => {
                    let words = |text: &str| {
                        if text.is_empty() {
                            "none".to_owned()
                        } else {
                            text.to_owned()
                        }
                    };
                    verdict.compare(*wanted == found, name, words(wanted), words(&found));
                }
                Err(why) => verdict.skipped.push(format!("`{name}`: {why}")),
            }
        }
    }

    /// What is there, or why nobody can tell.
    fn found(&self, name: &str, probe: &Probe, actual: &Actual) -> Result<String, &'static str> {
        let route = Route::of(actual, probe)?;
        match name {
            "cluster_name" => route.cluster(self.random),
            "virtual_host_name" => route.virtual_host(),
            "host_rewrite" => route.host(),
            "path_rewrite" => route.path(),
            "path_redirect" => route.redirect(),
            _ => Ok(route
                .code()
                .map_or_else(|| "0".to_owned(), |code| code.to_string())),
        }
    }
}

/// The route that takes a request, and the request.
pub(super) struct Route<'a> {
    actual: &'a Actual,
    probe: &'a Probe,
    // Null where no rule takes the request.
    pub(super) text: Json,
    of_envoy: bool,
}

impl<'a> Route<'a> {
    pub(super) fn of(actual: &'a Actual, probe: &'a Probe) -> Result<Self, &'static str> {
        let of_envoy = actual
            .rule
            .as_ref()
            .is_some_and(|rule| rule.rule.starts_with("routes["));
        if actual.effects.is_none() && actual.rule.is_some() {
            return Err(
                "several routes share these requests, or nobody wrote the one that takes them",
            );
        }
        let text = actual.text.clone().unwrap_or_default();
        Ok(Self {
            actual,
            probe,
            text,
            of_envoy,
        })
    }

    /// Whether the request is forwarded.
    fn forwards(&self) -> bool {
        let shares = self.actual.shares.iter();
        self.actual.rule.is_some()
            && shares.clone().any(|own| match &own.target {
                Target::Destination(_) | Target::Named(_) => true,
                Target::LocalReply(reply) => reply.cause == LocalReplyCause::BrokenBackend,
            })
    }

    fn cluster(&self, random: u64) -> Result<String, &'static str> {
        if !self.forwards() {
            return Ok(String::new());
        }
        if !self.of_envoy {
            let names: Vec<String> = self
                .actual
                .shares
                .iter()
                .filter_map(|own| match &own.target {
                    Target::Destination(one) => {
                        let port = one.port.map_or_else(String::new, |port| port.to_string());
                        let subset = one.subset.as_deref().unwrap_or_default();
                        Some(format!("outbound|{port}|{subset}|{}", one.host))
                    }
                    _ => None,
                })
                .collect();
            return match &names[..] {
                [only] if self.actual.shares.len() == 1 => Ok(only.clone()),
                _ => Err(
                    "which of several clusters a number picks is known of Envoy's own routes only",
                ),
            };
        }
        let action = &self.text["route"];
        if let Some(cluster) = action["cluster"].as_str() {
            return Ok(cluster.to_owned());
        }
        if let Some(header) = action["cluster_header"].as_str() {
            return Ok(self.header(header).unwrap_or_default());
        }
        let clusters = action["weighted_clusters"]["clusters"].as_array();
        let clusters = clusters.ok_or("the cluster of this route is not named in it")?;
        let weight = |cluster: &Json| cluster["weight"].as_u64().unwrap_or(0);
        let total: u64 = clusters.iter().map(weight).sum();
        let (picked, mut end) = (random % total.max(1), 0);
        for cluster in clusters {
            end += weight(cluster);
            if picked < end {
                let name = cluster["name"].as_str().map(str::to_owned);
                return name.ok_or("a header of the request names the cluster");
            }
        }
        Err("the weights of this route are not read")
    }

    fn virtual_host(&self) -> Result<String, &'static str> {
        match (&self.actual.virtual_host, &self.actual.rule) {
            (Some(name), Some(_)) => Ok(name.clone()),
            (_, None) => Ok(String::new()),
            _ => Err("the names of virtual hosts are known of Envoy's own routes only"),
        }
    }

    fn header(&self, name: &str) -> Option<String> {
        let mut headers = self.probe.headers.iter();
        let own = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        own.map(|(_, value)| value.clone())
    }

    fn host(&self) -> Result<String, &'static str> {
        if !self.forwards() {
            return Ok(String::new());
        }
        let rewritten = if self.of_envoy {
            let action = &self.text["route"];
            if action["auto_host_rewrite"] == true || !action["host_rewrite_path_regex"].is_null() {
                return Err("this rewrite of the host is not modelled");
            }
            let header = action["host_rewrite_header"].as_str();
            let named = header.and_then(|name| self.header(name));
            action["host_rewrite_literal"]
                .as_str()
                .map(str::to_owned)
                .or(named)
        } else {
            self.written("rewrite", "authority")?
        };
        Ok(rewritten.unwrap_or_else(|| self.probe.authority.clone()))
    }

    /// A text of a field of a VirtualService's rule.
    fn written(&self, field: &str, key: &str) -> Result<Option<String>, &'static str> {
        let rule = self.actual.rule.as_ref();
        if rule.is_some_and(|rule| !rule.rule.starts_with("http[") && !rule.rule.contains(' ')) {
            return Err(
                "rewrites and redirects are computed of VirtualServices and of Envoy's own routes only",
            );
        }
        let effects = self.actual.effects.as_ref();
        let value =
            effects.and_then(|effects| effects.get(field)?.get(key)?.as_str().map(str::to_owned));
        Ok(value)
    }

    /// The part of the path that the match is about: a prefix, else all of it.
    pub(super) fn matched(&self) -> &str {
        let own = if self.of_envoy {
            &self.text["match"]
        } else {
            let label = self
                .actual
                .rule
                .as_ref()
                .map_or("", |rule| rule.label.as_str());
            let at = label
                .split(".match[")
                .nth(1)
                .and_then(|rest| rest.trim_end_matches(']').parse().ok());
            let at: usize = at.unwrap_or(0);
            &self.text["match"][at]["uri"]
        };
        let keys = ["prefix", "path_separated_prefix"];
        if let Some(prefix) = keys.iter().find_map(|key| own[*key].as_str()) {
            let begins = self.probe.path.get(..prefix.len());
            return begins.unwrap_or(&self.probe.path);
        }
        let whole = ["exact", "regex", "path", "safe_regex"];
        // A match that says nothing of the path takes all that begins with a slash.
        if whole.iter().any(|key| !own[*key].is_null()) {
            &self.probe.path
        } else {
            "/"
        }
    }

    fn with_query(&self, path: &str) -> String {
        match &self.probe.query {
            Some(query) if !path.contains('?') => format!("{path}?{query}"),
            _ => path.to_owned(),
        }
    }

    fn path(&self) -> Result<String, &'static str> {
        if !self.forwards() {
            return Ok(String::new());
        }
        let path = &self.probe.path;
        let regex =
            |rewrite: &Json, pattern: Option<&str>| -> Result<Option<String>, &'static str> {
                let Some(pattern) = pattern else {
                    return Ok(None);
                };
                let substitution = ["substitution", "rewrite"]
                    .iter()
                    .find_map(|key| rewrite[*key].as_str());
                let pattern = Regex::new(pattern)
                    .map_err(|_| "the regular expression of the rewrite is not read")?;
                let back = Regex::new(r"\\(\d)").map_err(|_| "the substitution is not read")?;
                let escaped = substitution.unwrap_or_default().replace('$', "$$");
                let substitution = back.replace_all(&escaped, "$${$1}").into_owned();
                Ok(Some(
                    pattern
                        .replace_all(path, substitution.as_str())
                        .into_owned(),
                ))
            };
        let (prefix, rewritten) = if self.of_envoy {
            let action = &self.text["route"];
            if !action["path_rewrite_policy"].is_null() {
                return Err("this rewrite of the path is not modelled");
            }
            let own = &action["regex_rewrite"];
            (
                action["prefix_rewrite"].as_str().map(str::to_owned),
                regex(own, own["pattern"]["regex"].as_str())?,
            )
        } else {
            let uri = self.written("rewrite", "uri")?;
            let effects = self.actual.effects.as_ref();
            let own = effects
                .and_then(|effects| effects.get("rewrite")?.get("uriRegexRewrite"))
                .cloned()
                .unwrap_or_default();
            (uri, regex(&own, own["match"].as_str())?)
        };
        let replaced = prefix
            .filter(|prefix| !prefix.is_empty())
            .map(|prefix| format!("{prefix}{}", &path[self.matched().len()..]));
        Ok(self.with_query(&rewritten.or(replaced).unwrap_or_else(|| path.clone())))
    }

    pub(super) fn redirect(&self) -> Result<String, &'static str> {
        if self.reply() != Some(LocalReplyCause::Redirect) {
            return Ok(String::new());
        }
        let text = &self.text["redirect"];
        let own = |keys: &[&str]| {
            keys.iter()
                .find_map(|key| text[*key].as_str())
                .filter(|text| !text.is_empty())
        };
        self.written_or_envoy()?;
        let scheme = match own(&["scheme_redirect", "scheme"]) {
            Some(scheme) => scheme,
            None if text["https_redirect"] == true => "https",
            None => &self.probe.scheme,
        };
        let authority = own(&["host_redirect", "authority"]).unwrap_or(&self.probe.authority);
        let port = ["port_redirect", "port"]
            .iter()
            .find_map(|key| text[*key].as_u64());
        let bare = authority.split(':').next().unwrap_or_default();
        let default = if scheme == "https" { 443 } else { 80 };
        let authority = match port {
            Some(port) if port == default => bare.to_owned(),
            Some(port) => format!("{bare}:{port}"),
            None => authority.to_owned(),
        };
        let path = match (own(&["path_redirect", "uri"]), own(&["prefix_rewrite"])) {
            (Some(path), _) => path.to_owned(),
            (None, Some(prefix)) => format!("{prefix}{}", &self.probe.path[self.matched().len()..]),
            (None, None) => self.probe.path.clone(),
        };
        if !text["regex_rewrite"].is_null() {
            return Err("this rewrite of a redirect is not modelled");
        }
        let path = if text["strip_query"] == true {
            path
        } else {
            self.with_query(&path)
        };
        Ok(format!("{scheme}://{authority}{path}"))
    }

    fn written_or_envoy(&self) -> Result<(), &'static str> {
        if self.of_envoy {
            return Ok(());
        }
        self.written("redirect", "uri").map(drop)
    }

    /// Why the proxy answers all of it by itself, if it does.
    fn reply(&self) -> Option<LocalReplyCause> {
        match &self.actual.shares[..] {
            [only] => match &only.target {
                Target::LocalReply(reply) if self.actual.rule.is_some() => Some(reply.cause),
                _ => None,
            },
            _ => None,
        }
    }

    /// The status of a redirect or a direct response.
    fn code(&self) -> Option<u16> {
        let cause = self.reply()?;
        let own = [LocalReplyCause::Redirect, LocalReplyCause::DirectResponse].contains(&cause);
        self.actual.shares.first().filter(|_| own)?.target.status()
    }
}
