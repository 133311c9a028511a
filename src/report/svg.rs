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
    /// The area between two lines: where, from, to.
    Band {
        points: Vec<(f64, f64, f64)>,
        class: String,
    },
    /// A straight line from the left to the right.
    Level { y: f64, class: String },
    /// What lies between two heights.
    Range { from: f64, to: f64, class: String },
    /// A straight line from the bottom to the top.
    Moment { x: f64, class: String },
}

/// A label at an axis: where, and what.
pub(super) struct Tick {
    pub(super) at: f64,
    pub(super) label: String,
}

/// A part of the width, and what is told where the pointer is on it.
pub(super) struct Hit {
    pub(super) from: f64,
    pub(super) to: f64,
    /// In lines.
    pub(super) text: String,
}

/// A chart.
#[derive(Default)]
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
    pub(super) hits: Vec<Hit>,
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
                div class="canvas" {
                    (PreEscaped(self.drawing()))
                    @for hit in &self.hits { (hit.draw()) }
                }
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
                Shape::Band { points, class } => {
                    let upper = points.iter().map(|(x, _, high)| (*x, *high));
                    let lower = points.iter().rev().map(|(x, low, _)| (*x, *low));
                    let around: Vec<(f64, f64)> = upper.chain(lower).collect();
                    let _ = write!(
                        svg,
                        "<polygon class=\"{class}\" points=\"{}\"/>",
                        path(&around)
                    );
                }
                Shape::Range { from, to, class } => {
                    let (top, bottom) = (down(*to), down(*from));
                    let _ = write!(
                        svg,
                        "<rect class=\"{class}\" x=\"0\" width=\"{SIZE}\" y=\"{top:.1}\" height=\"{:.1}\"/>",
                        bottom - top
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

impl Hit {
    /// The text stands beside the part, on the side where there is more room.
    fn draw(&self) -> Markup {
        let percent = |fraction: f64| format!("{:.2}%", fraction.clamp(0.0, 1.0) * 100.0);
        let side = if f64::midpoint(self.from, self.to) < 0.5 {
            "tip"
        } else {
            "tip left"
        };
        let width = self.to.min(1.0) - self.from;
        html! {
            div class="hit" style={ "left:" (percent(self.from)) ";width:" (percent(width)) } {
                span class=(side) { (self.text) }
            }
        }
    }
}

/// A line for each stretch of points that are there.
pub(super) fn lines(
    points: impl IntoIterator<Item = Option<(f64, f64)>>,
    class: &str,
    title: &str,
) -> Vec<Shape> {
    let mut stretches: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    for point in points {
        match (point, stretches.last_mut()) {
            (Some(point), Some(last)) => last.push(point),
            _ => stretches.push(Vec::new()),
        }
    }
    stretches.retain(|stretch| !stretch.is_empty());
    let line = |mut points: Vec<(f64, f64)>| {
        let mut class = class.to_owned();
        if let [alone] = points.as_slice() {
            // A line of no length is drawn as a point.
            points.push(*alone);
            class.push_str(" alone");
        }
        Shape::Line {
            points,
            class,
            title: title.to_owned(),
        }
    };
    stretches.into_iter().map(line).collect()
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
            hits: vec![Hit {
                from: 0.5,
                to: 0.75,
                text: "<script>".into(),
            }],
            ..Plot::default()
        };
        let drawn = plot.draw().into_string();
        assert!(!drawn.contains("<script"), "{drawn}");
        assert!(
            drawn.contains("0.0,1000.0 500.0,0.0 1000.0,1000.0"),
            "{drawn}"
        );
    }
}
