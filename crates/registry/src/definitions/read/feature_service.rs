//! Feature services.

use larder_core::{LoggingConfig, LoggingDestination, SampleRate};

use super::super::parsed::ParsedFeatureService;
use super::super::shapes::{
    COUCHBASE_DESTINATION, CUSTOM_DESTINATION, FEATURE_SERVICE, FILE_DESTINATION, LOGGING_CONFIG,
};
use super::field::tags;
use super::projection::projections;
use crate::problem::Report;
use crate::yaml::{Node, ObjectReader};

pub(super) fn read_feature_service(node: &Node, report: &mut Report) -> Option<ParsedFeatureService> {
    let reader = ObjectReader::open(node, &FEATURE_SERVICE, report)?;
    let name = reader.required_name("name", report);
    reader.require("features", report);
    let features = projections(&reader, "features", report);
    let logging_config = reader.get("logging_config").and_then(|node| logging_config(node, report));
    let precompute_online = reader.boolean("precompute_online", false, report);
    let tags = tags(&reader, report);
    let (description, owner) = (reader.text("description", report), reader.text("owner", report));
    Some(ParsedFeatureService {
        name: name?,
        features,
        logging_config,
        precompute_online,
        description,
        tags,
        owner,
    })
}

fn logging_config(node: &Node, report: &mut Report) -> Option<LoggingConfig> {
    const PLACES: [&str; 7] =
        ["file", "bigquery", "redshift", "athena", "snowflake", "couchbase_columnar", "custom"];
    let reader = ObjectReader::open(node, &LOGGING_CONFIG, report)?;
    let sample_rate = reader.read("sample_rate", report, |node, what| {
        let text = node.scalar(what, "a number from 0 to 1")?;
        let rate = text.parse().ok().and_then(SampleRate::new);
        rate.ok_or_else(|| node.place.problem(format!("{what} is {text}, but must be a number from 0 to 1")))
    });
    let told: Vec<&str> = PLACES.into_iter().filter(|key| reader.get(key).is_some()).collect();
    let [place] = told.as_slice() else {
        let problem = node.place.problem("a logging config names one place for the log");
        let places: Vec<String> = PLACES.iter().map(|place| format!("`{place}`")).collect();
        report.problem(problem.remedy(format!("write one of {}", places.join(", "))));
        return None;
    };
    let text = |reader: &ObjectReader<'_>, key: &str, report: &mut Report| {
        reader.require(key, report);
        reader.text(key, report)
    };
    let value = reader.get(place)?;
    let destination = match *place {
        "file" => {
            let file = ObjectReader::open(value, &FILE_DESTINATION, report)?;
            let columns = file.names("partition_by", report).into_iter().map(|name| name.value);
            LoggingDestination::File {
                path: text(&file, "path", report),
                s3_endpoint_override: file.text("s3_endpoint_override", report),
                partition_by: columns.collect(),
            }
        }
        "bigquery" => LoggingDestination::BigQuery(reader.text(place, report)),
        "redshift" => LoggingDestination::Redshift(reader.text(place, report)),
        "athena" => LoggingDestination::Athena(reader.text(place, report)),
        "snowflake" => LoggingDestination::Snowflake(reader.text(place, report)),
        "couchbase_columnar" => {
            let couchbase = ObjectReader::open(value, &COUCHBASE_DESTINATION, report)?;
            LoggingDestination::CouchbaseColumnar {
                database: text(&couchbase, "database", report),
                scope: text(&couchbase, "scope", report),
                collection: text(&couchbase, "collection", report),
            }
        }
        _ => {
            let custom = ObjectReader::open(value, &CUSTOM_DESTINATION, report)?;
            LoggingDestination::Custom {
                kind: text(&custom, "kind", report),
                config: custom.labels("config", report),
            }
        }
    };
    Some(LoggingConfig { sample_rate: sample_rate.map_or(SampleRate::ALL, |rate| rate.value), destination })
}
