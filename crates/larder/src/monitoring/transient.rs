//! Metrics that are answered and not kept.

use larder_core::Result;
use larder_serving::{Chosen, TransientMetrics};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{Monitor, span_of};

impl Monitor<'_> {
    pub(super) async fn transient(&self, asked: TransientMetrics) -> Result<Map<String, Value>> {
        let began = Instant::now();
        let (span, start, end) = span_of(asked.days, self.now)?;
        let mut metrics = Vec::new();
        for view in self.views(&Chosen::One(asked.view.clone()), &asked.features)? {
            let view = view?;
            for feature in view.rows.measure(span, &view.features).await?.features {
                let mut row = feature.to_row();
                row.insert("feature_view_name".to_owned(), view.name.as_str().into());
                row.insert("start_date".to_owned(), start.to_string().into());
                row.insert("end_date".to_owned(), end.to_string().into());
                metrics.push(Value::Object(row));
            }
        }
        let told = json!({
            "status": "completed",
            "feature_view_name": asked.view,
            "start_date": start.to_string(),
            "end_date": end.to_string(),
            "metrics": metrics,
            "duration_ms": u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
        Ok(told.as_object().cloned().unwrap_or_default())
    }
}
