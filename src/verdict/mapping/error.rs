//! Why values cannot be tied to targets, and what to do about it.

use std::fmt;

use crate::verdict::shell::quoted;

/// Values that are shown, and options that are proposed, at most.
const MOST_SHOWN: usize = 10;

/// Why values cannot be tied to targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappingError {
    /// `--map` names a target that is not declared.
    UnknownTarget {
        /// The name given.
        target: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// Some values could mean several targets.
    Unclear {
        /// Every such value with the targets it could mean.
        values: Vec<(String, Vec<String>)>,
    },
    /// None of the values means a target.
    Untied {
        /// The names there are.
        known: Vec<String>,
    },
}

impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownTarget { target, known } => write!(
                f,
                "--map names `{target}`, but the targets are {}",
                known.join(", ")
            ),
            Self::Unclear { values } => {
                f.write_str("some responses could come from several targets")?;
                for (value, candidates) in values.iter().take(MOST_SHOWN) {
                    write!(f, "\n  {value:?}  could mean  {}", candidates.join(" or "))?;
                }
                Ok(())
            }
            Self::Untied { .. } => f.write_str("no response names a declared target"),
        }
    }
}

impl std::error::Error for MappingError {}

impl MappingError {
    /// The next step.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::UnknownTarget { known, .. } => format!("use one of {}", known.join(", ")),
            Self::Unclear { values } => {
                let shown = values.iter().take(MOST_SHOWN);
                let options: Vec<String> = (shown.clone())
                    .map(|(value, _)| map_option(value, "TARGET"))
                    .collect();
                let mut targets: Vec<&str> = Vec::new();
                for target in shown.flat_map(|(_, candidates)| candidates) {
                    if !targets.contains(&target.as_str()) {
                        targets.push(target);
                    }
                }
                format!(
                    "say which value is which target: {}, where TARGET is {}",
                    options.join(" "),
                    targets.join(" or ")
                )
            }
            Self::Untied { known } => format!(
                "--bucket chooses what tells responses apart, --map VALUE=TARGET says which value is which target: {}",
                known.join(", ")
            ),
        }
    }
}

/// The option to paste.
#[must_use]
pub fn map_option(value: &str, target: &str) -> String {
    format!("--map {}", quoted(&format!("{value}={target}")))
}
