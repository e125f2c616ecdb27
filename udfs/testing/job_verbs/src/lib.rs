//! Every verb on the sample repo; the first argument says which.

use larder_guest_job::{
    Destination, Entities, EntityRows, Error, Float32Array, Float64Array, HistoricalOptions, Int64Array,
    Invocation, PushMode, Schema, Selection, StringArray, Table, Timestamp, TimestampArray, Writer,
    get_historical_features, get_online_features, info, materialize, push, read_saved_dataset, transform,
};

/// A row of the history of a driver that has none.
type Row = (Int64Array, TimestampArray, TimestampArray, Float32Array, Float32Array, Int64Array, StringArray);
const COLUMNS: [&str; 7] =
    ["driver_id", "event_timestamp", "created", "conv_rate", "acc_rate", "avg_daily_trips", "home_zone"];
const DRIVER: i64 = 7;

fn row(time: Timestamp, rate: f32) -> Row {
    let time = || TimestampArray::from(vec![time]);
    let (id, trips, zone) =
        (Int64Array::from(vec![DRIVER]), Int64Array::from(vec![3]), StringArray::from(vec!["north"]));
    (id, time(), time(), Float32Array::from(vec![rate]), Float32Array::from(vec![rate]), trips, zone)
}

fn run(invocation: Invocation) -> Result<(), Error> {
    let time = invocation.time;
    let rate = Selection::features(["driver_hourly_stats:conv_rate"]);
    let arguments: Vec<&str> = invocation.arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["appends", end] => {
            let schema = Schema::of::<Row>(&COLUMNS);
            let mut writer = Writer::open(Destination::feature_view("driver_hourly_stats"), &schema)?;
            writer.write(row(time, 0.25))?;
            writer.write(row(time, 0.75))?;
            if *end == "panics" {
                panic!("before the end");
            }
            info!("{} rows appended", writer.finish()?)
        }
        ["joins"] => {
            let mut entities = EntityRows::new(&Schema::of::<(Int64Array, TimestampArray)>(&[
                "driver_id",
                "event_timestamp",
            ]));
            entities.write((Int64Array::from(vec![DRIVER]), TimestampArray::from(vec![time])))?;
            for rows in get_historical_features(&rate, entities, HistoricalOptions::default())? {
                let rows = rows?;
                info!("{:?} {:?}", rows.names(), rows.column::<Float32Array>("conv_rate")?)?;
            }
            Ok(())
        }
        ["pushes"] => {
            push("driver_push_source", Table::new(&COLUMNS, row(time, 0.5))?, PushMode::Online)?;
            let names = ["driver_id", "val_to_add", "val_to_add_2"];
            let one = || Int64Array::from(vec![1]);
            let entities = Table::new(&names, (Int64Array::from(vec![DRIVER]), one(), one()))?;
            let features = Selection::features(["transformed_conv_rate:conv_rate_plus_val1"]);
            let answer = get_online_features(&features, entities, true)?;
            info!("{:?}", answer.column::<Float64Array>("transformed_conv_rate__conv_rate_plus_val1")?)
        }
        // A rate of another type than the function's is cast; the driver is not looked at.
        ["transforms", view] => {
            let rows = Table::new(
                &["driver_id", "conv_rate", "val_to_add", "val_to_add_2"],
                (
                    Int64Array::from(vec![1, 2]),
                    Float64Array::from(vec![Some(0.5), None]),
                    Int64Array::from(vec![1, 1]),
                    Int64Array::from(vec![2, 2]),
                ),
            )?;
            let answer = transform(view, rows)?;
            info!("{:?} {:?}", answer.names(), answer.column::<Float64Array>("conv_rate_plus_val1")?)
        }
        ["materializes"] => {
            let start = Timestamp::from_seconds(time.seconds() - 3600);
            let views = materialize(start, time, &["driver_hourly_stats".to_owned()])?;
            info!("{} to {}", views[0].start, views[0].end)
        }
        ["reads", dataset] => {
            let reader = read_saved_dataset(dataset)?;
            let names = reader.schema().names().join(" ");
            let rows: usize = reader.map(|rows| rows.map(|rows| rows.len())).sum::<Result<usize, _>>()?;
            info!("{rows} rows of {names}")
        }
        // Paths and sources where a job has no business.
        ["writes", path] => {
            Writer::open(Destination::file(*path), &Schema::of::<(Int64Array,)>(&["id"])).map(drop)
        }
        ["all", features @ ..] => {
            let features = Selection::features(features.iter().copied());
            let reader = get_historical_features(&features, Entities::all(), HistoricalOptions::default())?;
            let rows = reader.map(|rows| rows.map(|rows| rows.len())).sum::<Result<usize, _>>()?;
            info!("{rows} entities")
        }
        other => Err(Error::invalid(format!("no such verb: {other:?}"))),
    }
}

larder_guest_job::export!(run);
