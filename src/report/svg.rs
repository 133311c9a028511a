//! Line charts as inline SVG. The drawing stretches with the page; its labels are text beside it, so that they keep their
//! size.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};

/// Units of the drawing in both directions; it is stretched to the size of its box.
const SIZE: f64 = 1000.0;

/// Something drawn; coordinates are fractions of the width from the left and of the height from the bottom.
pub(super) enum Shape {
    /// A line through points.
    Line {
        points: Vec<(f64, f64)>,
        class: String,
        title: String,
    },
    /// The area below a line.
    Area {
        points: Vec<(f64, f64)>,
        class: String,
        title: String,
    },
    /// A straight line from the left to the right.
    Level { y: f64, class: String },
    /// A straight line from the bottom to the top.
    Moment { x: f64, class: String },
}

/// A label at an axis: where, and what.
pub(super) struct Tick {
    pub(super) at: f64,
    pub(super) label: String,
}

/// A chart.
pub(super) struct Plot {
    /// What a person who does not see it is told.
    pub(super) description: String,
    pub(super) shapes: Vec<Shape>,
    pub(super) across: Vec<Tick>,
    pub(super) up: Vec<Tick>,
    /// What the axes measure.
    pub(super) across_title: String,
    pub(super) up_title: String,
    /// A class for its height.
    pub(super) class: &'static str,
}

impl Plot {
    pub(super) fn draw(&self) -> Markup {
        let percent = |fraction: f64| format!("{:.2}%", fraction * 100.0);
        html! {
            div class={ "plot " (self.class) } role="img" aria-label=(self.description) {
                @if !self.up_title.is_empty() {
                    div class="up-title" aria-hidden="true" { (self.up_title) }
                }
                div class="up" aria-hidden="true" {
                    @for tick in &self.up {
                        span style={ "bottom:" (percent(tick.at)) } { (tick.label) }
                    }
                }
                (PreEscaped(self.drawing()))
                div class="across" aria-hidden="true" {
                    @for tick in &self.across {
                        span style={ "left:" (percent(tick.at)) } { (tick.label) }
                    }
                }
                @if !self.across_title.is_empty() {
                    div class="across-title" aria-hidden="true" { (self.across_title) }
                }
            }
        }
    }

    fn drawing(&self) -> String {
        let mut svg = format!(
            "<svg viewBox=\"0 0 {SIZE} {SIZE}\" preserveAspectRatio=\"none\" aria-hidden=\"true\" focusable=\"false\">"
        );
        for tick in &self.up {
            level(&mut svg, tick.at, "grid");
        }
        for tick in &self.across {
            moment(&mut svg, tick.at, "grid");
        }
        for shape in &self.shapes {
            match shape {
                Shape::Line {
                    points,
                    class,
                    title,
                } => {
                    let _ = write!(
                        svg,
                        "<polyline class=\"{class}\" points=\"{}\"><title>{}</title></polyline>",
                        path(points),
                        escaped(title)
                    );
                }
                Shape::Area {
                    points,
                    class,
                    title,
                } => {
                    let ends = points.first().zip(points.last());
                    let Some(((first, _), (last, _))) = ends else {
                        continue;
                    };
                    let mut closed = points.clone();
                    closed.push((*last, 0.0));
                    closed.push((*first, 0.0));
                    let _ = write!(
                        svg,
                        "<polygon class=\"{class}\" points=\"{}\"><title>{}</title></polygon>",
                        path(&closed),
                        escaped(title)
                    );
                }
                Shape::Level { y, class } => level(&mut svg, *y, class),
                Shape::Moment { x, class } => moment(&mut svg, *x, class),
            }
        }
        svg.push_str("</svg>");
        svg
    }
}

/// Where a fraction of the width lies.
fn right(x: f64) -> f64 {
    x.clamp(0.0, 1.0) * SIZE
}

/// Where a fraction of the height lies: SVG counts from the top.
fn down(y: f64) -> f64 {
    (1.0 - y.clamp(0.0, 1.0)) * SIZE
}

fn path(points: &[(f64, f64)]) -> String {
    let point = |(x, y): &(f64, f64)| format!("{:.1},{:.1}", right(*x), down(*y));
    points.iter().map(point).collect::<Vec<_>>().join(" ")
}

fn level(svg: &mut String, y: f64, class: &str) {
    let y = down(y);
    let _ = write!(
        svg,
        "<line class=\"{class}\" x1=\"0\" x2=\"{SIZE}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
    );
}

fn moment(svg: &mut String, x: f64, class: &str) {
    let x = right(x);
    let _ = write!(
        svg,
        "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{SIZE}\"/>"
    );
}

fn escaped(text: &str) -> String {
    html! { (text) }.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_text_whatever_it_says() {
        let plot = Plot {
            description: "\"><script>".into(),
            shapes: vec![Shape::Line {
                points: vec![(0.0, 0.0), (0.5, 1.0), (2.0, -1.0)],
                class: "c0".into(),
                title: "</title><script>alert(1)</script>".into(),
            }],
            across: Vec::new(),
            up: Vec::new(),
            across_title: String::new(),
            up_title: String::new(),
            class: "low",
        };
        let drawn = plot.draw().into_string();
        assert!(!drawn.contains("<script"), "{drawn}");
        assert!(
            drawn.contains("0.0,1000.0 500.0,0.0 1000.0,1000.0"),
            "{drawn}"
        );
    }
}
