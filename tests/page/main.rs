//! The page of `larder ui`, drawn from a registry by its own scripts.
//!
//! Its scripts run in a DOM under Node.js, against the command just built. The DOM runs whatever slips into it as HTML,
//! so a text that is more than a text is found out.

#![expect(clippy::panic, clippy::unwrap_used, reason = "the harness of a test fails as tests do")]

mod larder;
mod node;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::larder::{Larder, configure};
use crate::node::page_script;

/// A view `stats` with trips and zones of drivers, which lie in `rows.csv`.
fn apply_driver_stats(repo: &Path) {
    let definitions = "entities: [{name: driver, join_keys: [driver_id], value_type: INT64}]
data_sources: [{name: rows, type: file, path: rows.csv, timestamp_field: event_timestamp}]
feature_views:
  - name: stats
    entities: [driver]
    source: rows
    schema: [{name: trips, dtype: Int64}, {name: zone, dtype: String}]
";
    fs::write(repo.join("features.yaml"), definitions).unwrap();
    run(repo, &["apply"]);
}

/// Does things on the page of a repo, and tells what stood there after each.
fn visit(folder: &Path, acts: &[&str]) -> Vec<Value> {
    let ui = Larder::start(folder, &["ui", "-p", "0"]);
    let mut node = page_script();
    node.arg(format!("http://{}", ui.address))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut node = node.spawn().unwrap_or_else(|error| panic!("node cannot be run ({error})"));
    node.stdin.take().unwrap().write_all(format!("{}\n", acts.join("\n")).as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    let seen: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(seen.len(), acts.len(), "{stdout}\n{stderr}");
    for page in &seen {
        assert_eq!(page["errors"], json!([]), "{}", page["act"]);
        check_harmless(page);
    }
    seen
}

/// The elements that the page is made of; a text that became HTML would bring others.
const ELEMENTS: &[&str] = &[
    "a", "b", "button", "code", "dd", "details", "div", "dl", "dt", "form", "g", "h1", "h2", "h3", "header",
    "img", "input", "label", "li", "main", "nav", "noscript", "ol", "option", "p", "path", "pre", "q",
    "rect", "section", "select", "span", "summary", "svg", "table", "tbody", "td", "text", "th", "thead",
    "time", "title", "tr", "ul",
];

fn check_harmless(page: &Value) {
    let act = &page["act"];
    assert_eq!(page["hacked"], Value::Null, "{act}: a text of the registry ran");
    assert_eq!(page["handlers"], json!([]), "{act}");
    assert_eq!(page["pictures"], json!(["/assets/icon.svg"]), "{act}");
    for element in page["tags"].as_array().unwrap() {
        assert!(ELEMENTS.contains(&element.as_str().unwrap()), "{act}: {element}");
    }
    for link in page["links"].as_array().unwrap() {
        let link = link.as_str().unwrap();
        assert!(link == "#content" || link.starts_with('/') && !link.starts_with("//"), "{act}: {link}");
    }
}

fn text(page: &Value) -> &str {
    page["text"].as_str().unwrap()
}

/// Texts that do something wherever they are taken for HTML, for a script or for an address.
const HOSTILE: [&str; 5] = [
    "<img src=x onerror=\"window.hacked=1\">",
    "<script>window.hacked=2</script>",
    "\"><svg onload=\"window.hacked=3\">",
    "javascript:window.hacked=4",
    "{{7*7}}${window.hacked=5}</textarea><iframe srcdoc=\"x\">",
];

#[test]
fn a_hostile_text_stands_on_the_page_as_a_text() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), "p");
    {
        let registry =
            Larder::start(folder.path(), &["serve_registry", "--no-grpc", "--rest-api", "--rest-port", "0"]);
        for (at, hostile) in HOSTILE.iter().enumerate() {
            // Names of views hold no colons.
            let name = hostile.replace(':', ";");
            let more = json!({"description": hostile, "owner": hostile, "tags": {*hostile: *hostile}});
            let object = |own: Value| {
                let mut object = json!({"name": name, "project": "p"});
                for part in [&more, &own] {
                    object.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
                }
                object
            };
            registry.post("entities", &object(json!({"join_key": hostile})));
            let options = json!({"uri": hostile});
            registry.post(
                "data_sources",
                &object(json!({"type": 1, "timestamp_field": hostile, "file_options": options})),
            );
            let features = json!([{"name": hostile, "value_type": 4, "description": hostile}]);
            let view = json!({"entities": [name], "features": features, "batch_source": name});
            registry.post("feature_views", &object(view));
            let features = json!([{"feature_view_name": name, "feature_names": [hostile]}]);
            registry.post("feature_services", &object(json!({"features": features})));
            let dataset = json!({"storage_path": hostile, "features": [format!("{name}:{hostile}")], "namespace": hostile});
            registry.post("saved_datasets", &object(dataset));
            let policy = json!({"role_based_policy": {"roles": [hostile]}});
            let permission = json!({"types": ["ENTITY"], "actions": ["DESCRIBE"], "policy": policy, "name_patterns": [format!("a{at}")]});
            registry.post("permissions", &object(permission));
        }
    }
    let kinds = ["entity", "data-source", "feature-view", "feature-service", "data-set", "permissions"];
    let mut acts =
        vec!["go /".to_owned(), "go /p/p".into(), "go /p/p/lineage".into(), "go /p/p/features".into()];
    for kind in kinds {
        acts.push(format!("go /p/p/{kind}"));
        acts.extend(
            HOSTILE.iter().map(|hostile| format!("go /p/p/{kind}/{}", encoded(&hostile.replace(':', ";")))),
        );
    }
    for hostile in HOSTILE {
        acts.push(format!("search {hostile}"));
        acts.push(format!("go /p/{}/{}/{}", encoded(hostile), encoded(hostile), encoded(hostile)));
        acts.push(format!("go /p/p/entity/{}", encoded(&format!("none {hostile}"))));
    }
    let acts: Vec<&str> = acts.iter().map(String::as_str).collect();
    for page in visit(folder.path(), &acts) {
        let act = page["act"].as_str().unwrap();
        // It is all there, letter by letter.
        for kind in kinds {
            if act == format!("go /p/p/{kind}") {
                for hostile in HOSTILE {
                    assert!(text(&page).contains(hostile), "{act}: {}", text(&page));
                }
            }
            for hostile in HOSTILE {
                let name = hostile.replace(':', ";");
                if act == format!("go /p/p/{kind}/{}", encoded(&name)) {
                    assert_eq!(page["heading"], name, "{act}");
                }
            }
        }
    }
}

/// A part of an address.
fn encoded(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    text.bytes()
        .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// A repo over the registry that answers were recorded on.
fn recorded() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), "labels");
    let registry = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/feast_compat/recorded/registry_rest/registry.db");
    fs::copy(registry, folder.path().join("registry.db")).unwrap();
    folder
}

#[test]
fn every_object_has_a_page_that_tells_what_feeds_it() {
    let pages = visit(
        recorded().path(),
        &[
            "go /",
            "go /p/larder_golden",
            "go /p/larder_golden/feature-view",
            "go /p/larder_golden/feature-view/driver_hourly_stats",
            "go /p/larder_golden/feature-view/affordability_one",
            "go /p/larder_golden/lineage",
            "go /p/labels/feature-service/fraud",
            "go /p/labels/data-set/kept_rows",
            "go /p/labels/label-view/verdicts",
            "go /p/extras/permissions/roles",
            "go /p/extras/data-source/kafka_json",
            "go /p/labels/entity/Customer",
        ],
    );
    let told: [&[&str]; 12] = [
        &["extras", "labels", "larder_golden", "three of everything"],
        &["13feature views", "43features", "Freshness", "driver_lifetime", "older than its ttl"],
        &[
            "driver_fresh_stats",
            "driver_push_source, driver_stats_source",
            "on-demand view",
            "13 feature views",
        ],
        &["conversion rate", "Float32", "1 day", "available online", "2024-01-16 00:00 UTC", "driver_logged"],
        &[
            "Request data trip_request",
            "View customer_profile",
            "distance_km",
            "customer, driver",
            "def affordability",
        ],
        &["wide_types_source", "trip_model", "transformed_conv_rate"],
        &["it's \"all\"", "in euros", "<b>ok</b> or \"not\"", "kept_rows"],
        &["data/out.parquet", "n1 / c1", "Purchases@v1:flag", "fraud"],
        &["label view", "Purchases", "last write wins", "labeler"],
        &["role based: admin", "read online", "feature view"],
        &["Rows of", "file_full", "stream_view"],
        &["customer_id", "Int64", "Purchases, archive, verdicts"],
    ];
    for (page, told) in pages.iter().zip(told) {
        for words in told {
            assert!(text(page).contains(words), "{} lacks {words:?}: {}", page["act"], text(page));
        }
        assert!(
            !text(page).contains("__dummy") || text(page).contains("As the registry holds it"),
            "{}",
            page["act"]
        );
    }
    assert_eq!(pages[3]["title"], "driver_hourly_stats · larder_golden · larder");
    let links = pages[5]["links"].as_array().unwrap();
    assert!(links.contains(&json!("/p/larder_golden/feature-view/driver_hourly_stats")), "boxes are links");
}

#[test]
fn the_page_is_found_through_by_keys_search_filters_and_the_way_back() {
    let pages = visit(
        recorded().path(),
        &[
            "go /p/larder_golden/feature-view",
            "key /",
            "search driver_hourly",
            "back ",
            "filter hourly fare",
            "filter hourly",
            "sort Features",
            "go /p/larder_golden/lineage",
            "filter trip_request",
            "filter nothing is called so",
            "go /p/nowhere",
            "go /p/labels/nothing",
            "go /p/labels/entity/nobody",
            "go /nothing",
        ],
    );
    assert_eq!(pages[0]["focus"], "h1", "a reader starts at the heading");
    assert_eq!(pages[1]["focus"], "search");
    assert_eq!(pages[2]["address"], "/search?q=driver_hourly");
    assert!(text(&pages[2]).contains("driver_hourly_stats"), "{}", text(&pages[2]));
    assert_eq!(pages[3]["address"], "/p/larder_golden/feature-view");
    assert!(text(&pages[4]).contains("0 of 13"), "every word must be in a row: {}", text(&pages[4]));
    assert!(text(&pages[5]).contains("of 13") && text(&pages[5]).contains("driver_hourly_stats"));
    assert!(!text(&pages[5]).contains("wide_types"), "{}", text(&pages[5]));
    assert!(text(&pages[8]).contains("fare_estimate") && !text(&pages[8]).contains("wide_types"));
    assert!(text(&pages[9]).contains("Nothing is called so."));
    for page in &pages[10..] {
        assert_eq!(page["heading"], "Not found", "{}", page["act"]);
    }
}

/// What the values of features look like stands on the page of their view, and a value is a text there too.
#[test]
fn a_view_shows_what_its_values_look_like_and_a_hostile_value_stays_a_text() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), "p");
    let [word, ..] = HOSTILE;
    let mut rows = "driver_id,event_timestamp,trips,zone\n".to_owned();
    for hour in 0..20 {
        let zone =
            if hour % 4 == 0 { format!("\"{}\"", word.replace('"', "\"\"")) } else { "north".to_owned() };
        rows.push_str(&format!("{hour},2024-01-01T{hour:02}:00:00Z,{},{zone}\n", hour * 2));
    }
    fs::write(folder.path().join("rows.csv"), rows).unwrap();
    apply_driver_stats(folder.path());
    let seen = visit(folder.path(), &["go /p/p/feature-view/stats"]);
    assert!(!text(&seen[0]).contains("look like"), "nothing is computed: {}", text(&seen[0]));
    let mut config = fs::read_to_string(folder.path().join("feature_store.yaml")).unwrap();
    config.push_str("data_quality_monitoring: {}\n");
    fs::write(folder.path().join("feature_store.yaml"), config).unwrap();
    run(folder.path(), &["monitor", "run"]);
    let mut more = fs::read_to_string(folder.path().join("rows.csv")).unwrap();
    more.push_str("1,2024-02-01T00:00:00Z,100,south\n1,2024-02-01T01:00:00Z,,south\n");
    fs::write(folder.path().join("rows.csv"), more).unwrap();
    run(folder.path(), &["monitor", "run"]);
    let seen = visit(folder.path(), &["go /p/p/feature-view/stats"]);
    let shown = text(&seen[0]).replace('\u{a0}', " ");
    for expected in [
        "In its source: what the values look like",
        "Weekly from 2024-01-25, computed",
        "trips250.0 % (0.0 %)100 (19)",
        "south 100.0 %; 1 different",
    ] {
        assert!(shown.contains(expected), "{expected} in {shown}");
    }
    // All rows of a month: the words that were there before too.
    run(
        folder.path(),
        &["monitor", "run", "-g", "weekly", "--start-date", "2024-01-01", "--end-date", "2024-02-01"],
    );
    let seen = visit(folder.path(), &["go /p/p/feature-view/stats"]);
    let expected = format!("{}… 22.7 %, south 9.1 %; 3 different", &word[..23]);
    let shown = text(&seen[0]).replace('\u{a0}', " ");
    assert!(shown.contains(&expected), "{shown}");
}

#[test]
fn the_first_rows_of_a_dataset_stand_on_its_page() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), "p");
    let rows: String = (0..30)
        .map(|row| {
            let hostile = HOSTILE[row % HOSTILE.len()].replace('"', "\"\"");
            format!("{row},2024-01-01T00:00:00Z,{},\"{hostile}\"\n", row * 100)
        })
        .collect();
    fs::write(folder.path().join("rows.csv"), format!("driver_id,event_timestamp,trips,zone\n{rows}"))
        .unwrap();
    apply_driver_stats(folder.path());
    let ask = ["get-historical-features", "-f", "stats:trips", "-f", "stats:zone", "-o"];
    let span = ["--start-date", "2024-01-01", "--end-date", "2024-01-02"];
    let kept = folder.path().join("kept.parquet").display().to_string();
    run(folder.path(), &[&ask[..], &[&kept, "--save-as", "kept"], &span].concat());
    let seen = visit(folder.path(), &["go /p/p/data-set/kept"]);
    let shown = text(&seen[0]);
    assert!(shown.contains("The first 20 of 30 rows"), "{shown}");
    for expected in ["2024-01-02 00:00:00+00:00", "1900", HOSTILE[0], HOSTILE[4]] {
        assert!(shown.contains(expected), "{expected} in {shown}");
    }
    fs::remove_file(&kept).unwrap();
    let seen = visit(folder.path(), &["go /p/p/data-set/kept"]);
    let shown = text(&seen[0]);
    assert!(shown.contains("Rows") && shown.contains("kept.parquet"), "{shown}");
}

#[test]
fn what_producers_of_lineage_events_tell_is_drawn_below_the_registrys_own() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), "p");
    let mut config = fs::read_to_string(folder.path().join("feature_store.yaml")).unwrap();
    config.push_str("openlineage: {consumer: {enabled: true}}\n");
    fs::write(folder.path().join("feature_store.yaml"), config).unwrap();
    fs::write(folder.path().join("features.yaml"), "entities: [{name: driver, value_type: INT64}]\n")
        .unwrap();
    run(folder.path(), &["apply"]);
    let seen = visit(folder.path(), &["go /p/p/lineage"]);
    assert!(text(&seen[0]).contains("No producer of lineage events has told"), "{}", text(&seen[0]));
    {
        let consumer = Larder::start(folder.path(), &["serve_lineage", "-p", "0"]);
        for (at, hostile) in HOSTILE.iter().enumerate() {
            let dataset = |name: String| json!([{"namespace": hostile, "name": name}]);
            let event = json!({
                "eventType": "COMPLETE", "eventTime": "2024-01-01T00:00:00Z", "run": {"runId": format!("r{at}")},
                "job": {"namespace": hostile, "name": hostile},
                "inputs": dataset(format!("in {at}")), "outputs": dataset(format!("out {at}")),
            });
            consumer.post("lineage", &event);
        }
    }
    let seen = visit(folder.path(), &["go /p/p/lineage"]);
    let shown = text(&seen[0]);
    for expected in ["Beyond this registry", "in 0", "out 4", "<script>window.hacked=2"] {
        assert!(shown.contains(expected), "{expected} in {shown}");
    }
}

/// Runs a command of the repo, which must succeed.
#[track_caller]
fn run(folder: &Path, arguments: &[&str]) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_larder"));
    let output = command.arg("-c").arg(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
