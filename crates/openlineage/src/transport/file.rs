//! To files: one an event, or all events as lines of one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use larder_core::Clock;
use serde_json::Value;

use super::Transport;
use crate::TransportError;

/// Files whose names begin alike: `events.json-20240131-120000.000001.json`. The time is that of sending, in UTC; where
/// two events have one time, the later gets the next microsecond that is free.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) path: PathBuf,
    pub(super) append: bool,
    pub(super) clock: Arc<dyn Clock>,
}

impl Files {
    fn write(&self, path: &Path, line: &str) -> io::Result<()> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let mut file = if self.append {
            OpenOptions::new().create(true).append(true).open(path)?
        } else {
            self.create()?
        };
        // In one piece, so that lines of several processes do not run into each other.
        file.write_all(line.as_bytes())
    }

    fn create(&self) -> io::Result<File> {
        let mut time = self.clock.now();
        loop {
            let digits = time.to_isoformat();
            let digits = digits.split('+').next().unwrap_or_default();
            let (seconds, micros) = digits.split_once('.').unwrap_or((digits, "000000"));
            let stamp = seconds.replace(['-', ':'], "").replace('T', "-");
            let mut name = self.path.clone().into_os_string();
            name.push(format!("-{stamp}.{micros}.json"));
            match OpenOptions::new().write(true).create_new(true).open(&name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    time = time.saturating_add(std::time::Duration::from_micros(1));
                }
                opened => return opened,
            }
        }
    }
}

impl Transport for Files {
    fn send(&mut self, event: &Value) -> Result<(), TransportError> {
        let written = self.write(&self.path, &format!("{event}\n"));
        written.map_err(|source| TransportError::File { path: self.path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use larder_core::{FixedClock, Timestamp};
    use serde_json::json;

    use super::*;

    fn files(folder: &Path, append: bool) -> Files {
        let clock = FixedClock::new(Timestamp::parse("2024-01-31T12:00:00Z").unwrap());
        Files { path: folder.join("events.json"), append, clock: Arc::new(clock) }
    }

    #[test]
    fn each_event_gets_a_file_of_its_own_also_within_one_microsecond() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = files(folder.path(), false);
        files.send(&json!({"a": 1})).unwrap();
        files.send(&json!({"a": 2})).unwrap();
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("events.json-20240131-120000.000000.json"), "{\"a\":1}\n");
        assert_eq!(read("events.json-20240131-120000.000001.json"), "{\"a\":2}\n");
    }

    #[test]
    fn appended_events_are_lines_and_what_was_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = files(&folder.path().join("new"), true);
        files.send(&json!({"a": 1})).unwrap();
        files.send(&json!({"a": 2})).unwrap();
        assert_eq!(fs::read_to_string(&files.path).unwrap(), "{\"a\":1}\n{\"a\":2}\n");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("taken"), "").unwrap();
        let mut files = files(&folder.path().join("taken"), true);
        let error = files.send(&json!({})).unwrap_err();
        assert!(error.to_string().contains("taken/events.json"), "{error}");
    }
}
