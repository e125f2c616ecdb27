//! `larder udf new`: a transformation to start from.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::templates;
use crate::arguments::NewUdfArguments;
use crate::commands::program;

pub(super) fn run(arguments: &NewUdfArguments) -> Result<()> {
    let dir = &arguments.path;
    let name = name_of(dir)?;
    if dir.exists() && !fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none()) {
        bail!("`{}` is there already; choose a new folder", dir.display());
    }
    for (file, content) in templates::files(arguments.lang, &name) {
        let path = dir.join(file);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)
                .with_context(|| format!("cannot create folder `{}`", parent.display()))?;
        }
        fs::write(&path, content).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    let shown = dir.display();
    println!("Creating a new transformation in {shown}.");
    let larder = program();
    eprintln!("\nNext:\n   {larder} udf build {shown} --install\n   {larder} udf test {shown}");
    Ok(())
}

/// The name of the component: that of the folder, which must be one for a Rust crate and a file.
fn name_of(dir: &Path) -> Result<String> {
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let fits = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if !fits {
        bail!(
            "`{name}` cannot name a component; begin with a letter and go on with letters, digits, `_` and `-`"
        );
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_the_path_is_the_name() {
        assert_eq!(name_of(Path::new("udfs/my_features")).unwrap(), "my_features");
        assert_eq!(name_of(Path::new("udfs/trip-text/")).unwrap(), "trip-text");
        for path in ["", "..", "/", "udfs/1st", "my features", "_x", "füge"] {
            name_of(Path::new(path)).expect_err(path);
        }
    }
}
