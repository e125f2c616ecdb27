//! `larder monitor run`.

use anyhow::{Result, bail};
use larder::{Chosen, Days, Granularity, MonitoringReport, MonitoringRun, MonitoringServer as _, RunKind};
use serde_json::{Map, Value};

use crate::arguments::{GranularityArgument, MonitorRunArguments, MonitorVerb, SourceType};
use crate::repo::Repo;

pub(crate) async fn run(repo: &Repo, verb: &MonitorVerb) -> Result<()> {
    let MonitorVerb::Run(arguments) = verb;
    let runs = runs(arguments)?;
    note(arguments);
    let store = repo.open().await?;
    let project = arguments.project.clone().unwrap_or_else(|| store.config().project.clone());
    let mut reports = Map::new();
    let mut failures = Vec::new();
    for run in runs {
        if !arguments.json {
            begin(&run);
        }
        let sets_baseline = sets_baseline(&run);
        let report = store.monitor(&project, run).await?;
        if arguments.json {
            let source = if is_log(report.kind) { "log" } else { "batch" };
            reports.insert(source.to_owned(), Value::Object(report.to_json()));
        } else {
            show(&report, sets_baseline);
        }
        if let Some(reason) = &report.skipped {
            eprintln!("note: {reason}");
        }
        if !report.without_metrics.is_empty() {
            let features: Vec<&str> = report.without_metrics.iter().map(String::as_str).collect();
            eprintln!(
                "note: only numbers, texts and truth values have metrics; passed over: {}",
                features.join(", ")
            );
        }
        let is_nothing = report.feature_views == 0 && report.failures.is_empty();
        if is_nothing && matches!(report.kind, RunKind::Compute | RunKind::Auto) {
            eprintln!(
                "note: there is no feature view with rows to compute metrics of; has `larder apply` been run?"
            );
        }
        failures.extend(report.failures);
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&Value::Object(reports))?);
    }
    if failures.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = failures.iter().map(|(name, reason)| format!("`{name}`: {reason}")).collect();
    bail!("no metrics could be computed of {}", told.join("; of "))
}

/// What is to be computed: of sources, of logs, or both.
fn runs(arguments: &MonitorRunArguments) -> Result<Vec<MonitoringRun>> {
    let days = Days { start: arguments.start_date, end: arguments.end_date };
    let is_auto = days == Days::default() && arguments.granularity.is_none();
    let granularity = arguments.granularity.map_or(Granularity::Daily, Granularity::from);
    let set_baseline = arguments.set_baseline;
    let mut runs = Vec::new();
    if arguments.source_type != SourceType::Log {
        let (views, features) = (chosen(arguments.feature_view.as_ref()), arguments.feature_name.clone());
        runs.push(match (is_auto, set_baseline) {
            (true, true) => MonitoringRun::Baseline { views, features },
            (true, false) => MonitoringRun::Auto { views, features },
            (false, _) => MonitoringRun::Compute { views, features, days, granularity, set_baseline },
        });
    }
    if arguments.source_type != SourceType::Batch {
        runs.push(match &arguments.feature_service {
            service if is_auto => MonitoringRun::AutoLog { services: chosen(service.as_ref()) },
            Some(service) => MonitoringRun::Log { service: service.clone(), days, granularity, set_baseline },
            None => bail!("`--feature-service` is required for log source with explicit dates"),
        });
    }
    Ok(runs)
}

fn chosen(name: Option<&String>) -> Chosen {
    name.map_or(Chosen::All, |name| Chosen::One(name.clone()))
}

/// Says which flags do nothing.
fn note(arguments: &MonitorRunArguments) {
    if arguments.source_type == SourceType::Batch && arguments.feature_service.is_some() {
        eprintln!("note: `--feature-service` has no effect without `--source-type log` or `all`");
    }
    if arguments.source_type == SourceType::Log {
        if arguments.feature_view.is_some() || !arguments.feature_name.is_empty() {
            eprintln!(
                "note: `--feature-view` and `--feature-name` have no effect on logs, which are of services"
            );
        }
        let is_auto =
            arguments.start_date.is_none() && arguments.end_date.is_none() && arguments.granularity.is_none();
        if arguments.set_baseline && is_auto {
            eprintln!("note: `--set-baseline` has no effect on logs without explicit dates");
        }
    }
}

fn begin(run: &MonitoringRun) {
    match run {
        MonitoringRun::Baseline { .. } => println!("Computing baseline from all available source data..."),
        MonitoringRun::Auto { .. } => println!("Auto-computing batch metrics for all granularities..."),
        MonitoringRun::AutoLog { .. } => println!("Auto-computing log metrics for all granularities..."),
        MonitoringRun::Compute { .. } | MonitoringRun::Log { .. } => {}
    }
}

fn sets_baseline(run: &MonitoringRun) -> bool {
    match run {
        MonitoringRun::Compute { set_baseline, .. } | MonitoringRun::Log { set_baseline, .. } => {
            *set_baseline
        }
        MonitoringRun::Baseline { .. } => true,
        MonitoringRun::Auto { .. } | MonitoringRun::AutoLog { .. } => false,
    }
}

fn is_log(kind: RunKind) -> bool {
    matches!(kind, RunKind::Log | RunKind::AutoLog)
}

/// The report as Feast prints it.
fn show(report: &MonitoringReport, sets_baseline: bool) {
    println!("Status: {}", if report.skipped.is_some() { "skipped" } else { "completed" });
    let granularities = report.granularities.iter().copied().collect::<Vec<_>>().join(", ");
    match report.kind {
        RunKind::Compute => {
            println!("Granularity: {granularities}");
            println!("Features computed: {}", report.features);
            println!("Feature views computed: {}", report.feature_views);
            println!("Feature services computed: {}", report.feature_services);
            let dates: Vec<String> = report.metric_dates.iter().map(ToString::to_string).collect();
            println!("Metric dates: {}", dates.join(", "));
        }
        RunKind::Baseline => {
            println!("Features computed: {}", report.features);
            println!("Feature views computed: {}", report.feature_views);
        }
        RunKind::Auto => {
            println!("Feature views computed: {}", report.feature_views);
            println!("Features computed: {}", report.features);
            println!("Granularities: {granularities}");
        }
        RunKind::Log => {
            println!("Source: log");
            println!("Features computed: {}", report.features);
        }
        RunKind::AutoLog => {
            println!("Feature services computed: {}", report.feature_services);
            println!("Features computed: {}", report.features);
            println!("Granularities: {granularities}");
        }
    }
    println!("Duration: {}ms", report.duration.as_millis());
    if sets_baseline && report.skipped.is_none() && (report.failures.is_empty() || report.features > 0) {
        println!("Baseline: SET");
    }
}

impl From<GranularityArgument> for Granularity {
    fn from(argument: GranularityArgument) -> Self {
        match argument {
            GranularityArgument::Daily => Self::Daily,
            GranularityArgument::Weekly => Self::Weekly,
            GranularityArgument::Biweekly => Self::Biweekly,
            GranularityArgument::Monthly => Self::Monthly,
            GranularityArgument::Quarterly => Self::Quarterly,
        }
    }
}
