//! A [`Note`] as text with the source line and a caret. The only user of annotate-snippets.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Note, Severity, Source, Sources, Span};

/// Renders the problems in the order given, one blank line apart, ending in a newline unless there are none.
#[must_use]
pub fn render(notes: &[Note], sources: &Sources, colour: bool) -> String {
    blocks(notes.iter().map(|one| (None, one)), sources, colour)
}

/// The same, each problem under a code: `error[RS001 unknown_subset]: …`.
#[must_use]
pub fn render_coded(notes: &[(String, &Note)], sources: &Sources, colour: bool) -> String {
    let coded = notes.iter();
    blocks(
        coded.map(|(code, one)| (Some(code.as_str()), *one)),
        sources,
        colour,
    )
}

fn blocks<'d>(
    notes: impl Iterator<Item = (Option<&'d str>, &'d Note)>,
    sources: &Sources,
    colour: bool,
) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let blocks: Vec<String> = notes
        .map(|(code, note)| block(code, note, sources, &renderer))
        .collect();
    if blocks.is_empty() {
        String::new()
    } else {
        blocks.join("\n\n") + "\n"
    }
}

fn block(code: Option<&str>, note: &Note, sources: &Sources, renderer: &Renderer) -> String {
    let level = match note.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let title = level.primary_title(note.message.as_str());
    let title = match code {
        Some(code) => title.id(code),
        None => title,
    };
    let mut group = Group::with_title(title);
    let mut remaining: Vec<_> = note.labels.iter().enumerate().collect();
    while let Some((_, first)) = remaining.first() {
        let source_id = first.span.source;
        let source = sources.get(source_id);
        let here = || {
            remaining
                .iter()
                .filter(|(_, label)| label.span.source == source_id)
        };
        let spans = here().map(|(_, label)| label.span);
        let (line, from, text) = window(source, spans);
        let mut snippet = Snippet::source(text).path(source.name()).line_start(line);
        for (index, label) in here() {
            let kind = if *index == 0 {
                AnnotationKind::Primary
            } else {
                AnnotationKind::Context
            };
            let annotation = kind.span(label.span.start - from..label.span.end - from);
            snippet = snippet.annotation(if label.message.is_empty() {
                annotation
            } else {
                annotation.label(label.message.as_str())
            });
        }
        group = group.element(snippet);
        remaining.retain(|(_, label)| label.span.source != source_id);
    }
    match &note.help {
        // Without a snippet there is no gutter that a note could hang on.
        Some(help) if note.labels.is_empty() => {
            let title = renderer.render(&[group]);
            let help = Group::with_title(Level::HELP.primary_title(help.as_str()));
            format!("{title}\n{}", renderer.render(&[help]))
        }
        Some(help) => renderer.render(&[group.element(Level::HELP.message(help.as_str()))]),
        None => renderer.render(&[group]),
    }
}

/// The lines that hold all spans, with the number and the place of the first: the renderer reads every line it is
/// given, and a dump of a cluster has half a million.
fn window(source: &Source, spans: impl Iterator<Item = Span> + Clone) -> (usize, usize, &str) {
    let (text, starts) = (source.text(), source.lines());
    let first = spans.clone().map(|span| span.start).min().unwrap_or(0);
    let last = spans.map(|span| span.end).max().unwrap_or(0);
    let line = starts.partition_point(|start| *start <= first);
    let from = starts[line - 1];
    let to = text[last..]
        .find('\n')
        .map_or(text.len(), |newline| last + newline);
    (line, from, &text[from..to])
}

#[cfg(test)]
mod tests {
    use super::super::{Code, Note, Sources, Span};
    use super::render;

    #[test]
    fn shows_file_line_column_and_a_caret() {
        let mut sources = Sources::new();
        let id = sources.add("vs.yaml", "route:\n- weight: \"90\"\n");
        let problem = Note::new(
            Code::WrongType,
            "weight must be an integer, not the string `90`",
        )
        .at(Span::new(id, 17..21), "a string")
        .help("remove the quotes");
        let text = render(&[problem], &sources, false);
        for part in [
            "error: weight must be",
            "vs.yaml:2:11",
            "- weight: \"90\"",
            "^^^^ a string",
            "help: remove the quotes",
        ] {
            assert!(text.contains(part), "{part:?} missing in\n{text}");
        }
    }
}
