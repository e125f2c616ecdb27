//! Whole tables in single files: what `get-historical-features` reads and writes.

use std::fs::File;
use std::io::{BufWriter, ErrorKind};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{Schema, SchemaRef};
use larder_core::{Field, FileFormat, ValueType};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use crate::error::OfflineError;
use crate::file_table::{FileTable, Wanted};
use crate::replace_file::Replacement;
use crate::write_text::write_text;

/// Reads a Parquet, CSV or NDJSON file, as its ending says. Columns of text files get the narrowest
/// type that holds all their values; a number with leading zeros is text.
///
/// # Errors
///
/// [`OfflineError::UnknownFormat`], [`OfflineError::Io`] or [`OfflineError::CorruptFile`].
pub fn read_table(path: &Path) -> Result<RecordBatch, OfflineError> {
    let table = open(path)?;
    let schema = SchemaRef::new(table.schema()?);
    let wanted = schema.fields().iter().map(|field| Wanted::found(field.name())).collect();
    read(&table, &schema, wanted)
}

/// Reads the first rows of a file as [`read_table`] does, and how many it has in all.
///
/// # Errors
///
/// As [`read_table`].
pub fn read_head(path: &Path, rows: usize) -> Result<(RecordBatch, usize), OfflineError> {
    let table = open(path)?;
    let schema = SchemaRef::new(table.schema()?);
    let all = table.select(schema.fields().iter().map(|field| Wanted::found(field.name())).collect())?;
    let none = table.select(Vec::new())?;
    let (mut head, mut total) = (vec![RecordBatch::new_empty(SchemaRef::clone(&schema))], 0);
    for chunk in 0..table.chunk_count() {
        let selection = if total < rows { &all } else { &none };
        table.scan(chunk, selection, &mut |columns, count| {
            if total < rows {
                let batch = RecordBatch::try_new(SchemaRef::clone(&schema), columns.to_vec());
                let batch = batch.map_err(OfflineError::arrow("put a table together"))?;
                head.push(batch.slice(0, count.min(rows - total)));
            }
            total += count;
            Ok(())
        })?;
    }
    let head = concat_batches(&schema, &head).map_err(OfflineError::arrow("put a table together"))?;
    Ok((head, total))
}

/// Reads a file as [`read_table`] does, and shows it to `visit` in batches of bounded size, in order.
///
/// # Errors
///
/// As [`read_table`]; what `visit` says, which ends the reading.
pub fn visit_table<E: From<OfflineError>>(
    path: &Path,
    visit: &mut dyn FnMut(&RecordBatch) -> Result<(), E>,
) -> Result<(), E> {
    let table = open(path)?;
    let schema = SchemaRef::new(table.schema()?);
    let wanted = schema.fields().iter().map(|field| Wanted::found(field.name())).collect();
    let mut stopped = None;
    let read = visit_batches(&table, &schema, wanted, &mut |batch| {
        visit(&batch).map_err(|error| {
            stopped = Some(error);
            OfflineError::Closed
        })
    });
    match stopped {
        Some(error) => Err(error),
        None => Ok(read?),
    }
}

/// Reads a file as [`read_table`] does, with every cell as the text that stands there; an empty cell is
/// null.
///
/// # Errors
///
/// As [`read_table`].
pub fn read_text_table(path: &Path) -> Result<RecordBatch, OfflineError> {
    let table = open(path)?;
    let names: Vec<String> = table.schema()?.fields().iter().map(|field| field.name().clone()).collect();
    let fields: Vec<Field> = names.into_iter().map(|name| Field::new(name, ValueType::STRING)).collect();
    let schema = Schema::new(fields.iter().map(Field::to_arrow).collect::<Vec<_>>());
    read(&table, &SchemaRef::new(schema), fields.iter().map(Wanted::field).collect())
}

fn open(path: &Path) -> Result<FileTable, OfflineError> {
    FileTable::open_plain(path, format_of(path)?).map_err(|error| match error {
        // There is no source whose path could be corrected.
        OfflineError::FileNotFound { path, .. } => {
            OfflineError::Io { action: "read", path, source: ErrorKind::NotFound.into() }
        }
        error => error,
    })
}

fn read(table: &FileTable, schema: &SchemaRef, wanted: Vec<Wanted>) -> Result<RecordBatch, OfflineError> {
    let mut batches = Vec::new();
    visit_batches(table, schema, wanted, &mut |batch| {
        batches.push(batch);
        Ok(())
    })?;
    concat_batches(schema, &batches).map_err(OfflineError::arrow("put a table together"))
}

fn visit_batches(
    table: &FileTable,
    schema: &SchemaRef,
    wanted: Vec<Wanted>,
    visit: &mut dyn FnMut(RecordBatch) -> Result<(), OfflineError>,
) -> Result<(), OfflineError> {
    let selection = table.select(wanted)?;
    for chunk in 0..table.chunk_count() {
        table.scan(chunk, &selection, &mut |columns, _| {
            let batch = RecordBatch::try_new(SchemaRef::clone(schema), columns.to_vec());
            visit(batch.map_err(OfflineError::arrow("put a table together"))?)
        })?;
    }
    Ok(())
}

/// Writes a Parquet, CSV or NDJSON file, as its ending says, in place of what may be there. The file
/// appears when it is complete and durable.
///
/// # Errors
///
/// [`OfflineError::UnknownFormat`], [`OfflineError::Io`], or [`OfflineError::Unwritable`] for a column
/// that the format cannot hold.
pub fn write_table(path: &Path, rows: &RecordBatch) -> Result<(), OfflineError> {
    let mut table = NewTable::begin(path, rows.schema())?;
    table.write(rows)?;
    table.finish()
}

/// A file in the making, written batch by batch. It appears when it is finished, in place of what may be there;
/// dropped before that, it leaves nothing.
#[derive(Debug)]
pub struct NewTable {
    path: PathBuf,
    schema: SchemaRef,
    replacement: Replacement,
    sink: Sink,
}

enum Sink {
    Parquet(Box<ArrowWriter<BufWriter<File>>>),
    Text { writer: BufWriter<File>, format: FileFormat, with_header: bool },
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Parquet(_) => "Parquet",
            Self::Text { .. } => "Text",
        })
    }
}

impl NewTable {
    /// Begins a file with the columns of `schema`.
    ///
    /// # Errors
    ///
    /// As [`write_table`].
    pub fn begin(path: &Path, schema: SchemaRef) -> Result<Self, OfflineError> {
        let format = format_of(path)?;
        let (replacement, writer) = Replacement::begin(path)?;
        let sink = if format == FileFormat::Parquet {
            let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
            let writer = ArrowWriter::try_new(writer, SchemaRef::clone(&schema), Some(properties));
            Sink::Parquet(Box::new(writer.map_err(OfflineError::corrupt_parquet(path))?))
        } else {
            Sink::Text { writer, format, with_header: true }
        };
        Ok(Self { path: path.to_owned(), schema, replacement, sink })
    }

    /// Adds rows of the columns.
    ///
    /// # Errors
    ///
    /// As [`write_table`].
    pub fn write(&mut self, rows: &RecordBatch) -> Result<(), OfflineError> {
        match &mut self.sink {
            Sink::Parquet(writer) => {
                /// What a row group may take up in memory before it goes to the file.
                const ROW_GROUP_BYTES: usize = 64 << 20;
                let written = writer.write(rows).and_then(|()| {
                    if writer.in_progress_size() > ROW_GROUP_BYTES { writer.flush() } else { Ok(()) }
                });
                written.map_err(OfflineError::corrupt_parquet(&self.path))
            }
            Sink::Text { writer, format, with_header } => {
                write_text(writer, rows, *format, *with_header)?;
                *with_header = false;
                Ok(())
            }
        }
    }

    /// Puts the file into place, durable.
    ///
    /// # Errors
    ///
    /// As [`write_table`]; what was there before then still is.
    pub fn finish(mut self) -> Result<(), OfflineError> {
        if let Sink::Text { with_header: true, .. } = self.sink {
            self.write(&RecordBatch::new_empty(SchemaRef::clone(&self.schema)))?;
        }
        let writer = match self.sink {
            Sink::Parquet(writer) => {
                writer.into_inner().map_err(OfflineError::corrupt_parquet(&self.path))?
            }
            Sink::Text { writer, .. } => writer,
        };
        self.replacement.commit(writer)
    }
}

fn format_of(path: &Path) -> Result<FileFormat, OfflineError> {
    FileFormat::from_path(&path.to_string_lossy())
        .ok_or_else(|| OfflineError::UnknownFormat { path: path.to_owned() })
}
