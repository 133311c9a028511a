//! What charts need beside the counts: the run in parts, and the connections. Filled in when a report is built; whoever
//! draws it computes nothing.

use std::collections::HashMap;

use serde::Serialize;

use crate::observe::{Ordered, RequestLog};
use crate::split::Bucket;

/// Parts of a run, at most, and the requests in one, at least: of fewer, a share says nothing.
const SLICES: usize = 40;
const SLICE: usize = 20;
/// Connections that are listed one by one.
const LISTED: usize = 240;
/// Columns of counts where nothing is declared.
pub(super) const MOST_COLUMNS: usize = 20;

/// Consecutive requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Slice {
    /// The place of the first in the order in which they were sent, from 0.
    pub first: u64,
    /// How many.
    pub requests: u64,
    /// Responses by declared target, in the order of the declaration; where nothing is declared, by the first values of
    /// `buckets`.
    pub counts: Vec<u64>,
    /// All others, and requests without a response.
    pub others: u64,
    /// Those of the others that have no response.
    pub failed: u64,
}

/// Which connections led where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Connections {
    /// Connections that carried remembered requests.
    pub used: u64,
    /// Those of them with several responses that are counted in columns.
    pub reused: u64,
    /// Those of the reused ones whose responses all came from one place.
    pub pure: u64,
    /// The first of them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub rows: Vec<ConnectionRow>,
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConnectionRow {
    /// Its number within the run.
    pub connection: u32,
    /// As in [`Slice::counts`].
    pub counts: Vec<u64>,
    /// As in [`Slice::others`].
    pub others: u64,
}

/// The run in parts. `column` says where a response counts. Runs of several generators are laid beside each other.
pub(super) fn slices(
    log: &RequestLog,
    columns: usize,
    column: impl Fn(&Bucket) -> Option<usize>,
) -> Vec<Slice> {
    // What belongs to no column still is a response.
    let place = |bucket: &Bucket| Some(column(bucket).unwrap_or(columns));
    let ended = side_by_side(log, place);
    let size = ended.len().div_ceil(SLICES).max(SLICE);
    let mut slices: Vec<Slice> = Vec::new();
    for (at, request) in ended.enumerate() {
        if at % size == 0 {
            slices.push(Slice {
                first: at as u64,
                requests: 0,
                counts: vec![0; columns],
                others: 0,
                failed: 0,
            });
        }
        let Some(slice) = slices.last_mut() else {
            continue;
        };
        slice.requests += 1;
        match request.of {
            Some(column) if column < columns => slice.counts[column] += 1,
            Some(_) => slice.others += 1,
            None => {
                slice.others += 1;
                slice.failed += 1;
            }
        }
    }
    slices
}

/// The requests in order; those of several generators by how far their own run had got.
pub(super) fn side_by_side<'l>(
    log: &'l RequestLog,
    of: impl Fn(&Bucket) -> Option<usize>,
) -> Box<dyn ExactSizeIterator<Item = Ordered<usize>> + 'l> {
    let (ended, starts) = (log.in_order(of), log.starts());
    if starts.is_empty() {
        return Box::new(ended);
    }
    let all = ended.len();
    let progress = |request: &Ordered<usize>| {
        let run = starts.partition_point(|start| *start <= request.sequence);
        let begin = run.checked_sub(1).map_or(0, |run| starts[run]);
        let end = starts
            .get(run)
            .map_or(all, |end| usize::try_from(*end).unwrap_or(usize::MAX));
        let length = end as f64 - f64::from(begin);
        f64::from(request.sequence - begin) / length.max(1.0)
    };
    let mut keyed: Vec<(f64, Ordered<usize>)> = ended.map(|one| (progress(&one), one)).collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
    Box::new(keyed.into_iter().map(|(_, request)| request))
}

/// The connections of the remembered requests.
pub(super) fn connections(
    log: &RequestLog,
    columns: usize,
    column: impl Fn(&Bucket) -> Option<usize>,
) -> Connections {
    let mut rows: Vec<ConnectionRow> = Vec::new();
    let mut known: HashMap<u32, usize> = HashMap::new();
    // Where the requests of the connections that are not listed ended: there may be as many of these as requests.
    let mut others: Vec<(u32, Option<u16>)> = Vec::new();
    for request in log.in_order(column) {
        let connection = request.connection;
        if known.len() < LISTED {
            known.entry(connection).or_insert_with(|| {
                rows.push(ConnectionRow {
                    connection,
                    counts: vec![0; columns],
                    others: 0,
                });
                rows.len() - 1
            });
        }
        match (known.get(&connection), request.of) {
            (Some(row), Some(column)) => rows[*row].counts[column] += 1,
            (Some(row), None) => rows[*row].others += 1,
            (None, column) => {
                let narrow = |column| u16::try_from(column).expect("buckets are capped");
                others.push((connection, column.map(narrow)));
            }
        }
    }
    let reused = |row: &&ConnectionRow| row.counts.iter().sum::<u64>() > 1;
    let pure = |row: &&ConnectionRow| row.counts.iter().filter(|count| **count > 0).count() == 1;
    let mut table = Connections {
        used: rows.len() as u64,
        reused: rows.iter().filter(reused).count() as u64,
        pure: rows.iter().filter(reused).filter(pure).count() as u64,
        rows: Vec::new(),
    };
    others.sort_unstable();
    for connection in others.chunk_by(|one, next| one.0 == next.0) {
        let mut counted = connection.iter().filter_map(|(_, column)| *column);
        table.used += 1;
        if let (Some(first), Some(second)) = (counted.next(), counted.next()) {
            let pure = first == second && counted.all(|column| column == first);
            table.reused += 1;
            table.pure += u64::from(pure);
        }
    }
    Connections { rows, ..table }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::RequestRecord;
    use crate::split::Identity;

    fn log(runs: &[&str]) -> RequestLog {
        let mut all: Option<RequestLog> = None;
        for run in runs {
            let mut log = RequestLog::default();
            for (at, name) in run.chars().enumerate() {
                let bucket = Bucket {
                    identity: Identity::Value(name.into()),
                    status: 200,
                };
                log.push(RequestRecord {
                    sequence: u32::try_from(at).expect("few"),
                    connection: u32::try_from(at / 2).expect("few"),
                    bucket: (name != '-').then_some(&bucket),
                    latency: None,
                });
            }
            match &mut all {
                None => all = Some(log),
                Some(all) => all.append(&log),
            }
        }
        all.expect("a run")
    }

    fn column(bucket: &Bucket) -> Option<usize> {
        ["a", "b"]
            .iter()
            .position(|name| bucket.value() == Some(name))
    }

    #[test]
    fn every_request_is_in_one_slice() {
        let run = "ab-c".repeat(500);
        let slices = slices(&log(&[&run]), 2, column);
        assert_eq!(slices.len(), SLICES);
        assert_eq!(slices[1].first, slices[0].requests);
        let sum = |of: fn(&Slice) -> u64| slices.iter().map(of).sum::<u64>();
        assert_eq!((sum(|s| s.counts[0]), sum(|s| s.counts[1])), (500, 500));
        assert_eq!((sum(|s| s.others), sum(|s| s.requests)), (1000, 2000));
        assert_eq!(sum(|s| s.failed), 500);
    }

    #[test]
    fn runs_of_several_generators_are_laid_beside_each_other() {
        // Both saw the change in the middle of their runs.
        let (short, long) = (
            "a".repeat(10) + &"b".repeat(10),
            "a".repeat(20) + &"b".repeat(20),
        );
        let slices = slices(&log(&[&short, &long]), 2, column);
        let counts: Vec<&[u64]> = slices.iter().map(|slice| slice.counts.as_slice()).collect();
        assert_eq!(counts, [[20, 0].as_slice(), &[10, 10], &[0, 20]]);
    }

    #[test]
    fn connections_that_lead_to_one_place_are_pure() {
        let table = connections(&log(&["aaabb-bb"]), 2, column);
        assert_eq!((table.used, table.reused, table.pure), (4, 3, 2));
        assert_eq!(table.rows[2].counts, [0, 1]);
    }
}
