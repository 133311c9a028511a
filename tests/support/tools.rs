//! Readers of formats that are not ours, from the Python package index, pinned, once per target folder. Not: Envoy.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::parts;

/// A package with its version, and what it reads.
pub(crate) const JUNIT: &str = "junitparser==4.0.2";
pub(crate) const XML_SCHEMA: &str = "xmlschema==4.3.2";
pub(crate) const OPENMETRICS: &str = "prometheus-client==0.26.0";
pub(crate) const HTML: &str = "html5lib==1.1";
pub(crate) const MARKDOWN: &str = "markdown-it-py==3.0.0";
/// Models that were made of the schema of SARIF 2.1.0.
pub(crate) const SARIF: &str = "pydantic-sarif==0.1.1";
pub(crate) const HDR_HISTOGRAM: &str = "hdrhistogram==0.10.8";

/// Runs a Python script over `input` on stdin with a package at hand, and returns what it printed. Panics, saying what to
/// type, where the package can neither be found nor be fetched.
pub(crate) fn python(package: &str, script: &str, input: &str) -> String {
    parts::needed(package);
    let folder = installed(package);
    let mut child = Command::new("python3")
        .args(["-c", script])
        .env("PYTHONPATH", &folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(
        output.status.success(),
        "{package} refuses what was written:\n{}\n--- written\n{input}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

/// Where pytest's tests keep the schema by which Jenkins reads `JUnit` XML.
const JUNIT_SCHEMA: (&str, &str) = ("pytest==8.4.2", "testing/example_scripts/junit-10.xsd");

/// Panics where XML is not what Jenkins takes for `JUnit`, by the schema it reads with.
pub(crate) fn jenkins_takes(xml: &str) {
    let (sources, path) = JUNIT_SCHEMA;
    let folder = fetched(
        sources,
        &["download", "--no-deps", "--no-binary", ":all:", "--dest"],
    );
    let script = format!(
        "
import glob, sys, tarfile, xmlschema
with tarfile.open(glob.glob({:?})[0]) as archive:
    member = next(name for name in archive.getnames() if name.endswith({path:?}))
    schema = xmlschema.XMLSchema(archive.extractfile(member).read().decode())
schema.validate(sys.stdin.buffer.read().decode())
",
        folder.join("*.tar.gz").display().to_string()
    );
    python(XML_SCHEMA, &script, xml);
}

fn installed(package: &str) -> PathBuf {
    fetched(package, &["install", "--only-binary", ":all:", "--target"])
}

/// How often pip is asked for a package.
const TRIES: usize = 3;

/// The folder that pip has put a package into; the last argument names the option for the folder.
fn fetched(package: &str, arguments: &[&str]) -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("cargo puts the folder for tests into the target folder")
        .join("tools");
    let folder = home.join(package.replace("==", "-"));
    if folder.is_dir() {
        return folder;
    }
    fs::create_dir_all(&home).expect("the target folder can be written");
    let work = tempfile::Builder::new()
        .prefix(".fetch-")
        .tempdir_in(&home)
        .expect("the target folder can be written");
    let ready = work.path().join("ready");
    let install = |target: &Path| {
        let mut command = Command::new("python3");
        command
            .args(["-m", "pip"])
            .args(arguments)
            .arg(target)
            .args(["--quiet", "--no-input", "--disable-pip-version-check"])
            .arg(package);
        command
    };
    let tried = || match install(&ready).output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Some(error.to_string()),
    };
    // An index that many ask at once may refuse one of them.
    let mut problem = tried();
    for _ in 1..TRIES {
        if problem.is_some() {
            problem = tried();
        }
    }
    if let Some(problem) = problem {
        panic!(
            "the tests need the Python package {package} and cannot fetch it: {problem}\n\
             help: type `python3 -m pip {} {} {package}` and run the tests again",
            arguments.join(" "),
            folder.display()
        );
    }
    // Of several tests one wins, the others use its result.
    if let Err(error) = fs::rename(&ready, &folder) {
        assert!(folder.is_dir(), "{}: {error}", folder.display());
    }
    folder
}
