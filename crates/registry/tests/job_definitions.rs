//! Jobs from definitions to the file beside the registry.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use larder_core::{Capability, FixedClock, JobLimits, Timestamp};
use larder_registry::RegistryFile;
use support::{complete, write_repo};

const JOBS: &str = "
jobs:
  - name: nightly
    component: udfs/job.wasm
    arguments: [driver_stats, '2']
    allow: [materialize, log]
    schedule: 0 2 * * *
    limits: {wall_time: 2h, compute_time: 5s, memory: 64MiB, log: 0}
    description: Keeps the store current.
  - {name: by-hand, component: udfs/job.wasm}
";

fn registry(folder: &Path) -> RegistryFile {
    RegistryFile::open(folder.join("data/registry.db"), Arc::new(FixedClock::new(Timestamp::EPOCH))).unwrap()
}

#[test]
fn a_job_is_kept_beside_the_registry_with_its_component() {
    let folder = tempfile::tempdir().unwrap();
    write_repo(folder.path(), JOBS.as_bytes());
    let registry = registry(folder.path());
    registry.apply(&complete(folder.path()).unwrap()).unwrap();
    let jobs = registry.jobs("demo").unwrap();
    let [by_hand, nightly] = jobs.as_slice() else { panic!("two jobs are defined: {jobs:?}") };
    assert_eq!((by_hand.name.as_str(), nightly.name.as_str()), ("by-hand", "nightly"));
    assert_eq!((by_hand.limits, by_hand.allow.len(), &by_hand.schedule), (JobLimits::default(), 0, &None));
    assert_eq!(nightly.arguments, ["driver_stats", "2"]);
    assert_eq!(nightly.allow, [Capability::Materialize, Capability::Log].into());
    assert_eq!(nightly.schedule.as_ref().unwrap().text(), "0 2 * * *");
    let expected = JobLimits {
        wall_time: Duration::from_secs(7_200),
        compute_time: Duration::from_secs(5),
        memory_bytes: 64 << 20,
        log_bytes: 0,
        ..JobLimits::default()
    };
    assert_eq!(nightly.limits, expected);
    assert_eq!(registry.load_component(nightly.component).unwrap().as_ref(), b"a job");
    assert_eq!(registry.jobs("another").unwrap(), []);
}

#[test]
fn a_job_that_is_defined_no_more_is_gone_and_so_are_those_of_a_removed_project() {
    let folder = tempfile::tempdir().unwrap();
    write_repo(folder.path(), JOBS.as_bytes());
    let registry = registry(folder.path());
    let definitions = complete(folder.path()).unwrap();
    registry.apply(&definitions).unwrap();
    write_repo(folder.path(), b"jobs: [{name: nightly, component: udfs/job.wasm}]");
    registry.apply(&complete(folder.path()).unwrap()).unwrap();
    let names: Vec<String> = registry.jobs("demo").unwrap().into_iter().map(|job| job.name).collect();
    assert_eq!(names, ["nightly"]);
    registry.apply(&definitions).unwrap();
    registry.remove_project("demo").unwrap();
    assert_eq!(registry.jobs("demo").unwrap(), []);
}
