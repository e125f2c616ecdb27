//! How much is held in memory while rows flow.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use larder_core::{
    DataSource, EntityKey, JoinedColumns, LatestRows, LatestStream, OfflineStore, OnlineRead, OnlineRows,
    OnlineStore, OnlineWrite, PointInTimeJoin, PullAll, PullLatest, PullSummary, Result, RowStream,
    WriteOutcome,
};
use larder_materialize::Materialize;
use larder_online::MemoryOnlineStore;

use crate::world::{World, at};

/// Parts given by the source and not yet written, now and at most.
#[derive(Debug, Default)]
struct Outstanding {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// A source of as many parts as one asks for, each of two keys.
#[derive(Debug)]
struct LongHistory {
    parts: i64,
    outstanding: Arc<Outstanding>,
}

#[async_trait]
impl OfflineStore for LongHistory {
    async fn schema(&self, _source: &DataSource) -> Result<SchemaRef> {
        unimplemented!("materialization asks for no schema")
    }

    async fn join(&self, _join: PointInTimeJoin) -> Result<Vec<JoinedColumns>> {
        unimplemented!("materialization joins nothing")
    }

    async fn pull_latest(&self, pull: PullLatest) -> Result<LatestStream> {
        let column = |name: &str, values: [i64; 2]| {
            let array: ArrayRef = Arc::new(Int64Array::from(values.to_vec()));
            RecordBatch::try_from_iter_with_nullable([(name, array, true)]).unwrap()
        };
        let outstanding = Arc::clone(&self.outstanding);
        let feature = pull.features[0].name.clone();
        let parts = stream::iter(0..self.parts).map(move |part| {
            let now = outstanding.now.fetch_add(1, Ordering::SeqCst) + 1;
            outstanding.most.fetch_max(now, Ordering::SeqCst);
            Ok(LatestRows {
                keys: column("driver_id", [2 * part, 2 * part + 1]),
                features: column(&feature, [part, part]),
                event_timestamps: vec![at(1); 2],
                created_timestamps: vec![None; 2],
            })
        });
        let keys = u64::try_from(2 * self.parts).unwrap();
        let summary = PullSummary { rows_scanned: keys, null_keys: 0, keys };
        Ok(LatestStream { summary, parts: parts.boxed() })
    }

    async fn pull_all(&self, _pull: PullAll) -> Result<RowStream> {
        unimplemented!("materialization reads no whole history")
    }

    async fn append(&self, _source: &DataSource, _rows: RecordBatch) -> Result<()> {
        unimplemented!("materialization appends nothing")
    }
}

/// A store that is slower than the source.
#[derive(Debug)]
struct SlowStore {
    inner: MemoryOnlineStore,
    outstanding: Arc<Outstanding>,
}

#[async_trait]
impl OnlineStore for SlowStore {
    fn kind(&self) -> &'static str {
        "memory"
    }

    async fn read(&self, reads: Vec<OnlineRead>) -> Result<Vec<OnlineRows>> {
        self.inner.read(reads).await
    }

    async fn write(&self, write: OnlineWrite) -> Result<WriteOutcome> {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        let outcome = self.inner.write(write).await;
        self.outstanding.now.fetch_sub(1, Ordering::SeqCst);
        outcome
    }

    async fn keys(&self, project: &str, view: &str) -> Result<Vec<EntityKey>> {
        self.inner.keys(project, view).await
    }

    async fn flush(&self) -> Result<()> {
        self.inner.flush().await
    }

    async fn remove_view(&self, project: &str, view: &str) -> Result<()> {
        self.inner.remove_view(project, view).await
    }
}

#[tokio::test]
async fn one_part_is_written_while_the_next_is_made_and_never_is_there_a_third() {
    let outstanding = Arc::new(Outstanding::default());
    let history = LongHistory { parts: 200, outstanding: Arc::clone(&outstanding) };
    let store = SlowStore { inner: MemoryOnlineStore::new(), outstanding: Arc::clone(&outstanding) };
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::over(folder, Arc::new(history), Arc::new(store));
    world.objects.on_demand_feature_views.clear();
    let asked =
        Materialize { start: at(0), end: at(9), views: Some(vec!["driver_stats".to_owned()]), version: None };
    let report = world.writer.materialize(&world.catalog().await, &asked, &()).await.unwrap();
    assert_eq!(report.views[0].outcome.written, 400);
    assert_eq!(outstanding.now.load(Ordering::SeqCst), 0);
    assert_eq!(outstanding.most.load(Ordering::SeqCst), 2);
}
