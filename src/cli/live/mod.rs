//! `resplit test --live`: the requests of cases are sent, and what comes back is judged by what the cases expect.

mod address;
mod fields;
mod sent_case;

use std::rc::Rc;

use clap::Parser;

use self::address::Address;
use self::sent_case::SentCase;
use super::all_rules::{carrying, is_hashed};
use super::args::{Cli, Inconclusive, TestArgs, TransportArgs};
use super::cases::{self, Batch, Case, Depth, ReadCase, Work};
use super::cluster_bucket;
use super::config::RunConfig;
use super::expectation::{self, Declared, Routes};
use super::failure::Failure;
use super::load_config::Amount;
use super::load_plan::planned;
use super::run::ready;
use crate::observe::Observation;
use crate::plan::{Endpoint, LoadPlan, Protocol, Stop};
use crate::report::Declaration;
use crate::report::suite::{CaseRow, TestReport};
use crate::route::{Probe, resolve_declared};
use crate::split::{Expected, TargetShare};
use crate::suite::{self, Actual, FieldCheck, World};

/// The cases of all suites that are sent.
pub(super) struct Live {
    config: RunConfig,
    transport: TransportArgs,
    /// Where cases go that name no address; none for the host of their URL.
    typed: Option<String>,
    jobs: usize,
    fail_fast: bool,
    planned: Vec<PlannedCase>,
    /// By the number of their manifests, and the place that they are seen from.
    routes: Vec<((usize, String), Rc<Routes>)>,
}

/// A case that is sent.
struct PlannedCase {
    /// Which of the suites, and which of its rows.
    place: (usize, usize),
    address: Address,
    plan: LoadPlan,
    declared: Declared,
    checks: Vec<FieldCheck>,
    routes: Rc<Routes>,
    /// The request as the case has it.
    probe: Probe,
}

/// A case among the others of its suite.
pub(super) struct Checked<'c> {
    /// Which of the suites, and which of its rows.
    pub(super) place: (usize, usize),
    /// The case.
    pub(super) case: &'c suite::Case,
    /// What becomes of its request by the manifests.
    pub(super) actual: Option<&'c Actual>,
    /// The manifests, and their number.
    pub(super) world: (usize, &'c World),
}

impl Live {
    /// What was typed about cases that are sent; nothing is where that is not asked for.
    pub(super) fn of(typed: &TestArgs) -> Result<Option<Self>, Failure> {
        let args = &typed.live;
        let Some(address) = &args.live else {
            return Ok(None);
        };
        let refuse = |option: &str, help: &str| Err(Failure::usage(option, help));
        if args.transport.grpc.is_some() {
            return refuse(
                "--grpc is one call, and cases have their own requests",
                "leave --grpc out",
            );
        }
        if args.load.settle.is_some() {
            return refuse(
                "--settle is about the requests of one rule, and a suite has several",
                "leave --settle out",
            );
        }
        let transport = args.transport.clone();
        // The request is each case's own; all other options of a run have their defaults.
        cluster_bucket::refuse_for("test --live", &args.bucket)?;
        let mut cli = Cli::try_parse_from(["resplit", "http://localhost/"]).expect("a run");
        cli.run.expectation.bucket.clone_from(&args.bucket);
        cli.run.expectation.map.clone_from(&args.map);
        cli.run.judgement = args.judgement.clone();
        cli.run.load = args.load.clone();
        (cli.run.output.quiet, cli.run.output.color) = (typed.quiet, typed.color);
        let config = RunConfig::try_from(cli.run)?;
        if let Amount::Exactly(Stop::Elapsed(_)) = config.load.amount {
            return refuse(
                "-z is the time of one run, and the cases of a suite end by their number of requests",
                "give -n, or limit the whole with --max-duration",
            );
        }
        if args.jobs.0 == 0 {
            return refuse(
                "--jobs cannot be 0",
                "give the number of cases to run at once",
            );
        }
        Ok(Some(Self {
            config,
            transport,
            typed: Some(address.clone()).filter(|address| !address.is_empty()),
            jobs: usize::try_from(args.jobs.0).unwrap_or(usize::MAX),
            fail_fast: typed.fail_fast,
            planned: Vec::new(),
            routes: Vec::new(),
        }))
    }

    /// What an inconclusive case counts as.
    pub(super) fn inconclusive(&self) -> Option<Inconclusive> {
        self.config.inconclusive
    }

    /// Notes a case to be sent, unless nothing would show what it expects: then its row says why.
    pub(super) fn add(&mut self, row: &mut CaseRow, checked: &Checked<'_>) -> Result<(), Failure> {
        let (case, Some(actual)) = (checked.case, checked.actual) else {
            return Ok(());
        };
        if row.failed() {
            row.not_sent(
                "nothing is sent where the manifests say something else already",
                false,
            );
            return Ok(());
        }
        let visible = case.visible(actual);
        row.skip(visible.unseen);
        if let Some(why) = visible.nothing {
            row.not_sent(why, false);
            return Ok(());
        }
        let address = match address::of(case, self.typed.as_deref(), &self.transport)? {
            Ok(address) => address,
            Err(why) => {
                row.not_sent(&why, false);
                return Ok(());
            }
        };
        let routes = self.routes(checked)?;
        let Some(declared) = declared(&routes, &case.probe, &actual.shares) else {
            row.not_sent("the manifests declare no split for it", false);
            return Ok(());
        };
        if is_hashed(declared.expected()) {
            let why = "the target is picked by a hash of the request, and one request has one target (resplit run --vary)";
            row.not_sent(why, false);
            return Ok(());
        }
        let config = &self.config;
        let plan = planned(&config.load, &address.request, None, &config.policy)?.plan;
        self.planned.push(PlannedCase {
            place: checked.place,
            address,
            plan,
            declared,
            checks: visible.fields,
            routes,
            probe: case.probe.clone(),
        });
        Ok(())
    }

    /// The routes of the manifests from where the case is; they are made once.
    fn routes(&mut self, checked: &Checked<'_>) -> Result<Rc<Routes>, Failure> {
        let (number, world) = checked.world;
        let case = checked.case;
        let vantage = world.vantage(case.from.as_ref(), &case.probe);
        let key = (number, format!("{vantage:?}"));
        if let Some((_, known)) = self.routes.iter().find(|(known, _)| *known == key) {
            return Ok(Rc::clone(known));
        }
        let (sources, manifests) = (world.sources.clone(), world.manifests.clone());
        let routes = Routes::read(sources, manifests, &case.probe, &vantage)?;
        let routes = Rc::new(routes);
        self.routes.push((key, Rc::clone(&routes)));
        Ok(routes)
    }

    /// Sends the requests, and completes the rows. Nothing is sent where a case has failed already and that ends the suites.
    pub(super) fn send(mut self, report: &mut TestReport, ended: bool) -> Result<(), Failure> {
        report.live = Some(Vec::new());
        if ended {
            for planned in &self.planned {
                planned.row(report).not_sent(
                    "nothing is sent after a case that fails (--fail-fast)",
                    false,
                );
            }
            return Ok(());
        }
        if self.planned.is_empty() {
            return Ok(());
        }
        let order = in_order(&self.planned);
        let mut planned: Vec<Option<PlannedCase>> = self.planned.drain(..).map(Some).collect();
        let mut taken = |at: usize| planned[at].take().expect("each once");
        let (mut all, mut cases, mut reads, mut batches) = (vec![], vec![], vec![], vec![]);
        for group in order {
            for chunk in group.chunks(self.jobs) {
                let (first_case, first_read) = (cases.len(), reads.len());
                let mut plan = None;
                for own in chunk.iter().map(|at| taken(*at)) {
                    let (sent, case, read) = own.split(batches.len(), reads.len())?;
                    plan.get_or_insert(sent.plan.clone());
                    cases.push(case);
                    reads.extend(read);
                    all.push(sent);
                }
                batches.push(Batch {
                    plan: plan.expect("a chunk has a case"),
                    cases: first_case..cases.len(),
                    reads: first_read..reads.len(),
                });
            }
        }
        let checks: Vec<Vec<FieldCheck>> = (all.iter())
            .filter(|own| own.read.is_some())
            .map(|own| own.checks.clone())
            .collect();
        let wrong =
            |at: usize, seen: &Observation| !fields::differences(&checks[at], seen).is_empty();
        let work = Work {
            cases: &cases,
            reads,
            batches,
            fail_fast: self.fail_fast.then_some(&wrong),
            interrupted: ready(&self.config)?,
        };
        let run = cases::run_batches(work, &self.config)?;
        for ((own, case), found) in all.iter().zip(&cases).zip(&run.results) {
            own.complete(report, (case, found), &run);
        }
        report.live = Some(run.notes.iter().map(|note| note.message.clone()).collect());
        Ok(())
    }
}

/// The numbers of cases by where they are sent, in the order in which the places are named first.
fn in_order(planned: &[PlannedCase]) -> Vec<Vec<usize>> {
    let mut groups: Vec<((&Endpoint, Protocol), Vec<usize>)> = Vec::new();
    for (at, own) in planned.iter().enumerate() {
        let key = (&own.plan.endpoint, own.plan.request.protocol);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(at),
            None => groups.push((key, vec![at])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// The split that the manifests make for a request, with these shares.
fn declared(routes: &Routes, probe: &Probe, shares: &[TargetShare]) -> Option<Declared> {
    let resolution = resolve_declared(&routes.table, probe).ok();
    let declared = resolution.map(|resolution| Declared::of(routes, &resolution, Some(probe)));
    let same = |declared: &Declared| {
        let own = declared.expected().declared().iter();
        let own: Vec<&TargetShare> = own.filter(|own| !own.share.is_zero()).collect();
        let has = |one: &TargetShare| {
            own.iter()
                .any(|own| own.target == one.target && own.share == one.share)
        };
        own.len() == shares.len() && shares.iter().all(has)
    };
    // What a rule declares and what becomes of the request may differ: a case is about the latter.
    declared.filter(same).or_else(|| {
        let parts = shares
            .iter()
            .map(|own| (own.target.clone(), own.share, own.identifiers.clone()));
        let mechanism = crate::split::Mechanism::Iid;
        let split = Expected::new("the manifests", mechanism, parts.collect()).ok()?;
        Some(Declared {
            declaration: Declaration::of(split, None),
            caveats: Vec::new(),
            asked: None,
        })
    })
}

impl PlannedCase {
    fn row<'r>(&self, report: &'r mut TestReport) -> &'r mut CaseRow {
        let (suite, row) = self.place;
        &mut report.suites[suite].cases[row]
    }

    /// What is sent for it, and what is kept to report it.
    fn split(
        self,
        batch: usize,
        next_read: usize,
    ) -> Result<(SentCase, Case, Option<ReadCase>), Failure> {
        let like = expectation::probe(&self.address.request);
        let request = carrying(&self.plan.request, &like, &self.address.probe)?;
        let read = (!self.checks.is_empty()).then(|| ReadCase {
            request: request.clone(),
            bucketer: fields::bucketer(&self.checks),
        });
        let case = Case {
            request,
            declared: self.declared,
            depth: Depth::Shares,
        };
        let sent = SentCase {
            place: self.place,
            address: self.address,
            plan: self.plan,
            read: read.is_some().then_some(next_read),
            checks: self.checks,
            routes: self.routes,
            probe: self.probe,
            batch,
        };
        Ok((sent, case, read))
    }
}
