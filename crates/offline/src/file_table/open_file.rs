//! Files that stay the same while they are read.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};

use crate::error::OfflineError;

/// A file opened once and read at any place, by any number of threads at a time.
///
/// Who replaces the file by a rename does not disturb its readers: they keep the file they opened.
#[derive(Clone, Debug)]
pub(crate) struct OpenFile {
    file: Arc<File>,
    length: u64,
}

impl OpenFile {
    pub(crate) fn open(path: &Path) -> Result<Self, OfflineError> {
        let file = File::open(path).map_err(OfflineError::io("read", path))?;
        let length = file.metadata().map_err(OfflineError::io("read", path))?.len();
        Ok(Self { file: Arc::new(file), length })
    }

    /// Reads from the first byte to what was the last when the file was opened.
    pub(crate) fn reader(&self) -> impl Read + use<> {
        ReadAt { file: Arc::clone(&self.file), offset: 0 }.take(self.length)
    }

    fn modified(&self) -> Option<SystemTime> {
        self.file.metadata().and_then(|metadata| metadata.modified()).ok()
    }
}

/// A file of a table, held open where the operating system lets us hold that many.
#[derive(Debug)]
pub(crate) struct TableFile {
    path: PathBuf,
    state: FileState,
}

#[derive(Debug)]
enum FileState {
    Held(OpenFile),
    Reopened { length: u64, modified: Option<SystemTime> },
}

/// A table holds as many files open; those of a larger table are opened again for each read.
pub(crate) const MAX_HELD_FILES: usize = 256;

impl TableFile {
    pub(crate) fn new(path: &Path, file: OpenFile, hold: bool) -> Self {
        let state = if hold {
            FileState::Held(file)
        } else {
            FileState::Reopened { length: file.length, modified: file.modified() }
        };
        Self { path: path.to_owned(), state }
    }

    /// The same bytes as ever, or [`OfflineError::FileChanged`].
    pub(crate) fn open(&self) -> Result<OpenFile, OfflineError> {
        match &self.state {
            FileState::Held(file) => Ok(file.clone()),
            FileState::Reopened { length, modified } => {
                let file = OpenFile::open(&self.path)?;
                if file.length == *length && file.modified() == *modified {
                    Ok(file)
                } else {
                    Err(OfflineError::FileChanged { path: self.path.clone() })
                }
            }
        }
    }
}

impl Length for OpenFile {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for OpenFile {
    type T = BufReader<ReadAt>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(BufReader::new(ReadAt { file: Arc::clone(&self.file), offset: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        // A broken footer can ask for anything: look before reserving memory.
        if start.checked_add(length as u64).is_none_or(|end| end > self.length) {
            return Err(ParquetError::EOF(format!(
                "{length} bytes at {start} lie beyond the end at {}",
                self.length
            )));
        }
        let mut bytes = Vec::with_capacity(length);
        let mut reader = ReadAt { file: Arc::clone(&self.file), offset: start }.take(length as u64);
        if reader.read_to_end(&mut bytes)? != length {
            return Err(ParquetError::EOF(format!("the file ended before {length} bytes at {start}")));
        }
        Ok(bytes.into())
    }
}

/// Reads on from an offset of its own, whatever others do with the file.
#[derive(Debug)]
pub(crate) struct ReadAt {
    file: Arc<File>,
    offset: u64,
}

impl Read for ReadAt {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = read_at(&self.file, buffer, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}
