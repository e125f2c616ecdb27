//! Aggregations.

use larder_core::Aggregation;

use super::span::{span_from_proto, span_to_proto};
use crate::proto;

/// Feast writes a window's slide where none is given: the window itself.
pub(super) fn aggregations_to_proto(aggregations: &[Aggregation]) -> Vec<proto::Aggregation> {
    let encode = |aggregation: &Aggregation| proto::Aggregation {
        column: aggregation.column.clone(),
        function: aggregation.function.clone(),
        time_window: aggregation.time_window.map(span_to_proto),
        slide_interval: aggregation.slide_interval.or(aggregation.time_window).map(span_to_proto),
        name: aggregation.name.clone(),
    };
    aggregations.iter().map(encode).collect()
}

pub(super) fn aggregations_from_proto(aggregations: &[proto::Aggregation]) -> Vec<Aggregation> {
    let decode = |aggregation: &proto::Aggregation| {
        let time_window = aggregation.time_window.as_ref().map(span_from_proto);
        let slide_interval = aggregation.slide_interval.as_ref().map(span_from_proto);
        Aggregation {
            column: aggregation.column.clone(),
            function: aggregation.function.clone(),
            time_window,
            slide_interval: slide_interval.filter(|slide| Some(*slide) != time_window),
            name: aggregation.name.clone(),
        }
    };
    aggregations.iter().map(decode).collect()
}
