//! When and where a run took place, and the command that began it: a saved report without them cannot be told from last week's.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::verdict::shell_word;

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
