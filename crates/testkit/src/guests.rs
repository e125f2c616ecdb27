//! The guests of `udfs/`, compiled by this crate's build script.
//!
//! These are core modules as cargo makes them; the runtime makes components of them.

macro_rules! guests {
    ($variable:literal: $($(#[$doc:meta])* $name:ident = $file:literal;)+) => {
        $(
            $(#[$doc])*
            pub fn $name() -> &'static [u8] {
                include_bytes!(concat!(env!($variable), "/", $file, ".wasm"))
            }
        )+
    };
}

guests! {
    "LARDER_GUESTS":
    /// `udfs/rust/driver_features`: arithmetic with nulls. The demo's functions.
    driver_features = "driver_features";
    /// `udfs/rust/driver_chain`: views that read other on-demand views.
    driver_chain = "driver_chain";
    /// `udfs/rust/trip_text`: text and timestamps.
    trip_text = "trip_text";
    /// `udfs/rust/text_sentiment`: text to numbers and a vector. The functions of the template `pytorch_nlp`.
    text_sentiment = "text_sentiment";
    /// `udfs/rust/basket`: lists, sets and structs.
    basket = "basket";
    /// `udfs/rust/feast_golden`: the functions of the repositories from which Feast's answers were recorded.
    feast_golden = "feast_golden";
    /// `udfs/testing/echo`: returns its inputs, one of each type and some nested ones, by `pass` and by `rebuild`.
    echo = "echo";
    /// `udfs/testing/impure`: functions that are no pure functions of each row.
    impure = "impure";
    /// `udfs/hostile/behaviours`: functions that misbehave when called.
    hostile_behaviours = "hostile_behaviours";
    /// `udfs/hostile/bad_signatures`: declares two functions of one name.
    hostile_bad_signatures = "hostile_bad_signatures";
    /// `udfs/hostile/foreign_import`: imports a clock.
    hostile_foreign_import = "hostile_foreign_import";
    /// `udfs/jobs/keep_online_current`: a job that materializes incrementally.
    keep_online_current = "keep_online_current";
    /// `udfs/jobs/training_set`: a job that joins, transforms and writes.
    training_set = "training_set";
    /// `udfs/testing/job_verbs`: a job that uses every verb on the sample repo.
    job_verbs = "job_verbs";
    /// `udfs/hostile/jobs`: a job that misbehaves as its first argument says.
    hostile_jobs = "hostile_jobs";
    /// `udfs/hostile/job_foreign_import`: a job that imports a clock.
    hostile_job_foreign_import = "hostile_job_foreign_import";
}

guests! {
    "LARDER_GUESTS_WITH_WASI":
    /// `udfs/testing/asks_the_system`: a component that imports WASI and asks it for everything.
    asks_the_system = "asks_the_system";
}
