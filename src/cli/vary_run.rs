//! A run whose requests differ: by the values of `--vary`, or by the cookies of the users of `--sessions`. Every row of values is
//! resolved by itself, and rows that take different rules are judged rule by rule.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::cases::{self, Case, CaseResult, Depth};
use super::config::{Declaration, RunConfig};
use super::exit::Exit;
use super::expectation::{self, Asked, Declared, Routes, of_template};
use super::failure::Failure;
use super::lint_notes::about_one;
use super::load_plan::{planned, template};
use super::proxy_admin::{self, Live, ProxyOfCases};
use super::report_output::{exit, write_report};
use super::request_template::Template;
use super::run::{ProxySide, asked, carried_out, ready, writable};
use super::varied::{KeyOf, Sorter, Varied, key_of};
use super::varied_requests::VariedRequests;
use super::vary::Rows;
use crate::diag::{Code, Note};
use crate::plan::{LoadPlan, RequestTemplate};
use crate::report::rules::{CasePurpose, RuleResult, SentRequest, suite_verdict};
use crate::report::{KnownNotes, Report, SavedObservation};
use crate::route::{Action, HashKey, Probe, Resolution, resolve_declared};
use crate::split::Mechanism;
use crate::units::counted;
use crate::verdict::{Outcome, PinnedBy, PinnedTo};

/// Rows that are resolved before anything is sent, to know which rules there are.
const LOOKED_AT: usize = 10_000;

/// Sends requests that differ, and reports.
pub(super) fn run(config: &RunConfig) -> Result<Exit, Failure> {
    writable(config)?;
    let interrupted = ready(config)?;
    let template = Template::of(template(&config.request)?, &config.vary)?;
    let rows = Rows::open(&config.vary, config.policy.seed)?;
    if !matches!(config.declared, Declaration::Manifests(..)) {
        let (live, unread) = begin(config, first(config, &template)?);
        let declared = expectation::resolve(config, live.as_ref())?;
        let different = VariedRequests::new(
            Varied::new(template, rows, None, users(config)),
            None,
            Vec::new(),
        );
        let different = match config.sessions {
            Some(_) => different.by_user(),
            None => different,
        };
        return carried_out(
            config,
            declared.as_ref(),
            Some(different),
            ProxySide {
                live,
                unread,
                interrupted,
                ..ProxySide::default()
            },
        );
    }
    let asked = expectation::asked(config, None)?;
    let sample = Sample::of(&template, &config.vary_rows()?, &asked)?;
    match &sample.rules[..] {
        [only] => single(
            config,
            (template, rows),
            asked,
            (only, &sample),
            interrupted,
        ),
        _ => several(config, (template, rows), asked, &sample, interrupted),
    }
}

impl RunConfig {
    /// The first rows of values, or one that is empty.
    fn vary_rows(&self) -> Result<Vec<Vec<String>>, Failure> {
        let mut rows = Rows::open(&self.vary, self.policy.seed)?;
        let wanted = if self.vary.is_empty() { 1 } else { LOOKED_AT };
        Ok((0..wanted).map_while(|_| rows.next()).collect())
    }
}

impl RunConfig {
    /// Whether the first rows of values make different keys.
    fn varies(&self, template: &Template, parts: &[HashKey]) -> Result<bool, Failure> {
        let rows = self.vary_rows()?;
        let mut keys = (rows.iter().filter_map(|row| template.filled(row)))
            .map(|request| key_of(parts, &request));
        let first = keys.next();
        Ok(keys.any(|key| Some(key) != first))
    }
}

/// The request with the first row of values: the one that the proxy is asked about.
fn first(config: &RunConfig, template: &Template) -> Result<Probe, Failure> {
    let like = expectation::probe(&config.request);
    let row = config.vary_rows()?.into_iter().next().unwrap_or_default();
    let filled = template.filled(&row);
    Ok(filled.map_or(like.clone(), |request| of_template(&request, &like)))
}

/// What the proxy has for a request, where it says it; what it has for other values may be something else.
fn begin(config: &RunConfig, probe: Probe) -> (Option<Live>, Vec<Note>) {
    let (live, mut notes) = proxy_admin::begin(
        config.proxy_admin.as_ref(),
        proxy_admin::Asked {
            probe,
            vantage: config.vantage.clone(),
            among_others: false,
        },
    );
    if live.is_some() && !config.vary.is_empty() {
        let message = "what the proxy does is what it does with the first of the values";
        notes.push(Note::new(Code::Varied, message));
    }
    (live, notes)
}

/// The users of `--sessions`, each with cookies of its own.
fn users(config: &RunConfig) -> KeyOf {
    config.sessions.map_or(KeyOf::Nothing, KeyOf::User)
}

/// What the first rows of values take.
struct Sample {
    /// The rules, in the order in which they were found.
    rules: Vec<Taken>,
    /// Rows that differ from all before them.
    distinct: u64,
    /// Rows that were looked at.
    all: u64,
}

/// A rule, and what takes it.
struct Taken {
    rule: Option<String>,
    /// The first request that takes it.
    request: RequestTemplate,
    probe: Probe,
    /// Rows that take it, each counted once.
    distinct: u64,
}

impl Sample {
    fn of(template: &Template, rows: &[Vec<String>], asked: &Asked) -> Result<Self, Failure> {
        let mut sample = Self {
            rules: Vec::new(),
            distinct: 0,
            all: rows.len() as u64,
        };
        let mut known = BTreeSet::new();
        for row in rows.iter().filter(|row| known.insert(*row)) {
            sample.distinct += 1;
            let request = template.filled(row).ok_or_else(|| {
                Failure::usage(
                    format!(
                        "--vary: `{}` cannot be sent where its name stands",
                        row.join("`, `")
                    ),
                    "headers take no control characters",
                )
            })?;
            let probe = of_template(&request, &asked.probe);
            let resolution = resolve_declared(&asked.routes.table, &probe)
                .map_err(|error| expectation::unresolved(&error, &asked.routes.sources))?;
            let rule = resolution.rules();
            match sample.rules.iter_mut().find(|taken| taken.rule == rule) {
                Some(taken) => taken.distinct += 1,
                None => sample.rules.push(Taken {
                    rule,
                    request,
                    probe,
                    distinct: 1,
                }),
            }
        }
        Ok(sample)
    }

    /// How many rows take which rule, in a sentence.
    fn note(&self) -> Note {
        let taken = self.rules.iter().map(|taken| {
            let rule = taken
                .rule
                .as_ref()
                .map_or_else(|| "no rule".to_owned(), |rule| format!("`{rule}`"));
            format!(
                "{} {} {rule}",
                taken.distinct,
                if taken.distinct == 1 { "takes" } else { "take" }
            )
        });
        let taken: Vec<String> = taken.collect();
        let message = format!(
            "of {} among the first {}, {}",
            counted(self.distinct, "different value"),
            self.all,
            taken.join(", ")
        );
        Note::new(Code::Varied, message)
    }
}

/// All values take one rule: a run like any other, whose requests differ.
fn single(
    config: &RunConfig,
    (template, rows): (Template, Rows),
    asked: Asked,
    (taken, sample): (&Taken, &Sample),
    interrupted: bool,
) -> Result<Exit, Failure> {
    let (live, unread) = begin(config, taken.probe.clone());
    let asked = asked.beside(config, live.as_ref())?;
    let mut resolution = asked.routes.declared(&taken.probe)?;
    asked.routes.word(&mut resolution, live.as_ref());
    let declared = Declared::of(&asked.routes, &resolution, Some(&taken.probe));
    let (to, hashed) = hash_keys(&resolution);
    let key = match config.sessions {
        Some(users) => KeyOf::User(users),
        None if to == PinnedTo::Endpoint && !config.varies(&template, &hashed)? => KeyOf::Nothing,
        None if hashed.is_empty() => KeyOf::Nothing,
        None => KeyOf::Parts(hashed.clone()),
    };
    let name = match &key {
        KeyOf::Nothing => None,
        KeyOf::User(_) => Some("user".to_owned()),
        KeyOf::Parts(parts) => {
            let names: Vec<String> = parts.iter().map(ToString::to_string).collect();
            Some(names.join(" and "))
        }
    };
    let name = name.map(|key| PinnedBy { key, to });
    let sorter = sorter(&asked, std::slice::from_ref(taken));
    let notes = if config.vary.is_empty() {
        Vec::new()
    } else {
        vec![sample.note()]
    };
    let different =
        VariedRequests::new(Varied::new(template, rows, Some(sorter), key), name, notes);
    let probe = taken.probe.clone();
    let declared = Declared {
        asked: Some(Asked {
            routes: asked.routes,
            probe,
        }),
        ..declared
    };
    carried_out(
        config,
        Some(&declared),
        Some(different),
        ProxySide {
            live,
            unread,
            interrupted,
            ..ProxySide::default()
        },
    )
}

/// What the proxy hashes, and whether it picks a target of the route by it, or an endpoint of the target that was drawn.
fn hash_keys(resolution: &Resolution<'_>) -> (PinnedTo, Vec<HashKey>) {
    let action = resolution
        .route
        .map(|matched| &matched.route.outcome.action);
    let Some(Action::Split(split)) = action else {
        return (PinnedTo::Target, Vec::new());
    };
    let keys = split.hash_keys().to_vec();
    let to = if resolution.mechanism == Mechanism::Hash || keys.is_empty() {
        PinnedTo::Target
    } else {
        PinnedTo::Endpoint
    };
    (to, keys)
}

fn sorter(asked: &Asked, rules: &[Taken]) -> Sorter {
    Sorter {
        table: (*asked.routes.table).clone(),
        like: asked.probe.clone(),
        rules: rules.iter().map(|taken| taken.rule.clone()).collect(),
    }
}

/// Values take different rules: each is judged by itself.
fn several(
    config: &RunConfig,
    (template, rows): (Template, Rows),
    declared: Asked,
    sample: &Sample,
    interrupted: bool,
) -> Result<Exit, Failure> {
    if config.log.is_some() {
        return Err(Failure::usage(
            "--log writes the requests of one rule, and these values take several rules",
            "leave --log out, or give the values of one rule",
        ));
    }
    let mut proxy = ProxyOfCases::begin(
        config.proxy_admin.as_ref(),
        &config.vantage,
        &sample.rules[0].probe,
    );
    let asked_for = &declared.beside(config, proxy.live())?;
    let Asked { routes, probe } = asked_for;
    let mut cases = Vec::with_capacity(sample.rules.len());
    for taken in &sample.rules {
        let mut resolution = resolve_declared(&routes.table, &taken.probe)
            .map_err(|error| expectation::unresolved(&error, &routes.sources))?;
        routes.word(&mut resolution, proxy.live());
        cases.push(Case {
            request: taken.request.clone(),
            declared: Declared::of(routes, &resolution, Some(&taken.probe)),
            depth: Depth::Shares,
        });
    }
    let source = Varied::new(
        template,
        rows,
        Some(sorter(asked_for, &sample.rules)),
        users(config),
    );
    let plan = planned(&config.load, &config.request, None, &config.policy)?.plan;
    let plan = LoadPlan {
        connections: config
            .sessions
            .map_or(plan.connections, |users| plan.connections.min(users)),
        source: Some(Arc::<Varied>::clone(&source)),
        ..plan
    };
    proxy.watch();
    let mut run = cases::run(&cases, plan, config, interrupted)?;
    let verdicts = run.results.iter_mut().map(|own| &mut own.verdict);
    let probes = sample.rules.iter().map(|taken| &taken.probe);
    run.notes.extend(proxy.end(probes.zip(verdicts)));
    let found = sample.rules.iter().zip(&cases).zip(&run.results);
    let rules: Vec<RuleResult> = found
        .map(|((taken, case), found)| row(taken, (case, found), routes, probe))
        .collect();
    let verdict = suite_verdict(&rules, &config.policy);
    let mut notes = vec![sample.note()];
    notes.extend(run.notes);
    notes.extend(source.note());
    let known = KnownNotes {
        findings: Vec::new(),
        notes,
    };
    let observation = SavedObservation::new(run.observation, None, false, &config.policy, None);
    let report = Report {
        record: run.record,
        load: Some(run.load),
        rules,
        ..Report::new(
            asked(&config.request),
            config.policy,
            None,
            observation,
            verdict,
            known,
        )
    };
    write_report(&report, &config.output, None)?;
    Ok(exit(&report.verdict, config.inconclusive))
}

/// One of the rules that values take.
fn row(
    taken: &Taken,
    (case, found): (&Case, &CaseResult),
    routes: &Routes,
    like: &Probe,
) -> RuleResult {
    let declaration = &case.declared.declaration;
    let rule = taken.rule.clone().unwrap_or_else(|| "no rule".to_owned());
    let (object, rule) = rule.rsplit_once(' ').unwrap_or(("", &rule));
    let result = RuleResult {
        purpose: if taken.rule.is_some() {
            CasePurpose::Rule
        } else {
            CasePurpose::NoRule
        },
        object: object.to_owned(),
        rule: rule.to_owned(),
        alternative: None,
        name: None,
        condition: None,
        source: declaration.split.source.clone(),
        values: Some(taken.distinct),
        request: Some(SentRequest::of(&taken.probe, like)),
        unreachable: None,
        expected: Some(declaration.clone()),
        policy: found.policy,
        observed: Some(found.observation.clone()),
        verdict: found.verdict.clone(),
        known: KnownNotes::default(),
    };
    let caveats = case.declared.caveats.iter().cloned();
    result.with_known(KnownNotes {
        findings: match found.verdict.outcome {
            Outcome::Pass => Vec::new(),
            _ => about_one(routes, &taken.probe),
        },
        notes: found.notes.iter().cloned().chain(caveats).collect(),
    })
}
