//! Where events go: stdout, the webhook, and the counters of the metrics.
#![allow(
    clippy::disallowed_methods,
    reason = "this is where an event gets its time"
)]

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant, SystemTime};

use super::super::args::{EventFormat, MonitorArgs};
use super::super::failure::{Failure, STDOUT};
use super::super::{output, record};
use super::board::Board;
use super::webhook::Webhook;
use crate::report::monitor::{Fact, Published, Told, metrics};
use crate::verdict::monitor::{Monitor, Response, State};

/// How often the metrics are written anew.
const SHOW: Duration = Duration::from_secs(1);

/// What the watch tells, and to whom.
pub(super) struct Outputs {
    format: EventFormat,
    url: String,
    labels: BTreeMap<String, String>,
    webhook: Option<Webhook>,
    board: Option<Board>,
    shown: Option<Instant>,
    /// The same moment on both clocks.
    pub(super) began: SystemTime,
    begun: Instant,
    number: u64,
    pub(super) events: BTreeMap<String, u64>,
    requests: BTreeMap<&'static str, u64>,
    responses: BTreeMap<String, u64>,
    /// Nobody reads stdout any more.
    pub(super) unread: bool,
}

impl Outputs {
    pub(super) fn open(args: &MonitorArgs, url: &str) -> Result<Self, Failure> {
        let usual = || {
            if io::stdout().is_terminal() {
                EventFormat::Text
            } else {
                EventFormat::Json
            }
        };
        let webhook = args.webhook.as_deref();
        let webhook = webhook.map(|url| Webhook::open(url, &args.webhook_header, args.quiet));
        Ok(Self {
            format: args.output.unwrap_or_else(usual),
            url: url.to_owned(),
            labels: record::labels(&args.label)?,
            webhook: webhook.transpose()?,
            board: args
                .listen
                .map(|at| Board::open(at, args.quiet))
                .transpose()?,
            shown: None,
            began: SystemTime::now(),
            begun: Instant::now(),
            number: 0,
            events: BTreeMap::new(),
            requests: BTreeMap::new(),
            responses: BTreeMap::new(),
            unread: false,
        })
    }

    /// How long it has been watched.
    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Requests that have ended.
    pub(super) fn ended(&self) -> u64 {
        self.requests.values().sum()
    }

    /// Counts a request; `None` for one that says nothing about the split.
    pub(super) fn count(&mut self, response: Option<Response<'_>>, target: Option<&str>) {
        let ended = match response {
            Some(Response::Target(..)) => "attributed",
            Some(Response::Undeclared(_)) => "undeclared",
            Some(Response::Error(_)) => "error",
            Some(Response::Unidentified(_)) => "unidentified",
            Some(Response::Failed(..)) => "failed",
            None => "not-counted",
        };
        *self.requests.entry(ended).or_default() += 1;
        if let Some(target) = target {
            match self.responses.get_mut(target) {
                Some(count) => *count += 1,
                None => drop(self.responses.insert(target.to_owned(), 1)),
            }
        }
    }

    /// Tells a fact, `after` so long.
    pub(super) fn tell(
        &mut self,
        fact: &Fact,
        state: State,
        after: Duration,
    ) -> Result<(), Failure> {
        self.number += 1;
        *self.events.entry(fact.name().to_owned()).or_default() += 1;
        let told = Told {
            fact,
            number: self.number,
            url: &self.url,
            labels: &self.labels,
            began: self.began,
            after,
            state,
            requests: self.ended(),
        };
        let json = told.json();
        let line = match self.format {
            EventFormat::Text => told.text(),
            EventFormat::Json => json.clone(),
        };
        if let Some(webhook) = &self.webhook {
            webhook.send(json);
        }
        self.shown = None;
        let line = format!("{line}\n");
        let line = output::printable(line.as_bytes(), false);
        let mut stdout = io::stdout().lock();
        match stdout.write_all(&line).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(()),
            // Whoever reads has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.unread = true;
                Ok(())
            }
            Err(source) => Err(Failure::Write {
                path: STDOUT.to_owned(),
                source,
            }),
        }
    }

    /// Writes the metrics anew, where they are served and it is time.
    pub(super) fn show(&mut self, monitor: &Monitor, missed: u64) {
        let Some(board) = &self.board else {
            return;
        };
        if self.shown.is_some_and(|shown| shown.elapsed() < SHOW) {
            return;
        }
        self.shown = Some(Instant::now());
        let webhook = self
            .webhook
            .as_ref()
            .map(Webhook::results)
            .unwrap_or_default();
        board.show(metrics(
            monitor,
            &Published {
                began: self.began,
                requests: &self.requests,
                responses: &self.responses,
                events: &self.events,
                webhook: &webhook,
                missed,
            },
        ));
    }

    /// Lets everybody who waits have what is left, but not for long after a signal.
    pub(super) fn end(self, after_signal: bool) {
        if let Some(webhook) = self.webhook {
            webhook.end(after_signal);
        }
        if let Some(board) = self.board {
            board.end();
        }
    }
}
