//! One check: a run of its own, as a process, so that whatever it does ends with it.
#![allow(clippy::disallowed_methods, reason = "a check has a time limit")]

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::super::exit::Exit;
use super::config::is_refused;
use crate::report::{Report, Style, format, read};
use crate::units::Percentiles;
use crate::verdict::Outcome;

/// The longest report that is read.
const LONGEST: u64 = 16 << 20;
/// What is kept of what else was said.
const SAID: u64 = 16 << 10;
/// Between two looks whether the run has ended.
const PAUSE: Duration = Duration::from_millis(10);

/// What came of a check.
pub(super) struct Finished {
    /// The verdict, and the exit code that stands for it; an error where there is none.
    pub(super) verdict: Result<Judged, NoVerdict>,
    /// How long it took.
    pub(super) took: Duration,
}

/// Why there is no verdict.
pub(super) struct NoVerdict {
    /// What the run, or whoever runs it, says.
    pub(super) why: String,
    /// Whether its options are why.
    pub(super) is_refused: bool,
}

impl From<String> for NoVerdict {
    fn from(why: String) -> Self {
        Self {
            why,
            is_refused: false,
        }
    }
}

/// A verdict.
pub(super) struct Judged {
    /// In one word.
    pub(super) outcome: Outcome,
    /// The exit code of the run: what an inconclusive one counts as is up to its options.
    pub(super) code: i32,
    /// The whole answer in one line.
    pub(super) line: String,
    /// Why.
    pub(super) reason: String,
    /// The report as JSON.
    pub(super) json: String,
}

/// Runs a check to its end, or to its limit.
pub(super) fn run_check(command: &[String], limit: Duration) -> Finished {
    let begun = Instant::now();
    let verdict = judged(command, begun + limit);
    Finished {
        verdict,
        took: begun.elapsed(),
    }
}

fn judged(command: &[String], end: Instant) -> Result<Judged, NoVerdict> {
    let mut child =
        started(command).map_err(|error| format!("the check cannot be started: {error}"))?;
    let stdout = child.stdout.take().map(|pipe| reader(pipe, LONGEST + 1));
    let stderr = child.stderr.take().map(|pipe| reader(pipe, SAID));
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Ok(status),
            Ok(None) if Instant::now() < end => thread::sleep(PAUSE),
            Ok(None) => {
                stop(&mut child);
                break Err("the check took longer than its limit".to_owned());
            }
            Err(error) => {
                stop(&mut child);
                break Err(format!("the check was lost: {error}"));
            }
        }
    };
    let [stdout, stderr] = [stdout, stderr].map(|reader| {
        let text = reader.and_then(|reader| reader.join().ok());
        text.unwrap_or_default()
    });
    let code = status?.code();
    let said = String::from_utf8_lossy(&stderr);
    let error = said.lines().find_map(|line| line.strip_prefix("error: "));
    if stdout.len() as u64 > LONGEST {
        return Err("the report of the check is too large".to_owned().into());
    }
    let report = String::from_utf8(stdout)
        .ok()
        .and_then(|json| Some((read(&json).ok()?, json)));
    match (code, report) {
        (Some(code), Some((report, json))) => Ok(Judged {
            outcome: report.verdict.outcome,
            code,
            line: line(&report),
            reason: report.verdict.reason.clone(),
            json,
        }),
        (code, _) => Err(NoVerdict {
            why: error
                .unwrap_or("the check ended without a report")
                .to_owned(),
            is_refused: code == Some(Exit::Usage.code().into()) && is_refused(command),
        }),
    }
}

fn started(command: &[String]) -> io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args(["run", "--output=json", "--no-progress"])
        .args(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

fn stop(child: &mut Child) {
    // One that has ended meanwhile is waited for all the same.
    let _ = child.kill();
    let _ = child.wait();
}

/// Reads so much of a pipe, and takes the rest away.
fn reader(mut pipe: impl Read + Send + 'static, most: u64) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = (&mut pipe).take(most).read_to_end(&mut bytes);
        let _ = io::copy(&mut pipe, &mut io::sink());
        bytes
    })
}

/// A report in a format, plain.
pub(super) fn rendered(report: &Report, name: &str) -> Vec<u8> {
    let style = Style {
        colour: false,
        bars: false,
        width: 100,
        verbose: false,
        percentiles: Percentiles::default(),
    };
    let mut bytes = Vec::new();
    let format = format(name).expect("it is a format");
    // Memory takes everything.
    let _ = (format.render)(report, style, &mut bytes);
    bytes
}

fn line(report: &Report) -> String {
    String::from_utf8_lossy(&rendered(report, "oneline"))
        .trim_end()
        .to_owned()
}
