//! Reading a file that people write.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::problem::Problem;

/// More than anybody writes by hand.
const LARGEST_BYTES: u64 = 4 << 20;

/// Reads a text file, without its byte order mark.
///
/// # Errors
///
/// The problem, under the name `shown`: unreadable, too large, not UTF-8.
pub(crate) fn read_text(path: &Path, shown: &Path) -> Result<String, Problem> {
    let unreadable =
        |error: std::io::Error| Problem::of_file(shown, "the file cannot be read").because(error.to_string());
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LARGEST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|size| size > LARGEST_BYTES) {
        return Err(Problem::of_file(shown, "the file is larger than 4 MiB")
            .remedy("split it, or list it in `.feastignore` if it holds no definitions"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes().iter().take(error.utf8_error().valid_up_to()).filter(|b| **b == b'\n').count()
                + 1;
        Problem::of_file(shown, format!("line {line} is not UTF-8 text")).remedy("save the file as UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
