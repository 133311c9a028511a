//! Files, the terminal and the environment, as far as writing goes.
#![allow(
    clippy::disallowed_methods,
    reason = "this is where files are written and the environment is read"
)]

use std::borrow::Cow;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::args::Colour;
use crate::units::{printable_colours, printable_lines};

/// Columns where the terminal does not say.
const DEFAULT_WIDTH: usize = 100;

/// Stdout, in the place of a path.
const STDOUT: &str = "-";
/// Where GitHub shows what all steps of a job have written.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// What is written, without what a terminal or a reader of logs would obey; colours may stay.
pub(super) fn printable(bytes: &[u8], colours: bool) -> Cow<'_, [u8]> {
    let Ok(text) = str::from_utf8(bytes) else {
        return Cow::Borrowed(bytes);
    };
    let printable = if colours {
        printable_colours(text)
    } else {
        printable_lines(text)
    };
    match printable {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// Writes a report to where it belongs: to stdout, behind what other steps wrote to the summary of a GitHub job, or to a file.
pub(super) fn deliver(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let bytes = printable(bytes, false);
    if path.as_os_str() == STDOUT {
        let written = io::stdout().lock().write_all(&bytes);
        // Whoever reads has seen enough.
        return match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        };
    }
    if is_step_summary(path) {
        let mut summary = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)?;
        return summary.write_all(&bytes);
    }
    replace(path, &bytes)
}

fn is_step_summary(path: &Path) -> bool {
    std::env::var_os(STEP_SUMMARY).is_some_and(|summary| summary == path.as_os_str())
}

/// Writes a file whole or not at all: beside it first, then in its place, with its mode. What is no plain file (a pipe,
/// `/dev/stdout`) is written as it is.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let Some(place) = plain_file(path) else {
        return fs::write(path, bytes);
    };
    let before = fs::metadata(&place).ok();
    let (own, mut file) = beside(&place)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| before.map_or(Ok(()), |before| file.set_permissions(before.permissions())))
        .and_then(|()| fs::rename(&own, &place));
    if written.is_err() {
        let _ = fs::remove_file(&own);
    }
    written
}

/// Whether something is there already.
pub(super) fn exists(path: &Path) -> bool {
    path.as_os_str() != STDOUT && fs::symlink_metadata(path).is_ok()
}

/// Where the file is that a path leads to, or would be; `None` for what is no plain file, and for links that lead nowhere.
fn plain_file(path: &Path) -> Option<PathBuf> {
    let link = fs::symlink_metadata(path).is_ok_and(|own| own.is_symlink());
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return None;
    }
    if !link {
        return Some(path.to_owned());
    }
    // What stdout was redirected to is written by others as well.
    let opened = ["/dev", "/proc"].iter().any(|root| path.starts_with(root));
    fs::canonicalize(path).ok().filter(|_| !opened)
}

/// Whether a file could be written there, tried without touching what is there.
pub(super) fn writable(path: &Path) -> io::Result<()> {
    if path.as_os_str() == STDOUT {
        return Ok(());
    }
    if fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    let Some(place) = plain_file(path) else {
        return Ok(());
    };
    let (own, _) = beside(&place)?;
    fs::remove_file(&own)
}

/// Whether what is written to one path would be lost to what is written to the other.
pub(super) fn same_file(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        if path.as_os_str() == STDOUT {
            return Some(path.to_owned());
        }
        let place = plain_file(path).filter(|_| !is_step_summary(path))?;
        let folder = place.parent().filter(|folder| *folder != Path::new(""));
        let folder = fs::canonicalize(folder.unwrap_or(Path::new("."))).ok()?;
        let folder = folder.join(place.file_name()?);
        Some(fs::canonicalize(&place).unwrap_or(folder))
    };
    place(one).is_some_and(|one| place(other) == Some(one))
}

/// A new file in the same folder, under a name that nobody foresees; what is there already is never opened.
fn beside(path: &Path) -> io::Result<(PathBuf, fs::File)> {
    if path.file_name().is_none() {
        return Err(io::Error::other("the path does not name a file"));
    }
    loop {
        let random = RandomState::new().build_hasher().finish();
        let own = path.with_file_name(format!(".resplit-{random:016x}"));
        match fs::File::options().write(true).create_new(true).open(&own) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (own, file)),
        }
    }
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
