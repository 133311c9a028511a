use super::*;

const EXPOSED: &str = r#"# TYPE istio_requests_total counter
istio_requests_total{reporter="source",destination_service_name="web",destination_version="v1",response_code="200",response_flags="-"} 900 1700000000000
istio_requests_total{reporter="source",destination_service_name="web",destination_version="v2",response_code="200",response_flags="-",} 90
istio_requests_total{reporter="source",destination_service_name="web",destination_version="unknown",response_code="503",response_flags="UH"} 10
istio_requests_total{reporter="destination",destination_service_name="web",destination_version="v1",response_code="200",response_flags="-"} 899
istio_requests_total_created{a="b"} 5
other{x="a\"}b\\",y=""} 1e3
"#;

fn counted(texts: &[&str], selection: &Selection) -> Result<Vec<(String, u16, u64)>, CountsError> {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let counts = read(&texts, METRIC, selection)?;
    let rows = counts.buckets.iter();
    Ok(rows
        .map(|(own, count)| (own.identity.to_string(), own.status, *count))
        .collect())
}

fn only(name: &str, value: &str) -> Selection {
    Selection {
        only: vec![(name.to_owned(), value.to_owned())],
        ..Selection::default()
    }
}

#[test]
fn the_source_counts_by_version_and_replies_of_the_proxy_are_nobodys() {
    let rows = counted(&[EXPOSED], &Selection::default()).expect("counts");
    let expected = [("v1", 200, 900), ("v2", 200, 90), ("(empty)", 503, 10)];
    assert_eq!(
        rows,
        expected.map(|(name, status, count)| (name.to_owned(), status, count))
    );
    let rows = counted(&[EXPOSED], &only("reporter", "destination")).expect("counts");
    assert_eq!(rows, [("v1".to_owned(), 200, 899)]);
}

#[test]
fn between_two_moments_counts_what_came_in() {
    let after = EXPOSED
        .replace("} 900 ", "} 1000 ")
        .replace("} 90\n", "} 101\n");
    let rows = counted(&[EXPOSED, &after], &Selection::default()).expect("counts");
    assert_eq!(
        rows[..2],
        [("v1".to_owned(), 200, 100), ("v2".to_owned(), 200, 11)]
    );
    let back = counted(&[&after, EXPOSED], &Selection::default()).expect_err("a restart");
    assert!(
        back.problem.contains("went down from 1000 to 900"),
        "{back}"
    );
    let gone = after.lines().skip(2).collect::<Vec<_>>().join("\n");
    let gone = counted(&[EXPOSED, &gone], &Selection::default()).expect_err("a series is gone");
    assert!(gone.problem.contains("lacks the counter"), "{gone}");
}

#[test]
fn the_result_of_a_query_is_read_whole_or_in_part_and_estimates_are_named() {
    let result = r#"[{"metric":{"destination_version":"v1"},"value":[1700000000.1,"90.4"]},
                         {"metric":{"destination_version":"v2"},"value":[1700000000.1,"10"]}]"#;
    let data = format!(r#"{{"resultType":"vector","result":{result}}}"#);
    let whole = format!(r#"{{"status":"success","data":{data}}}"#);
    for text in [result, &data, &whole] {
        let counts = read(&[text.to_owned()], METRIC, &Selection::default()).expect("counts");
        assert_eq!(
            counts.buckets.values().copied().collect::<Vec<_>>(),
            [90, 10]
        );
        assert_eq!(counts.notes[0].code, Code::CountsRounded);
    }
    let range = r#"{"data":{"result":[{"metric":{},"values":[[1,"2"]]}]}}"#;
    let refused = counted(&[range], &Selection::default()).expect_err("a range");
    assert!(refused.problem.contains("range query"), "{refused}");
}

#[test]
fn what_is_not_clear_is_refused_with_what_there_is() {
    let two = EXPOSED.replace(
        r#"destination_service_name="web",destination_version="v2""#,
        r#"destination_service_name="shop",destination_version="v2""#,
    );
    let problem =
        |texts: &[&str], selection: &Selection| counted(texts, selection).expect_err("refused");
    let several = problem(&[&two], &Selection::default());
    assert!(
        several.problem.ends_with("several services: shop, web"),
        "{several}"
    );
    assert_eq!(
        counted(&[&two], &only(SERVICE, "shop")).expect("one").len(),
        1
    );
    let unknown = problem(&[EXPOSED], &only("destination_version", "v9"));
    assert!(unknown.help.contains("v1, v2"), "{}", unknown.help);
    let by = Selection {
        by: Some("pod".to_owned()),
        ..Selection::default()
    };
    assert!(problem(&[EXPOSED], &by).help.contains("reporter"));
    assert!(
        problem(&["up 1\n"], &Selection::default())
            .problem
            .contains("no `istio_requests_total`")
    );
    assert!(
        problem(&["istio_requests_total{a=\"b} 1\n"], &Selection::default())
            .problem
            .starts_with("line 1")
    );
    assert!(
        problem(
            &["istio_requests_total{destination_version=\"v1\"} NaN\n"],
            &Selection::default()
        )
        .problem
        .contains("counts nothing")
    );
}

#[test]
fn labels_may_hold_anything() {
    let (labels, value) =
        form::sample(r#"{x="a\"}b\\",y="",z="1,2"} 1e3 # {id="7"} 1"#).expect("a sample");
    let own = |name: &str| labels[name].as_str();
    assert_eq!(
        (own("x"), own("y"), own("z"), value),
        ("a\"}b\\", "", "1,2", 1000.0)
    );
}
