//! Columns of values with named parts.

use std::sync::Arc;

use arrow::array::{ArrayRef, StructArray};
use larder_core::{StructField, ValueType, arrow_fields};

use super::column::{Column, for_type};
use crate::wire::{Payload, fields, map_entry, set_field};
use crate::{NOT_A_TIME, ValueFault};
use larder_core::bits::Validity;

/// Structs, which Feast stores as maps.
pub(super) struct Structs {
    fields: Vec<StructField>,
    columns: Vec<Box<dyn Column>>,
    validity: Validity,
    rows: usize,
}

impl Structs {
    pub(super) fn new(fields: &[StructField], rows: usize) -> Self {
        let columns = fields.iter().map(|field| for_type(&field.value_type, rows)).collect();
        Self { fields: fields.to_vec(), columns, validity: Validity::default(), rows: 0 }
    }

    fn close(&mut self, valid: bool) {
        self.validity.push(valid);
        self.rows += 1;
    }
}

impl Column for Structs {
    /// Parts that the struct does not have are passed over, parts that are missing are null.
    fn append(&mut self, number: u32, payload: Payload<'_>) -> Result<(), ValueFault> {
        if !matches!(number, 20 | 34) {
            return Err(ValueFault::PartType { found: number });
        }
        let mut parts: Vec<&[u8]> = vec![&[]; self.fields.len()];
        for field in fields(payload.bytes()?) {
            let (1, entry) = field? else { continue };
            let (name, value) = map_entry(entry.bytes()?)?;
            let named = self.fields.iter().zip(&mut parts).find(|(field, _)| field.name == name);
            if let Some((_, part)) = named {
                *part = value;
            }
        }
        for (column, part) in self.columns.iter_mut().zip(parts) {
            match set_field(part)? {
                Some((number, payload)) => column.append(number, payload)?,
                None => column.append_null(),
            }
        }
        self.close(true);
        Ok(())
    }

    fn append_null(&mut self) {
        self.columns.iter_mut().for_each(|column| column.append_null());
        self.close(false);
    }

    fn len(&self) -> usize {
        self.rows
    }

    fn finish(&mut self) -> ArrayRef {
        let columns = self.columns.iter_mut().map(|column| column.finish()).collect();
        let validity = std::mem::take(&mut self.validity).finish();
        Arc::new(StructArray::new(arrow_fields(&self.fields), columns, validity))
    }
}

/// Points in time with their zones: a message of the seconds and the zone.
pub(super) struct ZonedTimes {
    times: Box<dyn Column>,
    zones: Box<dyn Column>,
    validity: Validity,
}

impl ZonedTimes {
    pub(super) fn new(rows: usize) -> Self {
        let times = for_type(&ValueType::UNIX_TIMESTAMP, rows);
        Self { times, zones: for_type(&ValueType::STRING, rows), validity: Validity::default() }
    }
}

impl Column for ZonedTimes {
    /// Protobuf leaves out what is 0 or empty. "Not a time" is null as a whole.
    fn append(&mut self, number: u32, payload: Payload<'_>) -> Result<(), ValueFault> {
        if number != 48 {
            return Err(ValueFault::PartType { found: number });
        }
        let (mut seconds, mut zone) = (0, Payload::Bytes(&[]));
        for field in fields(payload.bytes()?) {
            match field? {
                (1, payload) => seconds = payload.varint()?,
                (2, payload) => zone = payload,
                _ => {}
            }
        }
        if seconds == NOT_A_TIME.cast_unsigned() {
            self.append_null();
            return Ok(());
        }
        self.times.append(8, Payload::Varint(seconds))?;
        self.zones.append(2, zone)?;
        self.validity.push(true);
        Ok(())
    }

    fn append_null(&mut self) {
        self.times.append_null();
        self.zones.append_null();
        self.validity.push(false);
    }

    fn len(&self) -> usize {
        self.times.len()
    }

    fn finish(&mut self) -> ArrayRef {
        let value_type = ValueType::Scalar(larder_core::ScalarType::ZonedTimestamp);
        let arrow::datatypes::DataType::Struct(fields) = value_type.data_type() else {
            unreachable!("a zoned timestamp has two parts");
        };
        let validity = std::mem::take(&mut self.validity).finish();
        Arc::new(StructArray::new(fields, vec![self.times.finish(), self.zones.finish()], validity))
    }
}
