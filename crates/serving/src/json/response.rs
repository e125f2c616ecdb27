//! A whole answer.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use larder_core::Timestamp;

use super::event_time::push_event_time;
use super::push_string;
use super::values::push_values;
use crate::online_response::{EventTimes, Presence};
use crate::{OnlineResponse, ResponseColumn};

/// The body of Feast's `/get-online-features`.
pub(crate) fn encode_response(response: &OnlineResponse, feature_view_metadata: bool) -> Bytes {
    let mut encoder = Encoder::new(response);
    encoder.out.extend_from_slice(b"{\"results\":[");
    for (at, column) in response.columns().iter().enumerate() {
        if at > 0 {
            encoder.out.push(b',');
        }
        encoder.push_column(column);
    }
    let mut out = encoder.out;
    out.extend_from_slice(b"],\"metadata\":{\"feature_names\":[");
    let (entity_columns, features) = response.columns().split_at(response.entity_column_count());
    for (at, column) in entity_columns.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_string(&mut out, column.name());
    }
    if !entity_columns.is_empty() && !features.is_empty() {
        out.push(b',');
    }
    let names = response.prepared_names();
    out.extend_from_slice(&names.features);
    out.push(b']');
    if feature_view_metadata {
        out.extend_from_slice(b",\"feature_view_metadata\":[");
        for (at, view) in response.feature_views().enumerate() {
            out.extend_from_slice(if at > 0 { b",{\"name\":" } else { b"{\"name\":" });
            push_string(&mut out, view);
            out.push(b'}');
        }
        out.push(b']');
    }
    out.extend_from_slice(b"}}");
    Bytes::from(out)
}

/// Feast's `to_dict`: values only, by name.
pub(crate) fn encode_columns(response: &OnlineResponse) -> Bytes {
    let mut out = vec![b'{'];
    for (at, column) in response.columns().iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_string(&mut out, column.name());
        out.extend_from_slice(b":[");
        push_values(&mut out, column.value_type(), column.values());
        out.push(b']');
    }
    out.push(b'}');
    Bytes::from(out)
}

/// Writes columns, and copies the statuses and event times that it has written before.
struct Encoder {
    out: Vec<u8>,
    rows: usize,
    /// Statuses and times of columns that are all present and have no event time.
    computed: Option<Range<usize>>,
    statuses: Option<(Presence, Range<usize>)>,
    times: Option<(EventTimes, Range<usize>)>,
}

impl Encoder {
    fn new(response: &OnlineResponse) -> Self {
        // An item's status and time are 33 bytes with their commas; its value is seldom longer than 20.
        let capacity = 256 + response.columns().len() * (64 + response.row_count() * 54);
        Self {
            out: Vec::with_capacity(capacity),
            rows: response.row_count(),
            computed: None,
            statuses: None,
            times: None,
        }
    }

    fn push_column(&mut self, column: &ResponseColumn) {
        self.out.extend_from_slice(b"{\"values\":[");
        push_values(&mut self.out, column.value_type(), column.values());
        match &column.event_timestamps {
            None if column.presence == Presence::All => {
                if let Some(written) = self.computed.clone() {
                    self.out.extend_from_within(written);
                } else {
                    let start = self.out.len();
                    self.push_statuses(&column.presence);
                    self.push_times(&vec![None; self.rows]);
                    self.computed = Some(start..self.out.len());
                }
            }
            None => {
                self.push_statuses(&column.presence);
                self.push_times(&vec![None; self.rows]);
            }
            Some(times) => {
                match &self.statuses {
                    Some((presence, written)) if *presence == column.presence => {
                        self.out.extend_from_within(written.clone());
                    }
                    _ => {
                        let start = self.out.len();
                        self.push_statuses(&column.presence);
                        self.statuses = Some((column.presence.clone(), start..self.out.len()));
                    }
                }
                match &self.times {
                    Some((known, written)) if Arc::ptr_eq(known, times) => {
                        self.out.extend_from_within(written.clone());
                    }
                    _ => {
                        let start = self.out.len();
                        self.push_times(times);
                        self.times = Some((Arc::clone(times), start..self.out.len()));
                    }
                }
            }
        }
    }

    /// Ends the values and writes `"statuses":[…]`.
    fn push_statuses(&mut self, presence: &Presence) {
        self.out.extend_from_slice(b"],\"statuses\":[");
        for row in 0..self.rows {
            if row > 0 {
                self.out.push(b',');
            }
            self.out.push(b'"');
            self.out.extend_from_slice(presence.status(row).name().as_bytes());
            self.out.push(b'"');
        }
    }

    /// Ends the statuses, writes `"event_timestamps":[…]` and ends the column. No time is shown as 1970.
    fn push_times(&mut self, times: &[Option<Timestamp>]) {
        self.out.extend_from_slice(b"],\"event_timestamps\":[");
        let mut last: Option<(Timestamp, Range<usize>)> = None;
        for (row, time) in times.iter().enumerate() {
            if row > 0 {
                self.out.push(b',');
            }
            let time = time.unwrap_or(Timestamp::EPOCH);
            match &last {
                Some((known, written)) if *known == time => self.out.extend_from_within(written.clone()),
                _ => {
                    let start = self.out.len();
                    self.out.push(b'"');
                    push_event_time(&mut self.out, time);
                    self.out.push(b'"');
                    last = Some((time, start..self.out.len()));
                }
            }
        }
        self.out.extend_from_slice(b"]}");
    }
}
