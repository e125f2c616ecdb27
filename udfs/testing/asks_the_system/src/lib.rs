//! Asks the system for all that a transformation has none of. Built for wasm32-wasip2, where the standard library
//! takes it from WASI.

#![allow(clippy::disallowed_methods, reason = "to ask for a clock is what it is for")]

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use larder_guest::{Array, Int64Array, StringArray, on_demand_feature_view};

/// What every question is answered with, in words.
#[on_demand_feature_view(outputs(answers))]
fn asks(value: Int64Array) -> StringArray {
    value.iter().map(|value| Some(answers(value?))).collect()
}

fn answers(value: i64) -> String {
    println!("to nobody: {value}");
    let _ = writeln!(std::io::stderr(), "nor here");
    let mut typed = String::new();
    let read = std::io::stdin().read_to_string(&mut typed).map_err(|error| error.kind());
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let started = Instant::now();
    std::thread::sleep(Duration::from_millis(1));
    let order: HashMap<i64, ()> = (0..8).map(|key| (key, ())).collect();
    format!(
        "{value}: {:?} {:?} {read:?} {now:?} {:?} {:?} {} {:?} {:?} {:?}",
        std::env::vars().count(),
        std::env::args().count(),
        started.elapsed(),
        std::env::current_dir().is_ok(),
        RandomState::new().hash_one(value),
        order.keys().collect::<Vec<_>>(),
        std::fs::read("/etc/passwd").map_err(|error| error.kind()),
        std::fs::read_dir(".").map(|_| ()).map_err(|error| error.kind()),
    )
}

/// Reaches for another machine.
#[on_demand_feature_view(outputs(reached))]
fn connects(value: Int64Array) -> Int64Array {
    value.iter().map(|value| Some(value? + i64::from(TcpStream::connect("127.0.0.1:1").is_ok()))).collect()
}

/// Ends the program.
#[on_demand_feature_view(outputs(ended))]
fn exits(value: Int64Array) -> Int64Array {
    if value.len() > 0 {
        std::process::exit(0)
    }
    value
}

larder_guest::export!(asks, connects, exits);
