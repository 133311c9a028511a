//! Files and stdin: nothing else in the program reads them.
#![allow(clippy::disallowed_methods, reason = "this is where files are read")]

use std::fs::{self, File};
use std::io::{self, Read, Stdin};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::failure::Failure;
use crate::diag::Sources;
use crate::manifest::yaml::MAX_BYTES;

/// What stdin is called.
const STDIN: &str = "<stdin>";

/// The manifests that came through stdin, for whoever reads the same manifests again.
static STDIN_MANIFESTS: OnceLock<String> = OnceLock::new();
/// Whether stdin was handed over.
static STDIN_TAKEN: AtomicBool = AtomicBool::new(false);

/// Bodies, counts and saved reports are read up to this size.
pub(super) const LARGEST_FILE: u64 = 256 << 20;

/// What a file that is no manifest is read as, and so how much of it is read; of manifests it is [`MAX_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// The body of a request.
    Body,
    /// Certificates, or the key of one.
    Certificates,
    /// Counts from elsewhere.
    Counts,
    /// What `serve` runs, or its token.
    Checks,
}

impl Content {
    /// In MiB. The authorities of a whole system are less than one.
    fn largest(self) -> u64 {
        match self {
            Self::Certificates | Self::Checks => 16,
            Self::Body | Self::Counts => LARGEST_FILE >> 20,
        }
    }

    fn help(self) -> &'static str {
        match self {
            Self::Body => "give a body that fits into memory",
            Self::Certificates => "name a file of PEM certificates, or of one key",
            Self::Counts => "give only the lines of the run",
            Self::Checks => "name a file of checks, or of a token",
        }
    }
}

/// What a folder is searched for, as kubectl does.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// Stdin, for one option alone: it has no second reading.
pub(super) fn stdin() -> Result<Stdin, Failure> {
    if STDIN_TAKEN.swap(true, Ordering::Relaxed) {
        return Err(Failure::usage(
            "`-` stands for stdin, which can be read once, and is given more than once",
            "write one of the two to a file, and name that",
        ));
    }
    Ok(io::stdin())
}

/// Reads manifests: files, the manifests in folders (not in folders below them), and stdin for `-`. Those of stdin are the same
/// for whoever reads them again, and are there once where `-` is given twice.
pub(super) fn manifests(paths: &[PathBuf]) -> Result<Sources, Failure> {
    let mut sources = Sources::new();
    for (at, path) in paths.iter().enumerate() {
        if path.as_os_str() == "-" {
            if paths[..at].contains(path) {
                continue;
            }
            sources.add(STDIN, manifests_of_stdin()?);
        } else if path.is_dir() {
            for file in folder(path)? {
                add_file(&mut sources, &file)?;
            }
        } else {
            add_file(&mut sources, path)?;
        }
    }
    Ok(sources)
}

fn manifests_of_stdin() -> Result<&'static str, Failure> {
    if let Some(text) = STDIN_MANIFESTS.get() {
        return Ok(text);
    }
    let text = text_of(STDIN, stdin()?.lock())?;
    Ok(STDIN_MANIFESTS.get_or_init(|| text))
}

/// A file that is read while requests are sent, and again from its beginning.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

/// The content of a file, or of stdin for `-`. A device has no end.
pub(super) fn bytes(path: &Path, content: Content) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let largest = content.largest() << 20;
    let most = largest + 1;
    let read = if path.as_os_str() == "-" {
        stdin()?.lock().take(most).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    let name = path.display().to_string();
    match read {
        Err(source) => Err(Failure::Read { path: name, source }),
        Ok(length) if length as u64 > largest => Err(Failure::usage(
            format!("`{name}` is larger than {} MiB", content.largest()),
            content.help(),
        )),
        Ok(_) => Ok(bytes),
    }
}

fn folder(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let name = path.display().to_string();
    let read = |source| Failure::Read {
        path: name.clone(),
        source,
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(read)? {
        let file = entry.map_err(read)?.path();
        let manifest = file
            .extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|extension| EXTENSIONS.contains(&extension));
        if manifest && file.is_file() {
            files.push(file);
        }
    }
    if files.is_empty() {
        let help = format!(
            "name files ending in {}",
            EXTENSIONS
                .map(|extension| format!(".{extension}"))
                .join(", ")
        );
        return Err(Failure::usage(
            format!("there are no manifests in the folder `{name}`"),
            help,
        ));
    }
    files.sort();
    Ok(files)
}

fn add_file(sources: &mut Sources, path: &Path) -> Result<(), Failure> {
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => {
            let text = text_of(&name, file)?;
            sources.add(name, text);
            Ok(())
        }
        Err(source) => Err(Failure::Read { path: name, source }),
    }
}

/// The text of a file, as long as it is one: a device may have no end.
fn text_of(name: &str, from: impl Read) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    from.take(MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| Failure::Read {
            path: name.to_owned(),
            source,
        })?;
    if bytes.len() > MAX_BYTES {
        return Err(Failure::usage(
            format!("`{name}` is larger than {} MiB", MAX_BYTES >> 20),
            "pass only the objects that concern the split: kubectl get vs,dr,svc,deploy -n NAMESPACE -o yaml",
        ));
    }
    text(name, bytes)
}

/// The text of a manifest: UTF-8, or UTF-16 with its byte order mark, as some shells write it.
fn text(name: &str, bytes: Vec<u8>) -> Result<String, Failure> {
    let help = "manifests are YAML or JSON in UTF-8, or in UTF-16 with a byte order mark";
    let refused = |encoding: &str, offset: usize| {
        let message = format!("`{name}` is not {encoding} text: byte {offset} is invalid");
        Failure::usage(message, help)
    };
    let other = |encoding: &str| {
        let message = format!("`{name}` is no UTF-8 text: it looks like {encoding}");
        Err(Failure::usage(message, help))
    };
    match bytes.as_slice() {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => other("UTF-32"),
        [0xff, 0xfe, rest @ ..] => {
            utf16(u16::from_le_bytes, rest).map_err(|at| refused("UTF-16", at))
        }
        [0xfe, 0xff, rest @ ..] => {
            utf16(u16::from_be_bytes, rest).map_err(|at| refused("UTF-16", at))
        }
        [0, _, 0, _, ..] | [_, 0, _, 0, ..] => other("UTF-16 without a byte order mark"),
        _ => String::from_utf8(bytes)
            .map_err(|error| refused("UTF-8", error.utf8_error().valid_up_to())),
    }
}

/// The text behind a byte order mark, or which byte of the file is no part of one.
fn utf16(unit: fn([u8; 2]) -> u16, bytes: &[u8]) -> Result<String, usize> {
    let mut at = 2;
    let mut text = String::with_capacity(bytes.len());
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    for letter in char::decode_utf16(units) {
        let letter = letter.map_err(|_| at)?;
        at += 2 * letter.len_utf16();
        text.push(letter);
    }
    match bytes.len() % 2 {
        0 => Ok(text),
        _ => Err(at),
    }
}
