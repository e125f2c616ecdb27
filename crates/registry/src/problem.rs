//! Problems with places: what is wrong with a definition, where, and what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use larder_core::{Error, ErrorKind};

/// One thing that is wrong in one place of one file.
///
/// Displays as a compiler would:
///
/// ```text
/// features.yaml:12:5: unknown key `tll` in feature view `stats`; did you mean `ttl`?
///    |
/// 12 |     tll: 1d
///    |     ^^^
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, relative to the feature repo where it lies in it.
    pub file: PathBuf,
    /// The line, from 1; 0 where the problem is the file as a whole.
    pub line: usize,
    /// The column in characters, from 1; 0 where the problem is the file as a whole.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// Why it is wrong, where that is not plain.
    pub why: Option<String>,
    /// What would make it right.
    pub remedy: Option<String>,
    /// The line itself, where there is one to show.
    pub excerpt: Option<Box<Excerpt>>,
}

/// The line of a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The text, without the line's end.
    pub line: String,
    /// How many characters are meant, from the problem's column on.
    pub width: usize,
}

impl Problem {
    /// A problem of a file as a whole.
    pub fn of_file(file: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 0,
            what: what.into(),
            why: None,
            remedy: None,
            excerpt: None,
        }
    }

    /// Adds why it is wrong.
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// Adds what would make it right.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds a remedy where there is one.
    pub(crate) fn maybe_remedy(mut self, remedy: Option<String>) -> Self {
        self.remedy = remedy.or(self.remedy);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.what)?;
        if let Some(why) = &self.why {
            write!(f, ": {why}")?;
        }
        if let Some(remedy) = &self.remedy {
            write!(f, "; {remedy}")?;
        }
        if let Some(Excerpt { line, width }) = self.excerpt.as_deref() {
            let number = self.line.to_string();
            let gutter = " ".repeat(number.len());
            // A tab stays a tab under itself, so that the caret stands where the terminal shows the mark.
            let before: String = line
                .chars()
                .take(self.column.saturating_sub(1))
                .map(|c| if c == '\t' { '\t' } else { ' ' })
                .collect();
            let carets = "^".repeat((*width).max(1));
            write!(f, "\n{gutter} |\n{number} | {line}\n{gutter} | {before}{carets}")?;
        }
        Ok(())
    }
}

/// Everything that is wrong, in the order of files and lines.
///
/// Displays one [`Problem`] after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    kind: ErrorKind,
    problems: Vec<Problem>,
}

impl Problems {
    /// Puts problems in order.
    pub fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|one, other| {
            (&one.file, one.line, one.column).cmp(&(&other.file, other.line, other.column))
        });
        problems.dedup();
        Self { kind: ErrorKind::Invalid, problems }
    }

    /// One problem of a file as a whole that is missing.
    pub(crate) fn not_found(problem: Problem) -> Self {
        Self { kind: ErrorKind::NotFound, problems: vec![problem] }
    }

    /// The problems; at least one.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Problem> {
        self.problems.iter()
    }

    /// The problems themselves.
    pub fn into_vec(self) -> Vec<Problem> {
        self.problems
    }

    /// What the caller can do: [`ErrorKind::NotFound`] where there is no feature repo at all, else
    /// [`ErrorKind::Invalid`].
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            if at > 0 {
                f.write_str("\n\n")?;
            }
            problem.fmt(f)?;
        }
        if self.problems.len() > 1 {
            write!(f, "\n\n{} problems", self.problems.len())?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self::new(vec![problem])
    }
}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        Self::new(problems.kind, problems)
    }
}

/// What was found while reading: errors, and remarks that stop nothing.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
}

impl Report {
    pub(crate) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub(crate) fn warning(&mut self, warning: Problem) {
        self.warnings.push(warning);
    }
}

/// The text of a file, kept to show lines of it.
#[derive(Debug)]
pub(crate) struct SourceText {
    shown: PathBuf,
    lines: Vec<String>,
}

impl SourceText {
    pub(crate) fn new(shown: &Path, text: &str) -> Arc<Self> {
        let lines = text.lines().map(str::to_owned).collect();
        Arc::new(Self { shown: shown.to_owned(), lines })
    }
}

/// A stretch of one line of a file.
#[derive(Clone, Debug)]
pub struct Place {
    source: Arc<SourceText>,
    line: usize,
    column: usize,
    width: usize,
}

impl Place {
    /// `line` and `column` count from 1, `column` and `width` in characters.
    pub(crate) fn new(source: &Arc<SourceText>, line: usize, column: usize, width: usize) -> Self {
        Self { source: Arc::clone(source), line, column, width }
    }

    /// A problem at this place.
    pub fn problem(&self, what: impl Into<String>) -> Problem {
        // Longer lines are data, not definitions, and would bury the message.
        const LONGEST_SHOWN: usize = 400;
        let line = self.source.lines.get(self.line.saturating_sub(1));
        let line = line.filter(|line| line.chars().count() <= LONGEST_SHOWN && !line.trim().is_empty());
        let left = line.map_or(0, |line| line.chars().count().saturating_sub(self.column.saturating_sub(1)));
        Problem {
            file: self.source.shown.clone(),
            line: self.line,
            column: self.column,
            what: what.into(),
            why: None,
            remedy: None,
            excerpt: line
                .map(|line| Box::new(Excerpt { line: line.clone(), width: self.width.min(left).max(1) })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_its_line_with_a_caret_under_the_mark() {
        let source = SourceText::new(Path::new("features.yaml"), "a: 1\n  tll: 1d\n");
        let problem = Place::new(&source, 2, 3, 3).problem("unknown key `tll`").remedy("did you mean `ttl`?");
        assert_eq!(
            problem.to_string(),
            "features.yaml:2:3: unknown key `tll`; did you mean `ttl`?\n  |\n2 |   tll: 1d\n  |   ^^^"
        );
    }

    #[test]
    fn problems_come_in_the_order_of_the_files() {
        let at = |file: &str, line| Problem { line, column: 1, ..Problem::of_file(file, "x") };
        let problems = Problems::new(vec![at("b", 1), at("a", 2), at("a", 1), at("a", 1)]);
        let places: Vec<_> = problems.iter().map(|p| (p.file.display().to_string(), p.line)).collect();
        assert_eq!(places, [("a".to_owned(), 1), ("a".to_owned(), 2), ("b".to_owned(), 1)]);
    }
}
