//! Keeps the online store up to date: what Feast's guide does with Airflow, in one component.
//!
//! Its arguments are the feature views; without any it does all that are kept online. Needs `materialize` and
//! `log`.

use larder_guest_job::{Error, Invocation, info, materialize_incremental};

fn run(invocation: Invocation) -> Result<(), Error> {
    for view in materialize_incremental(invocation.time, &invocation.arguments)? {
        info!(
            "{}: {} keys, {} rows written, up to {}",
            view.feature_view, view.keys, view.rows_written, view.end
        )?;
    }
    Ok(())
}

larder_guest_job::export!(run);
