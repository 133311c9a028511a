//! `--all-rules`: a request for every rule of the host, each judged against what its rule declares, in one report.

use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::cases::{self, Case, CaseResult, Depth};
use super::config::RunConfig;
use super::exit::Exit;
use super::expectation::{self, Asked, Declared, Routes};
use super::failure::Failure;
use super::lint_notes::about_one;
use super::load_plan::planned;
use super::proxy_admin::{Live, ProxyOfCases};
use super::report_output::{exit, write_report};
use super::run::{asked, ready, writable};
use crate::diag::Code;
use crate::plan::RequestTemplate;
use crate::report::explain::{UnreachableRow, unreachable};
use crate::report::rules::{CasePurpose, Coverage, RuleResult, SentRequest, suite_verdict};
use crate::report::{self, KnownNotes, Report, SavedObservation};
use crate::route::example_request::{Example, Purpose, Reach, examples};
use crate::route::{Probe, Route, VirtualHost, resolve_declared};
use crate::split::{Expected, Mechanism};
use crate::verdict::{Outcome, Verdict};

/// Sends a request for every rule of the host, and reports.
pub(super) fn run(config: &RunConfig) -> Result<Exit, Failure> {
    writable(config)?;
    let interrupted = ready(config)?;
    let mut proxy = ProxyOfCases::begin(
        config.proxy_admin.as_ref(),
        &config.vantage,
        &expectation::probe(&config.request),
    );
    let Asked { routes, probe } = expectation::asked(config, proxy.live())?;
    let host = routes.host(&probe)?;
    let examples = examples(&routes.table, host, &probe);
    let plan = planned(&config.load, &config.request, None, &config.policy)?.plan;
    let mut rows = Vec::with_capacity(examples.len());
    let mut sent: Vec<(Probe, Case)> = Vec::new();
    for example in &examples {
        rows.push(Row::new(
            example,
            (&routes, proxy.live()),
            (&probe, &plan.request),
            &mut sent,
        )?);
    }
    let (probes, cases): (Vec<Probe>, Vec<Case>) = sent.into_iter().unzip();
    if cases.is_empty() {
        return Err(unreached(host, &rows));
    }
    proxy.watch();
    let mut run = cases::run(&cases, plan, config, interrupted)?;
    let verdicts = run.results.iter_mut().map(|own| &mut own.verdict);
    run.notes.extend(proxy.end(probes.iter().zip(verdicts)));
    let results: Vec<RuleResult> = (rows.iter())
        .map(|row| {
            let found = row
                .case
                .map(|at| (&cases[at], &probes[at], &run.results[at]));
            row.result(config, (&routes, host, &probe), found)
        })
        .collect();
    let verdict = suite_verdict(&results, &config.policy);
    let known = KnownNotes {
        findings: Vec::new(),
        notes: run.notes,
    };
    let policy = config.policy;
    let observation = SavedObservation::new(run.observation, None, false, &policy, None);
    let report = Report {
        record: run.record,
        load: Some(run.load),
        coverage: Some(Coverage::of(&results)),
        rules: results,
        ..Report::new(
            asked(&config.request),
            policy,
            None,
            observation,
            verdict,
            known,
        )
    };
    write_report(&report, &config.output, None)?;
    Ok(exit(&report.verdict, config.inconclusive))
}

/// No rule can be tested by such requests.
fn unreached(host: &VirtualHost, rows: &[Row<'_>]) -> Failure {
    let why = rows.iter().find_map(|row| row.unreachable.as_ref());
    let why = why.map_or("there are none", |why| why.message.as_str());
    Failure::usage(
        format!("no rule of the host `{}` can be tested: {why}", host.name),
        "check the URL and the vantage (--from-namespace, --gateway); resplit explain --all-rules shows every rule",
    )
}

/// A line of the report to be.
struct Row<'t> {
    purpose: Purpose<'t>,
    /// The case that it shares with rows of the same request.
    case: Option<usize>,
    unreachable: Option<UnreachableRow>,
}

impl<'t> Row<'t> {
    /// The row of an example, whose request is added to those that are sent unless it is there already.
    fn new(
        example: &Example<'t>,
        (routes, proxy): (&Routes, Option<&Live>),
        (like, base): (&Probe, &RequestTemplate),
        sent: &mut Vec<(Probe, Case)>,
    ) -> Result<Self, Failure> {
        let row = |case, unreachable| Self {
            purpose: example.purpose,
            case,
            unreachable,
        };
        let Reach::By(probe) = &example.reach else {
            return Ok(row(None, unreachable(&example.reach, &routes.sources)));
        };
        if probe.scheme != like.scheme {
            let message = format!(
                "it takes requests by {} alone, and the URL says {}",
                probe.scheme, like.scheme
            );
            return Ok(row(None, Some(UnreachableRow::unproven(message))));
        }
        if let Some(known) = sent.iter().position(|(known, _)| known == &**probe) {
            return Ok(row(Some(known), None));
        }
        let mut resolution = resolve_declared(&routes.table, probe)
            .map_err(|error| expectation::unresolved(&error, &routes.sources))?;
        routes.word(&mut resolution, proxy);
        let mut declared = Declared::of(routes, &resolution, Some(probe));
        if is_hashed(declared.expected()) {
            let message = "the target is picked by a hash of the request, and one request has one target: run it by itself, with --vary \
                           for what is hashed";
            return Ok(row(
                None,
                Some(UnreachableRow::unproven(message.to_owned())),
            ));
        }
        // It is what the request is to show.
        declared.caveats.retain(|note| note.code != Code::NoRoute);
        let case = Case {
            request: carrying(base, like, probe)?,
            declared,
            depth: match example.purpose {
                Purpose::Taken(_) => Depth::Shares,
                Purpose::Fallthrough(..) | Purpose::NoRule => Depth::Rule,
            },
        };
        sent.push(((**probe).clone(), case));
        Ok(row(Some(sent.len() - 1), None))
    }

    fn result(
        &self,
        config: &RunConfig,
        (routes, host, like): (&Routes, &VirtualHost, &Probe),
        found: Option<(&Case, &Probe, &CaseResult)>,
    ) -> RuleResult {
        let sources = &routes.sources;
        let (purpose, route, condition) = match self.purpose {
            Purpose::Taken(route) => (CasePurpose::Rule, Some(route), None),
            Purpose::Fallthrough(route, condition) => (
                CasePurpose::Fallthrough,
                Some(route),
                Some(condition.field.clone()),
            ),
            Purpose::NoRule => (CasePurpose::NoRule, None, None),
        };
        let of_route = |route: &Route| routes.table.declared(route, sources);
        let result = RuleResult {
            purpose,
            object: route.map_or_else(|| host.objects.join(" and "), |own| own.object.clone()),
            rule: route.map_or_else(|| "no rule".to_owned(), |own| own.rule.clone()),
            alternative: route.and_then(|own| own.alternative.clone()),
            name: route.and_then(|own| own.name.clone()),
            condition,
            source: sources.place(route.map_or(host.span, |own| own.span)),
            values: None,
            request: None,
            unreachable: self.unreachable.clone(),
            expected: route.map(|own| report::Declaration::of(of_route(own), None)),
            policy: config.policy,
            observed: None,
            verdict: Verdict {
                reason: (self.unreachable.as_ref())
                    .map_or_else(String::new, |own| own.message.clone()),
                ..Verdict::without_counts(Outcome::NotJudged, &config.policy)
            },
            known: KnownNotes::default(),
        };
        let Some((case, probe, found)) = found else {
            return result;
        };
        let caveats = case.declared.caveats.iter().cloned();
        let known = KnownNotes {
            findings: match found.verdict.outcome {
                Outcome::Pass => Vec::new(),
                _ => about_one(routes, probe),
            },
            notes: found.notes.iter().cloned().chain(caveats).collect(),
        };
        RuleResult {
            request: Some(SentRequest::of(probe, like)),
            expected: Some(case.declared.declaration.clone()),
            policy: found.policy,
            observed: Some(found.observation.clone()),
            verdict: found.verdict.clone(),
            ..result
        }
        .with_known(known)
    }
}

/// Whether requests that are alike all go to one of several targets.
pub(super) fn is_hashed(expected: &Expected) -> bool {
    let shares = expected
        .declared()
        .iter()
        .filter(|own| !own.share.is_zero());
    expected.mechanism == Mechanism::Hash && shares.count() > 1
}

/// The request of the command with what another one asks for.
pub(super) fn carrying(
    base: &RequestTemplate,
    like: &Probe,
    probe: &Probe,
) -> Result<RequestTemplate, Failure> {
    let unsendable = |what: &str| {
        Failure::usage(
            format!("a request that reaches the rule has a {what} that cannot be sent"),
            "resplit explain --all-rules shows the requests",
        )
    };
    let query = probe.query.as_ref().map(|query| format!("?{query}"));
    let target = format!("{}{}", probe.path, query.unwrap_or_default());
    let target: PathAndQuery = target.parse().map_err(|_| unsendable("path"))?;
    let mut headers = HeaderMap::new();
    let host = HeaderValue::from_str(&probe.authority).map_err(|_| unsendable("host"))?;
    headers.insert(HOST, host);
    if probe.headers == like.headers {
        let others = base.headers.iter().filter(|(name, _)| *name != HOST);
        headers.extend(others.map(|(name, value)| (name.clone(), value.clone())));
    } else {
        for (name, value) in &probe.headers {
            let name = HeaderName::try_from(name.as_str()).map_err(|_| unsendable("header"))?;
            let value =
                HeaderValue::from_bytes(value.as_bytes()).map_err(|_| unsendable("header"))?;
            headers.append(name, value);
        }
    }
    Ok(RequestTemplate {
        method: Method::from_bytes(probe.method.as_bytes()).map_err(|_| unsendable("method"))?,
        target: Uri::from(target),
        headers,
        ..base.clone()
    })
}
