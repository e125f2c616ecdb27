//! Runs that tell what larder has done.

use larder_core::Timestamp;
use serde_json::{Value, json};

use crate::MlflowError;
use crate::server::{Ask, MlflowServer};

/// Something that larder has done, as a run of MLflow's tells it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Operation {
    /// The run's name.
    pub name: String,
    /// Its tags. Those without a value are left out.
    pub tags: Vec<(String, String)>,
    /// Its parameters.
    pub parameters: Vec<(String, String)>,
    /// Its metrics.
    pub metrics: Vec<(String, f64)>,
}

/// MLflow takes no longer tags.
const LONGEST_TAG: usize = 5000;

impl Operation {
    /// Tells it as a run of an experiment, which is made where it is not there. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the server.
    pub fn log(&self, server: &MlflowServer, experiment: &str, at: Timestamp) -> Result<(), MlflowError> {
        let experiment = experiment_id(server, experiment)?;
        let millis = at.micros().div_euclid(1000);
        let path = "/api/2.0/mlflow/runs/create";
        let body = json!({ "experiment_id": experiment, "run_name": self.name, "start_time": millis });
        let answer = server.json_once(path, &body)?;
        let run = answer.pointer("/run/info/run_id").and_then(Value::as_str);
        let run = run.ok_or_else(|| server.invalid(path, "it holds no run"))?;
        self.log_to(server, run, at)?;
        let body = json!({ "run_id": run, "status": "FINISHED", "end_time": millis });
        server.json("/api/2.0/mlflow/runs/update", Ask::Post(&body))?;
        Ok(())
    }

    /// Adds its tags, parameters and metrics to a run that is there. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the server.
    pub fn log_to(&self, server: &MlflowServer, run: &str, at: Timestamp) -> Result<(), MlflowError> {
        let pair = |(key, value): &(String, String)| json!({ "key": key, "value": shortened(value) });
        let millis = at.micros().div_euclid(1000);
        let metric = |(key, value): &(String, f64)| json!({ "key": key, "value": value, "timestamp": millis, "step": 0 });
        let body = json!({
            "run_id": run,
            "tags": self.tags.iter().filter(|(_, value)| !value.is_empty()).map(pair).collect::<Vec<_>>(),
            "params": self.parameters.iter().map(pair).collect::<Vec<_>>(),
            "metrics": self.metrics.iter().map(metric).collect::<Vec<_>>(),
        });
        server.json("/api/2.0/mlflow/runs/log-batch", Ask::Post(&body))?;
        Ok(())
    }
}

/// The text up to the length that MLflow takes, as Feast shortens it.
fn shortened(text: &str) -> String {
    if text.chars().count() <= LONGEST_TAG - 10 {
        return text.to_owned();
    }
    let kept: String = text.chars().take(LONGEST_TAG - 13).collect();
    kept + "..."
}

fn experiment_id(server: &MlflowServer, name: &str) -> Result<String, MlflowError> {
    let by_name = "/api/2.0/mlflow/experiments/get-by-name";
    let find = || server.json(by_name, Ask::Get(&[("experiment_name", name)]));
    let found = match find() {
        Err(MlflowError::Refused { status: 404, .. }) => {
            match server.json_once("/api/2.0/mlflow/experiments/create", &json!({ "name": name })) {
                Ok(made) => made,
                // Somebody else has just made it.
                Err(_) => find()?,
            }
        }
        other => other?,
    };
    let id = found.get("experiment_id").or_else(|| found.pointer("/experiment/experiment_id"));
    let id = id.and_then(Value::as_str).map(str::to_owned);
    id.ok_or_else(|| server.invalid(by_name, "it holds no experiment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_shortened_as_feast_does() {
        assert_eq!(shortened("a,b"), "a,b");
        let long = shortened(&"ü".repeat(6000));
        assert_eq!((long.chars().count(), long.ends_with("...")), (4990, true));
    }
}
