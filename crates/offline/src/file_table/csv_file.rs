//! One CSV file with a header line.

use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_csv::ReaderBuilder;

use super::open_file::{OpenFile, TableFile};
use super::parquet_file::places;
use super::text_type::SeenTypes;
use super::{FileColumn, FileName, Visit};
use crate::error::OfflineError;

const BATCH_ROWS: usize = 8_192;

/// A CSV file whose types are those that hold all its values. An empty cell is null.
#[derive(Debug)]
pub(crate) struct CsvFile {
    file: TableFile,
    schema: SchemaRef,
}

impl CsvFile {
    pub(crate) fn open(path: &Path, hold: bool) -> Result<Self, OfflineError> {
        let file = OpenFile::open(path)?;
        let schema = Arc::new(infer(&file).map_err(|error| corrupt(path, error))?);
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
        let places = places(columns);
        let mut projection: Vec<usize> = columns.iter().map(|column| column.index).collect();
        projection.sort_unstable();
        projection.dedup();
        let reader = ReaderBuilder::new(Arc::new(self.physical_schema(columns)))
            .with_header(true)
            .with_batch_size(BATCH_ROWS)
            .with_projection(projection)
            .build_buffered(BufReader::new(self.file.open()?.reader()))
            .map_err(|error| corrupt(name.path, error))?;
        let mut to_come = rows;
        let (mut rows_before, mut rows_visited) = (0, 0);
        for batch in reader {
            let batch = batch.map_err(|error| corrupt(name.path, error))?;
            let rows_read = batch.num_rows();
            let chosen = match &mut to_come {
                None => batch,
                Some(rows) => choose(&batch, rows, rows_before)?,
            };
            if chosen.num_rows() > 0 {
                let arrays = columns
                    .iter()
                    .zip(&places)
                    .map(|(column, place)| {
                        let cast = self.cast(column, chosen.column(*place));
                        cast.map_err(|error| name.value(error, 0, rows_visited, rows))
                    })
                    .collect::<Result<Vec<_>, _>>()?;
                visit(&arrays, chosen.num_rows())?;
                rows_visited += chosen.num_rows();
            }
            rows_before += rows_read;
        }
        Ok(())
    }

    /// The file's columns, with text where a wanted column must be read from text.
    fn physical_schema(&self, columns: &[FileColumn<'_>]) -> Schema {
        let fields = self.schema.fields().iter().enumerate().map(|(index, field)| {
            let mut wanted = columns.iter().filter(|column| column.index == index);
            let data_type = match field.data_type() {
                found if wanted.any(|column| column.read_as.needs_text(found)) => DataType::Utf8,
                // Not wanted, so never parsed.
                DataType::Date32 | DataType::Timestamp(_, _) => DataType::Utf8,
                found => found.clone(),
            };
            Field::new(field.name(), data_type, true)
        });
        Schema::new(fields.collect::<Vec<_>>())
    }

    fn cast(&self, column: &FileColumn<'_>, array: &ArrayRef) -> Result<ArrayRef, larder_core::RequestError> {
        if array.data_type() == &DataType::Utf8 {
            let found = self.schema.field(column.index).data_type();
            column.read_as.apply_to_text(column.name, array, found)
        } else {
            column.read_as.apply(column.name, array)
        }
    }
}

/// Takes the chosen rows out of a batch and off the front of `rows`.
pub(crate) fn choose(
    batch: &RecordBatch,
    rows: &mut &[u64],
    rows_before: usize,
) -> Result<RecordBatch, OfflineError> {
    let first = rows_before as u64;
    let end = first + batch.num_rows() as u64;
    let (here, later) = rows.split_at(rows.partition_point(|row| *row < end));
    *rows = later;
    let places: UInt64Array = here.iter().map(|row| row - first).collect();
    // There may be no columns.
    let options = RecordBatchOptions::new().with_row_count(Some(places.len()));
    let columns = batch
        .columns()
        .iter()
        .map(|column| take(column, &places, None))
        .collect::<Result<Vec<_>, _>>()
        .and_then(|columns| RecordBatch::try_new_with_options(batch.schema(), columns, &options));
    columns.map_err(OfflineError::arrow("choose rows of a text file"))
}

fn infer(file: &OpenFile) -> Result<Schema, csv::Error> {
    let mut reader = csv::Reader::from_reader(BufReader::new(file.reader()));
    let header = reader.headers()?.clone();
    let mut seen = vec![SeenTypes::default(); header.len()];
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        for (seen, cell) in seen.iter_mut().zip(record.iter()) {
            seen.add_text(cell);
        }
    }
    let fields = header.iter().zip(seen).map(|(name, seen)| Field::new(name, seen.data_type(), true));
    Ok(Schema::new(fields.collect::<Vec<_>>()))
}

fn corrupt(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> OfflineError {
    OfflineError::CorruptFile { path: path.to_owned(), format: "csv", source: error.into() }
}
