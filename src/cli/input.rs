//! Files and stdin: nothing else in the program reads them.
#![allow(clippy::disallowed_methods, reason = "this is where files are read")]

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::failure::Failure;
use crate::diag::Sources;
use crate::manifest::yaml::MAX_BYTES;

/// What stdin is called.
const STDIN: &str = "<stdin>";

/// Bodies, certificates and saved reports are read up to this size.
const LARGEST_FILE: u64 = 256 << 20;

/// What a folder is searched for, as kubectl does.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// Reads manifests: files, the manifests in folders (not in folders below them), and stdin for `-`.
pub(super) fn manifests(paths: &[PathBuf]) -> Result<Sources, Failure> {
    let mut sources = Sources::new();
    for path in paths {
        if path.as_os_str() == "-" {
            add(&mut sources, STDIN, io::stdin().lock())?;
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

/// The content of a file, or of stdin for `-`. A device has no end.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let most = LARGEST_FILE + 1;
    let read = if path.as_os_str() == "-" {
        io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    let name = path.display().to_string();
    match read {
        Err(source) => Err(Failure::Read { path: name, source }),
        Ok(length) if length as u64 > LARGEST_FILE => Err(Failure::usage(
            format!("`{name}` is larger than {} MiB", LARGEST_FILE >> 20),
            "give a file that fits into memory",
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
        Ok(file) => add(sources, &name, file),
        Err(source) => Err(Failure::Read { path: name, source }),
    }
}

/// Adds the text of a file, as long as it is one: a device may have no end.
fn add(sources: &mut Sources, name: &str, from: impl Read) -> Result<(), Failure> {
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
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        Failure::usage(
            format!("`{name}` is not UTF-8 text: byte {offset} is invalid"),
            "manifests are YAML or JSON in UTF-8",
        )
    })?;
    sources.add(name, text);
    Ok(())
}
