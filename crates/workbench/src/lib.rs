//! What authors of a transformation do with it: look at it, run it, measure it, test it.
//!
//! [`Inspection`] tells what a file is and whether larder takes it; [`read_input`] makes rows of a file the
//! columns that a function declares; [`measure`] and [`bench()`] tell what calls cost; [`TestRunner`] runs
//! the cases of test files, and checks over generated rows what holds for every pure function.
//!
//! What this crate is not: it answers no request and knows no views, stores or servers. All of it is
//! synchronous, and runs in engines of its own ([`larder_udf::Meter`]).

mod bench;
mod compare;
mod cost;
mod generate;
mod input_table;
mod inspection;
mod junit;
mod prepare;
mod property;
mod random;
mod record;
mod redact;
mod report;
mod rows;
mod runner;
mod saved_case;
mod shrink;

pub use bench::{BENCH_ROWS, bench, bench_input};
pub use cost::{Cost, Measured, measure};
pub use input_table::{InputTable, TableError, json_records, json_rows, read_input};
pub use inspection::{CONTRACT, Inspection, chain, shown_bytes};
pub use junit::junit;
pub use larder_registry::{Problems, Property, TEST_FILE_ENDING, TransformationTests, find_test_files};
pub use larder_udf::{CallError, Meter, MeteredComponent, MeteredFunction, UdfError, WasmRuntimeOptions};
pub use record::{CaseOptions, RecordError, RecordedRows, recorded_case};
pub use report::{Failure, TestReport, TestResult, TestStatus};
pub use rows::{Grid, Rows};
pub use runner::{TestOptions, TestRunner};
pub use saved_case::{Wanted, saved_case};
