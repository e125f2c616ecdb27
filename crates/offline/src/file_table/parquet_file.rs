//! One Parquet file: its row groups, their statistics, chosen columns and rows.

use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, SchemaRef, TimestampMicrosecondType};
use larder_core::column;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::basic::Type as PhysicalType;
use parquet::errors::ParquetError;

use super::open_file::{OpenFile, TableFile};
use super::{FileColumn, FileName, Visit};
use crate::error::OfflineError;

/// How many rows are decoded at a time: enough to make the work per batch small, few enough that key
/// and time columns stay in a core's cache.
const BATCH_ROWS: usize = 16_384;
/// How many chosen rows come in one batch.
const CHOSEN_BATCH_ROWS: usize = 65_536;

#[derive(Debug)]
pub(crate) struct ParquetFile {
    file: TableFile,
    metadata: ArrowReaderMetadata,
}

impl ParquetFile {
    pub(crate) fn open(path: &Path, hold: bool) -> Result<Self, OfflineError> {
        let file = OpenFile::open(path)?;
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())
            .map_err(OfflineError::corrupt_parquet(path))?;
        Ok(Self { file: TableFile::new(path, file, hold), metadata })
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    /// The number of rows of each row group.
    pub(crate) fn row_groups(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        let groups = self.metadata.metadata().row_groups();
        groups.iter().map(|group| usize::try_from(group.num_rows()).unwrap_or(0))
    }

    /// Bytes per row of the columns, decoded, as the footer tells.
    pub(crate) fn bytes_per_row(&self, columns: &[FileColumn<'_>]) -> u64 {
        let mask = self.mask(columns);
        let (mut bytes, mut rows) = (0_i64, 0_i64);
        for group in self.metadata.metadata().row_groups() {
            rows += group.num_rows();
            let leaves = group.columns().iter().enumerate();
            bytes += leaves
                .filter(|(leaf, _)| mask.leaf_included(*leaf))
                .map(|(_, column)| column.uncompressed_size())
                .sum::<i64>();
        }
        u64::try_from(bytes / rows.max(1)).unwrap_or(0)
    }

    /// The earliest and latest time of a column in each row group; `None` where the footer does not
    /// tell or cannot be trusted to.
    pub(crate) fn time_ranges(&self, column: usize) -> Vec<Option<(i64, i64)>> {
        let groups = self.metadata.metadata().row_groups();
        self.try_time_ranges(column)
            .filter(|ranges| ranges.len() == groups.len())
            .unwrap_or_else(|| vec![None; groups.len()])
    }

    fn try_time_ranges(&self, column: usize) -> Option<Vec<Option<(i64, i64)>>> {
        let schema = self.schema();
        let field = schema.fields().get(column)?;
        // The order of these as numbers is their order in time. Text has no such order across zones,
        // and the statistics of INT96 have no defined order at all.
        if !matches!(field.data_type(), DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64) {
            return None;
        }
        let descriptor = self.metadata.parquet_schema();
        let converter = StatisticsConverter::try_new(field.name(), schema, descriptor).ok()?;
        let leaf = descriptor.column(converter.parquet_column_index()?);
        if !matches!(leaf.physical_type(), PhysicalType::INT64 | PhysicalType::INT32) {
            return None;
        }
        let groups = self.metadata.metadata().row_groups();
        let times = |array: ArrayRef| column::to_timestamps(field.name(), &array).ok();
        let least = times(converter.row_group_mins(groups).ok()?)?;
        let greatest = times(converter.row_group_maxes(groups).ok()?)?;
        let ranges = least.iter().zip(greatest.iter());
        Some(ranges.map(|(least, greatest)| least.zip(greatest)).collect())
    }

    /// Reads columns of a row group, all rows or the chosen ones, which are sorted and distinct.
    pub(crate) fn read(
        &self,
        name: &FileName<'_>,
        row_group: usize,
        columns: &[FileColumn<'_>],
        rows: Option<&[u64]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), OfflineError> {
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.open()?, self.metadata.clone())
                .with_row_groups(vec![row_group])
                .with_projection(self.mask(columns));
        let builder = match rows {
            None => builder.with_batch_size(BATCH_ROWS),
            Some(rows) => {
                let total = self.row_groups().nth(row_group).unwrap_or(0);
                builder
                    .with_batch_size(rows.len().clamp(1, CHOSEN_BATCH_ROWS))
                    .with_row_selection(selection(rows, total))
            }
        };
        let corrupt = |error: ParquetError| OfflineError::corrupt_parquet(name.path)(error);
        let places = places(columns);
        let first_row = self.row_groups().take(row_group).sum();
        let mut rows_before = 0;
        for batch in builder.build().map_err(corrupt)? {
            let batch = batch.map_err(|error| corrupt(error.into()))?;
            let arrays = columns
                .iter()
                .zip(&places)
                .map(|(column, place)| {
                    let array = batch.column(*place);
                    let cast = column.read_as.apply(column.name, array);
                    cast.map_err(|error| name.value(error, first_row, rows_before, rows))
                })
                .collect::<Result<Vec<_>, _>>()?;
            visit(&arrays, batch.num_rows())?;
            rows_before += batch.num_rows();
        }
        Ok(())
    }

    fn mask(&self, columns: &[FileColumn<'_>]) -> ProjectionMask {
        ProjectionMask::roots(self.metadata.parquet_schema(), columns.iter().map(|column| column.index))
    }
}

/// Where each column is in a projected batch: the reader keeps the order of the file.
pub(crate) fn places(columns: &[FileColumn<'_>]) -> Vec<usize> {
    let mut sorted: Vec<usize> = columns.iter().map(|column| column.index).collect();
    sorted.sort_unstable();
    sorted.dedup();
    columns.iter().map(|column| sorted.partition_point(|index| *index < column.index)).collect()
}

fn selection(rows: &[u64], total: usize) -> RowSelection {
    let place = |row: u64| usize::try_from(row).unwrap_or(usize::MAX);
    let runs = rows.chunk_by(|row, next| row + 1 == *next);
    let ranges = runs.filter_map(|run| Some(place(*run.first()?)..place(*run.last()?) + 1));
    RowSelection::from_consecutive_ranges(ranges, total)
}

/// The values of an array of times, and which of them are there.
pub(crate) fn times(array: &ArrayRef) -> (&[i64], Option<&arrow::buffer::NullBuffer>) {
    let times = array.as_primitive::<TimestampMicrosecondType>();
    (times.values(), times.nulls())
}
