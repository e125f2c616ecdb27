//! On-demand views that read each other: one result everywhere, and what is said of them.

use serde_json::{Value, json};

use crate::larder::{AS_OF, Repo, Server};

/// `driver_hourly_stats -> driver_rates -> driver_load, driver_reliability -> driver_score`, twice: `kept_…`
/// are computed on write. The outermost stands first.
const VIEWS: &str = "
  - name: driver_score
    sources: [driver_load, driver_reliability]
    schema: [{name: score, dtype: Float64}, {name: label, dtype: String}]
    transformation: udfs/driver_chain.wasm
  - name: driver_load
    sources: [{feature_view: driver_rates, features: [trip_rate]}, driver_hourly_stats]
    schema: [{name: daily_requests, dtype: Float64}]
    transformation: udfs/driver_chain.wasm
  - name: driver_reliability
    sources: [driver_rates]
    schema: [{name: reliability, dtype: Float64}]
    transformation: udfs/driver_chain.wasm
  - name: driver_rates
    sources: [driver_hourly_stats]
    schema: [{name: trip_rate, dtype: Float64}, {name: rate_gap, dtype: Float64}]
    transformation: udfs/driver_chain.wasm
  - name: kept_score
    sources: [driver_load, {feature_view: kept_reliability, name_alias: driver_reliability}]
    schema: [{name: score, dtype: Float64}, {name: label, dtype: String}]
    transformation: {component: udfs/driver_chain.wasm, function: driver_score}
    write_to_online_store: true
  - name: kept_reliability
    sources: [driver_rates]
    schema: [{name: reliability, dtype: Float64}]
    transformation: {component: udfs/driver_chain.wasm, function: driver_reliability}
    write_to_online_store: true
";

fn repo() -> Repo {
    let repo = Repo::sample();
    std::fs::write(repo.dir().join("udfs/driver_chain.wasm"), larder_testkit::guests::driver_chain())
        .unwrap();
    repo.edit("features.yaml", "\nfeature_services:", &format!("{VIEWS}\nfeature_services:"));
    repo
}

fn materialized() -> Repo {
    let repo = repo();
    repo.run(&["apply"]).success();
    repo.run(&["materialize", "2026-01-01", AS_OF]).success();
    repo
}

/// One column of an answer of `get-online-features`.
fn online(repo: &Repo, drivers: &[i64], feature: &str) -> Vec<Value> {
    let entities: Vec<String> = drivers.iter().map(|driver| format!("driver_id={driver}")).collect();
    let entities = entities.iter().flat_map(|entity| ["-e", entity.as_str()]).collect::<Vec<_>>();
    let base = ["get-online-features", "-f", feature];
    let answer = repo.run(&[&base[..], &entities].concat()).json();
    let object = answer.as_object().unwrap();
    let (_, name) = feature.split_once(':').unwrap();
    assert_eq!(object.keys().collect::<Vec<_>>(), ["driver_id", name], "only what was asked for");
    answer[name].as_array().unwrap().clone()
}

/// The score, in the words of `udfs/rust/driver_chain`.
fn native_score(conv_rate: f32, acc_rate: f32, trips: i64) -> f64 {
    let (conv, acc) = (f64::from(conv_rate), f64::from(acc_rate));
    let (rate, gap) = (conv * acc, (conv - acc).abs());
    let requests = i32::try_from(trips).map(f64::from).unwrap() / (rate + 0.1);
    requests * (rate / (1.0 + gap / 3.0)) / 7.0
}

#[test]
fn a_chain_with_a_diamond_gives_the_same_bits_in_training_in_serving_and_on_write() {
    let repo = materialized();
    let features = [
        "driver_score:score",
        "driver_score:label",
        "driver_hourly_stats:conv_rate",
        "driver_hourly_stats:acc_rate",
        "driver_hourly_stats:avg_daily_trips",
    ];
    let asked = features.iter().flat_map(|feature| ["-f", *feature]).collect::<Vec<_>>();
    let base = ["get-historical-features", "-e", AS_OF, "--json"];
    let training = repo.run(&[&base[..], &asked].concat()).json();
    let training = training.as_array().unwrap();
    let drivers: Vec<i64> = training.iter().map(|row| row["driver_id"].as_i64().unwrap()).collect();
    assert!(drivers.len() >= 50, "{drivers:?}");
    let served = online(&repo, &drivers, "driver_score:score");
    let kept = online(&repo, &drivers, "kept_score:score");
    let labels = online(&repo, &drivers, "kept_score:label");
    let mut known = 0;
    for (((row, served), kept), label) in training.iter().zip(&served).zip(&kept).zip(&labels) {
        // JSON has as many digits as tell one number from every other.
        let score = row["score"].as_f64().map(f64::to_bits);
        assert_eq!(score, served.as_f64().map(f64::to_bits), "{row}");
        assert_eq!(score, kept.as_f64().map(f64::to_bits), "{row}");
        assert_eq!(&row["label"], label);
        let inputs = (row["conv_rate"].as_f64(), row["acc_rate"].as_f64(), row["avg_daily_trips"].as_i64());
        if let (Some(conv), Some(acc), Some(trips)) = inputs {
            known += 1;
            #[expect(clippy::cast_possible_truncation, reason = "they were 32 bits wide before JSON")]
            let native = native_score(conv as f32, acc as f32, trips);
            assert_eq!(score, Some(native.to_bits()), "{row}");
        }
    }
    assert!(known >= 30, "only {known} rows have all inputs");
}

#[test]
fn rows_sent_to_a_kept_view_are_computed_through_the_chain() {
    let repo = materialized();
    let server = Server::start(&repo);
    let row = json!({
        "driver_id": [1001], "event_timestamp": ["2030-01-01T00:00:00Z"],
        "conv_rate": [0.3], "acc_rate": [0.9], "avg_daily_trips": [77],
    });
    let body = json!({"feature_view_name": "kept_score", "df": row, "transform_on_write": true});
    let (status, answer) = server.post("/write-to-online-store", &body).unwrap();
    assert_eq!(status, 200, "{answer}");
    let asked = json!({"features": ["kept_score:score"], "entities": {"driver_id": [1001]}});
    let (_, answer) = server.post("/get-online-features", &asked).unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let score = answer["results"][1]["values"][0].as_f64().unwrap();
    assert_eq!(score.to_bits(), native_score(0.3, 0.9, 77).to_bits());
}

#[test]
fn plan_and_describe_show_who_feeds_whom() {
    let repo = repo();
    let plan = repo.run(&["plan", "--skip-udf-tests"]).success().stdout;
    let (_, graph) = plan.split_once("On-demand feature views that read each other\n").unwrap();
    assert_eq!(
        graph,
        "driver_hourly_stats -> driver_rates\n\
         driver_rates, driver_hourly_stats -> driver_load\n\
         driver_rates -> driver_reliability\n\
         driver_load, driver_reliability -> driver_score\n\
         driver_rates -> kept_reliability\n\
         driver_load, kept_reliability -> kept_score\n"
    );
    let plan = repo.run(&["plan", "--json"]).json();
    assert_eq!(
        plan["chains"][1],
        json!({"view": "driver_load", "sources": ["driver_rates", "driver_hourly_stats"], "feeds": ["driver_score", "kept_score"]})
    );
    repo.run(&["apply"]).success();
    let described = repo.run(&["on-demand-feature-views", "describe", "driver_load"]).success().stdout;
    let chain = "chain:\n  sources:\n  - driver_rates\n  - driver_hourly_stats\n  feeds:\n  - driver_score\n  - kept_score\n";
    assert!(described.contains(chain), "{described}");
    let alone = repo.run(&["on-demand-feature-views", "describe", "driver_quality"]).success().stdout;
    assert!(!alone.contains("chain:"), "{alone}");
    let again = repo.run(&["apply"]).success().stdout;
    assert!(again.contains("No changes to registry"), "{again}");
}

#[test]
fn a_circle_is_refused_with_its_place_and_spelled_out() {
    let repo = repo();
    let from = "  - name: driver_rates\n    sources: [driver_hourly_stats]";
    repo.edit(
        "features.yaml",
        from,
        "  - name: driver_rates\n    sources: [driver_hourly_stats, driver_score]",
    );
    for verb in ["plan", "apply"] {
        let told = repo.run(&[verb]).failure(1);
        let circle = "on-demand feature views read each other: `driver_score -> driver_load -> driver_rates -> driver_score`";
        assert!(told.contains(circle), "{told}");
        assert!(told.contains("features.yaml:"), "{told}");
    }
}

#[test]
fn what_a_view_reads_of_another_must_be_there_and_of_the_right_type() {
    let repo = repo();
    repo.edit(
        "features.yaml",
        "sources: [driver_load, driver_reliability]",
        "sources: [driver_lod, driver_reliability]",
    );
    let told = repo.run(&["plan"]).failure(1);
    assert!(told.contains("`driver_lod`; did you mean `driver_load`?"), "{told}");
    repo.edit("features.yaml", "driver_lod,", "driver_load,");
    repo.edit(
        "features.yaml",
        "[{name: daily_requests, dtype: Float64}]",
        "[{name: daily_requests, dtype: Float32}]",
    );
    let told = repo.run(&["plan"]).failure(1);
    assert!(told.contains("takes `daily_requests` as Float64, but the source has it as Float32"), "{told}");
}

#[test]
fn a_view_that_another_reads_is_not_deleted_and_needs_its_component() {
    let repo = materialized();
    let told = repo.run(&["delete", "driver_load"]).failure(1);
    assert!(told.contains("while on demand feature view `"), "{told}");
    let component = "  - name: driver_rates\n    sources: [driver_hourly_stats]\n    schema: [{name: trip_rate, dtype: Float64}, {name: rate_gap, dtype: Float64}]\n    transformation: udfs/driver_chain.wasm\n";
    let without = component.replace("    transformation: udfs/driver_chain.wasm\n", "");
    // Under another name, for a component once bound stays bound.
    repo.edit("features.yaml", component, &without.replace("driver_rates", "driver_rates2"));
    repo.edit("features.yaml", "  - name: driver_reliability\n    sources: [driver_rates]", "  - name: driver_reliability\n    sources: [{feature_view: driver_rates2, name_alias: driver_rates}]");
    repo.edit("features.yaml", "feature_view: driver_rates,", "feature_view: driver_rates2,");
    repo.edit(
        "features.yaml",
        "  - name: kept_reliability\n    sources: [driver_rates]",
        "  - name: kept_reliability\n    sources: [{feature_view: driver_rates2, name_alias: driver_rates}]",
    );
    repo.run(&["apply"]).success();
    let told =
        repo.run(&["get-online-features", "-e", "driver_id=1001", "-f", "driver_score:score"]).failure(1);
    assert!(told.contains("`driver_rates2`"), "{told}");
    // What is kept is still there.
    assert!(online(&repo, &[1001], "kept_score:score")[0].is_number());
}

#[test]
fn rows_of_a_kept_view_are_called_outdated_where_a_view_it_reads_is_computed_anew() {
    let repo = materialized();
    let apply = |repo: &Repo| repo.run(&["apply"]).success().stderr;
    let outdated = "the stored rows of `kept_score` were computed by an earlier function";
    assert!(!apply(&repo).contains("earlier function"), "nothing has changed");
    let load = "schema: [{name: daily_requests, dtype: Float64}]\n    transformation: ";
    let slower = format!("{load}{{component: udfs/driver_chain.wasm, limits: {{wall_time: 2s}}}} # ");
    repo.edit("features.yaml", load, &slower);
    let told = apply(&repo);
    assert!(told.contains(outdated), "{told}");
    assert!(!told.contains("`kept_reliability`"), "it does not read it: {told}");
    assert!(!apply(&repo).contains("earlier function"), "it has been said");
}
