//! Arrays of points in time that know the zone they were said in.

use std::fmt;

use crate::array::{collect, sealed};
use crate::bindings::larder::udf::arrow::{Column, TypeNode, Values};
use crate::bitmap::Validity;
use crate::columns::{ColumnError, Columns};
use crate::{Array, StringArray, Timestamp, TimestampArray};

/// Feast's `ZonedTimestamp`.
///
/// ```
/// use larder_guest::{Array, StringArray, Timestamp, ZonedTimestampArray};
///
/// let noon = Timestamp::from_seconds(1_706_702_400);
/// let booked = ZonedTimestampArray::from(vec![Some((noon, "Europe/Oslo")), None]);
/// let zone: StringArray = booked.iter().map(|booked| booked.map(|booked| booked.zone)).collect();
/// assert_eq!(zone, StringArray::from(vec![Some("Europe/Oslo"), None]));
/// ```
#[derive(Clone, Default)]
pub struct ZonedTimestampArray {
    instants: TimestampArray,
    zones: StringArray,
    validity: Validity,
}

/// One value of a [`ZonedTimestampArray`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZonedTimestamp<'a> {
    /// The point in time.
    pub instant: Timestamp,
    /// The zone: a name of the IANA database, an offset such as `UTC-07:00`, or empty for UTC.
    pub zone: &'a str,
}

impl sealed::Sealed for ZonedTimestampArray {}

impl Array for ZonedTimestampArray {
    type Item<'a> = ZonedTimestamp<'a>;

    fn len(&self) -> usize {
        self.instants.len()
    }

    #[inline]
    fn get(&self, row: usize) -> Option<ZonedTimestamp<'_>> {
        let (instant, zone) = (self.instants.get(row), self.zones.get(row));
        let instant = instant.filter(|_| self.validity.is_valid(row))?;
        Some(ZonedTimestamp { instant, zone: zone.unwrap_or_default() })
    }

    #[inline]
    fn is_null(&self, row: usize) -> bool {
        row < self.len() && self.get(row).is_none()
    }

    fn nodes(nodes: &mut Vec<TypeNode>) {
        nodes.extend([TypeNode::ZonedTimestamp, TypeNode::TimestampMicros, TypeNode::Utf8]);
    }

    fn take(columns: &mut Columns, len: usize) -> Result<Self, ColumnError> {
        let (values, validity) = columns.next(len)?;
        let Values::Parent = values else { return Err(ColumnError::Type) };
        let instants = TimestampArray::take(columns, len)?;
        Ok(Self { instants, zones: StringArray::take(columns, len)?, validity })
    }

    fn put(self, columns: &mut Vec<Column>) {
        columns.push(Column { validity: self.validity.into_bytes(), values: Values::Parent });
        self.instants.put(columns);
        self.zones.put(columns);
    }

    fn push_null(&mut self) {
        self.validity.push_null(self.len());
        self.instants.push_null();
        self.zones.push_null();
    }
}

impl PartialEq for ZonedTimestampArray {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for ZonedTimestampArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<S: AsRef<str>> Extend<Option<(Timestamp, S)>> for ZonedTimestampArray {
    fn extend<I: IntoIterator<Item = Option<(Timestamp, S)>>>(&mut self, items: I) {
        for item in items {
            match item {
                Some((instant, zone)) => {
                    self.instants.extend([instant]);
                    self.zones.extend([zone.as_ref()]);
                    self.validity.push_valid();
                }
                None => self.push_null(),
            }
        }
    }
}

impl<'a> Extend<Option<ZonedTimestamp<'a>>> for ZonedTimestampArray {
    fn extend<I: IntoIterator<Item = Option<ZonedTimestamp<'a>>>>(&mut self, items: I) {
        self.extend(items.into_iter().map(|item| item.map(|zoned| (zoned.instant, zoned.zone))));
    }
}

collect!(ZonedTimestampArray, Option<(Timestamp, S)>, S: AsRef<str>);

impl<'a> FromIterator<Option<ZonedTimestamp<'a>>> for ZonedTimestampArray {
    fn from_iter<I: IntoIterator<Item = Option<ZonedTimestamp<'a>>>>(items: I) -> Self {
        let mut array = Self::default();
        array.extend(items);
        array
    }
}
