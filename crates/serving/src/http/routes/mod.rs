//! The routes, one file each.

mod get_online_features;
mod jobs;
mod materialize;
mod observe;
mod push;
mod record;
mod router;
mod search;
mod vector_stores;

pub(crate) use router::{metrics_router, router, unguarded_router};
