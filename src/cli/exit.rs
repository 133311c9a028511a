//! How a command ends.

/// What the exit code says; the table is part of `--help` and of the docs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0
    Pass,
    /// 1
    Diverged,
    /// 2
    Usage,
    /// 3
    Inconclusive,
    /// 4
    NoData,
    /// 130
    Interrupted,
}

impl Exit {
    /// All of them, by code.
    pub const ALL: [Self; 6] = [
        Self::Pass,
        Self::Diverged,
        Self::Usage,
        Self::Inconclusive,
        Self::NoData,
        Self::Interrupted,
    ];

    /// The exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Diverged => 1,
            Self::Usage => 2,
            Self::Inconclusive => 3,
            Self::NoData => 4,
            Self::Interrupted => 130,
        }
    }

    /// What it means.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Pass => "pass: the split and every --slo hold; with neither: there is data",
            Self::Diverged => {
                "diverged: the split, an --slo or --require-healthy does not hold; lint found an error"
            }
            Self::Usage => {
                "usage: bad options, manifests that do not decode, responses that fit no target, report not writable"
            }
            Self::Inconclusive => {
                "inconclusive: not enough evidence either way (--inconclusive pass|fail makes it 0 or 1)"
            }
            Self::NoData => "no data: target unreachable, or nothing could be attributed",
            Self::Interrupted => {
                "interrupted by a second Ctrl-C; the first stops sending, then judges and reports"
            }
        }
    }
}

/// The table as lines of text.
#[must_use]
pub fn table() -> String {
    Exit::ALL
        .iter()
        .map(|exit| format!("  {:>3}  {}", exit.code(), exit.meaning()))
        .collect::<Vec<_>>()
        .join("\n")
}
