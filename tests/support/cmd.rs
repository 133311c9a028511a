//! The built binary, run as a user runs it, and what came back.

use std::io::Read;
use std::process::{self, Child, ChildStdout, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use serde_json::Value;

use super::wait::HANGS;

/// `resplit` in an environment that holds nothing but `PATH` and a width of the terminal.
pub(crate) fn resplit() -> Command {
    Command::from_std(bare())
}

fn bare() -> process::Command {
    in_bare(env!("CARGO_BIN_EXE_resplit"))
}

/// A program in such an environment.
fn in_bare(program: &str) -> process::Command {
    let mut command = process::Command::new(program);
    command.env_clear().env("COLUMNS", "100");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// Runs `resplit ARGS` to its end.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let output = resplit()
        .args(args)
        .timeout(HANGS)
        .output()
        .expect("the binary runs");
    Outcome::of(args, &output)
}

/// Runs `resplit -o json ARGS` to its end.
pub(crate) fn run_json(args: &[&str]) -> Outcome {
    run(&[&["-o", "json"], args].concat())
}

/// The same over one connection at a time: requests are answered in the order in which they are sent, so that a seeded
/// server leaves nothing to chance.
pub(crate) fn run_in_order(args: &[&str]) -> Outcome {
    run_json(&[&["-c", "1"], args].concat())
}

/// A run that a test talks to before it has ended; it does not outlive the test.
pub(crate) struct Running {
    child: Option<Child>,
    /// What was read of stderr already.
    said: Vec<u8>,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The exit code; none when a signal ended it, as the time limit does.
    pub(crate) code: Option<i32>,
    /// The report.
    pub(crate) stdout: String,
    /// Everything else.
    pub(crate) stderr: String,
    args: Vec<String>,
}

/// A JSON report, `resplit.report/1`.
#[derive(Debug)]
pub(crate) struct Report(pub(crate) Value);

impl Running {
    /// Starts `resplit ARGS`.
    pub(crate) fn start(args: &[&str]) -> Self {
        // Whoever runs the tests may have SIGHUP ignored, as `nohup` does, which a child inherits.
        let child = in_bare("env")
            .args(["--default-signal=HUP", env!("CARGO_BIN_EXE_resplit")])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Self {
            child: Some(child.expect("the binary runs")),
            said: Vec::new(),
        }
    }

    /// Whoever read stdout leaves.
    pub(crate) fn close_stdout(&mut self) {
        drop(self.child().stdout.take());
    }

    /// What it writes, for a test that reads it as it comes.
    pub(crate) fn stdout(&mut self) -> ChildStdout {
        self.child().stdout.take().expect("it is piped")
    }

    /// As ^C does.
    pub(crate) fn interrupt(&mut self) {
        self.signal("INT");
    }

    /// Sends it the signal of this name, as the kubelet does with `TERM`.
    pub(crate) fn signal(&mut self, name: &str) {
        let status = process::Command::new("kill")
            .args([&format!("-{name}"), &self.child().id().to_string()])
            .status()
            .expect("`kill` runs");
        assert!(status.success(), "it ended before it was interrupted");
    }

    /// Waits until it has said this on stderr.
    #[track_caller]
    pub(crate) fn until_said(&mut self, text: &str) {
        let mut byte = [0];
        while !String::from_utf8_lossy(&self.said).contains(text) {
            let stderr = self.child().stderr.as_mut().expect("it is piped");
            let read = stderr.read(&mut byte).expect("the pipe is readable");
            let said = String::from_utf8_lossy(&self.said);
            assert!(read > 0, "it ended without `{text}`: {said}");
            self.said.extend(byte);
        }
    }

    /// What it has said on stderr, as far as it was waited for.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&self.said).into_owned()
    }

    /// Waits for its end, and reads what it says meanwhile: a pipe holds less than a report.
    pub(crate) fn finish(mut self) -> Outcome {
        let child = self.child();
        let stdout = child.stdout.take().map(read);
        let stderr = child.stderr.take().map(read);
        let deadline = Instant::now() + HANGS;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child().try_wait() {
                self.child = None;
                // A pipe that the test has taken is none of this.
                let [stdout, stderr] = [stdout, stderr].map(|reader| {
                    let read = reader.map(|reader| reader.join().expect("the pipe is read"));
                    read.unwrap_or_default()
                });
                let mut said = std::mem::take(&mut self.said);
                said.extend(stderr);
                let output = process::Output {
                    status,
                    stdout,
                    stderr: said,
                };
                return Outcome::of(&[], &output);
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("it does not end");
    }

    fn child(&mut self) -> &mut Child {
        self.child.as_mut().expect("only `finish` takes it")
    }
}

/// Everything that a pipe gives, in a thread of its own.
fn read(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        // What was read before a pipe breaks counts.
        let _ = pipe.read_to_end(&mut all);
        all
    })
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Outcome {
    /// What a process said, run with these arguments.
    pub(crate) fn of(args: &[&str], output: &process::Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
        }
    }

    /// Fails unless it exited with this code; shows what it said.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "resplit {}\n--- stdout\n{}\n--- stderr\n{}",
            self.args.join(" "),
            self.stdout,
            self.stderr
        );
        self
    }

    /// The JSON report on stdout.
    #[track_caller]
    pub(crate) fn report(&self) -> Report {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => Report(value),
            Err(problem) => panic!(
                "stdout is no JSON report: {problem}\n--- stdout\n{}\n--- stderr\n{}",
                self.stdout, self.stderr
            ),
        }
    }

    /// Fails unless the next step that it names has this in it.
    #[track_caller]
    pub(crate) fn advises(&self, part: &str) {
        let help = self.stderr.lines().find(|line| line.starts_with("help: "));
        let found = help.is_some_and(|help| help.contains(part));
        assert!(found, "no help with `{part}`: {self:#?}");
    }

    /// Fails unless it was refused as input: exit 2, nothing on stdout, an error with a next step on stderr.
    #[track_caller]
    pub(crate) fn refused(&self, case: &str) {
        let said = format!("{case}: {self:#?}");
        assert_eq!(self.code, Some(2), "{said}");
        assert_eq!(self.stdout, "", "{said}");
        assert!(self.stderr.contains("error:"), "{said}");
        assert!(self.stderr.contains("help:"), "{said}");
    }
}

impl Report {
    /// The number at a JSON pointer.
    #[track_caller]
    pub(crate) fn number(&self, pointer: &str) -> u64 {
        self.0
            .pointer(pointer)
            .and_then(Value::as_u64)
            .unwrap_or_else(|| panic!("no count at `{pointer}` in {:#}", self.0))
    }

    /// The text at a JSON pointer.
    #[track_caller]
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.0
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("no text at `{pointer}` in {:#}", self.0))
    }

    /// The verdict in one word.
    #[track_caller]
    pub(crate) fn verdict(&self) -> &str {
        self.text("/verdict/outcome")
    }

    /// Requests sent.
    #[track_caller]
    pub(crate) fn sent(&self) -> u64 {
        self.number("/observation/sent")
    }

    /// The buckets, as they were seen.
    pub(crate) fn buckets(&self) -> &[Value] {
        self.list("/observation/buckets")
    }

    /// Responses that count for a target.
    pub(crate) fn count(&self, target: &str) -> u64 {
        sum(self.buckets(), "target", target)
    }

    /// The answers in all buckets.
    pub(crate) fn answers(&self) -> u64 {
        self.buckets()
            .iter()
            .filter_map(|bucket| bucket["count"].as_u64())
            .sum()
    }

    /// Requests that failed in one way.
    pub(crate) fn failures(&self, kind: &str) -> u64 {
        sum(self.list("/observation/failures"), "kind", kind)
    }

    fn list(&self, pointer: &str) -> &[Value] {
        match self.0.pointer(pointer).and_then(Value::as_array) {
            Some(list) => list,
            None => panic!("no list at `{pointer}` in {:#}", self.0),
        }
    }
}

/// The sum of `count` over the entries whose `key` has this value.
fn sum(entries: &[Value], key: &str, value: &str) -> u64 {
    entries
        .iter()
        .filter(|entry| entry[key] == value)
        .filter_map(|entry| entry["count"].as_u64())
        .sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_are_summed_over_the_buckets_of_a_target() {
        let report = Report(json!({
            "observation": {
                "sent": 7,
                "buckets": [
                    { "bucket": "pod-a", "target": "v1", "count": 2 },
                    { "bucket": "pod-b", "target": "v1", "count": 3 },
                    { "bucket": "?", "target": null, "count": 1 },
                ],
                "failures": [{ "kind": "reset", "count": 1 }],
            },
            "verdict": { "outcome": "pass" },
        }));
        assert_eq!((report.count("v1"), report.count("v2")), (5, 0));
        assert_eq!((report.failures("reset"), report.failures("dns")), (1, 0));
        assert_eq!((report.sent(), report.verdict()), (7, "pass"));
    }
}
