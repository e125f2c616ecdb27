//! Tables in files: one file, the files of a folder, or those of a glob, in one of three formats.
//!
//! A table is a list of *chunks* in source order: the row groups of Parquet files, whole text files.
//! Chunks can be read in any order and at the same time. Columns come by the names they have after the
//! field mapping, cast to the types asked for.

mod csv_file;
mod locate;
mod ndjson_file;
mod open_file;
mod parquet_file;
mod schema;
mod text_type;
mod wanted;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{Schema, SchemaRef};
use larder_core::{DataSource, Field, FileFormat, FileSource, RequestError};
use rayon::prelude::*;

use self::csv_file::CsvFile;
use self::ndjson_file::NdJsonFile;
use self::open_file::MAX_HELD_FILES;
use self::parquet_file::ParquetFile;
use crate::error::OfflineError;
use crate::point_in_time_join::Position;

pub(crate) use self::locate::{Located, Place, locate};
pub use self::locate::{files_of, is_file_of};
pub(crate) use self::open_file::OpenFile;
pub(crate) use self::parquet_file::times;
pub(crate) use self::wanted::{ReadAs, Wanted};

/// Called with each batch: the columns wanted, and the number of rows.
pub(crate) type Visit<'a> = dyn FnMut(&[ArrayRef], usize) -> Result<(), OfflineError> + 'a;

/// A table in files, opened.
#[derive(Debug)]
pub(crate) struct FileTable {
    data_source: Arc<str>,
    files: Vec<DataFile>,
    chunks: Vec<Chunk>,
    /// The column of event times, by its name after the field mapping.
    timestamp_column: String,
    /// The column of created times, likewise.
    created_column: Option<String>,
}

#[derive(Debug)]
struct DataFile {
    path: PathBuf,
    content: Content,
    /// The columns with their names after the field mapping.
    schema: SchemaRef,
}

#[derive(Debug)]
enum Content {
    Parquet(ParquetFile),
    Csv(CsvFile),
    NdJson(NdJsonFile),
}

#[derive(Clone, Copy, Debug)]
struct Chunk {
    file: usize,
    /// The row group in a Parquet file.
    row_group: usize,
}

/// Columns to be read, found in every file of a table.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    wanted: Vec<Wanted>,
    /// For each file, the place of each wanted column.
    of_files: Vec<Vec<usize>>,
}

/// A wanted column in one file.
pub(crate) struct FileColumn<'a> {
    /// The name after the field mapping.
    pub(crate) name: &'a str,
    /// The place in the file.
    pub(crate) index: usize,
    /// The type to give it.
    pub(crate) read_as: ReadAs,
}

/// A file and the source it belongs to, for errors.
pub(crate) struct FileName<'a> {
    pub(crate) data_source: &'a str,
    pub(crate) path: &'a Path,
}

impl FileName<'_> {
    /// An error about a value. It names a row of a batch; the error made of it names the row of the
    /// file, where `rows_visited` rows of the batches before and, if only `chosen` rows are read, those
    /// between count too.
    pub(crate) fn value(
        &self,
        mut error: RequestError,
        first_row: usize,
        rows_visited: usize,
        chosen: Option<&[u64]>,
    ) -> OfflineError {
        if let RequestError::InvalidValue { row, .. } = &mut error {
            let visited = rows_visited + *row;
            let place = chosen.and_then(|rows| rows.get(visited)).and_then(|row| usize::try_from(*row).ok());
            *row = first_row + place.unwrap_or(visited);
        }
        OfflineError::Value {
            data_source: self.data_source.to_owned(),
            path: self.path.to_owned(),
            source: Box::new(error),
        }
    }
}

impl FileTable {
    /// Finds and opens the files of a source. Of Parquet files the footers are read, of text files
    /// everything, to know the types.
    pub(crate) fn open(repo_dir: &Path, data_source: &DataSource) -> Result<Self, OfflineError> {
        let source = file_source(data_source)?;
        let located = locate(repo_dir, &data_source.name, source)?;
        Self::open_files(&data_source.name, source, &located)
    }

    /// As [`open`](Self::open), with the files found already.
    pub(crate) fn open_files(
        data_source: &str,
        source: &FileSource,
        located: &Located,
    ) -> Result<Self, OfflineError> {
        let hold = located.files.len() <= MAX_HELD_FILES;
        let files = located
            .files
            .par_iter()
            .map(|path| DataFile::open(data_source, source, path, hold))
            .collect::<Result<Vec<_>, _>>()?;
        let mut chunks = Vec::new();
        for (file, data_file) in files.iter().enumerate() {
            match &data_file.content {
                Content::Parquet(parquet) => {
                    chunks.extend((0..parquet.row_groups().len()).map(|row_group| Chunk { file, row_group }));
                }
                Content::Csv(_) | Content::NdJson(_) => chunks.push(Chunk { file, row_group: 0 }),
            }
        }
        if chunks.len() as u64 > Position::MAX_CHUNKS {
            return Err(OfflineError::TooManyRows {
                what: format!("the list of row groups of data source `{data_source}`"),
                limit: Position::MAX_CHUNKS,
            });
        }
        let mapped = |column: &str| match files.first() {
            Some(file) if file.content.schema().column_with_name(column).is_some() => {
                source.field_mapping.get(column).map_or(column, String::as_str).to_owned()
            }
            _ => column.to_owned(),
        };
        Ok(Self {
            data_source: Arc::from(data_source),
            timestamp_column: mapped(&source.timestamp_field),
            created_column: source.created_timestamp_column.as_deref().map(mapped),
            files,
            chunks,
        })
    }

    /// Opens a single table without a source, as the formats' readers see it.
    pub(crate) fn open_plain(path: &Path, format: FileFormat) -> Result<Self, OfflineError> {
        let source = FileSource { format, ..FileSource::new("", "") };
        let located = Located { place: Place::File, files: vec![path.to_owned()] };
        Self::open_files(&path.display().to_string(), &source, &located)
    }

    /// The columns of all files together, after the field mapping: those of the first file, then those
    /// that only later ones have.
    pub(crate) fn schema(&self) -> Result<Schema, OfflineError> {
        schema::of_files(
            &self.data_source,
            self.files.iter().map(|file| (file.path.as_path(), &file.schema, file.content.is_text())),
        )
    }

    /// The event time.
    pub(crate) fn timestamp_column(&self) -> Wanted {
        Wanted::time(&self.timestamp_column)
    }

    /// The created time, if the source has one.
    pub(crate) fn created_column(&self) -> Option<Wanted> {
        self.created_column.as_deref().map(Wanted::time)
    }

    /// Finds columns in every file.
    pub(crate) fn select(&self, wanted: Vec<Wanted>) -> Result<Selection, OfflineError> {
        let find = |file: &DataFile, column: &Wanted| {
            let mut same =
                file.schema.fields().iter().enumerate().filter(|(_, field)| field.name() == &column.name);
            match (same.next(), same.next()) {
                (Some((index, _)), None) => Ok(index),
                (None, _) => Err(OfflineError::MissingColumn {
                    data_source: self.data_source.to_string(),
                    path: file.path.clone(),
                    column: column.name.clone(),
                    found: file.schema.fields().iter().map(|field| field.name().clone()).collect(),
                }),
                (Some(_), Some(_)) => Err(OfflineError::DuplicateColumn {
                    data_source: self.data_source.to_string(),
                    path: file.path.clone(),
                    column: column.name.clone(),
                }),
            }
        };
        let of_files = self
            .files
            .iter()
            .map(|file| wanted.iter().map(|column| find(file, column)).collect())
            .collect::<Result<_, _>>()?;
        Ok(Selection { wanted, of_files })
    }

    /// Selects the join keys as well as features or other declared columns.
    pub(crate) fn select_fields(&self, fields: &[Field]) -> Result<Selection, OfflineError> {
        self.select(fields.iter().map(Wanted::field).collect())
    }

    /// How many chunks there are.
    pub(crate) fn chunk_count(&self) -> usize {
        self.chunks.len()
    }

    /// The earliest and latest event time of each chunk, where it is known before reading.
    pub(crate) fn time_ranges(&self) -> Vec<Option<(i64, i64)>> {
        let mut ranges = Vec::with_capacity(self.chunks.len());
        for file in &self.files {
            match (&file.content, file.schema.index_of(&self.timestamp_column)) {
                (Content::Parquet(parquet), Ok(column)) => ranges.extend(parquet.time_ranges(column)),
                (Content::Parquet(parquet), Err(_)) => ranges.extend(parquet.row_groups().map(|_| None)),
                _ => ranges.push(None),
            }
        }
        ranges
    }

    /// About how many bytes a row of the selected columns takes in memory.
    pub(crate) fn bytes_per_row(&self, selection: &Selection) -> u64 {
        let sizes = (0..self.files.len()).filter_map(|file| match &self.files.get(file)?.content {
            Content::Parquet(parquet) => Some(parquet.bytes_per_row(&selection.columns(file))),
            // A text file does not tell; most columns are numbers or short text.
            Content::Csv(_) | Content::NdJson(_) => Some(16 * selection.wanted.len() as u64),
        });
        sizes.max().unwrap_or(0).max(1)
    }

    /// Reads the selected columns of a chunk, batch by batch in source order.
    pub(crate) fn scan(
        &self,
        chunk: usize,
        selection: &Selection,
        visit: &mut Visit<'_>,
    ) -> Result<(), OfflineError> {
        self.read(chunk, selection, None, visit)
    }

    /// Reads the selected columns of chosen rows of a chunk. `rows` are sorted and distinct; the
    /// batches hold their values in that order.
    pub(crate) fn fetch(
        &self,
        chunk: usize,
        selection: &Selection,
        rows: &[u64],
    ) -> Result<Vec<Vec<ArrayRef>>, OfflineError> {
        let mut batches = Vec::new();
        self.read(chunk, selection, Some(rows), &mut |columns, _| {
            batches.push(columns.to_vec());
            Ok(())
        })?;
        Ok(batches)
    }

    fn read(
        &self,
        chunk: usize,
        selection: &Selection,
        rows: Option<&[u64]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), OfflineError> {
        let Some(chunk) = self.chunks.get(chunk) else { return Ok(()) };
        let Some(file) = self.files.get(chunk.file) else { return Ok(()) };
        let name = FileName { data_source: &self.data_source, path: &file.path };
        let columns = selection.columns(chunk.file);
        match &file.content {
            Content::Parquet(parquet) => parquet.read(&name, chunk.row_group, &columns, rows, visit),
            Content::Csv(csv) => csv.read(&name, &columns, rows, visit),
            Content::NdJson(ndjson) => ndjson.read(&name, &columns, rows, visit),
        }
    }
}

impl Selection {
    fn columns(&self, file: usize) -> Vec<FileColumn<'_>> {
        let places = self.of_files.get(file).map(Vec::as_slice).unwrap_or_default();
        let columns = self.wanted.iter().zip(places);
        columns
            .map(|(wanted, index)| FileColumn {
                name: &wanted.name,
                index: *index,
                read_as: wanted.read_as.clone(),
            })
            .collect()
    }
}

impl DataFile {
    fn open(data_source: &str, source: &FileSource, path: &Path, hold: bool) -> Result<Self, OfflineError> {
        let content = match source.format {
            FileFormat::Parquet => ParquetFile::open(path, hold).map(Content::Parquet),
            FileFormat::Csv => CsvFile::open(path, hold).map(Content::Csv),
            FileFormat::NdJson => NdJsonFile::open(path, hold).map(Content::NdJson),
            _ => Err(OfflineError::UnknownFormat { path: path.to_owned() }),
        };
        let content = content.map_err(|error| match error {
            OfflineError::Io { source, path, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                OfflineError::FileNotFound { data_source: data_source.to_owned(), path }
            }
            error => error,
        })?;
        let schema = schema::mapped(content.schema(), &source.field_mapping);
        Ok(Self { path: path.to_owned(), content, schema })
    }
}

impl Content {
    fn schema(&self) -> &SchemaRef {
        match self {
            Self::Parquet(file) => file.schema(),
            Self::Csv(file) => file.schema(),
            Self::NdJson(file) => file.schema(),
        }
    }

    fn is_text(&self) -> bool {
        !matches!(self, Self::Parquet(_))
    }
}

/// The file source, or an error that says why there is none.
pub(crate) fn file_source(data_source: &DataSource) -> Result<&FileSource, OfflineError> {
    let unreadable = |kind: String| OfflineError::NotReadable { data_source: data_source.name.clone(), kind };
    let file = data_source
        .as_file()
        .ok_or_else(|| unreadable(format!("a source of type `{}`", data_source.type_name())))?;
    if file.format == FileFormat::Delta {
        return Err(unreadable("a Delta table".to_owned()));
    }
    match file.path.split_once("://") {
        Some((scheme, _)) if scheme != "file" => Err(unreadable(format!("a file on `{scheme}://`"))),
        _ => Ok(file),
    }
}
