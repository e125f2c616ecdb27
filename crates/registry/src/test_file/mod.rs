//! Test files: `*.test.yaml` beside a component, with the cases of its functions and what holds for all rows.
//!
//! A file has a document for each function. Only the form is read here; whether rows fit the function is
//! known when the component is loaded, so everything that could be wrong then keeps its [`Place`].

mod read;
mod shapes;

pub(crate) use self::shapes::TESTS;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use larder_core::TransformationLimits;
use serde_json::Value;

use crate::definitions::yaml_files;
use crate::problem::{Place, Problem, Problems, Report, SourceText};
use crate::text_file::read_text;
use crate::yaml::{At, parse};

/// How the name of a test file ends.
pub const TEST_FILE_ENDING: &str = ".test.yaml";

/// The tests of one function: one document of a test file.
#[derive(Clone, Debug, Default)]
pub struct TransformationTests {
    /// The component's file, from the folder of the test file.
    pub component: Option<At<String>>,
    /// The function; the component's only one where it is left out.
    pub function: Option<At<String>>,
    /// What one call may use up, as in a view.
    pub limits: TransformationLimits,
    /// What generated rows hold, by input.
    pub inputs: BTreeMap<String, At<InputDomain>>,
    /// Which outputs are null where an input is null.
    pub null_spread: Option<Spread>,
    /// Which outputs are NaN (or null) where an input is NaN.
    pub nan_spread: Option<Spread>,
    /// Whether no properties are checked over generated rows.
    pub without_properties: bool,
    /// Properties that are not checked, with the reason.
    pub skipped: BTreeMap<Property, String>,
    /// Generated tables for each property.
    pub batches: Option<usize>,
    /// The most rows of a generated table.
    pub rows: Option<usize>,
    /// What a call over generated rows may cost.
    pub budgets: Budgets,
    /// The rows of that call.
    pub budget_rows: Option<usize>,
    /// The cases.
    pub cases: Vec<TestCase>,
}

/// Given rows, and what must come of them.
#[derive(Clone, Debug)]
pub struct TestCase {
    /// Its name, unique in the document.
    pub name: At<String>,
    /// The input rows.
    pub given: TestTable,
    /// What must come of them.
    pub then: Then,
    /// How far numbers may be off, by output column.
    pub tolerance: BTreeMap<String, At<Tolerance>>,
    /// How far the numbers of all other columns may be off.
    pub default_tolerance: Tolerance,
    /// What the call may cost.
    pub budgets: Budgets,
}

/// What must come of given rows.
#[derive(Clone, Debug)]
pub enum Then {
    /// These rows; columns that are not named are not looked at.
    Expect(TestTable),
    /// An error whose text contains this.
    Error(At<String>),
    /// No error, and these properties.
    Holds(Vec<Property>),
}

/// Rows in the file itself, or in another one.
#[derive(Clone, Debug)]
pub enum TestTable {
    /// Rows, each a mapping from column to value.
    Rows {
        /// Where they begin.
        place: Place,
        /// The cells of each row, in the order of the file, with the place of the row.
        rows: Vec<At<Vec<Cell>>>,
    },
    /// A CSV, NDJSON, JSON or Parquet file, from the folder of the test file.
    File(At<String>),
}

/// A value of a row.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The column.
    pub column: At<String>,
    /// The value as JSON; NaN and the infinities are the texts that columns of floats take.
    pub value: At<Value>,
}

/// How far a number may be off: by either.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tolerance {
    /// The largest difference.
    pub absolute: f64,
    /// The largest difference as a share of the expected number.
    pub relative: f64,
}

/// What a call may cost; `None` is no limit.
#[derive(Clone, Debug, Default)]
pub struct Budgets {
    /// Instructions. The same everywhere, so the one to set.
    pub instructions: Option<At<u64>>,
    /// The most linear memory.
    pub memory_bytes: Option<At<usize>>,
    /// Bytes of the output's columns.
    pub output_bytes: Option<At<usize>>,
    /// Wall time, the best of some calls.
    pub time: Option<At<Duration>>,
}

impl Budgets {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        self.instructions.is_none()
            && self.memory_bytes.is_none()
            && self.output_bytes.is_none()
            && self.time.is_none()
    }
}

/// The values that an input has in practice. Generated rows keep to it.
#[derive(Clone, Debug, Default)]
pub struct InputDomain {
    /// The least and the greatest value, for numbers and times.
    pub range: Option<(Value, Value)>,
    /// The only values.
    pub values: Vec<Value>,
    /// Whether it is never null.
    pub never_null: bool,
}

/// From which inputs a null or NaN spreads to which outputs.
#[derive(Clone, Debug)]
pub enum Spread {
    /// From every input to every output.
    All,
    /// By output, the inputs it spreads from.
    From(BTreeMap<String, At<Vec<At<String>>>>),
}

/// Something that holds for every row that a pure function may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Property {
    /// The same input gives the same output twice, also in an instance that was used before.
    Repeat,
    /// Rows in another order give the same rows in that order.
    Permute,
    /// The parts of a table give what the whole gives.
    Split,
    /// A table after itself gives its output twice.
    Concat,
    /// What lies under a null is not read.
    Masked,
    /// A table without rows gives one without rows.
    Empty,
    /// Ordinary values are answered.
    Ordinary,
    /// NaN, the infinities and negative zero are answered.
    Floats,
    /// The least and greatest values of each type are answered.
    Extremes,
    /// Text of all kinds of characters is answered.
    Unicode,
    /// Nulls spread as declared.
    NullSpread,
    /// NaNs spread as declared.
    NanSpread,
}

impl Property {
    /// All of them, in the order in which they are checked.
    pub const ALL: [Self; 12] = [
        Self::Ordinary,
        Self::Empty,
        Self::Repeat,
        Self::Permute,
        Self::Split,
        Self::Concat,
        Self::Masked,
        Self::Floats,
        Self::Extremes,
        Self::Unicode,
        Self::NullSpread,
        Self::NanSpread,
    ];

    /// Their names, in the same order.
    #[expect(clippy::indexing_slicing, reason = "would be told when larder is compiled")]
    pub(crate) const NAMES: [&'static str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut at = 0;
        while at < names.len() {
            names[at] = Self::ALL[at].name();
            at += 1;
        }
        names
    };

    /// Its name in test files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Repeat => "repeat",
            Self::Permute => "permute",
            Self::Split => "split",
            Self::Concat => "concat",
            Self::Masked => "masked",
            Self::Empty => "empty",
            Self::Ordinary => "ordinary",
            Self::Floats => "floats",
            Self::Extremes => "extremes",
            Self::Unicode => "unicode",
            Self::NullSpread => "null_spread",
            Self::NanSpread => "nan_spread",
        }
    }

    /// The property of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|property| property.name() == name)
    }
}

/// Whether a file is one of tests, by its name.
pub(crate) fn is_test_file(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    name.ends_with(TEST_FILE_ENDING) || name.ends_with(".test.yml")
}

/// The test files in a folder and below, by path: not in hidden folders, `data`, `target`,
/// `node_modules` and `__pycache__`, and not what the folder's `.feastignore` names.
///
/// # Errors
///
/// If the folder or its `.feastignore` cannot be read.
pub fn find_test_files(folder: &Path) -> Result<Vec<PathBuf>, Problems> {
    let mut files = yaml_files(folder)?;
    files.retain(|file| is_test_file(file));
    Ok(files)
}

/// Reads a test file; problems show it as `shown`.
///
/// # Errors
///
/// Everything that is wrong with it, each with its place.
pub fn read_test_file(file: &Path, shown: &Path) -> Result<Vec<TransformationTests>, Problems> {
    let text = read_text(file, shown)?;
    let source = SourceText::new(shown, &text);
    let mut report = Report::default();
    let documents = parse(&source, &text, None, &mut report.problems)?;
    let mut tests = Vec::new();
    for document in documents.iter().filter(|document| !document.is_null()) {
        tests.extend(read::read_tests(document, &mut report));
    }
    if tests.is_empty() && report.problems.is_empty() {
        let nothing = Problem::of_file(shown, "the file holds no tests");
        return Err(nothing.remedy("name a component with `component: FILE.wasm`").into());
    }
    if report.problems.is_empty() { Ok(tests) } else { Err(Problems::new(report.problems)) }
}
