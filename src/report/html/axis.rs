//! What charts over the run have across: time, or requests. Both are drawn, and the page shows one of them.

use maud::{Markup, html};

use super::scale::Scale;
use crate::report::Report;
use crate::report::course::Course;
use crate::report::svg::Tick;

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;
/// Up to so many minutes, or hours, the next smaller unit is used.
const FEW: f64 = 3.0;

/// A way from the left to the right.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    /// Whether it is time; otherwise it is requests.
    time: bool,
    /// What the end of the run is, in seconds or requests.
    end: f64,
    /// Both can be chosen.
    choice: bool,
}

impl Axis {
    /// Those that the run can be drawn on.
    pub(super) fn all(report: &Report, course: &Course) -> Vec<Self> {
        let requests = course.shares.last().map_or(0, |last| last.requests);
        let requests = requests.max(report.observation.seen.sent);
        let seconds = course.intervals.last().map(|last| last.to);
        let requests = Self {
            time: false,
            end: requests as f64,
            choice: seconds.is_some(),
        };
        let time = seconds.map(|end| Self {
            time: true,
            end,
            choice: true,
        });
        time.into_iter().chain([requests]).collect()
    }

    /// Where something lies that happened at this time, after so many requests.
    pub(super) fn at(self, seconds: f64, requests: u64) -> f64 {
        let value = if self.time { seconds } else { requests as f64 };
        value / self.end.max(1e-9)
    }

    pub(super) fn ticks(self) -> Vec<Tick> {
        Scale::linear(0.0, self.end / self.unit().0).ticks(5, "")
    }

    pub(super) fn title(self) -> String {
        if self.time {
            format!("{} since the first request", self.unit().1)
        } else {
            "requests sent".to_owned()
        }
    }

    fn unit(self) -> (f64, &'static str) {
        match self.end {
            _ if !self.time => (1.0, "requests"),
            end if end > FEW * HOUR => (HOUR, "hours"),
            end if end > FEW * MINUTE => (MINUTE, "minutes"),
            _ => (1.0, "seconds"),
        }
    }

    /// Something that is seen only while this axis is chosen.
    pub(super) fn chosen(self, drawn: &Markup) -> Markup {
        let class = match (self.choice, self.time) {
            (false, _) => "",
            (true, true) => "by-time",
            (true, false) => "by-requests",
        };
        html! { div class=(class) { (drawn) } }
    }

    /// What lets one choose.
    pub(super) fn choice(all: &[Self]) -> Markup {
        html! {
            @if all.len() > 1 {
                fieldset class="axis" {
                    legend { "Charts over" }
                    label { input type="radio" name="axis" id="axis-time" checked; "time" }
                    label { input type="radio" name="axis" id="axis-requests"; "requests" }
                }
            }
        }
    }
}
