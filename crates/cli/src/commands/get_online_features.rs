//! `larder get-online-features`.

use anyhow::{Context as _, Result, bail};
use larder::{FeatureServer as _, InputColumn, OnlineRequest, Selection};
use larder_core::json::python_dumps_indented;
use serde_json::{Map, Value, json};

use crate::arguments::GetOnlineFeaturesArguments;
use crate::repo::Repo;
use crate::store_door::StoreDoor;

pub(crate) async fn run(repo: &Repo, arguments: &GetOnlineFeaturesArguments) -> Result<()> {
    let entities = columns(&arguments.entities)?;
    let selection = arguments.selection.selection()?;
    let full_feature_names = arguments.selection.full_feature_names;
    let body = match StoreDoor::open(repo.open().await?).await? {
        StoreDoor::Here(store) => {
            let entities =
                entities.into_iter().map(|(name, values)| (name, InputColumn::Json(values))).collect();
            let request = OnlineRequest { selection, entities, full_feature_names };
            let response = store.get_online_features(request).await?;
            response.to_json(false)
        }
        StoreDoor::Server(server) => {
            let entities: Map<String, Value> =
                entities.into_iter().map(|(name, values)| (name, Value::Array(values))).collect();
            let (features, service) = match selection {
                Selection::References(features) => (features, None),
                Selection::Service(service) => (Vec::new(), Some(service)),
            };
            let body = json!({
                "entities": entities,
                "features": features,
                "feature_service": service,
                "full_feature_names": full_feature_names,
            });
            server.post("/get-online-features", &body).await?
        }
    };
    let answer: Value = serde_json::from_slice(&body).context("the answer is not JSON")?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        println!("{}", python_dumps_indented(&by_name(&answer)?, 4));
    }
    Ok(())
}

/// Collects `key=value` arguments into columns; a repeated key has more rows.
fn columns(arguments: &[String]) -> Result<Vec<(String, Vec<Value>)>> {
    let mut columns: Vec<(String, Vec<Value>)> = Vec::new();
    for argument in arguments {
        let Some((key, value)) = argument.split_once('=') else {
            bail!("`{argument}` is not `key=value`, such as `driver_id=1001`")
        };
        // Text becomes the declared type like any JSON text; lists and null have to be JSON.
        let value = match value {
            "null" => Value::Null,
            _ if value.starts_with('[') => {
                serde_json::from_str(value).with_context(|| format!("`{argument}` holds no JSON list"))?
            }
            _ => Value::String(value.to_owned()),
        };
        match columns.iter_mut().find(|(known, _)| known == key) {
            Some((_, values)) => values.push(value),
            None => columns.push((key.to_owned(), vec![value])),
        }
    }
    zip(&mut columns);
    Ok(columns)
}

/// Cuts all columns to the shortest: a row is made of the n-th value of every key, as in Feast.
fn zip(columns: &mut [(String, Vec<Value>)]) {
    let rows = columns.iter().map(|(_, values)| values.len()).min().unwrap_or_default();
    for (key, values) in columns {
        if values.len() > rows {
            eprintln!(
                "warning: `{key}` has {} values; only the first {rows} have a value of every key",
                values.len()
            );
            values.truncate(rows);
        }
    }
}

/// `{"results": [{"values": …}, …], "metadata": {"feature_names": …}}` as name to values.
fn by_name(answer: &Value) -> Result<Value> {
    let parts = || {
        let names = answer.get("metadata")?.get("feature_names")?.as_array()?;
        let results = answer.get("results")?.as_array()?;
        let column = |(name, result): (&Value, &Value)| {
            Some((name.as_str()?.to_owned(), result.get("values")?.clone()))
        };
        names.iter().zip(results).map(column).collect::<Option<Map<String, Value>>>()
    };
    parts().map(Value::Object).context("the answer is not one to get-online-features")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_key_has_more_rows_up_to_the_shortest() {
        let arguments = ["a=1", "b=x=y", "a=[1,2]", "b=null", "b=cut"].map(str::to_owned);
        let expected = vec![
            ("a".to_owned(), vec![json!("1"), json!([1, 2])]),
            ("b".to_owned(), vec![json!("x=y"), json!(null)]),
        ];
        assert_eq!(columns(&arguments).unwrap(), expected);
        assert!(columns(&["a".to_owned()]).is_err());
    }
}
