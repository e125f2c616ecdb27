//! What a request for features means: which rows to read, which transformations to run, which columns
//! to answer.
//!
//! Training sets, requests and writes resolve names and apply on-demand views here and nowhere else, so
//! they cannot drift apart. The crate reads nothing and writes nothing: it turns a [`Catalog`] and a
//! [`Selection`] into a [`FeaturePlan`], once, and [`FeaturePlan::compute`] turns columns into columns.
//!
//! ```text
//! catalog (snapshot + loaded transformations) ─┐
//! selection (references or feature service) ───┴─▶ plan ─▶ stored views to read
//!                                                      ─▶ request fields to take
//!                                                      ─▶ on-demand calls to run, inner ones first
//!                                                      ─▶ output columns, named and in order
//! ```

mod alone;
mod catalog;
mod feature_plan;
mod on_demand_call;

pub use catalog::{Catalog, UnusableView};
pub use feature_plan::{
    FeaturePlan, JoinKeyColumn, OutputColumn, OutputSource, PlannedView, RequestField, Retrieval,
};
pub use larder_core::Selection;
pub use on_demand_call::{CallColumns, OnDemandCall, OnDemandInput};
