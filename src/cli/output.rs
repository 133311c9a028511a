//! Files, the terminal and the environment, as far as writing goes.
#![allow(
    clippy::disallowed_methods,
    reason = "this is where files are written and the environment is read"
)]

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::args::Colour;

/// Columns where the terminal does not say.
const DEFAULT_WIDTH: usize = 100;

/// Stdout, in the place of a path.
const STDOUT: &str = "-";
/// Where GitHub shows what all steps of a job have written.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Writes a report to where it belongs: to stdout, behind what other steps wrote to the summary of a GitHub job, or to a file.
pub(super) fn deliver(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path.as_os_str() == STDOUT {
        return io::stdout().lock().write_all(bytes);
    }
    if std::env::var_os(STEP_SUMMARY).is_some_and(|summary| summary == path.as_os_str()) {
        let mut summary = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)?;
        return summary.write_all(bytes);
    }
    replace(path, bytes)
}

/// Writes a file whole or not at all: beside it first, then in its place. What is no plain file (a pipe, `/dev/stdout`)
/// is written as it is.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
    if special || fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        return fs::write(path, bytes);
    }
    let beside = beside(path)?;
    let written = fs::File::create(&beside)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Whether something is there already.
pub(super) fn exists(path: &Path) -> bool {
    path.as_os_str() != STDOUT && fs::symlink_metadata(path).is_ok()
}

/// Whether a file could be written there, tried without touching what is there.
pub(super) fn writable(path: &Path) -> io::Result<()> {
    if path.as_os_str() == STDOUT {
        return Ok(());
    }
    if fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    if fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Ok(());
    }
    let beside = beside(path)?;
    fs::File::create(&beside)?;
    fs::remove_file(&beside)
}

/// A name of our own in the same folder.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::other("the path does not name a file"))?;
    let own = format!(".{}.{}", name.to_string_lossy(), std::process::id());
    Ok(path.with_file_name(own))
}

/// Whether whoever read stdout has gone: what is written there would be lost.
pub(super) fn reader_gone() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdout = io::stdout();
    let mut descriptors = [PollFd::new(&stdout, PollFlags::empty())];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let polled = poll(&mut descriptors, Some(&at_once));
    polled.is_ok_and(|ready| ready > 0) && descriptors[0].revents().contains(PollFlags::ERR)
}

/// `NO_COLOR`: any value but the empty one switches colour off.
fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Columns of the terminal.
pub(super) fn width() -> usize {
    let asked = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    let terminal = || {
        console::Term::stdout()
            .size_checked()
            .map(|(_, columns)| usize::from(columns))
    };
    asked.or_else(terminal).unwrap_or(DEFAULT_WIDTH)
}

/// Columns of the terminal that stderr is.
pub(super) fn width_of_stderr() -> usize {
    let terminal = console::Term::stderr().size_checked();
    terminal.map_or(DEFAULT_WIDTH, |(_, columns)| usize::from(columns))
}

/// Whether what goes to stdout is coloured.
pub(super) fn colour_on_stdout(when: Colour) -> bool {
    match when {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => io::stdout().is_terminal() && !no_color(),
    }
}

/// Whether messages on stderr may be coloured.
pub(super) fn colour_on_stderr() -> bool {
    io::stderr().is_terminal() && !no_color()
}
