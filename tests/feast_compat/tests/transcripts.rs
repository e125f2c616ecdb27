//! Two conversations of `curl` with Feast's server, replayed call by call on one server.

use feast_compat::{Answer, GoldenRepo, Served, transcript};
use serde_json::Value;

/// Calls in which larder differs on purpose, with the number of the difference in the README. What differs by
/// its status alone must not stand here: see [`STATUS`].
const DIFFERENT: &[(&str, u8, &str)] = &[
    ("basic", 42, "microseconds of the event time are kept"),
    ("odfv_full", 3, "Feast loses the outputs; larder answers them as view__feature"),
    ("odfv_singleton_2rows", 4, "Feast answers one value for two rows; larder answers two"),
    ("missing_entity", 60, "only the join keys that are needed are named"),
    ("empty_entities", 61, "no entity column at all is said in words"),
    ("empty_list", 60, "as missing_entity"),
    ("null_entity", 57, "a null entity value is a row of nulls"),
    ("null_entity2", 57, "as null_entity"),
    ("bad_string_entity", 55, "a 422 that names column, row and value"),
    ("entityless_mixed", 42, "as basic"),
    ("multi_entity", 42, "as basic"),
    ("versioned", 55, "a 400 that says what to remove"),
    ("get_after_older", 41, "an older row never replaces a newer one"),
    ("push_missing_created", 44, "the created time is optional"),
    ("push_missing_ts", 55, "a 422 that names column and view"),
    ("push_missing_feature", 55, "as push_missing_ts"),
    ("push_missing_key", 55, "as push_missing_ts"),
    ("push_wrong_type", 55, "a 422 that names column, row and value"),
    ("push_offline", 45, "a time without zone is UTC, offline too"),
    ("get_during", 45, "the row that was pushed offline has been materialized"),
    ("get_disable_ts", 45, "as get_during"),
];

/// Calls whose answer is Feast's but for the status, a 4xx instead of a 500: difference 55.
const STATUS: &[&str] = &[
    "uneven",
    "unknown_feat",
    "bad_ref",
    "no_features",
    "collision",
    "dup",
    "push_extra_col_off",
    "push_bad_to",
    "push_ragged",
    "mat_missing_ts",
    "mat_reversed",
    "mat_equal",
];

/// Calls whose answer depends on whether the materialization before them still runs.
const BY_CHANCE: &[&str] = &["mat_async2"];

/// Whether larder's answer is the recorded one; `Err` with both if not.
fn compare(name: &str, ours: &Answer, feasts: &Answer) -> Result<(), String> {
    let show = |answer: &Answer| {
        let body = answer.body.as_ref().map_or("no body".to_owned(), Value::to_string);
        format!("{} {:?} {body}", answer.status, answer.content_type)
    };
    let shown = || format!("{name}:\n  larder: {}\n  Feast:  {}", show(ours), show(feasts));
    let listed = DIFFERENT.iter().any(|(known, ..)| *known == name);
    let equal = if STATUS.contains(&name) {
        feasts.status == 500 && (400..500).contains(&ours.status) && ours.body == feasts.body
    } else {
        ours == feasts
    };
    match (equal, listed) {
        (true, false) | (false, true) => Ok(()),
        (false, false) => Err(shown()),
        (true, true) => Err(format!("{name} is listed but equals Feast")),
    }
}

async fn replay(session: &str) {
    let served = Served::start(GoldenRepo::of_transcripts().await).await;
    let mut mismatches = Vec::new();
    for call in transcript(session) {
        let ours = served.send(&call.request).await.by_name();
        if BY_CHANCE.contains(&call.name.as_str()) {
            assert!([202, 409].contains(&ours.status), "{}: {}", call.name, ours.status);
            continue;
        }
        mismatches.extend(compare(&call.name, &ours, &call.answer).err());
    }
    served.stop().await;
    assert!(mismatches.is_empty(), "{}", mismatches.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_reads_gets_feasts_answers() {
    replay("read").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_writes_gets_feasts_answers() {
    replay("write").await;
}

#[test]
fn every_listed_call_is_recorded_and_every_difference_stands_in_the_readme() {
    let recorded: Vec<String> =
        ["read", "write"].into_iter().flat_map(transcript).map(|call| call.name).collect();
    let readme = include_str!("../../../README.md");
    for (name, number, _) in DIFFERENT {
        assert!(recorded.iter().any(|known| known == name), "{name} is not recorded");
        assert!(readme.contains(&format!("| {number} |")), "difference {number} is not in the README");
    }
    for name in STATUS.iter().chain(BY_CHANCE) {
        assert!(recorded.iter().any(|known| known == name), "{name} is not recorded");
    }
}
