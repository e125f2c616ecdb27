//! The feature repo behind the recorded answers, set up afresh in a temporary folder.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use larder::{FeatureServer as _, FeatureStore, MaterializeRange, MaterializeRequest};
use larder_core::Timestamp;
use tempfile::TempDir;

use crate::recorded_dir;

/// How much of the history is online.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing.
    Applied,
    /// `materialize 2024-01-01T00:00:00 2024-01-10T12:30:00`.
    One,
    /// Then `materialize-incremental 2024-01-16T00:00:00`.
    Two,
}

/// Where the newest values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Online {
    /// In sled.
    Sled,
    /// In a SQLite file that larder makes.
    Sqlite,
    /// In the SQLite file that Feast materialized, after [`Stage::Two`].
    SqliteOfFeast,
}

/// A copy of a feature repo, applied, with its store open.
#[derive(Debug)]
pub struct GoldenRepo {
    /// The store.
    pub store: Arc<FeatureStore>,
    _folder: TempDir,
}

impl GoldenRepo {
    /// Sets the repo up to a stage.
    pub async fn at(stage: Stage, online: Online) -> Self {
        Self::at_with_compat(stage, online, "{}").await
    }

    /// Sets the repo up to a stage, with this section `compat`.
    pub async fn at_with_compat(stage: Stage, online: Online, compat: &str) -> Self {
        let repo = Self::configured("repo", online, &format!("\ncompat: {compat}\n")).await;
        if stage != Stage::Applied {
            let (start, end) = (time("2024-01-01T00:00:00"), time("2024-01-10T12:30:00"));
            repo.materialize(MaterializeRange::Between { start, end }).await;
        }
        if stage == Stage::Two {
            repo.materialize(MaterializeRange::Incremental { end: time("2024-01-16T00:00:00") }).await;
        }
        repo
    }

    /// Sets up the smaller repo of the transcripts, materialized from 2024-12-01 to 2025-01-10.
    pub async fn of_transcripts() -> Self {
        let repo = Self::configured("transcripts/repo", Online::Sled, "").await;
        let (start, end) = (time("2024-12-01T00:00:00"), time("2025-01-10T00:00:00"));
        repo.materialize(MaterializeRange::Between { start, end }).await;
        repo
    }

    /// Sets the repo up with this section `compat`, and materializes nothing.
    pub async fn with_compat(compat: &str) -> Self {
        Self::at_with_compat(Stage::Applied, Online::Sled, compat).await
    }

    async fn configured(recorded: &str, online: Online, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        copy_folder(&recorded_dir().join(recorded), folder.path());
        fs::create_dir(folder.path().join("udfs")).expect("the folder is new");
        fs::write(folder.path().join("udfs/feast_golden.wasm"), larder_testkit::guests::feast_golden())
            .expect("the component can be written");
        if online != Online::Sled {
            use_sqlite(folder.path());
        }
        if online == Online::SqliteOfFeast {
            let file = recorded_dir().join("online/online_store.db");
            fs::copy(file, folder.path().join(SQLITE)).expect("the file is recorded");
        }
        let config = folder.path().join("feature_store.yaml");
        let text = fs::read_to_string(&config).expect("the repo has a configuration");
        fs::write(&config, text + more).expect("the configuration can be changed");
        let store = FeatureStore::open(folder.path()).await.expect("the repo opens");
        store.apply().await.expect("the definitions are right");
        Self { store: Arc::new(store), _folder: folder }
    }

    async fn materialize(&self, range: MaterializeRange) {
        let request = MaterializeRequest { range, feature_views: None, version: None };
        self.store.materialize(request, Arc::new(|_| {})).await.expect("the history can be materialized");
    }
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

const SQLITE: &str = "data/online_store.db";

fn use_sqlite(repo: &Path) {
    let file = repo.join("feature_store.yaml");
    let text = fs::read_to_string(&file).expect("the repo has a configuration");
    let sled = "  type: sled\n  path: data/online_store\n";
    assert!(text.contains(sled), "{text}");
    let text = text.replace(sled, &format!("  type: sqlite\n  path: {SQLITE}\n"));
    fs::write(&file, text).expect("the configuration can be changed");
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder can be created");
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("the folder can be listed");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a file has a type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("the file can be copied");
        }
    }
}
