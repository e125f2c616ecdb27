//! A job that imports something outside its world: it would like to know the time.

use larder_guest_job::{Error, Invocation, info};

#[link(wasm_import_module = "wasi:clocks/wall-clock@0.2.0")]
unsafe extern "C" {
    fn now() -> i64;
}

fn run(_: Invocation) -> Result<(), Error> {
    // SAFETY: the import takes and changes nothing. larder refuses it before it could be called.
    info!("it is {}", unsafe { now() })
}

larder_guest_job::export!(run);
