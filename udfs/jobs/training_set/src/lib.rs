//! Builds a training set by point-in-time join, transforms it and writes it.
//!
//! Its argument is the file to write. Every driver that the sources know is described as of the time of the run.
//! Needs `offline-read`, `offline-write` and `log`.

use larder_guest_job::{
    Destination, Entities, Error, Float32Array, Float64Array, HistoricalOptions, Int64Array, Invocation,
    Schema, Selection, TimestampArray, Writer, get_historical_features, info, map_rows,
};

fn run(invocation: Invocation) -> Result<(), Error> {
    let [path] = invocation.arguments.as_slice() else {
        return Err(Error::invalid("give one argument: the file to write"));
    };
    let features =
        Selection::features(["driver_hourly_stats:conv_rate", "driver_hourly_stats:avg_daily_trips"]);
    let training_set = get_historical_features(&features, Entities::all(), HistoricalOptions::default())?;
    type Row = (Int64Array, TimestampArray, Float64Array);
    let columns = Schema::of::<Row>(&["driver_id", "event_timestamp", "conversions"]);
    let mut writer = Writer::open(Destination::file(path), &columns)?;
    for rows in training_set {
        let rows = rows?;
        let (rate, trips): (Float32Array, Int64Array) =
            (rows.column("conv_rate")?, rows.column("avg_daily_trips")?);
        let conversions = map_rows((&rate, &trips), |(rate, trips)| f64::from(rate) * trips as f64);
        writer.write::<Row>((rows.column("driver_id")?, rows.column("event_timestamp")?, conversions))?;
    }
    let rows = writer.finish()?;
    info!("{rows} rows written to {path}")
}

larder_guest_job::export!(run);
