//! A component that imports something outside its world: it would like to know the time.

use larder_guest::{Int64Array, on_demand_feature_view};

#[link(wasm_import_module = "wasi:clocks/wall-clock@0.2.0")]
unsafe extern "C" {
    fn now() -> i64;
}

#[on_demand_feature_view(outputs(now))]
fn tells_the_time(value: Int64Array) -> Int64Array {
    // SAFETY: the import takes and changes nothing. larder refuses it before it could be called.
    larder_guest::map_rows((&value,), |(value,)| value + unsafe { now() })
}

larder_guest::export!(tells_the_time);
