//! Runs the tests of files and components.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use larder_core::{ComponentDigest, InspectedComponent, TransformationLimits};
use larder_registry::{
    At, Budgets, InputDomain, Problem, Problems, Property, TestCase, Then, TransformationTests,
    read_test_file,
};
use larder_udf::{Meter, MeteredComponent};

use crate::compare::{Tolerances, differences};
use crate::cost::{Cost, measure};
use crate::generate::{Flavour, generate};
use crate::prepare::{Preparation, ReadyCase};
use crate::property::{Subject, Violation};
use crate::random::Random;
use crate::report::{Failure, TestReport, TestResult, TestStatus};
use crate::rows::Rows;
use crate::saved_case::{Wanted, saved_case};
use crate::shrink::shrink;
use crate::{chain, shown_bytes};

/// Generated tables for each property, where the file does not say.
const BATCHES: usize = 40;
/// Time for the tables of one property; fewer are checked of a function that takes long.
const PROPERTY_TIME: Duration = Duration::from_secs(10);
/// The most rows of a generated table, where the file does not say.
const ROWS: usize = 16;
/// Rows of the call that budgets are about, where the file does not say.
const BUDGET_ROWS: usize = 1_000;
/// How often a call is timed for a budget of time.
const TIMINGS: usize = 9;
/// The seed of the rows that budgets are about: always the same rows, so that instructions are too.
const BUDGET_SEED: u64 = 1;

/// How tests are run.
#[derive(Clone, Debug, Default)]
pub struct TestOptions {
    /// Where generated rows begin; the same seed gives the same rows.
    pub seed: u64,
    /// Only tests whose `FUNCTION: NAME` contains this.
    pub filter: Option<String>,
    /// Only the tests of these components.
    pub only: Option<BTreeSet<ComponentDigest>>,
}

/// Runs tests, each component compiled once.
#[derive(Debug)]
pub struct TestRunner<'a> {
    meter: &'a Meter,
    options: TestOptions,
    /// By file and size of stack.
    components: HashMap<(PathBuf, usize), Result<MeteredComponent, String>>,
}

impl<'a> TestRunner<'a> {
    /// A runner that has compiled nothing yet.
    pub fn new(meter: &'a Meter, options: TestOptions) -> Self {
        Self { meter, options, components: HashMap::new() }
    }

    /// Runs a test file; reports and problems show it as `shown`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the file, each with its place, after which nothing of it is run. A
    /// component that larder refuses is a failed test.
    pub fn run_file(&mut self, file: &Path, shown: &Path) -> Result<Vec<TestReport>, Problems> {
        let mut reports = Vec::new();
        let mut problems = Vec::new();
        for tests in read_test_file(file, shown)? {
            match self.run_tests(&tests, file, shown) {
                Ok(report) => reports.extend(report),
                Err(found) => problems.extend(found.into_vec()),
            }
        }
        if problems.is_empty() { Ok(reports) } else { Err(Problems::new(problems)) }
    }

    /// Checks the properties of every function of a component that has no test file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn run_component(&mut self, file: &Path, shown: &Path) -> Result<Vec<TestReport>, Problems> {
        let component = match self.component(file, TransformationLimits::default().stack_bytes) {
            Ok(Ok(component)) => component,
            Ok(Err(refusal)) => return Ok(vec![refused(shown, shown, file, refusal)]),
            Err(error) => {
                return Err(Problem::of_file(shown, "the file cannot be read")
                    .because(error.to_string())
                    .into());
            }
        };
        let InspectedComponent { signatures, digest, .. } = component.inspected();
        let tests = TransformationTests::default();
        let name = shown.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let functions = signatures.into_iter().filter_map(|signature| {
            let function = component.function(&signature.name, TransformationLimits::default())?;
            let subject = Subject { function, null_spread: None, nan_spread: None };
            let mut report = TestReport {
                file: shown.to_owned(),
                component: name.clone(),
                digest: digest.to_string(),
                function: signature.name,
                tests: Vec::new(),
                read: vec![file.to_owned()],
            };
            self.properties(&tests, &subject, &BTreeMap::new(), &mut report);
            Some(report)
        });
        Ok(functions.collect())
    }

    /// Whether the options leave a component in. It is not compiled for that.
    fn is_asked_for(&self, file: &Path) -> bool {
        let Some(only) = &self.options.only else { return true };
        let digest = std::fs::read(file).ok().and_then(|bytes| self.meter.digest(bytes.into()).ok());
        digest.is_some_and(|digest| only.contains(&digest))
    }

    fn component(
        &mut self,
        file: &Path,
        stack_bytes: usize,
    ) -> std::io::Result<Result<MeteredComponent, String>> {
        let key = (file.to_owned(), stack_bytes);
        if let Some(known) = self.components.get(&key) {
            return Ok(known.clone());
        }
        let bytes: Arc<[u8]> = std::fs::read(file)?.into();
        let loaded = self.meter.load_with_stack(bytes, stack_bytes).map_err(|error| chain(&error));
        self.components.insert(key, loaded.clone());
        Ok(loaded)
    }

    /// Runs one document; nothing of one whose component is not asked for.
    fn run_tests(
        &mut self,
        tests: &TransformationTests,
        file: &Path,
        shown: &Path,
    ) -> Result<Option<TestReport>, Problems> {
        let folder = file.parent().unwrap_or(Path::new(""));
        let Some(At { value: name, place }) = &tests.component else {
            return Err(Problem::of_file(shown, "the tests name no component").into());
        };
        let component_file = folder.join(name);
        if !self.is_asked_for(&component_file) {
            return Ok(None);
        }
        let component = match self.component(&component_file, tests.limits.stack_bytes) {
            Ok(Ok(component)) => component,
            Ok(Err(refusal)) => {
                return Ok(Some(refused(shown, Path::new(name), &component_file, refusal)));
            }
            Err(error) => {
                let problem = place.problem(format!("component `{name}` cannot be read"));
                return Err(problem
                    .because(error.to_string())
                    .remedy("build it, or correct the path")
                    .into());
            }
        };
        let InspectedComponent { signatures, digest, .. } = component.inspected();
        let names = || {
            signatures.iter().map(|signature| format!("`{}`", signature.name)).collect::<Vec<_>>().join(", ")
        };
        let wanted = match (&tests.function, signatures.as_slice()) {
            (Some(function), _) => function.value.clone(),
            (None, [only]) => only.name.clone(),
            (None, _) => {
                let problem = place.problem(format!("component `{name}` has several functions"));
                return Err(problem.remedy(format!("name one with `function`: {}", names())).into());
            }
        };
        let Some(function) = component.function(&wanted, tests.limits) else {
            let place = tests.function.as_ref().map_or(place, |function| &function.place);
            let problem = place.problem(format!("component `{name}` has no function `{wanted}`"));
            return Err(problem.remedy(format!("it has {}", names())).into());
        };
        let signature = function.signature().clone();
        let mut preparation = Preparation {
            inputs: &signature.inputs,
            outputs: &signature.outputs,
            folder,
            problems: Vec::new(),
            read: vec![component_file, file.to_owned()],
        };
        let domains = preparation.domains(tests);
        let null_spread = preparation.links(tests.null_spread.as_ref());
        let nan_spread = preparation.links(tests.nan_spread.as_ref());
        let cases: Vec<Option<ReadyCase>> = tests.cases.iter().map(|case| preparation.case(case)).collect();
        let Preparation { problems, read, .. } = preparation;
        if !problems.is_empty() {
            return Err(Problems::new(problems));
        }
        let subject = Subject { function, null_spread, nan_spread };
        let mut report = TestReport {
            file: shown.to_owned(),
            component: name.clone(),
            digest: digest.to_string(),
            function: wanted,
            tests: Vec::new(),
            read,
        };
        for (case, ready) in tests.cases.iter().zip(&cases) {
            if let Some(ready) = ready
                && self.is_wanted(&report.function, &format!("case {}", case.name.value))
            {
                report.tests.push(run_case(case, ready, &subject));
            }
        }
        if !tests.without_properties {
            self.properties(tests, &subject, &domains, &mut report);
        }
        if !tests.budgets.is_empty() && self.is_wanted(&report.function, "budgets") {
            let rows = tests.budget_rows.unwrap_or(BUDGET_ROWS);
            let mut random = Random::new(BUDGET_SEED);
            let rows = generate(&signature.inputs, &domains, rows, Flavour::Ordinary, &mut random);
            report.tests.push(run_budgets(&tests.budgets, &rows, &subject));
        }
        Ok(Some(report))
    }

    fn is_wanted(&self, function: &str, name: &str) -> bool {
        let full = format!("{function}: {name}");
        self.options.filter.as_ref().is_none_or(|filter| full.contains(filter.as_str()))
    }

    fn properties(
        &self,
        tests: &TransformationTests,
        subject: &Subject,
        domains: &BTreeMap<String, InputDomain>,
        report: &mut TestReport,
    ) {
        for property in Property::ALL {
            let name = format!("property {}", property.name());
            if !subject.is_concerned(property) || !self.is_wanted(&report.function, &name) {
                continue;
            }
            if let Some(reason) = tests.skipped.get(&property) {
                let status = TestStatus::Skipped(reason.clone());
                report.tests.push(TestResult { name, status, cost: None, remark: String::new() });
                continue;
            }
            let result = self.property(property, tests, subject, domains, report);
            report.tests.push(TestResult { name, ..result });
        }
    }

    /// Checks a property over generated tables, up to the first that fails, which is made small.
    fn property(
        &self,
        property: Property,
        tests: &TransformationTests,
        subject: &Subject,
        domains: &BTreeMap<String, InputDomain>,
        report: &TestReport,
    ) -> TestResult {
        let fields = &subject.function.signature().inputs;
        let most_rows = tests.rows.unwrap_or(ROWS);
        let batches = if property == Property::Empty { 1 } else { tests.batches.unwrap_or(BATCHES) };
        let flavours = flavours(property);
        let mut random = Random::new(self.options.seed);
        // What is no value of its type, as half of a UUID, is not tried.
        let fails = |rows: &Rows| subject.check(property, &rows.to_table().ok()?).err();
        let mut status = TestStatus::Passed;
        let mut remark = format!("{batches} table{}", if batches == 1 { "" } else { "s" });
        #[expect(clippy::disallowed_methods, reason = "a limit of the user's patience")]
        let start = Instant::now();
        for batch in 0..batches {
            if start.elapsed() > PROPERTY_TIME {
                remark =
                    format!("{batch} tables of {batches}; more would take longer than {PROPERTY_TIME:?}");
                break;
            }
            let flavour = flavours.get(batch % flavours.len().max(1)).copied().unwrap_or(Flavour::Ordinary);
            let rows = if property == Property::Empty { 0 } else { 1 + random.below(most_rows) };
            let rows = generate(fields, domains, rows, flavour, &mut random);
            let Some(violation) = fails(&rows) else { continue };
            let rows_before = rows.cells.len();
            let (smallest, Violation(message)) = shrink(rows, violation, domains, fails);
            remark = match (rows_before, smallest.cells.len()) {
                (before, after) if before > after => format!("shrunk from {before} rows to {after}"),
                _ => String::new(),
            };
            let name = format!("{}, seed {}", property.name(), self.options.seed);
            let note = format!("Found by the property `{}`: {message}", property.name());
            let saved = saved_case(
                tests,
                &report.component,
                &report.function,
                (&name, &note),
                &smallest,
                &Wanted::Holds(property),
            );
            let rows = (!smallest.cells.is_empty()).then(|| smallest.grid());
            status = TestStatus::Failed(Failure { message, rows, saved_case: Some(saved) });
            break;
        }
        TestResult { name: String::new(), status, cost: None, remark }
    }
}

/// What the tables of a property hold.
fn flavours(property: Property) -> &'static [Flavour] {
    match property {
        Property::Ordinary => &[Flavour::Ordinary],
        Property::Floats | Property::NanSpread => &[Flavour::Floats],
        Property::Extremes => &[Flavour::Extremes],
        Property::Unicode => &[Flavour::Unicode],
        Property::NullSpread | Property::Masked => &[Flavour::Nulls],
        _ => &Flavour::ALL,
    }
}

/// The report of a component that cannot be loaded.
fn refused(shown: &Path, component: &Path, file: &Path, refusal: String) -> TestReport {
    let failure = Failure { message: refusal, rows: None, saved_case: None };
    TestReport {
        file: shown.to_owned(),
        component: component.display().to_string(),
        digest: String::new(),
        function: String::new(),
        tests: vec![TestResult {
            name: "component".to_owned(),
            status: TestStatus::Failed(failure),
            cost: None,
            remark: String::new(),
        }],
        read: vec![file.to_owned()],
    }
}

fn run_case(case: &TestCase, ready: &ReadyCase, subject: &Subject) -> TestResult {
    let name = format!("case {}", case.name.value);
    let timings = if case.budgets.time.is_some() { TIMINGS } else { 1 };
    let measured = measure(&subject.function, &ready.given, timings);
    let cost = measured.cost;
    let given = || {
        Some(
            Rows::of(
                &subject.function.signature().inputs,
                &ready.given.slice(0, ready.given.num_rows().min(10)),
            )
            .grid(),
        )
    };
    let failed = |message: String, rows| TestStatus::Failed(Failure { message, rows, saved_case: None });
    let status = match (&case.then, &measured.output) {
        (Then::Error(text), Err(error)) => {
            let told = chain(error);
            if told.contains(&text.value) {
                TestStatus::Passed
            } else {
                failed(format!("the error does not contain `{}`: {told}", text.value), None)
            }
        }
        (Then::Error(text), Ok(_)) => {
            failed(format!("no error came; one with `{}` is expected", text.value), given())
        }
        (_, Err(error)) => failed(format!("the call failed: {}", chain(error)), given()),
        (Then::Holds(properties), Ok(_)) => {
            let violation = properties.iter().find_map(|property| {
                let violation = subject.check(*property, &ready.given).err()?;
                Some(format!("`{}` does not hold: {}", property.name(), violation.0))
            });
            violation.map_or(TestStatus::Passed, |message| failed(message, given()))
        }
        (Then::Expect(_), Ok(output)) => expected(case, ready.expected.as_ref(), output)
            .map_or(TestStatus::Passed, |(message, rows)| failed(message, rows)),
    };
    let status = match status {
        TestStatus::Passed => {
            over_budget(&case.budgets, &cost).map_or(TestStatus::Passed, |message| failed(message, None))
        }
        other => other,
    };
    TestResult { name, status, cost: Some(cost), remark: remark(&cost) }
}

fn expected(
    case: &TestCase,
    expected: Option<&RecordBatch>,
    output: &RecordBatch,
) -> Option<(String, Option<crate::rows::Grid>)> {
    let tolerances = Tolerances { by_column: &case.tolerance, default: case.default_tolerance };
    differences(expected?, output, &tolerances)
}

fn run_budgets(budgets: &Budgets, rows: &Rows, subject: &Subject) -> TestResult {
    let timings = if budgets.time.is_some() { TIMINGS } else { 1 };
    let failed = |message: String| TestStatus::Failed(Failure { message, rows: None, saved_case: None });
    let (status, cost) = match rows.to_table() {
        Err(error) => (failed(error.to_string()), None),
        Ok(table) => {
            let measured = measure(&subject.function, &table, timings);
            let status = match measured.output {
                Err(error) => failed(format!("the call failed: {}", chain(&error))),
                Ok(_) => over_budget(budgets, &measured.cost).map_or(TestStatus::Passed, failed),
            };
            (status, Some(measured.cost))
        }
    };
    let remark = cost.as_ref().map(remark).unwrap_or_default();
    TestResult { name: format!("budgets of {} rows", rows.cells.len()), status, cost, remark }
}

/// What costs more than it may.
fn over_budget(budgets: &Budgets, cost: &Cost) -> Option<String> {
    let bytes = |bytes: usize| shown_bytes(u64::try_from(bytes).unwrap_or(u64::MAX));
    let mut over = Vec::new();
    if let Some(budget) = budgets.instructions.as_ref().filter(|budget| cost.instructions > budget.value) {
        over.push(format!("{} instructions are more than {}", cost.instructions, budget.value));
    }
    if let Some(budget) = budgets.memory_bytes.as_ref().filter(|budget| cost.memory_bytes > budget.value) {
        over.push(format!("{} of memory are more than {}", bytes(cost.memory_bytes), bytes(budget.value)));
    }
    if let Some(budget) = budgets.output_bytes.as_ref().filter(|budget| cost.output_bytes > budget.value) {
        over.push(format!("{} of output are more than {}", bytes(cost.output_bytes), bytes(budget.value)));
    }
    if let Some(budget) = budgets.time.as_ref().filter(|budget| cost.time > budget.value) {
        over.push(format!("{:?} are more than {:?}", cost.time, budget.value));
    }
    (!over.is_empty()).then(|| format!("over budget: {}", over.join("; ")))
}

fn remark(cost: &Cost) -> String {
    let rows = if cost.rows == 1 { "row" } else { "rows" };
    format!(
        "{} {rows}, {} instructions, {}",
        cost.rows,
        cost.instructions,
        shown_bytes(u64::try_from(cost.memory_bytes).unwrap_or(u64::MAX))
    )
}
