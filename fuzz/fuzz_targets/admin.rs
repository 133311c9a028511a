//! Whatever an admin interface of a proxy says, nothing panics; a sum never becomes less, and only says more than the last page
//! where it says what is lost. Pages of one kind follow each other, with lines of `---` between them.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use resplit::admin::{ClustersPage, Counters, Memory, ServerInfo, Stats, route_versions};

fn total(counters: &Counters) -> u128 {
    counters.hosts().values().map(|one| u128::from(one.requests)).sum()
}

fuzz_target!(|text: &str| {
    let mut counters: Option<Counters> = None;
    for (at, page) in text.split("\n---\n").enumerate() {
        let _ = ServerInfo::read(page).map(|info| info.is_envoy());
        let _ = Memory::read(page);
        if let Ok(stats) = Stats::read(page) {
            let _ = (stats.sum_of(""), stats.of_cluster("outbound|80|v1|web", "upstream_rq_retry"));
        }
        let _ = route_versions(page);
        let Ok(clusters) = ClustersPage::read(page, |name| !name.starts_with('-')) else {
            continue;
        };
        match &mut counters {
            None => {
                let begun = Counters::from(clusters);
                assert_eq!(total(&begun), 0, "what was sent before is not counted");
                counters = Some(begun);
            }
            Some(counters) => {
                let before = total(counters);
                counters.add(clusters.clone(), Duration::from_secs(at as u64));
                assert!(total(counters) >= before);
                assert_eq!(counters.last(), &clusters);
                counters.join(clusters);
            }
        }
    }
});
