//! Appending to one CSV or NDJSON file.

use std::io::{BufWriter, Read, Write, copy};
use std::path::Path;

use arrow::array::RecordBatch;
use larder_core::FileFormat;

use crate::error::OfflineError;
use crate::file_table::OpenFile;
use crate::replace_file::replace_file;
use crate::write_text::write_text;

/// Writes the file anew with the rows at its end. The rows have the columns of the header, in order.
pub(crate) fn append_to_text(
    path: &Path,
    rows: &RecordBatch,
    format: FileFormat,
) -> Result<(), OfflineError> {
    let old = OpenFile::open(path)?;
    replace_file(path, |writer| {
        let mut old = LastByte { reader: old.reader(), last: b'\n' };
        copy(&mut old, writer).map_err(OfflineError::io("write", path))?;
        end_line(old.last, writer).map_err(OfflineError::io("write", path))?;
        write_text(writer, rows, format, false)
    })
}

/// Ends the last line of a file that does not.
fn end_line(last: u8, writer: &mut BufWriter<std::fs::File>) -> std::io::Result<()> {
    if last == b'\n' { Ok(()) } else { writer.write_all(b"\n") }
}

/// Remembers the last byte read.
struct LastByte<R> {
    reader: R,
    last: u8,
}

impl<R: Read> Read for LastByte<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.reader.read(buffer)?;
        if let Some(last) = buffer.get(..count).and_then(<[u8]>::last) {
            self.last = *last;
        }
        Ok(count)
    }
}
