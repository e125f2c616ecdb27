//! One file with a JSON object per line.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use larder_core::{RequestError, ValueType, column};
use serde_json::{Map, Value};

use super::open_file::{OpenFile, TableFile};
use super::text_type::SeenTypes;
use super::wanted::ReadAs;
use super::{FileColumn, FileName, Visit};
use crate::error::OfflineError;

const BATCH_ROWS: usize = 8_192;

/// An NDJSON file whose types are those that hold all its values. A key that a line lacks is null.
#[derive(Debug)]
pub(crate) struct NdJsonFile {
    file: TableFile,
    schema: SchemaRef,
}

impl NdJsonFile {
    pub(crate) fn open(path: &Path, hold: bool) -> Result<Self, OfflineError> {
        let file = OpenFile::open(path)?;
        let mut fields: Vec<(String, SeenTypes)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for object in Objects::new(file.reader(), path) {
            for (key, value) in object? {
                let place = *places.entry(key).or_insert_with_key(|key| {
                    fields.push((key.clone(), SeenTypes::default()));
                    fields.len() - 1
                });
                if let Some((_, seen)) = fields.get_mut(place) {
                    seen.add_json(&value);
                }
            }
        }
        let fields = fields.into_iter().map(|(name, seen)| Field::new(name, seen.data_type(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(Self { file: TableFile::new(path, file, hold), schema })
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Reads columns, of all rows or of the chosen ones, which are sorted and distinct.
    pub(crate) fn read(
        &self,
        name: &FileName<'_>,
        columns: &[FileColumn<'_>],
        rows: Option<&[u64]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), OfflineError> {
        let mut chosen = rows.map(|rows| rows.iter().copied().peekable());
        let mut batch: Vec<Map<String, Value>> = Vec::new();
        let mut rows_visited = 0;
        let mut flush = |batch: &mut Vec<Map<String, Value>>| {
            if batch.is_empty() {
                return Ok(());
            }
            let arrays = columns
                .iter()
                .map(|column| {
                    let array = self.column(column, batch);
                    array.map_err(|error| name.value(error, 0, rows_visited, rows))
                })
                .collect::<Result<Vec<_>, _>>()?;
            visit(&arrays, batch.len())?;
            rows_visited += batch.len();
            batch.clear();
            Ok(())
        };
        for (row, object) in (0_u64..).zip(Objects::new(self.file.open()?.reader(), name.path)) {
            let object = object?;
            if chosen.as_mut().is_none_or(|chosen| chosen.next_if_eq(&row).is_some()) {
                batch.push(object);
            }
            if batch.len() == BATCH_ROWS {
                flush(&mut batch)?;
            }
        }
        flush(&mut batch)
    }

    fn column(
        &self,
        column: &FileColumn<'_>,
        batch: &[Map<String, Value>],
    ) -> Result<ArrayRef, RequestError> {
        // The key in the file; `column.name` is the name after the field mapping.
        let field = self.schema.field(column.index);
        let values = || batch.iter().map(|object| object.get(field.name()).unwrap_or(&Value::Null));
        match &column.read_as {
            ReadAs::Declared(value_type) => column::column_from_json(column.name, value_type, values()),
            ReadAs::Time => column::column_from_json(column.name, &ValueType::UNIX_TIMESTAMP, values()),
            ReadAs::Found => match field.data_type() {
                found @ (DataType::Utf8 | DataType::Null | DataType::Date32) => {
                    let text: StringArray = values()
                        .map(|value| match value {
                            Value::Null => None,
                            Value::String(text) => Some(text.clone()),
                            value => Some(value.to_string()),
                        })
                        .collect();
                    let text: ArrayRef = Arc::new(text);
                    column.read_as.apply_to_text(column.name, &text, found)
                }
                found => {
                    let value_type = ValueType::infer(found).unwrap_or(ValueType::STRING);
                    column::column_from_json(column.name, &value_type, values())
                }
            },
        }
    }
}

/// The objects of a file, line by line; empty lines are passed over.
struct Objects<'a, R> {
    reader: BufReader<R>,
    path: &'a Path,
    line: String,
    line_number: usize,
}

impl<'a, R: Read> Objects<'a, R> {
    fn new(reader: R, path: &'a Path) -> Self {
        Self { reader: BufReader::with_capacity(1 << 16, reader), path, line: String::new(), line_number: 0 }
    }

    fn corrupt(&self, reason: impl std::fmt::Display) -> OfflineError {
        OfflineError::CorruptFile {
            path: self.path.to_owned(),
            format: "ndjson",
            source: format!("line {} is not a JSON object: {reason}", self.line_number).into(),
        }
    }
}

impl<R: Read> Iterator for Objects<'_, R> {
    type Item = Result<Map<String, Value>, OfflineError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.line.clear();
            self.line_number += 1;
            match self.reader.read_line(&mut self.line) {
                Ok(0) => return None,
                Ok(_) if self.line.trim().is_empty() => {}
                Ok(_) => {
                    let parsed = serde_json::from_str(&self.line);
                    return Some(parsed.map_err(|error| self.corrupt(error)));
                }
                Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                    return Some(Err(self.corrupt("it is not UTF-8")));
                }
                Err(error) => return Some(Err(OfflineError::io("read", self.path)(error))),
            }
        }
    }
}
