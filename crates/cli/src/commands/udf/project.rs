//! The folder of a transformation: its language, its name, and where larder's own files in it lie.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::arguments::Language;

/// The file that each language's transformation has, in the order in which they are looked for.
const SOURCES: [(Language, &str); 4] = [
    (Language::Rust, "Cargo.toml"),
    (Language::Python, "udf.py"),
    (Language::Js, "udf.js"),
    (Language::C, "udf.c"),
];

/// A transformation's folder.
#[derive(Debug)]
pub(super) struct Project {
    /// Its absolute path.
    pub(super) dir: PathBuf,
    pub(super) language: Language,
}

impl Project {
    /// Reads what the folder holds.
    pub(super) fn open(dir: &Path) -> Result<Self> {
        let shown = dir.display();
        if !dir.is_dir() {
            bail!("there is no folder `{shown}`; `larder udf new NAME --lang LANGUAGE` makes one");
        }
        let dir = dir.canonicalize().with_context(|| format!("`{shown}` cannot be opened"))?;
        let languages: Vec<_> = SOURCES
            .iter()
            .filter(|(_, file)| dir.join(file).is_file())
            .map(|(language, _)| *language)
            .collect();
        match languages.as_slice() {
            [language] => Ok(Self { language: *language, dir }),
            [] => bail!(
                "`{shown}` is no folder of a transformation: there is none of {} in it; `larder udf new NAME --lang \
                 LANGUAGE` makes one",
                list(&SOURCES.map(|(_, file)| file))
            ),
            _ => bail!(
                "`{shown}` holds transformations in several languages; keep one of {}",
                list(&SOURCES.map(|(_, file)| file))
            ),
        }
    }

    /// The folder's name, which the component gets.
    pub(super) fn name(&self) -> String {
        let name = self.dir.file_name().map(|name| name.to_string_lossy().into_owned());
        name.unwrap_or_else(|| "udf".to_owned())
    }

    /// The folder for what larder keeps between builds; no definitions are looked for in it.
    pub(super) fn hidden(&self) -> PathBuf {
        self.dir.join(".larder")
    }
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
