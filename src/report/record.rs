//! When and where a run took place, and the command that began it: a saved report without them cannot be told from last week's.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::verdict::shell_word;

/// One of several generators, written `3/8`; they are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratorNumber {
    /// Its number.
    pub index: u32,
    /// How many there are.
    pub of: u32,
}

impl fmt::Display for GeneratorNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for GeneratorNumber {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.split_once('/').and_then(|(index, of)| {
            let (index, of) = (index.parse().ok()?, of.parse().ok()?);
            (index < of).then_some(Self { index, of })
        });
        number.ok_or_else(|| {
            format!("`{text}` is not one of several generators, which are counted from 0: write 0/8 to 7/8")
        })
    }
}

/// When and where a run took place, and the command that began it. Empty in old reports and in merged ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When the first request that counts was sent, by the clock of the machine: RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// The command line. Passwords, tokens and bodies are masked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub argv: Vec<String>,
    /// The name of the machine or pod that sent the requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Which of several generators it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<GeneratorNumber>,
    /// What the run was given with `--label`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl Record {
    /// One line for people: when, where, with which labels.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        let started = self.started_at.as_ref()?;
        let host = self.hostname.as_ref();
        let host = host.map_or_else(String::new, |host| format!(" on {host}"));
        let mut line = format!("started {started}{host}");
        for (key, value) in &self.labels {
            let _ = write!(line, " · {key}={value}");
        }
        Some(line)
    }

    /// The command as a shell reads it; `None` where it is not known.
    #[must_use]
    pub fn command(&self) -> Option<String> {
        let words: Vec<String> = self.argv.iter().map(|word| shell_word(word)).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }
}
