//! MLflow's REST API: datasets of records and artifacts of runs as tables, and runs that tell what larder has done.
//!
//! [`MlflowOfflineStore`] stands before another offline store: what lies in MLflow it fetches into a file, which the
//! other then reads by the rules that hold for every file. [`flatten()`] makes flat rows of nested records, as Feast does.
//!
//! It is no client of MLflow for programs: models, metrics and traces are not here.
//!
//! Read next: [`MlflowServers`], which says who is asked, and what of that is told to whom.

mod artifact;
mod dataset;
mod error;
mod flatten;
mod offline_store;
mod operation;
mod server;

pub use dataset::{Dataset, DatasetName, Record};
pub use error::MlflowError;
pub use flatten::{FlatRows, flatten};
pub use offline_store::MlflowOfflineStore;
pub use operation::Operation;
pub use server::{Credentials, MlflowOptions, MlflowServer, MlflowServers};
