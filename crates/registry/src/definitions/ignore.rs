//! `.feastignore`: which files hold no definitions.

use std::path::{Component, Path};

use glob::{MatchOptions, Pattern};

use crate::problem::{Place, Problem, SourceText};
use crate::text_file::read_text;

/// The patterns of `.feastignore`: one glob a line, from the repo's folder, `#` for comments.
#[derive(Debug, Default)]
pub(super) struct Ignore(Vec<Pattern>);

const NAME: &str = ".feastignore";

impl Ignore {
    pub(super) fn read(repo: &Path) -> Result<Self, Problem> {
        let file = repo.join(NAME);
        if !file.is_file() {
            return Ok(Self::default());
        }
        let text = read_text(&file, Path::new(NAME))?;
        let source = SourceText::new(Path::new(NAME), &text);
        let mut patterns = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let pattern = line.split('#').next().unwrap_or_default().trim();
            if pattern.is_empty() {
                continue;
            }
            let pattern = pattern.trim_end_matches('/').trim_start_matches("./");
            patterns.push(Pattern::new(pattern).map_err(|error| {
                Place::new(&source, at + 1, 1, line.chars().count())
                    .problem("invalid glob")
                    .because(error.msg)
            })?);
        }
        Ok(Self(patterns))
    }

    /// Whether a pattern names the path, or a folder that it lies in.
    pub(super) fn matches(&self, relative: &Path) -> bool {
        let options =
            MatchOptions { case_sensitive: true, require_literal_separator: true, ..MatchOptions::new() };
        let named = |path: &Path| self.0.iter().any(|pattern| pattern.matches_path_with(path, options));
        relative
            .ancestors()
            .filter(|path| path.components().any(|part| matches!(part, Component::Normal(_))))
            .any(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_files_and_whole_folders() {
        let folder = tempfile::tempdir().unwrap();
        let text = "# not ours\ndocker-compose.yaml\nci/ # a folder\n**/draft_*.yaml\n";
        std::fs::write(folder.path().join(NAME), text).unwrap();
        let ignore = Ignore::read(folder.path()).unwrap();
        for path in
            ["docker-compose.yaml", "ci/build.yaml", "ci/a/b.yaml", "a/b/draft_x.yaml", "draft_x.yaml"]
        {
            assert!(ignore.matches(Path::new(path)), "{path}");
        }
        for path in ["features.yaml", "a/docker-compose.yaml", "drafts.yaml"] {
            assert!(!ignore.matches(Path::new(path)), "{path}");
        }
    }
}
