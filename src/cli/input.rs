//! Files and stdin: nothing else in the program reads them.
#![allow(clippy::disallowed_methods, reason = "this is where files are read")]

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::failure::Failure;
use crate::diag::Sources;

/// What a folder is searched for, as kubectl does.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// Reads manifests: files, the manifests in folders (not in folders below them), and stdin for `-`.
pub(super) fn manifests(paths: &[PathBuf]) -> Result<Sources, Failure> {
    let mut sources = Sources::new();
    for path in paths {
        if path.as_os_str() == "-" {
            add(
                &mut sources,
                "-",
                stdin().map_err(|source| Failure::Read {
                    path: "-".to_owned(),
                    source,
                })?,
            )?;
        } else if path.is_dir() {
            for file in folder(path)? {
                add(&mut sources, &file.display().to_string(), bytes(&file)?)?;
            }
        } else {
            add(&mut sources, &path.display().to_string(), bytes(path)?)?;
        }
    }
    Ok(sources)
}

/// The content of a file, or of stdin for `-`.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let content = if path.as_os_str() == "-" {
        stdin()
    } else {
        fs::read(path)
    };
    content.map_err(|source| Failure::Read {
        path: path.display().to_string(),
        source,
    })
}

fn stdin() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
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

fn add(sources: &mut Sources, name: &str, bytes: Vec<u8>) -> Result<(), Failure> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        Failure::usage(
            format!("`{name}` is no text: byte {offset} is not UTF-8"),
            "manifests are YAML or JSON in UTF-8",
        )
    })?;
    sources.add(name, text);
    Ok(())
}
