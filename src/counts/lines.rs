//! Counts as they are typed, and as `uniq -c` prints them.

use super::{Counts, CountsError, bucket};
use crate::split::Bucket;

/// Reads `VALUE=COUNT` words.
///
/// # Errors
///
/// If one has another form.
pub fn words(words: &[String]) -> Result<Counts, CountsError> {
    let mut counts = Counts::default();
    for word in words {
        let pair = word.rsplit_once('=').filter(|(name, _)| !name.is_empty());
        let pair = pair.and_then(|(name, count)| Some((name, count.parse().ok()?)));
        let (name, count) = pair.ok_or_else(|| {
            CountsError::new(
                format!("`{word}` is not a count"),
                "write every count as VALUE=COUNT, as in v1=9012 v2=988",
            )
        })?;
        counts.add(bucket(name, Bucket::NO_STATUS, ""), count)?;
    }
    Ok(counts)
}

/// Reads lines of `VALUE COUNT`, or of `COUNT VALUE` as `uniq -c` prints them. Empty lines and those that begin with `#` are
/// left out.
///
/// # Errors
///
/// If a line has no count.
pub fn read(text: &str) -> Result<Counts, CountsError> {
    let mut counts = Counts::default();
    let lines = (1..).zip(text.lines());
    let lines =
        lines.filter(|(_, line)| !matches!(line.trim_start().chars().next(), None | Some('#')));
    let counts_first = by_uniq(lines.clone().map(|(_, line)| line));
    for (number, line) in lines {
        let (name, count) = pair(line.trim(), counts_first).ok_or_else(|| {
            CountsError::new(
                format!("line {number} has no count: `{line}`"),
                "write a value and its count on each line, as in `v1 9012`, or pipe in what `sort | uniq -c` prints",
            )
        })?;
        counts.add(bucket(name, Bucket::NO_STATUS, ""), count)?;
    }
    Ok(counts)
}

/// Whether these lines are from `uniq -c`, which sets its counts right: in the first seven columns, where they fit.
fn by_uniq<'l>(mut lines: impl Iterator<Item = &'l str> + Clone) -> bool {
    let digits = |line: &str| {
        let word = line.split_whitespace().next().unwrap_or_default();
        let number = word.bytes().all(|byte| byte.is_ascii_digit());
        number.then_some(word.len())
    };
    let set_right = lines.clone().any(|line| line.starts_with("  "));
    lines.all(|line| digits(line).is_some_and(|digits| set_right || digits >= 7))
}

fn pair(line: &str, count_first: bool) -> Option<(&str, u64)> {
    let first = || {
        let (count, name) = line.split_once(char::is_whitespace)?;
        Some((name.trim_start(), count.parse().ok()?))
    };
    let last = || {
        let (name, count) = line.rsplit_once(char::is_whitespace)?;
        Some((name.trim_end(), count.parse().ok()?))
    };
    if count_first {
        first().or_else(last)
    } else {
        last().or_else(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::Identity;

    fn counted(counts: &Counts) -> Vec<(String, u64)> {
        let name = |identity: &Identity| identity.to_string();
        let buckets = counts.buckets.iter();
        buckets
            .map(|(own, count)| (name(&own.identity), *count))
            .collect()
    }

    #[test]
    fn values_stand_before_their_count_or_behind_it() {
        let read = read("# by version\nv1 9012\n\n   988 v2\nnew canary 3\n200 4\nv1\t1\n");
        let expected = [("200", 4), ("new canary", 3), ("v1", 9013), ("v2", 988)];
        let expected = expected.map(|(name, count)| (name.to_owned(), count));
        assert_eq!(counted(&read.expect("counts")), expected);
    }

    #[test]
    fn what_uniq_prints_is_read_as_such_where_values_are_numbers_as_well() {
        let read = |text| counted(&read(text).expect("counts"));
        let of_statuses = [("200".to_owned(), 900), ("404".to_owned(), 100)];
        assert_eq!(read("    900 200\n    100 404\n"), of_statuses);
        assert_eq!(
            read("    900 200\n\n# the rest\n    100 404\n"),
            of_statuses
        );
        assert_eq!(read("200 900\n404 100\n"), of_statuses);
        let large = [("200".to_owned(), 9_000_000), ("404".to_owned(), 1)];
        assert_eq!(read("9000000 200\n      1 404\n"), large);
        let mixed = [("503".to_owned(), 9012), ("v2".to_owned(), 988)];
        assert_eq!(read("   9012 503\n    988 v2\n"), mixed);
    }

    #[test]
    fn rare_values_are_counted_together() {
        let lines = (0..5000).map(|at| format!("v{at} {}", 1 + u64::from(at < 10)));
        let text = lines.collect::<Vec<_>>().join("\n");
        let seen = read(&text).expect("counts").observation().expect("counts");
        assert_eq!((seen.tallies.len(), seen.sent), (2001, 5010));
    }

    #[test]
    fn what_has_no_count_is_shown_with_its_line() {
        let problem = read("v1 9\nv2\n").expect_err("no count").problem;
        assert_eq!(problem, "line 2 has no count: `v2`");
        for word in ["v1", "=9", "v1=", "v1=-1", "v1=1.5"] {
            assert!(words(&[word.to_owned()]).is_err(), "{word}");
        }
        let both = words(&["a=b=3".to_owned(), "c=4".to_owned()]).expect("counts");
        assert_eq!(counted(&both), [("a=b".to_owned(), 3), ("c".to_owned(), 4)]);
    }
}
