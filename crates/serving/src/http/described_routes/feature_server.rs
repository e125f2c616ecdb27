//! The routes of the feature server in words.

use axum::http::Method;

use super::{Argument, DescribedRoute, Takes, argument};

/// The routes that a server has, which may run jobs or not.
pub(crate) fn described_routes(with_jobs: bool) -> impl Iterator<Item = &'static DescribedRoute> {
    ROUTES.iter().filter(move |route| with_jobs || !route.path.starts_with("/v1/jobs"))
}

const FEATURES: Argument = argument("features", Takes::Texts, "References, `view:feature` each.");
const FEATURE_SERVICE: Argument =
    argument("feature_service", Takes::TextOrNull, "A feature service, in place of `features`.");
const FULL_NAMES: Argument =
    argument("full_feature_names", Takes::Switch(false), "Call features `view__feature`.");
const VERSION_METADATA: Argument = argument(
    "include_feature_view_version_metadata",
    Takes::Switch(false),
    "Name the views and their versions too.",
);
const CACHE: Argument =
    argument("allow_registry_cache", Takes::Switch(true), "Use the definitions that the server knows.");
const TRANSFORM: Argument = argument(
    "transform_on_write",
    Takes::Switch(true),
    "Compute an on-demand view from the rows, rather than take them for its features.",
);
const IN_BACKGROUND: Argument =
    argument("async", Takes::Switch(false), "Answer at once, and go on in the background.");
const FORCE: Argument =
    argument("force", Takes::Switch(false), "Start although a view is being materialized already.");
const VIEWS: Argument =
    argument("feature_views", Takes::TextsOrNull, "Only these views; all that are kept online by default.");
const VERSION: Argument = argument(
    "version",
    Takes::TextOrNull,
    "The version of the one view, such as `v2`, whose rows are meant.",
);
const STORE_ID: Argument =
    argument("vector_store_id", Takes::Text, "The id, as the list of vector stores says.");
const JOB: Argument = argument("name", Takes::Text, "The job.");

static ROUTES: [DescribedRoute; 14] = [
    DescribedRoute {
        name: "get_online_features_get_online_features_post",
        description: "Reads the newest features of entities: one value for each feature and entity, with its \
                      status and its time.",
        method: Method::POST,
        path: "/get-online-features",
        query: &[],
        reads: true,
        arguments: &[
            argument(
                "entities",
                Takes::Columns,
                "A list of values for each join key and each field of request data, all of one length.",
            ),
            FEATURE_SERVICE,
            FEATURES,
            FULL_NAMES,
            VERSION_METADATA,
        ],
    },
    DescribedRoute {
        name: "search_search_post",
        description: "Finds the entities whose vectors are nearest to a vector, or whose texts have some words, with their features.",
        method: Method::POST,
        path: "/search",
        query: &[],
        reads: true,
        arguments: &[
            FEATURE_SERVICE,
            FEATURES,
            FULL_NAMES,
            VERSION_METADATA,
            argument("top_k", Takes::CountOrNull, "How many entities."),
            argument("query", Takes::NumbersOrNull, "The vector."),
            argument("query_string", Takes::TextOrNull, "Words to find in texts, in place of a vector."),
            argument("distance_metric", Takes::TextOrNull, "`cosine`, `L2` or `inner_product`."),
            argument(
                "api_version",
                Takes::CountOr(1),
                "2 adds the distance, and takes a metric and filters.",
            ),
            argument(
                "filters",
                Takes::Object,
                "What features of an entity must be, as OpenAI writes filters.",
            ),
        ],
    },
    DescribedRoute {
        name: "list_vector_stores_v1_vector_stores_get",
        description: "Lists the views that can be searched by vector.",
        method: Method::GET,
        path: "/v1/vector_stores",
        query: &[],
        reads: true,
        arguments: &[],
    },
    DescribedRoute {
        name: "get_vector_store_v1_vector_stores__vector_store_id__get",
        description: "Describes a view that can be searched by vector.",
        method: Method::GET,
        path: "/v1/vector_stores/{vector_store_id}",
        query: &[],
        reads: true,
        arguments: &[STORE_ID],
    },
    DescribedRoute {
        name: "vector_store_search_v1_vector_stores__vector_store_id__search_post",
        description: "Searches by text, which needs a model that larder does not have: it answers how to search \
                      by vector.",
        method: Method::POST,
        path: "/v1/vector_stores/{vector_store_id}/search",
        query: &[],
        reads: true,
        arguments: &[
            STORE_ID,
            argument("query", Takes::TextOrTexts, "The text."),
            argument("filters", Takes::Object, "What features of an entity must be."),
            argument("max_num_results", Takes::CountOr(10), "How many entities."),
            argument("ranking_options", Takes::Object, "How to rank."),
            argument("rewrite_query", Takes::SwitchOrNull, "Whether the text may be put in other words."),
            argument("metadata", Takes::Object, "`features_to_retrieve` and `content_field`."),
        ],
    },
    DescribedRoute {
        name: "push_push_post",
        description: "Pushes rows to a push source, and so to all views that it feeds.",
        method: Method::POST,
        path: "/push",
        query: &[],
        reads: false,
        arguments: &[
            argument("push_source_name", Takes::Text, "The push source."),
            argument("df", Takes::Columns, "The rows: a list of values for each column, all of one length."),
            CACHE,
            argument("to", Takes::TextOr("online"), "`online`, `offline` or `online_and_offline`."),
            TRANSFORM,
        ],
    },
    DescribedRoute {
        name: "write_to_online_store_write_to_online_store_post",
        description: "Writes rows of one view to the online store.",
        method: Method::POST,
        path: "/write-to-online-store",
        query: &[],
        reads: false,
        arguments: &[
            argument("feature_view_name", Takes::Text, "The view."),
            argument("df", Takes::Columns, "The rows: a list of values for each column, all of one length."),
            CACHE,
            TRANSFORM,
        ],
    },
    DescribedRoute {
        name: "health_health_get",
        description: "Says whether the server is well.",
        method: Method::GET,
        path: "/health",
        query: &[],
        reads: true,
        arguments: &[],
    },
    DescribedRoute {
        name: "materialize_materialize_post",
        description: "Moves the newest values of a span of event time into the online store.",
        method: Method::POST,
        path: "/materialize",
        query: &["async", "force"],
        reads: false,
        arguments: &[
            IN_BACKGROUND,
            FORCE,
            argument(
                "start_ts",
                Takes::TextOrNull,
                "The earliest event time, such as `2024-01-31T12:00:00Z`.",
            ),
            argument("end_ts", Takes::TextOrNull, "The latest event time."),
            VIEWS,
            argument(
                "disable_event_timestamp",
                Takes::Switch(false),
                "Everything there is, in place of `start_ts` and `end_ts`.",
            ),
            FULL_NAMES,
            VERSION,
        ],
    },
    DescribedRoute {
        name: "materialize_incremental_materialize_incremental_post",
        description: "Moves what is new since the last materialization into the online store.",
        method: Method::POST,
        path: "/materialize-incremental",
        query: &["async", "force"],
        reads: false,
        arguments: &[
            IN_BACKGROUND,
            FORCE,
            argument("end_ts", Takes::Text, "The latest event time, such as `2024-01-31T12:00:00Z`."),
            VIEWS,
            FULL_NAMES,
            VERSION,
        ],
    },
    DescribedRoute {
        name: "list_jobs_v1_jobs_get",
        description: "Lists the jobs of the project: when they are due, and how they last ended.",
        method: Method::GET,
        path: "/v1/jobs",
        query: &[],
        reads: true,
        arguments: &[],
    },
    DescribedRoute {
        name: "list_job_runs_v1_jobs__name__runs_get",
        description: "Lists the runs of a job, the latest first.",
        method: Method::GET,
        path: "/v1/jobs/{name}/runs",
        query: &[],
        reads: true,
        arguments: &[JOB],
    },
    DescribedRoute {
        name: "start_job_run_v1_jobs__name__runs_post",
        description: "Starts a run of a job, and answers its id.",
        method: Method::POST,
        path: "/v1/jobs/{name}/runs",
        query: &[],
        reads: false,
        arguments: &[
            JOB,
            argument(
                "arguments",
                Takes::TextsOrNull,
                "What the job is told, in place of what its definition says.",
            ),
            argument("time", Takes::TextOrNull, "The time that the run is for; now by default."),
        ],
    },
    DescribedRoute {
        name: "get_job_run_v1_jobs__name__runs__id__get",
        description: "Describes a run of a job, with its log.",
        method: Method::GET,
        path: "/v1/jobs/{name}/runs/{id}",
        query: &[],
        reads: true,
        arguments: &[JOB, argument("id", Takes::Text, "The id of the run.")],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::described_routes::assert_well_described;

    #[test]
    fn every_route_is_well_described() {
        assert_well_described(&ROUTES);
    }
}
