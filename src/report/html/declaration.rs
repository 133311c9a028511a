//! What was declared, in the words of its file; and which generator saw what.

use maud::{Markup, html};

use super::{foreign, grouped, prose};
use crate::report::{Excerpt, Report};
use crate::split::{Expected, Mechanism, Target};
use crate::units::percent;
use crate::verdict::Unit;

pub(super) fn section(report: &Report) -> Markup {
    let Some(declaration) = &report.expected else {
        return html! {};
    };
    let split = &declaration.split;
    html! {
        section aria-labelledby="declaration" {
            h2 id="declaration" { "The declared split" }
            p {
                "Declared "
                @if let Some(rule) = &declaration.rule { "by " code { (foreign(rule)) } " in " } @else { "in " }
                code { (foreign(&split.source)) } "."
                (mechanism(report, split.mechanism))
            }
            (shares(split))
            @if let Some(excerpt) = &declaration.excerpt { (lines(excerpt)) }
        }
    }
}

/// How the targets are picked, or where that is not known how they are judged.
fn mechanism(report: &Report, mechanism: Mechanism) -> &'static str {
    let judged = report.verdict.unit == Unit::Response && report.observation.rows.answered > 0;
    match mechanism {
        Mechanism::Iid if judged => " Each request is judged as a draw of its own.",
        Mechanism::Iid => "",
        Mechanism::Wrr => " The proxy takes turns, by weight.",
        Mechanism::Hash => " The proxy picks by a hash of the request.",
        Mechanism::PerConnection => " The proxy picks once per connection.",
    }
}

fn shares(split: &Expected) -> Markup {
    let mut targets = split.declared().iter().map(|share| &share.target);
    let placed = targets.any(|target| !matches!(target, Target::Named(_)));
    html! {
        div class="scroll" tabindex="0" role="region" aria-label="Declared shares" {
            table {
                thead { tr {
                    th scope="col" { "Target" } th scope="col" class="number" { "Share" }
                    th scope="col" class="number" { "Exactly" }
                    @if placed { th scope="col" { "Where" } }
                } }
                tbody {
                    @for share in split.declared() {
                        tr {
                            th scope="row" { (foreign(&share.name)) }
                            td class="number" { (percent(share.share.as_f64())) }
                            td class="number" { (share.share) }
                            @if placed { td { (place(&share.target)) } }
                        }
                    }
                }
            }
        }
    }
}

fn place(target: &Target) -> Markup {
    html! {
        @match target {
            Target::Named(_) => {},
            Target::Destination(own) => {
                code { (foreign(&own.host)) @if let Some(port) = own.port { ":" (port) } }
                @if let Some(subset) = &own.subset { " subset " code { (foreign(subset)) } }
            },
            Target::LocalReply(reply) => { "answered by the proxy: " (reply.cause) },
        }
    }
}

fn lines(excerpt: &Excerpt) -> Markup {
    let [from, to] = excerpt.rule;
    html! {
        figure class="excerpt" {
            figcaption { (foreign(&excerpt.file)) ", lines " (from) " to " (to) " decide about this request" }
            div class="scroll" tabindex="0" role="region" aria-label="The lines of the manifest" {
                ol start=(excerpt.first) style={ "counter-reset:line " (excerpt.first - excerpt.first.min(1)) } {
                    @for (index, line) in excerpt.lines.iter().enumerate() {
                        @let number = excerpt.first + index;
                        li class=[(from..=to).contains(&number).then_some("rule")] { code { bdi { (crate::report::sanitize::safe(line)) } } }
                    }
                }
            }
        }
    }
}

/// What each generator saw, where several reports were merged.
pub(super) fn generators(report: &Report) -> Markup {
    if report.generators.is_empty() {
        return html! {};
    }
    let targets = &report.observation.rows.targets;
    html! {
        section aria-labelledby="generators" {
            h2 id="generators" { "By load generator" }
            p { "Each generator is also judged by itself, at its part of the error rate." }
            div class="scroll" tabindex="0" role="region" aria-label="Load generators" {
                table {
                    thead { tr {
                        th scope="col" { "Report" } th scope="col" class="number" { "Requests" }
                        @for target in targets { th scope="col" class="number" { (foreign(&target.target)) } }
                        th scope="col" { "Alone" } th scope="col" { "Why" }
                    } }
                    tbody {
                        @for (at, generator) in report.generators.iter().enumerate() {
                            @let part = report.parts.get(at).map(|part| part.report.observation.rows.answered);
                            @let all = part.unwrap_or_else(|| generator.counts.iter().sum()).max(1) as f64;
                            tr {
                                th scope="row" { (foreign(&generator.name)) }
                                td class="number" { (grouped(generator.sent)) }
                                @for count in &generator.counts { td class="number" { (percent(*count as f64 / all)) } }
                                td { (generator.outcome) }
                                td { (prose(&generator.reason)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
