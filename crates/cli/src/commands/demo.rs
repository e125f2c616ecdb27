//! `larder demo`: the whole path, from data to a served on-demand feature, and the proof that training
//! and serving agree.

use std::fs;
use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use arrow::array::{Array as _, ArrayRef, AsArray as _, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Float64Type, Schema};
use larder::{
    FeatureServer as _, FeatureStore, HistoricalRequest, MaterializeEvent, MaterializeRange,
    MaterializeRequest, RepoConfig, Selection, ServerOptions, TrainingEntities, shutdown_signal,
};
use larder_core::{FixedClock, Timestamp, timestamp_data_type};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::arguments::DemoArguments;
use crate::materialize_progress::MaterializeProgress;
use crate::server_client::ServerClient;
use crate::template::DRIVERS;
use crate::{plain_table, template, value_text};

const STORED: [&str; 2] = ["driver_hourly_stats:conv_rate", "driver_hourly_stats:avg_daily_trips"];
const COMPUTED: [&str; 2] =
    ["transformed_conv_rate:conv_rate_plus_val1", "transformed_conv_rate:conv_rate_plus_val2"];
/// What the caller adds to the stored rate of each driver.
const VALUES_TO_ADD: ([i64; 3], [i64; 3]) = ([1, 2, 3], [10, 20, 30]);

pub(crate) async fn run(arguments: &DemoArguments, quiet: bool) -> Result<()> {
    let dir = &arguments.dir;
    make_room(dir, arguments.yes)?;
    let as_of = template::end_of_data(arguments.as_of.as_deref())?;
    let shown = dir.display();

    step(1, &format!("A feature repo in {shown}/, with two weeks of sample data up to {as_of}"));
    template::write(dir, &template::project_name(dir), as_of)?;
    for (file, meaning) in [
        ("feature_store.yaml", "settings"),
        ("features.yaml", "entities, sources, views and services"),
        ("udfs/driver_features.wasm", "the transformation, a sandboxed component"),
        ("udfs/driver_features.test.yaml", "its tests, for larder udf test"),
        ("data/driver_hourly_stats.parquet", "history of 50 drivers"),
        ("data/customer_profile.parquet", "history of 200 customers"),
    ] {
        println!("   {file:34}{meaning}");
    }

    step(2, "Register the definitions   (larder apply)");
    let store = Arc::new(open(dir, arguments.as_of.is_some().then_some(as_of)).await?);
    print!("{}", indented(&store.apply().await?.to_string()));

    step(
        3,
        &format!("Move the newest values into the online store   (larder materialize-incremental {as_of})"),
    );
    let progress = MaterializeProgress::new(true, quiet);
    let observer = Arc::new(move |event: MaterializeEvent| progress.show(&event));
    let range = MaterializeRange::Incremental { end: as_of };
    store.materialize(MaterializeRequest { range, feature_views: None, version: None }, observer).await?;

    step(4, "Build a training set as of past times   (larder get-historical-features)");
    let training = training_set(&store, as_of).await?;
    print!(
        "{}",
        indented(&plain_table::render(&value_text::headers(&training), &value_text::rows(&training)?))
    );

    step(5, "Serve over HTTP   (larder serve)");
    let listener = TcpListener::bind(("127.0.0.1", arguments.port)).await.with_context(|| {
        format!("cannot listen on port {}; choose another with `--port`, 0 for a free one", arguments.port)
    })?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let keep_serving = arguments.serve;
    let shutdown = async move {
        if keep_serving {
            shutdown_signal().await;
        } else {
            let _ = stopped.await;
        }
    };
    let server = tokio::spawn(Arc::clone(&store).serve(
        listener,
        Duration::from_secs(1),
        ServerOptions::default(),
        shutdown,
    ));
    println!("   listening on http://{address}");

    let drivers: Vec<i64> = DRIVERS.take(3).collect();
    let stored = json!({"features": STORED, "entities": {"driver_id": drivers}});
    println!("\n   Stored features, nothing computed:");
    ask(address, &stored).await?;
    let (first, second) = VALUES_TO_ADD;
    let computed = json!({
        "features": COMPUTED,
        "entities": {"driver_id": drivers, "val_to_add": first, "val_to_add_2": second},
    });
    println!("\n   With request data, through the WebAssembly transformation:");
    let answer = ask(address, &computed).await?;

    step(6, "The training value and the served value are the same bytes");
    compare(&training, &answer, &drivers)?;

    let larder = super::program();
    println!("\nTry next:");
    for command in [
        format!("-c {shown} serve"),
        format!(
            "-c {shown} get-online-features -e driver_id=1001 -e val_to_add=1 -e val_to_add_2=2 --feature-service driver_activity"
        ),
        format!("-c {shown} feature-views list"),
        format!("-c {shown} plan      after an edit of {shown}/features.yaml"),
    ] {
        println!("   {larder} {command}");
    }
    if keep_serving {
        println!("\nServing on http://{address} until you press Ctrl-C.");
    } else {
        let _ = stop.send(());
    }
    server.await.context("the server stopped unexpectedly")??;
    Ok(())
}

/// Opens the repo; with a time, as if it were that time now, so that old data are fresh.
async fn open(dir: &Path, now: Option<Timestamp>) -> Result<FeatureStore> {
    Ok(match now {
        None => FeatureStore::open(dir).await?,
        Some(now) => {
            FeatureStore::with_config(RepoConfig::load(dir)?, Arc::new(FixedClock::new(now))).await?
        }
    })
}

/// Makes sure that the folder may be filled: it is new, empty, or the user agrees.
fn make_room(dir: &Path, yes: bool) -> Result<()> {
    let occupied = fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
    if !occupied {
        return Ok(());
    }
    // Never delete what is not plainly an earlier repo of ours.
    let is_repo = dir.join("feature_store.yaml").is_file();
    if !yes {
        let question = format!("`{}` is not empty. Replace the sample repo in it?", dir.display());
        if !std::io::stdin().is_terminal() {
            bail!("{question} Answer with `--yes`, or choose another folder with `--dir`");
        }
        eprint!("{question} [y/N] ");
        std::io::stderr().flush()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        ensure!(matches!(answer.trim(), "y" | "Y" | "yes"), "nothing was changed");
    }
    if is_repo {
        let data = dir.join("data");
        if data.is_dir() {
            fs::remove_dir_all(&data).with_context(|| format!("cannot remove `{}`", data.display()))?;
        }
    }
    Ok(())
}

/// The features of three drivers, two days ago and at the end of the data, with request data as columns.
async fn training_set(store: &FeatureStore, as_of: Timestamp) -> Result<RecordBatch> {
    let drivers: Vec<i64> = DRIVERS.take(3).collect();
    let two_days_before = as_of.micros() - 2 * 86_400_000_000;
    let times = [[two_days_before; 3], [as_of.micros(); 3]].concat();
    let (first, second) = VALUES_TO_ADD;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("driver_id", Arc::new(Int64Array::from([drivers.clone(), drivers].concat()))),
        (
            "event_timestamp",
            Arc::new(TimestampMicrosecondArray::from(times).with_data_type(timestamp_data_type())),
        ),
        ("val_to_add", Arc::new(Int64Array::from([first, first].concat()))),
        ("val_to_add_2", Arc::new(Int64Array::from([second, second].concat()))),
    ];
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    let features = STORED.iter().chain(&COMPUTED).map(ToString::to_string).collect();
    let request = HistoricalRequest {
        entities: TrainingEntities::Rows(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?),
        selection: Selection::References(features),
        full_feature_names: false,
        filter_by_created_timestamp: false,
    };
    Ok(store.get_historical_features(request).await?.rows)
}

/// Sends a request, shows it as curl and shows the answer.
async fn ask(address: SocketAddr, body: &Value) -> Result<Value> {
    println!(
        "   curl -s http://{address}/get-online-features -H 'content-type: application/json' -d '{body}'"
    );
    let answer = ServerClient::new(address).post("/get-online-features", body).await?;
    println!("   {}", String::from_utf8_lossy(&answer));
    serde_json::from_slice(&answer).context("the server's answer is not JSON")
}

/// Shows the bits of each computed value in training and in serving, and fails where they differ.
fn compare(training: &RecordBatch, answer: &Value, drivers: &[i64]) -> Result<()> {
    let feature = "conv_rate_plus_val1";
    let names = answer
        .pointer("/metadata/feature_names")
        .and_then(Value::as_array)
        .context("no names in the answer")?;
    let at = names.iter().position(|name| name == feature).context("the feature is not in the answer")?;
    let served =
        answer.pointer(&format!("/results/{at}/values")).and_then(Value::as_array).context("no values")?;
    let trained = training.column_by_name(feature).context("the feature is not in the training set")?;
    let trained = trained.as_primitive::<Float64Type>();
    println!("   {feature:24}{:<22}{:<22}bits", "training", "served");
    for (row, driver) in drivers.iter().enumerate() {
        // The last rows of the training set are as of the end of the data, as the online store is.
        let trained_row = trained.len() - drivers.len() + row;
        let trained = (!trained.is_null(trained_row)).then(|| trained.value(trained_row));
        let served = served.get(row).and_then(Value::as_f64);
        let bits =
            |value: Option<f64>| value.map_or("null".to_owned(), |value| format!("{:016x}", value.to_bits()));
        ensure!(
            bits(trained) == bits(served),
            "driver {driver}: training has {trained:?}, serving has {served:?}"
        );
        let text = |value: Option<f64>| value.map_or("null".to_owned(), |value| value.to_string());
        println!("   driver {driver:<17}{:<22}{:<22}{} ✓", text(trained), text(served), bits(served));
    }
    Ok(())
}

fn step(number: u8, title: &str) {
    println!("\n{number}. {title}");
}

fn indented(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("   {line}\n") }).collect()
}
