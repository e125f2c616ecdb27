//! Jobs that misbehave: the first argument says how. Where the arrays of `larder-guest-job` would not let them,
//! they are written against the generated bindings.

use std::hint::black_box;

use larder_guest::bindings::larder::udf::arrow::{Batch, Column, Field, TypeNode, Values};
use larder_guest_job::bindings::larder::job::tables::Table as WitTable;
use larder_guest_job::bindings::larder::job::{offline_store as wit, transformer};
use larder_guest_job::{
    Array, BinaryArray, Capability, Destination, Entities, EntityRows, Error, ErrorKind, Float64Array,
    HistoricalOptions, Int64Array, Invocation, Level, PushMode, Schema, Selection, StringArray, Table,
    TimestampArray, Writer, get_historical_features, get_online_features, info, log, materialize_incremental,
    push, read_saved_dataset, transform,
};

fn run(invocation: Invocation) -> Result<(), Error> {
    let arguments: Vec<&str> = invocation.arguments.iter().map(String::as_str).collect();
    let features = Selection::features(["stats:rate"]);
    let schema = Schema::of::<(Int64Array,)>(&["id"]);
    let ids = |ids: Vec<i64>| Int64Array::from(ids);
    match arguments.as_slice() {
        ["panics"] => panic!("a panic"),
        ["loops"] => loop {
            black_box(());
        },
        ["eats_memory"] => {
            let mut eaten = Vec::new();
            loop {
                eaten.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        ["fails"] => Err(Error::invalid("this day is not to my taste")),
        ["tells", ..] => info!("{:?} at {}", invocation.arguments, invocation.time),
        ["chatters", lines] => {
            for line in 0..lines.parse().unwrap() {
                info!("line {line}")?;
            }
            Ok(())
        }
        // Every verb that needs a capability, and what it is told.
        ["tries_everything"] => {
            let kind = |error: Error| match error.kind {
                ErrorKind::NotGranted(Capability::OfflineRead) => "offline-read",
                ErrorKind::NotGranted(Capability::OfflineWrite) => "offline-write",
                ErrorKind::NotGranted(Capability::Materialize) => "materialize",
                ErrorKind::NotGranted(Capability::OnlineRead) => "online-read",
                ErrorKind::NotGranted(Capability::Push) => "push",
                ErrorKind::NotGranted(Capability::Log) => "log",
                ErrorKind::NotGranted(Capability::Transform) => "transform",
                other => panic!("{other:?}: {}", error.message),
            };
            let table = || Table::new(&["id"], (ids(vec![1]),)).unwrap();
            let options = HistoricalOptions::default();
            let mut written = EntityRows::new(&schema);
            written.write((ids(vec![1]),))?;
            let refused = [
                kind(get_historical_features(&features, Entities::all(), options).unwrap_err()),
                kind(get_historical_features(&features, Entities::rows(table()), options).unwrap_err()),
                kind(get_historical_features(&features, written, options).unwrap_err()),
                kind(read_saved_dataset("d").unwrap_err()),
                kind(Writer::open(Destination::file("a.csv"), &schema).unwrap_err()),
                kind(materialize_incremental(invocation.time, &[]).unwrap_err()),
                kind(get_online_features(&features, table(), false).unwrap_err()),
                kind(push("source", table(), PushMode::Online).unwrap_err()),
                kind(log(Level::Info, "line").unwrap_err()),
                kind(transform("view", table()).unwrap_err()),
            ];
            Err(Error::invalid(refused.join(" ")))
        }
        // Billions of rows in no bytes at all.
        ["many_rows_of_nothing"] => {
            let table = WitTable { columns: vec![], rows: Batch { row_count: u32::MAX, columns: vec![] } };
            let error = transformer::transform("view", &table).unwrap_err();
            info!("{}", error.message)?;
            let bits = Batch {
                row_count: 4 << 20,
                columns: vec![Column { validity: None, values: Values::Boolean(vec![0; 512 << 10]) }],
            };
            let columns = vec![Field { name: "bit".to_owned(), nodes: vec![TypeNode::Boolean] }];
            let error = transformer::transform("view", &WitTable { columns, rows: bits }).unwrap_err();
            info!("{}", error.message)
        }
        // Rows there and back; a column that the rows do not have is told by the host.
        ["transforms", view] => {
            let ids = Int64Array::from(vec![Some(1), None, Some(3)]);
            let answer = transform(view, Table::new(&["id"], (ids,))?)?;
            info!("{:?}: {:?}", answer.names(), answer.column::<Int64Array>("id")?)
        }
        ["materializes"] => materialize_incremental(invocation.time, &[]).map(drop),
        ["pushes", panics] => {
            push("source", Table::new(&["id"], (ids(vec![1, 2]),))?, PushMode::Online)?;
            if *panics == "and_panics" {
                panic!("after a push");
            }
            Ok(())
        }
        // Goes through a table without keeping it, and tells its sum.
        ["sums", dataset] => {
            let (mut rows, mut sum, mut batches) = (0, 0, 0);
            for part in read_saved_dataset(dataset)? {
                let part = part?;
                let values: Int64Array = part.column("value")?;
                rows += part.len();
                batches += 1;
                sum += values.iter().flatten().sum::<i64>();
            }
            info!("{rows} rows, sum {sum}, batches {}", if batches > 1 { "many" } else { "one" })
        }
        // Writes many times its memory, row after row.
        ["writes", batches, end] => {
            let schema = Schema::of::<(Int64Array, BinaryArray)>(&["id", "bytes"]);
            let mut writer = Writer::open(Destination::file("out.parquet"), &schema)?;
            for batch in 0..batches.parse::<i64>().unwrap() {
                let bytes = vec![7_u8; 1 << 10];
                let bytes: BinaryArray = (0..1 << 10).map(|_| Some(bytes.as_slice())).collect();
                writer.write(((0..1 << 10).map(|row| batch << 10 | row).collect::<Int64Array>(), bytes))?;
            }
            match *end {
                "finishes" => info!("{} rows", writer.finish()?),
                "panics" => panic!("in the middle of a table"),
                _ => Ok(()),
            }
        }
        // Entity rows that arrive in parts.
        ["joins", parts] => {
            let schema = Schema::of::<(Int64Array, TimestampArray)>(&["id", "event_timestamp"]);
            let mut entities = EntityRows::new(&schema);
            for part in 0..parts.parse::<i64>().unwrap() {
                let times = (0..1 << 10).map(|_| Some(invocation.time)).collect::<TimestampArray>();
                entities.write(((0..1 << 10).map(|row| part << 10 | row).collect::<Int64Array>(), times))?;
            }
            let mut rows = 0;
            for part in get_historical_features(&features, entities, HistoricalOptions::default())? {
                rows += part?.len();
            }
            info!("{rows} rows joined")
        }
        ["wrong_schema"] => {
            let mut writer = Writer::open(Destination::file("out.parquet"), &schema)?;
            let error = writer.write((Float64Array::from(vec![1.0]),)).unwrap_err();
            info!("{error}")?;
            let error = writer.write((ids(vec![1]),)).unwrap_err();
            info!("{error}")?;
            let error = writer.finish().unwrap_err();
            info!("{error}")
        }
        ["bad_columns"] => {
            let field = |name: &str, nodes| Field { name: name.to_owned(), nodes };
            for fields in [
                vec![field("a", vec![TypeNode::Int64]), field("a", vec![TypeNode::Int64])],
                vec![field("", vec![TypeNode::Int64])],
                vec![field("a", vec![TypeNode::List])],
                vec![field("a", vec![TypeNode::Int64; 5_000])],
            ] {
                let error = wit::Writer::open(&Destination::file("out.csv"), &fields).unwrap_err();
                info!("{}", error.message)?;
                let rows = wit::EntityRows::new(&fields);
                info!("{}", rows.write(&Batch { row_count: 0, columns: vec![] }).unwrap_err().message)?;
            }
            Ok(())
        }
        ["lies_about_rows"] => {
            let rows = wit::EntityRows::new(&[Field { name: "id".to_owned(), nodes: vec![TypeNode::Int64] }]);
            let column = Column { validity: None, values: Values::Int64(vec![1]) };
            let error = rows.write(&Batch { row_count: 2, columns: vec![column] }).unwrap_err();
            info!("{}", error.message)
        }
        ["huge_batch"] => {
            let text = "x".repeat(40 << 20);
            let mut rows = EntityRows::new(&Schema::of::<(StringArray,)>(&["text"]));
            rows.write((StringArray::from(vec![text.as_str()]),))
        }
        ["hoards_rows"] => {
            let mut rows = EntityRows::new(&schema);
            loop {
                rows.write(((0..1 << 16).collect::<Int64Array>(),))?;
            }
        }
        ["hoards_handles"] => {
            let mut all = Vec::new();
            loop {
                all.push(EntityRows::new(&schema));
            }
        }
        ["unknown_handle"] => unknown_handle::next(4_711),
        ["dropped_handle"] => unknown_handle::next_after_drop(read_saved_dataset("d")?),
        other => Err(Error::invalid(format!("no such behaviour: {other:?}"))),
    }
}

larder_guest_job::export!(run);

mod unknown_handle {
    use larder_guest_job::{Error, Reader, info};

    #[link(wasm_import_module = "larder:job/tables@0.1.0")]
    unsafe extern "C" {
        #[link_name = "[method]reader.next"]
        fn reader_next(handle: i32, answer: *mut u8);
    }

    /// Asks for the next batch of a reader that may not be there.
    pub(crate) fn next(handle: i32) -> Result<(), Error> {
        let mut answer = [0_u64; 16];
        // SAFETY: the answer takes less than 128 bytes.
        unsafe { reader_next(handle, answer.as_mut_ptr().cast()) };
        info!("handle {handle} is there")
    }

    /// Handles count from 1, and one that is given back is free.
    pub(crate) fn next_after_drop(reader: Reader) -> Result<(), Error> {
        drop(reader);
        next(1)
    }
}
