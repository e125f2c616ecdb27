//! All stores keep every promise of the trait.

use std::sync::Arc;

use larder_core::{OnlineStore, WritePolicy};
use larder_online::{MemoryOnlineStore, SledOnlineStore, SledOptions, SqliteOnlineStore, SqliteOptions};
use larder_testkit::conformance::online_store::{self, Fidelity};

fn check_sled(options: SledOptions) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let store = SledOnlineStore::open(folder.path(), options).expect("the folder is new");
    let store: Arc<dyn OnlineStore> = Arc::new(store);
    online_store::check(&store, Fidelity::Exact);
}

fn check_sqlite(options: SqliteOptions) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("data/online.db");
    let store = SqliteOnlineStore::open(path, options).expect("the folder is new");
    let store: Arc<dyn OnlineStore> = Arc::new(store);
    online_store::check(&store, Fidelity::FeastValues);
}

#[test]
fn the_memory_store_keeps_every_promise() {
    let store: Arc<dyn OnlineStore> = Arc::new(MemoryOnlineStore::new());
    online_store::check(&store, Fidelity::Exact);
}

#[test]
fn the_sled_store_keeps_every_promise_reading_on_the_callers_thread() {
    check_sled(SledOptions { inline_read_rows: usize::MAX, ..SledOptions::default() });
}

#[test]
fn the_sled_store_keeps_every_promise_reading_on_the_blocking_pool() {
    check_sled(SledOptions { inline_read_rows: 0, ..SledOptions::default() });
}

#[test]
fn the_sled_store_keeps_every_promise_with_hardly_any_cache_and_one_thread_per_kind() {
    check_sled(SledOptions {
        cache_bytes: 1 << 20,
        concurrent_reads: 1,
        concurrent_writes: 1,
        ..SledOptions::default()
    });
}

#[test]
fn the_sqlite_store_keeps_every_promise_that_feasts_layout_can_say() {
    check_sqlite(SqliteOptions::default());
}

#[test]
fn every_store_keeps_its_promises_where_the_last_write_wins() {
    let write_policy = WritePolicy::LastWriteWins;
    let memory = MemoryOnlineStore::new().with_write_policy(write_policy);
    online_store::check(&(Arc::new(memory) as Arc<dyn OnlineStore>), Fidelity::Exact);
    check_sled(SledOptions { write_policy, ..SledOptions::default() });
    check_sqlite(SqliteOptions { write_policy, ..SqliteOptions::default() });
}
