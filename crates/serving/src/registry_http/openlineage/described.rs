//! The routes in words, under the names that Feast's server gives them.
//!
//! Bodies are events as OpenLineage defines them, which no argument can say.

use super::super::described::{delete, get, post};
use crate::http::{Argument, DescribedRoute, Takes, argument};

const NAMESPACE: Argument = argument("namespace", Takes::Text, "The namespace of the job or dataset.");
const NODE: Argument = argument("name", Takes::Text, "Its name.");
const RUN: Argument = argument("run_id", Takes::Text, "The id of the run.");
const OF_NAMESPACE: Argument = argument("namespace", Takes::TextOrNull, "Only of this namespace.");
const OF_JOB: Argument = argument("job_name", Takes::TextOrNull, "Only of the job of this name.");
const EVENTS: Argument = argument("limit", Takes::CountOr(100), "How many, at most 1,000.");
const SOME: Argument = argument("limit", Takes::CountOr(50), "How many, at most 500.");
const OFFSET: Argument = argument("offset", Takes::CountOr(0), "How many to leave out first.");
const DIRECTION: Argument =
    argument("direction", Takes::TextOr("both"), "`both`, `upstream` or `downstream`.");

pub(crate) static ROUTES: [DescribedRoute; 16] = [
    post("/lineage", "receive_lineage_event_lineage_post", "Takes an event of OpenLineage.", &[]),
    post(
        "/lineage/batch",
        "receive_lineage_batch_lineage_batch_post",
        "Takes several events of OpenLineage.",
        &[],
    ),
    delete(
        "/lineage/openlineage/reset",
        "reset_lineage_lineage_openlineage_reset_delete",
        "Removes all that is kept of lineage, or of one namespace.",
        &[OF_NAMESPACE],
    ),
    get(
        "/lineage/openlineage/events",
        "list_events_lineage_openlineage_events_get",
        "Lists events, the latest first.",
        &[OF_NAMESPACE, OF_JOB, EVENTS, OFFSET],
    ),
    get("/lineage/openlineage/jobs", "list_jobs_lineage_openlineage_jobs_get", "Lists jobs.", &[]),
    get(
        "/lineage/openlineage/datasets",
        "list_datasets_lineage_openlineage_datasets_get",
        "Lists datasets.",
        &[],
    ),
    get(
        "/lineage/openlineage/graph/{node_type}/{namespace}/{name}",
        "get_lineage_graph_lineage_openlineage_graph__node_type___namespace___name__get",
        "Tells what feeds a job or dataset, and what it feeds, some steps away.",
        &[
            argument("node_type", Takes::Text, "`job` or `dataset`."),
            NAMESPACE,
            NODE,
            argument("depth", Takes::CountOr(10), "How many steps, at most 50."),
            DIRECTION,
        ],
    ),
    get(
        "/lineage/openlineage/namespaces",
        "list_namespaces_lineage_openlineage_namespaces_get",
        "Lists namespaces.",
        &[],
    ),
    get(
        "/lineage/openlineage/graph",
        "get_full_lineage_graph_lineage_openlineage_graph_get",
        "Tells what feeds what, from end to end.",
        &[
            OF_NAMESPACE,
            argument("limit", Takes::CountOr(0), "How many edges, at most 10,000; 0 stands for all."),
            OFFSET,
        ],
    ),
    get(
        "/lineage/openlineage/datasets/{namespace}/{name}/versions",
        "list_dataset_versions_lineage_openlineage_datasets__namespace___name__versions_get",
        "Lists the versions of a dataset, the latest first.",
        &[NAMESPACE, NODE, SOME, OFFSET],
    ),
    get(
        "/lineage/openlineage/datasets/{namespace}/{name}/columns",
        "get_column_lineage_lineage_openlineage_datasets__namespace___name__columns_get",
        "Tells of which columns those of a dataset are made, and what is made of them.",
        &[NAMESPACE, NODE, DIRECTION],
    ),
    get(
        "/lineage/openlineage/runs",
        "list_runs_lineage_openlineage_runs_get",
        "Lists runs of jobs, the latest first.",
        &[
            argument("job_namespace", Takes::TextOrNull, "Only of jobs of this namespace."),
            OF_JOB,
            SOME,
            OFFSET,
        ],
    ),
    get(
        "/lineage/openlineage/runs/{run_id}",
        "get_run_detail_lineage_openlineage_runs__run_id__get",
        "Describes a run, with what it read and wrote.",
        &[RUN],
    ),
    get(
        "/lineage/openlineage/runs/{run_id}/tree",
        "get_run_tree_lineage_openlineage_runs__run_id__tree_get",
        "Tells of the runs that a run began, and that began it.",
        &[RUN],
    ),
    get(
        "/lineage/openlineage/retention",
        "get_retention_status_lineage_openlineage_retention_get",
        "Says how much is kept of lineage, and for how long.",
        &[],
    ),
    post(
        "/lineage/openlineage/retention/prune",
        "trigger_prune_lineage_openlineage_retention_prune_post",
        "Removes what is older than is to be kept.",
        &[],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::assert_well_described;

    #[test]
    fn every_route_is_well_described() {
        assert_well_described(&ROUTES);
    }
}
