//! The name that was probably meant, for messages that suggest one.

/// The candidate most like a word, if one is like it at all.
#[must_use]
pub fn nearest<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let word = word.to_lowercase();
    let limit = match word.chars().count() {
        0..=2 => return None,
        3..=5 => 1,
        6..=8 => 2,
        _ => 3,
    };
    let far = |candidate: &str| distance(&word, &candidate.to_lowercase());
    candidates
        .map(|candidate| (far(candidate), candidate))
        .filter(|(far, _)| *far <= limit)
        .min()
        .map(|(_, near)| near)
}

/// Optimal string alignment distance: edits and swaps of neighbours that turn one word into the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let (mut before, mut above) = (Vec::new(), (0..=right.len()).collect::<Vec<_>>());
    let mut previous = None;
    for (row, from) in left.chars().enumerate() {
        let mut line = vec![row + 1];
        for (column, to) in right.iter().enumerate() {
            let change = above[column] + usize::from(from != *to);
            let mut best = change.min(above[column + 1] + 1).min(line[column] + 1);
            if column > 0 && previous == Some(*to) && right[column - 1] == from {
                best = best.min(before[column - 1] + 1);
            }
            line.push(best);
        }
        before = std::mem::replace(&mut above, line);
        previous = Some(from);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_forgives_a_typo_but_does_not_guess() {
        let names = ["weight", "destination", "headers", "uri"];
        for (word, near) in [
            ("wieght", Some("weight")),
            ("Weight", Some("weight")),
            ("header", Some("headers")),
            ("urI", Some("uri")),
            ("cluster", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, names.into_iter()), near, "{word}");
        }
    }
}
