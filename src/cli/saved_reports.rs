//! Saved reports, read one after the other: files, stdin, and logs of pods that hold reports in their lines.
#![allow(clippy::disallowed_methods, reason = "reports are read line by line")]

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::failure::Failure;
use super::input::{self, LARGEST_FILE};
use crate::diag::{Code, Note};
use crate::report::{
    Difference, GeneratorNumber, LoggedReport, MergeError, ReadError, Report, logged, read_run,
};

/// Generators that are named.
const MOST_NAMED: usize = 20;

/// Where reports come from.
pub(super) struct SavedReports {
    sources: Vec<Source>,
    arrived: Arrived,
}

enum Source {
    /// A report in a file.
    File(PathBuf),
    /// A report that is in memory already.
    Text(String, String),
    /// A log, from its first report on.
    Log(Box<Log>),
}

/// A log of pods.
struct Log {
    name: String,
    lines: Box<dyn BufRead>,
    /// A report that was read already.
    ahead: Option<(Option<GeneratorNumber>, Report)>,
}

/// Which generators sent a report.
#[derive(Default)]
struct Arrived {
    of: u32,
    whole: BTreeSet<u32>,
    cut_off: BTreeSet<u32>,
}

impl SavedReports {
    /// Looks into the files, and says how many runs they hold. Of logs the first report says it.
    pub(super) fn open(paths: &[PathBuf]) -> Result<(Self, usize), Failure> {
        let mut own = Self {
            sources: Vec::new(),
            arrived: Arrived::default(),
        };
        let mut runs = 0;
        for path in paths {
            let name = path.display().to_string();
            let mut lines = reader(path)?;
            if first_letter(&mut lines, &name)? == Some(b'{') {
                let text = whole(lines, &name)?;
                runs += runs_in(&text);
                // A pipe cannot be read twice.
                own.sources.push(if path.is_file() {
                    Source::File(path.clone())
                } else {
                    Source::Text(name, text)
                });
            } else {
                let log = Log {
                    name,
                    lines,
                    ahead: None,
                };
                runs += own.open_log(log)?;
            }
        }
        Ok((own, runs))
    }

    /// How many runs a log is to hold. Where its reports do not say that, they are all read.
    fn open_log(&mut self, mut log: Log) -> Result<usize, Failure> {
        let Some((generator, report)) = log.next(&mut self.arrived)? else {
            return Err(refused(&MergeError::Unusable {
                name: log.name,
                error: ReadError::NoReport,
            }));
        };
        if let Some(generator) = generator {
            // Another log of the same Job has reports of the same generators.
            let known = std::mem::replace(&mut self.arrived.of, generator.of);
            log.ahead = Some((Some(generator), report));
            self.sources.push(Source::Log(Box::new(log)));
            return Ok(if known == generator.of {
                0
            } else {
                generator.of as usize
            });
        }
        let mut count = 0;
        let mut next = Some(report);
        while let Some(report) = next {
            count += report.runs();
            let name = format!("report {count} in {}", log.name);
            self.sources.push(Source::Log(Box::new(Log {
                name,
                lines: Box::new(io::empty()),
                ahead: Some((None, report)),
            })));
            next = log.next(&mut self.arrived)?.map(|(_, report)| report);
        }
        Ok(count)
    }

    /// Hands over one report after the other, without the rows that formats show.
    pub(super) fn each(
        &mut self,
        mut take: impl FnMut(String, Report) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for source in std::mem::take(&mut self.sources) {
            match source {
                Source::File(path) => {
                    let name = path.display().to_string();
                    let report = parsed(whole(reader(&path)?, &name)?, &name)?;
                    take(name, report)?;
                }
                Source::Text(name, text) => {
                    let report = parsed(text, &name)?;
                    take(name, report)?;
                }
                Source::Log(mut log) => {
                    while let Some((generator, report)) = log.next(&mut self.arrived)? {
                        let name =
                            generator.map_or_else(|| log.name.clone(), |own| called(own, &report));
                        take(name, report)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// What is to be said of generators whose report did not arrive.
    pub(super) fn missing(&self) -> Option<Note> {
        self.arrived.missing()
    }
}

impl Log {
    /// The next report.
    fn next(
        &mut self,
        arrived: &mut Arrived,
    ) -> Result<Option<(Option<GeneratorNumber>, Report)>, Failure> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        while let Some(line) = self.line()? {
            let Some(LoggedReport { generator, json }) = logged(&line) else {
                continue;
            };
            let read = json.map(read_run);
            match (read, generator) {
                (Some(Ok(report)), generator) => {
                    arrived.whole.extend(generator.map(|own| own.index));
                    return Ok(Some((generator, report)));
                }
                // A line that was cut off by whoever keeps the log is a report that did not arrive.
                (None | Some(Err(ReadError::Form(_))), Some(generator)) => {
                    arrived.of = arrived.of.max(generator.of);
                    arrived.cut_off.insert(generator.index);
                }
                (None, None) => {
                    return Err(unusable(
                        &self.name,
                        ReadError::Damaged("a line is cut off"),
                    ));
                }
                (Some(Err(error)), _) => return Err(unusable(&self.name, error)),
            }
        }
        Ok(None)
    }

    fn line(&mut self) -> Result<Option<String>, Failure> {
        let mut line = Vec::new();
        let mut limited = (&mut self.lines).take(LARGEST_FILE + 1);
        let read = limited
            .read_until(b'\n', &mut line)
            .map_err(|source| Failure::Read {
                path: self.name.clone(),
                source,
            })?;
        if line.len() as u64 > LARGEST_FILE {
            return Err(too_large(&self.name));
        }
        Ok((read > 0).then(|| String::from_utf8_lossy(&line).into_owned()))
    }
}

impl Arrived {
    fn missing(&self) -> Option<Note> {
        let missing: Vec<u32> = (0..self.of)
            .filter(|own| !self.whole.contains(own))
            .collect();
        if missing.is_empty() {
            return None;
        }
        let named = missing.iter().take(MOST_NAMED).map(|own| {
            let cut_off = if self.cut_off.contains(own) {
                " (cut off)"
            } else {
                ""
            };
            format!("{own}{cut_off}")
        });
        let mut named = named.collect::<Vec<_>>().join(", ");
        if missing.len() > MOST_NAMED {
            named = format!("{named}, and {} more", missing.len() - MOST_NAMED);
        }
        Some(Note::new(
            Code::GeneratorsMissing,
            format!(
                "{} of {} generators sent no complete report: {named}",
                missing.len(),
                self.of
            ),
        ))
    }
}

/// What a generator is called: the pod, and where it runs.
fn called(generator: GeneratorNumber, report: &Report) -> String {
    let record = &report.record;
    let label = |key: &str| record.labels.get(key).filter(|value| !value.is_empty());
    let places = ["node", "zone"]
        .into_iter()
        .filter_map(|key| Some(format!("{key} {}", label(key)?)));
    let places: Vec<String> = places.collect();
    let name = match label("pod").or(record.hostname.as_ref()) {
        Some(pod) => pod.clone(),
        None => format!("generator {}", generator.index),
    };
    if places.is_empty() {
        name
    } else {
        format!("{name} ({})", places.join(", "))
    }
}

fn reader(path: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(input::stdin()?)));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(BufReader::new(file))),
        Err(source) => Err(Failure::Read {
            path: path.display().to_string(),
            source,
        }),
    }
}

/// The first letter that is no blank; it is not taken away.
fn first_letter(lines: &mut Box<dyn BufRead>, name: &str) -> Result<Option<u8>, Failure> {
    loop {
        let ahead = lines.fill_buf().map_err(|source| Failure::Read {
            path: name.to_owned(),
            source,
        })?;
        let blanks = ahead
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        match ahead.get(blanks) {
            Some(letter) => return Ok(Some(*letter)),
            None if ahead.is_empty() => return Ok(None),
            None => lines.consume(blanks),
        }
    }
}

fn whole(lines: Box<dyn BufRead>, name: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = lines.take(LARGEST_FILE + 1).read_to_end(&mut bytes);
    read.map_err(|source| Failure::Read {
        path: name.to_owned(),
        source,
    })?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(too_large(name));
    }
    String::from_utf8(bytes).map_err(|_| {
        Failure::usage(
            format!("`{name}` is not UTF-8 text"),
            "name files that were saved with --report json=FILE",
        )
    })
}

/// How many runs a report holds, as far as it can be read.
fn runs_in(text: &str) -> usize {
    #[derive(Deserialize)]
    struct Parts {
        #[serde(default)]
        parts: Vec<IgnoredAny>,
    }
    serde_json::from_str(text).map_or(1, |Parts { parts }| parts.len().max(1))
}

fn parsed(text: String, name: &str) -> Result<Report, Failure> {
    read_run(text).map_err(|error| unusable(name, error))
}

fn unusable(name: &str, error: ReadError) -> Failure {
    refused(&MergeError::Unusable {
        name: name.to_owned(),
        error,
    })
}

fn too_large(name: &str) -> Failure {
    Failure::usage(
        format!("`{name}` is larger than {} MiB", LARGEST_FILE >> 20),
        "give a file that fits into memory",
    )
}

/// What to do about reports that cannot be judged.
pub(super) fn refused(error: &MergeError) -> Failure {
    let help = match error {
        MergeError::Nothing => "name files that were saved with --report json=FILE".to_owned(),
        MergeError::Unusable { error, .. } => match error {
            ReadError::Newer(_) => "use the resplit that saved it, or a newer one".to_owned(),
            ReadError::Other(_) | ReadError::Form(_) | ReadError::NoReport => {
                "name files that were saved with --report json=FILE or -o json".to_owned()
            }
            ReadError::Damaged(_) => "run again, or leave the file out".to_owned(),
        },
        MergeError::Rules(_) => {
            "leave the options of judgement out, and name it alone; or run again".to_owned()
        }
        MergeError::Twice { .. } => "name every run once".to_owned(),
        MergeError::Different { what, .. } => match what {
            Difference::Certainty => {
                "say what is asked of all of them, with the options shown".to_owned()
            }
            Difference::Objectives => "say what is asked of all of them, with --slo".to_owned(),
            Difference::Target | Difference::Declaration => "merge reports of the same question only; --compare shows two of them beside each other".to_owned(),
        },
        MergeError::Objective { problem, .. } => problem.help.clone(),
        MergeError::Unmeasured { what, .. } => what.help().to_owned(),
    };
    Failure::usage(error.to_string(), help)
}
