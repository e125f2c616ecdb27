//! Appending to one Parquet file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, Type as PhysicalType};
use parquet::bloom_filter::Sbbf;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use crate::error::OfflineError;
use crate::file_table::OpenFile;
use crate::replace_file::replace_file;

/// Row groups at the end of a file are merged with appended rows up to this many rows, so that many
/// small appends do not make many small row groups, and none costs much more than copying the file.
const MERGED_ROWS: i64 = 1 << 17;

/// Writes the file anew with the rows at its end. The rows have the columns of the file, in order, and
/// their types. All row groups but small last ones are copied as they are, without decoding.
pub(crate) fn append_to_parquet(path: &Path, rows: &RecordBatch) -> Result<(), OfflineError> {
    let old = OpenFile::open(path)?;
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    let metadata = ArrowReaderMetadata::load(&old, options).map_err(OfflineError::corrupt_parquet(path))?;
    replace_file(path, |writer| {
        let columns = metadata.parquet_schema().columns();
        // No Arrow type writes these, so the file is written anew in today's form.
        let is_legacy = columns.iter().any(|column| column.physical_type() == PhysicalType::INT96);
        let written = if is_legacy {
            rewrite(&old, &metadata, rows, writer)
        } else {
            copy_and_add(&old, &metadata, rows, writer)
        };
        written.map_err(OfflineError::corrupt_parquet(path))
    })
}

/// Writes rows as a new file.
pub(crate) fn write_parquet(
    path: &Path,
    writer: &mut BufWriter<File>,
    rows: &RecordBatch,
) -> Result<(), OfflineError> {
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    ArrowWriter::try_new(writer, rows.schema(), Some(properties))
        .and_then(|mut writer| writer.write(rows).and_then(|()| writer.close()))
        .map(drop)
        .map_err(OfflineError::corrupt_parquet(path))
}

fn copy_and_add(
    old: &OpenFile,
    metadata: &ArrowReaderMetadata,
    rows: &RecordBatch,
    writer: &mut BufWriter<File>,
) -> Result<(), ParquetError> {
    let footer = metadata.metadata();
    let properties = Arc::new(WriterProperties::builder().set_compression(compression(footer)).build());
    let root = footer.file_metadata().schema_descr().root_schema_ptr();
    let mut writer = SerializedFileWriter::new(writer, root, properties)?;
    for entry in footer.file_metadata().key_value_metadata().into_iter().flatten() {
        writer.append_key_value_metadata(entry.clone());
    }
    let kept = kept_row_groups(footer, rows.num_rows());
    for row_group in 0..kept {
        copy_row_group(old, footer, row_group, &mut writer)?;
    }
    let schema = metadata.schema();
    let rows = with_last_row_groups(old, metadata, kept, rows)?;
    let factory = ArrowRowGroupWriterFactory::new(&writer, SchemaRef::clone(schema));
    let columns = factory.create_column_writers(kept)?;
    let mut columns = columns.into_iter();
    let mut written = Vec::with_capacity(columns.len());
    for (field, array) in schema.fields().iter().zip(rows.columns()) {
        for leaf in compute_leaves(field, array)? {
            let mut column = columns
                .next()
                .ok_or_else(|| ParquetError::General("more columns than the file has".into()))?;
            column.write(&leaf)?;
            written.push(column.close()?);
        }
    }
    let mut row_group = writer.next_row_group()?;
    for column in written {
        column.append_to_row_group(&mut row_group)?;
    }
    row_group.close()?;
    writer.close().map(drop)
}

/// How many row groups from the front stay as they are.
fn kept_row_groups(footer: &ParquetMetaData, new_rows: usize) -> usize {
    let mut merged = i64::try_from(new_rows).unwrap_or(i64::MAX);
    let last = footer.row_groups().iter().rev().take_while(|group| {
        merged = merged.saturating_add(group.num_rows());
        merged <= MERGED_ROWS
    });
    footer.num_row_groups() - last.count()
}

fn copy_row_group<W: Write + Send>(
    old: &OpenFile,
    footer: &ParquetMetaData,
    row_group: usize,
    writer: &mut SerializedFileWriter<W>,
) -> Result<(), ParquetError> {
    let group = footer.row_group(row_group);
    let column_indexes = footer.column_index().and_then(|indexes| indexes.get(row_group));
    let offset_indexes = footer.offset_index().and_then(|indexes| indexes.get(row_group));
    let mut copy = writer.next_row_group()?;
    for (place, column) in group.columns().iter().enumerate() {
        let close = ColumnCloseResult {
            bytes_written: u64::try_from(column.compressed_size()).unwrap_or(0),
            rows_written: u64::try_from(group.num_rows()).unwrap_or(0),
            metadata: column.clone(),
            bloom_filter: Sbbf::read_from_column_chunk(column, old)?,
            column_index: column_indexes.and_then(|indexes| indexes.get(place)).cloned(),
            offset_index: offset_indexes.and_then(|indexes| indexes.get(place)).cloned(),
        };
        copy.append_column(old, close)?;
    }
    copy.close().map(drop)
}

/// The rows of the row groups from `kept` on, then the new ones.
fn with_last_row_groups(
    old: &OpenFile,
    metadata: &ArrowReaderMetadata,
    kept: usize,
    rows: &RecordBatch,
) -> Result<RecordBatch, ParquetError> {
    let groups: Vec<usize> = (kept..metadata.metadata().num_row_groups()).collect();
    let mut batches = Vec::new();
    if !groups.is_empty() {
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(old.clone(), metadata.clone())
            .with_row_groups(groups)
            .build()?;
        for batch in reader {
            batches.push(batch?);
        }
    }
    batches.push(RecordBatch::try_new(SchemaRef::clone(metadata.schema()), rows.columns().to_vec())?);
    Ok(concat_batches(metadata.schema(), &batches)?)
}

fn rewrite(
    old: &OpenFile,
    metadata: &ArrowReaderMetadata,
    rows: &RecordBatch,
    writer: &mut BufWriter<File>,
) -> Result<(), ParquetError> {
    let properties = WriterProperties::builder().set_compression(compression(metadata.metadata())).build();
    let mut writer = ArrowWriter::try_new(writer, SchemaRef::clone(metadata.schema()), Some(properties))?;
    for batch in ParquetRecordBatchReaderBuilder::new_with_metadata(old.clone(), metadata.clone()).build()? {
        writer.write(&batch?)?;
    }
    writer.write(&RecordBatch::try_new(SchemaRef::clone(metadata.schema()), rows.columns().to_vec())?)?;
    writer.close().map(drop)
}

/// The compression that the file has.
fn compression(footer: &ParquetMetaData) -> Compression {
    let first = footer.row_groups().first().and_then(|group| group.columns().first());
    first.map_or(Compression::SNAPPY, ColumnChunkMetaData::compression)
}
