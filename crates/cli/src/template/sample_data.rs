//! Sample tables that look like real ones: nulls, gaps, corrections and rows that arrive late.
//!
//! The same end time gives the same bytes on every machine.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema};
use larder_core::{Timestamp, timestamp_data_type};

const HOUR: i64 = 3_600_000_000;
const MINUTE: i64 = 60_000_000;
/// Hours of history in each table.
const HOURS: i64 = 14 * 24;

/// Ids of the sample drivers.
pub(crate) const DRIVERS: std::ops::Range<i64> = 1001..1051;
/// Number of sample customers, called `c-001` and so on.
const CUSTOMERS: i64 = 200;

/// Hourly statistics of 50 drivers over two weeks up to `end`: about 17,000 rows.
///
/// Some hours are missing, some values are null, about one row in forty is corrected by a second row of
/// the same event time and a later `created`, and some rows arrive hours late.
pub(crate) fn driver_hourly_stats(end: Timestamp) -> RecordBatch {
    let mut random = SplitMix64::new(0x6c61_7264_6572);
    let mut table = DriverTable::default();
    for driver in DRIVERS {
        let zone = ["north", "south", "east", "west"].get(random.below(4)).copied();
        let skill = 0.3 + random.unit() * 0.5;
        for hour in (0..HOURS).rev() {
            // The last hour is never missing, so that every driver has a fresh row.
            if hour > 0 && random.below(25) == 0 {
                continue;
            }
            let event = end.micros() - hour * HOUR;
            let late = if random.below(20) == 0 { 5 * HOUR } else { 0 };
            let created = (event + 2 * MINUTE + late).min(end.micros());
            let row = DriverRow::random(&mut random, skill);
            table.push(driver, event, created, &row, zone);
            if hour > 6 && random.below(40) == 0 {
                let corrected = DriverRow::random(&mut random, skill);
                table.push(driver, event, created + 3 * HOUR, &corrected, zone);
            }
        }
    }
    table.finish()
}

/// Daily profiles of 200 customers over two weeks up to `end`: about 3,000 rows.
pub(crate) fn customer_profile(end: Timestamp) -> RecordBatch {
    let mut random = SplitMix64::new(0x7061_6e74_7279);
    let (mut events, mut created, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    let (mut balances, mut passengers, mut trips) = (Vec::new(), Vec::new(), Vec::new());
    let (mut segments, mut vips) = (Vec::new(), Vec::new());
    for customer in 1..=CUSTOMERS {
        let mut lifetime_trips = random.below_i32(500);
        let segment = ["commuter", "leisure", "business"].get(random.below(3)).copied();
        let vip = random.below(10) == 0;
        for day in (0..HOURS / 24).rev() {
            let event = end.micros() - day * 24 * HOUR;
            lifetime_trips += random.below_i32(5);
            events.push(event);
            created.push((event + 30 * MINUTE).min(end.micros()));
            ids.push(format!("c-{customer:03}"));
            balances.push((random.below(15) != 0).then(|| cents(random.unit() * 400.0 - 50.0)));
            passengers.push((random.below(20) != 0).then(|| narrow(1.0 + random.unit() * 3.0)));
            trips.push(lifetime_trips);
            segments.push(segment.filter(|_| random.below(30) != 0));
            vips.push((random.below(25) != 0).then_some(vip));
        }
    }
    batch(vec![
        ("event_timestamp", times(events)),
        ("customer_id", Arc::new(StringArray::from(ids))),
        ("current_balance", Arc::new(Float64Array::from(balances))),
        ("avg_passenger_count", Arc::new(Float32Array::from(passengers))),
        ("lifetime_trip_count", Arc::new(Int32Array::from(trips))),
        ("segment", Arc::new(StringArray::from(segments))),
        ("vip", Arc::new(BooleanArray::from(vips))),
        ("created", times(created)),
    ])
}

struct DriverRow {
    conv_rate: Option<f32>,
    acc_rate: Option<f32>,
    avg_daily_trips: Option<i64>,
}

impl DriverRow {
    fn random(random: &mut SplitMix64, skill: f64) -> Self {
        let mut rate = |skill: f64| narrow((skill + (random.unit() - 0.5) * 0.3).clamp(0.0, 1.0));
        let (conv_rate, acc_rate) = (rate(skill), rate(skill * 0.9));
        Self {
            conv_rate: (random.below(40) != 0).then_some(conv_rate),
            acc_rate: (random.below(40) != 0).then_some(acc_rate),
            avg_daily_trips: (random.below(60) != 0).then(|| i64::from(random.below_i32(1000))),
        }
    }
}

#[derive(Default)]
struct DriverTable {
    drivers: Vec<i64>,
    events: Vec<i64>,
    created: Vec<i64>,
    conv_rates: Vec<Option<f32>>,
    acc_rates: Vec<Option<f32>>,
    trips: Vec<Option<i64>>,
    zones: Vec<Option<&'static str>>,
}

impl DriverTable {
    fn push(&mut self, driver: i64, event: i64, created: i64, row: &DriverRow, zone: Option<&'static str>) {
        self.drivers.push(driver);
        self.events.push(event);
        self.created.push(created);
        self.conv_rates.push(row.conv_rate);
        self.acc_rates.push(row.acc_rate);
        self.trips.push(row.avg_daily_trips);
        self.zones.push(zone);
    }

    fn finish(self) -> RecordBatch {
        batch(vec![
            ("event_timestamp", times(self.events)),
            ("driver_id", Arc::new(Int64Array::from(self.drivers))),
            ("conv_rate", Arc::new(Float32Array::from(self.conv_rates))),
            ("acc_rate", Arc::new(Float32Array::from(self.acc_rates))),
            ("avg_daily_trips", Arc::new(Int64Array::from(self.trips))),
            ("home_zone", Arc::new(StringArray::from(self.zones))),
            ("created", times(self.created)),
        ])
    }
}

pub(super) fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("all columns have one length")
}

pub(super) fn times(micros: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(micros).with_data_type(timestamp_data_type()))
}

fn cents(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[expect(clippy::cast_possible_truncation, reason = "sample values are made narrow on purpose")]
fn narrow(value: f64) -> f32 {
    ((value * 10_000.0).round() / 10_000.0) as f32
}

/// Steele, Lea and Flood's generator: small, and the same everywhere.
pub(super) struct SplitMix64(u64);

impl SplitMix64 {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to 1, 1 excluded.
    pub(super) fn unit(&mut self) -> f64 {
        f64::from(self.next_u32()) / 4_294_967_296.0
    }

    fn next_u32(&mut self) -> u32 {
        u32::try_from(self.next() >> 32).expect("32 bits are left")
    }

    pub(super) fn below(&mut self, bound: u32) -> usize {
        usize::try_from(self.next_u32() % bound).expect("a usize has 32 bits or more")
    }

    pub(super) fn below_i32(&mut self, bound: u32) -> i32 {
        i32::try_from(self.next_u32() % bound).expect("bounds are small")
    }
}
