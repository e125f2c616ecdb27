//! The routes in words, under the names that Feast's server gives them.

use axum::http::Method;

use crate::http::{Argument, DescribedRoute, Takes, argument};

const PROJECT: Argument = argument("project", Takes::Text, "The project.");
const NAME: Argument = argument("name", Takes::Text, "The name of the object.");
const CACHE: Argument =
    argument("allow_cache", Takes::Switch(true), "Without effect: every request sees the registry as it is.");
const RELATIONS: Argument = argument(
    "include_relationships",
    Takes::Switch(false),
    "Also what feeds the objects, and what they feed.",
);
const TAGS: Argument =
    argument("tags", Takes::Texts, "Only objects with all of these tags, `key:value` each.");
const PAGE: Argument = argument("page", Takes::CountOrNull, "Which page, from 1.");
const LIMIT: Argument = argument("limit", Takes::CountOrNull, "How many a page has, at most 100.");
const SORT_BY: Argument = argument("sort_by", Takes::TextOrNull, "The field to sort by.");
const SORT_ORDER: Argument = argument("sort_order", Takes::TextOrNull, "`asc` or `desc`.");
const PAGE_OF_ALL: Argument = argument("page", Takes::CountOr(1), "Which page, from 1.");
const LIMIT_OF_ALL: Argument = argument("limit", Takes::CountOr(50), "How many a page has, at most 100.");
const ORDER_OF_ALL: Argument = argument("sort_order", Takes::TextOr("asc"), "`asc` or `desc`.");
const OWN_NAME: Argument = argument("name", Takes::Text, "Its name.");
const DESCRIPTION: Argument = argument("description", Takes::TextOrNull, "What it is, for people.");
const LABELS: Argument = argument("tags", Takes::Object, "Labels: a text for each key.");
const OWNER: Argument = argument("owner", Takes::TextOrNull, "Whose it is.");

const OF_VIEW: Argument = argument("feature_view_name", Takes::TextOrNull, "Only of this view.");
const OF_SERVICE: Argument =
    argument("feature_service_name", Takes::TextOrNull, "Only of this feature service.");
const OF_FEATURE: Argument = argument("feature_name", Takes::TextOrNull, "Only of the feature called so.");
const OF_GRANULARITY: Argument = argument(
    "granularity",
    Takes::TextOrNull,
    "Only of spans of this length: `daily`, `weekly`, `biweekly`, `monthly`, `quarterly`, or `baseline`.",
);
const OF_SOURCE: Argument = argument(
    "data_source_type",
    Takes::TextOrNull,
    "Only of `batch`, sources, or of `log`, what was served.",
);
const FROM_DAY: Argument = argument("start_date", Takes::TextOrNull, "The first day, such as `2024-01-31`.");
const TO_DAY: Argument = argument("end_date", Takes::TextOrNull, "The last day, included.");
const KEPT_UNDER: Argument =
    argument("granularity", Takes::TextOr("daily"), "Under which granularity the metrics are kept.");
const AS_BASELINE: Argument =
    argument("set_baseline", Takes::Switch(false), "Whether later metrics are compared with these.");
const FEATURES: Argument = argument("feature_names", Takes::TextsOrNull, "Which features; all without it.");

type Arguments = &'static [Argument];

/// An object of a project.
const ONE: Arguments = &[NAME, PROJECT, RELATIONS, CACHE];
/// The objects of all projects.
const ALL: Arguments = &[CACHE, PAGE_OF_ALL, LIMIT_OF_ALL, SORT_BY, ORDER_OF_ALL, RELATIONS];
/// The same for features and labels, in the order in which Feast has them.
const ALL_FEATURES: Arguments = &[PAGE_OF_ALL, LIMIT_OF_ALL, SORT_BY, ORDER_OF_ALL, RELATIONS, CACHE];
/// The features or labels of a project.
const FEATURES_OF_PROJECT: Arguments = &[
    PROJECT,
    argument("feature_view", Takes::TextOrNull, "Only what is of this view."),
    argument("name", Takes::TextOrNull, "Only what is called so."),
    RELATIONS,
    CACHE,
    PAGE,
    LIMIT,
    SORT_BY,
    SORT_ORDER,
];
/// The objects of a project, a page at a time.
const PAGE_OF_PROJECT: Arguments = &[PROJECT, CACHE, RELATIONS, PAGE, LIMIT, SORT_BY, SORT_ORDER];
/// Which metrics of data quality.
const METRICS: Arguments =
    &[PROJECT, OF_VIEW, OF_FEATURE, OF_SERVICE, OF_GRANULARITY, OF_SOURCE, FROM_DAY, TO_DAY];

pub(super) const fn get(
    path: &'static str,
    name: &'static str,
    description: &'static str,
    arguments: Arguments,
) -> DescribedRoute {
    DescribedRoute { name, description, method: Method::GET, path, query: &[], reads: true, arguments }
}

pub(super) const fn post(
    path: &'static str,
    name: &'static str,
    description: &'static str,
    arguments: Arguments,
) -> DescribedRoute {
    DescribedRoute { name, description, method: Method::POST, path, query: &[], reads: false, arguments }
}

pub(super) const fn delete(
    path: &'static str,
    name: &'static str,
    description: &'static str,
    arguments: Arguments,
) -> DescribedRoute {
    DescribedRoute { name, description, method: Method::DELETE, path, query: &[], reads: false, arguments }
}

pub(super) static ROUTES: [DescribedRoute; 68] = [
    get("/version", "get_feast_version_version_get", "Says the version of the server.", &[]),
    get("/entities", "list_entities_entities_get", "Lists the entities of a project.", PAGE_OF_PROJECT),
    post(
        "/entities",
        "apply_entity_entities_post",
        "Registers an entity, in the place of the one of its name.",
        &[
            OWN_NAME,
            PROJECT,
            argument("join_key", Takes::TextOrNull, "The column; called as the entity without it."),
            argument(
                "value_type",
                Takes::CountOrNull,
                "The number of the type in Feast's `ValueType`; 2 is text.",
            ),
            DESCRIPTION,
            LABELS,
            OWNER,
        ],
    ),
    get("/entities/all", "list_all_entities_entities_all_get", "Lists the entities of all projects.", ALL),
    get(
        "/entities/{name}",
        "get_entity_entities__name__get",
        "Describes an entity, with its data sources and its definition in Python.",
        ONE,
    ),
    delete(
        "/entities/{name}",
        "delete_entity_entities__name__delete",
        "Removes an entity.",
        &[NAME, PROJECT],
    ),
    get(
        "/data_sources",
        "list_data_sources_data_sources_get",
        "Lists the data sources of a project.",
        &[PROJECT, RELATIONS, CACHE, TAGS, PAGE, LIMIT, SORT_BY, SORT_ORDER],
    ),
    post(
        "/data_sources",
        "apply_data_source_data_sources_post",
        "Registers a data source, in the place of the one of its name.",
        &[
            OWN_NAME,
            PROJECT,
            argument(
                "type",
                Takes::CountOrNull,
                "The number of the kind in Feast's `DataSource.SourceType`; 1 is files.",
            ),
            argument("timestamp_field", Takes::TextOrNull, "The column of event times."),
            argument(
                "created_timestamp_column",
                Takes::TextOrNull,
                "The column of the times at which rows were written.",
            ),
            argument("date_partition_column", Takes::TextOrNull, "The column of a partition."),
            DESCRIPTION,
            LABELS,
            OWNER,
            argument("file_options", Takes::Object, "What a source of files has."),
            argument("bigquery_options", Takes::Object, "What a source of BigQuery has."),
            argument("snowflake_options", Takes::Object, "What a source of Snowflake has."),
            argument("redshift_options", Takes::Object, "What a source of Redshift has."),
            argument("kafka_options", Takes::Object, "What a source of Kafka has."),
            argument("spark_options", Takes::Object, "What a source of Spark has."),
            argument("trino_options", Takes::Object, "What a source of Trino has."),
            argument("athena_options", Takes::Object, "What a source of Athena has."),
            argument("kinesis_options", Takes::Object, "What a source of Kinesis has."),
            argument("custom_options", Takes::Object, "What a source of a class of one's own has."),
            argument("data_source_class_type", Takes::TextOrNull, "The class of Feast's for it."),
        ],
    ),
    get(
        "/data_sources/all",
        "list_data_sources_all_data_sources_all_get",
        "Lists the data sources of all projects.",
        ALL,
    ),
    get(
        "/data_sources/{name}",
        "get_data_source_data_sources__name__get",
        "Describes a data source, with its definition in Python.",
        ONE,
    ),
    delete(
        "/data_sources/{name}",
        "delete_data_source_data_sources__name__delete",
        "Removes a data source.",
        &[NAME, PROJECT],
    ),
    get(
        "/feature_services",
        "list_feature_services_feature_services_get",
        "Lists the feature services of a project.",
        &[
            PROJECT,
            RELATIONS,
            CACHE,
            argument("feature_view", Takes::TextOrNull, "Only what is of this view."),
            TAGS,
            PAGE,
            LIMIT,
            SORT_BY,
            SORT_ORDER,
        ],
    ),
    post(
        "/feature_services",
        "apply_feature_service_feature_services_post",
        "Registers a feature service, in the place of the one of its name.",
        &[
            OWN_NAME,
            PROJECT,
            argument("features", Takes::NeededObjects, "What it holds."),
            DESCRIPTION,
            LABELS,
            OWNER,
        ],
    ),
    get(
        "/feature_services/all",
        "list_feature_services_all_feature_services_all_get",
        "Lists the feature services of all projects.",
        ALL,
    ),
    get(
        "/feature_services/{name}",
        "get_feature_service_feature_services__name__get",
        "Describes a feature service, with its definition in Python.",
        ONE,
    ),
    delete(
        "/feature_services/{name}",
        "delete_feature_service_feature_services__name__delete",
        "Removes a feature service.",
        &[NAME, PROJECT],
    ),
    get(
        "/feature_views/all",
        "list_feature_views_all_feature_views_all_get",
        "Lists the views of all kinds of all projects.",
        ALL,
    ),
    get(
        "/feature_views/{name}",
        "get_any_feature_view_feature_views__name__get",
        "Describes a view of any kind, with its definition in Python.",
        ONE,
    ),
    delete(
        "/feature_views/{name}",
        "delete_feature_view_feature_views__name__delete",
        "Removes a view of any kind.",
        &[NAME, PROJECT],
    ),
    get(
        "/feature_views",
        "list_all_feature_views_feature_views_get",
        "Lists the views of all kinds of a project.",
        &[
            PROJECT,
            CACHE,
            RELATIONS,
            argument("entity", Takes::TextOrNull, "Only views with this entity."),
            argument("feature", Takes::TextOrNull, "Only views with this feature."),
            argument(
                "feature_service",
                Takes::TextOrNull,
                "Only views that this feature service takes from.",
            ),
            argument("data_source", Takes::TextOrNull, "Only views that read this data source."),
            argument(
                "updated_since",
                Takes::TextOrNull,
                "Only views changed at this time or later, such as `2024-01-01T00:00:00Z`.",
            ),
            TAGS,
            PAGE,
            LIMIT,
            SORT_BY,
            SORT_ORDER,
        ],
    ),
    post(
        "/feature_views",
        "apply_feature_view_feature_views_post",
        "Registers a feature view, in the place of the one of its name.",
        &[
            OWN_NAME,
            PROJECT,
            argument("entities", Takes::TextsOrNull, "The entities of its rows."),
            argument("features", Takes::Objects, "What it holds."),
            argument("batch_source", Takes::TextOrNull, "The data source."),
            argument("ttl_seconds", Takes::CountOrNull, "How old values may be, in seconds."),
            argument("online", Takes::SwitchOrNull, "Whether it is kept online."),
            DESCRIPTION,
            LABELS,
            OWNER,
        ],
    ),
    get("/features", "list_features_features_get", "Lists the features of a project.", FEATURES_OF_PROJECT),
    get(
        "/features/{feature_view}/{name}",
        "get_feature_features__feature_view___name__get",
        "Describes a feature of a view, with its definition in Python.",
        &[argument("feature_view", Takes::Text, "The view."), NAME, PROJECT, RELATIONS, CACHE],
    ),
    get(
        "/features/all",
        "list_features_all_features_all_get",
        "Lists the features of all projects.",
        ALL_FEATURES,
    ),
    get(
        "/labels",
        "list_labels_labels_get",
        "Lists the labels of a project: what label views hold.",
        FEATURES_OF_PROJECT,
    ),
    get("/labels/all", "list_labels_all_labels_all_get", "Lists the labels of all projects.", ALL_FEATURES),
    get(
        "/label_views",
        "list_label_views_label_views_get",
        "Lists the label views of a project.",
        &[PROJECT, CACHE, RELATIONS, TAGS, PAGE, LIMIT, SORT_BY, SORT_ORDER],
    ),
    get(
        "/label_views/all",
        "list_label_views_all_label_views_all_get",
        "Lists the label views of all projects.",
        ALL,
    ),
    get("/label_views/{name}", "get_label_view_label_views__name__get", "Describes a label view.", ONE),
    get(
        "/lineage/registry",
        "get_registry_lineage_lineage_registry_get",
        "Tells what feeds what in a project, at first and at second hand.",
        &[
            PROJECT,
            CACHE,
            argument(
                "filter_object_type",
                Takes::TextOrNull,
                "Only relations of objects of this kind, such as `featureView`.",
            ),
            argument("filter_object_name", Takes::TextOrNull, "Only relations of the object of this name."),
            PAGE,
            LIMIT,
            SORT_BY,
            SORT_ORDER,
        ],
    ),
    get(
        "/lineage/objects/{object_type}/{object_name}",
        "get_object_relationships_path_lineage_objects__object_type___object_name__get",
        "Tells what feeds an object, and what it feeds.",
        &[
            argument("object_type", Takes::Text, "The kind of the object, such as `featureView`."),
            argument("object_name", Takes::Text, "The name of the object."),
            PROJECT,
            argument("include_indirect", Takes::Switch(false), "Also what feeds at second hand."),
            CACHE,
            PAGE,
            LIMIT,
            SORT_BY,
            SORT_ORDER,
        ],
    ),
    get(
        "/lineage/complete",
        "get_complete_registry_data_lineage_complete_get",
        "Tells all objects of a project, and what feeds what.",
        &[PROJECT, CACHE, PAGE, LIMIT, SORT_BY, SORT_ORDER],
    ),
    get(
        "/lineage/registry/all",
        "get_registry_lineage_all_lineage_registry_all_get",
        "Tells what feeds what in all projects.",
        &[
            CACHE,
            argument(
                "filter_object_type",
                Takes::TextOrNull,
                "Only relations of objects of this kind, such as `featureView`.",
            ),
            argument("filter_object_name", Takes::TextOrNull, "Only relations of the object of this name."),
        ],
    ),
    get(
        "/lineage/complete/all",
        "get_complete_registry_data_all_lineage_complete_all_get",
        "Tells all objects of all projects, and what feeds what.",
        &[CACHE],
    ),
    get("/permissions/{name}", "get_permission_permissions__name__get", "Describes a permission.", ONE),
    delete(
        "/permissions/{name}",
        "delete_permission_permissions__name__delete",
        "Removes a permission.",
        &[NAME, PROJECT],
    ),
    get(
        "/permissions",
        "list_permissions_permissions_get",
        "Lists the permissions of a project.",
        PAGE_OF_PROJECT,
    ),
    post(
        "/permissions",
        "apply_permission_permissions_post",
        "Registers a permission, in the place of the one of its name.",
        &[
            OWN_NAME,
            PROJECT,
            argument("types", Takes::Texts, "The kinds of objects it is about."),
            argument("name_patterns", Takes::Texts, "Regular expressions of the names it is about."),
            argument("actions", Takes::Texts, "What it grants."),
            argument("policy", Takes::NeededObject, "To whom."),
            LABELS,
            argument("required_tags", Takes::Object, "The tags of the objects it is about."),
        ],
    ),
    get("/projects/{name}", "get_project_projects__name__get", "Describes a project.", &[NAME, CACHE]),
    get(
        "/projects",
        "list_projects_projects_get",
        "Lists the projects.",
        &[CACHE, PAGE, LIMIT, SORT_BY, SORT_ORDER],
    ),
    get(
        "/search",
        "search_resources_search_get",
        "Finds the objects that a text is found in: in their names, descriptions and tags, and in the names of features.",
        &[
            argument("query", Takes::Text, "The text."),
            argument("projects", Takes::TextsOrNull, "Only these projects."),
            CACHE,
            TAGS,
            SORT_BY,
            SORT_ORDER,
            PAGE,
            LIMIT,
        ],
    ),
    get(
        "/metrics/resource_counts",
        "resource_counts_metrics_resource_counts_get",
        "Counts the objects of a project, or of all, and lists views and services.",
        &[argument("project", Takes::TextOrNull, "The project; all without it."), CACHE],
    ),
    get(
        "/metrics/popular_tags",
        "popular_tags_metrics_popular_tags_get",
        "Lists the tags that most views have, with these views.",
        &[
            argument("project", Takes::TextOrNull, "The project; all without it."),
            argument("limit", Takes::CountOr(4), "How many are answered."),
            CACHE,
        ],
    ),
    get(
        "/metrics/recently_visited",
        "recently_visited_metrics_recently_visited_get",
        "Lists the objects that the caller looked at last.",
        &[
            argument("project", Takes::TextOrNull, "The project; all without it."),
            argument(
                "object",
                Takes::TextOrNull,
                "Only objects of this kind, as their path has it, such as `entities`.",
            ),
            PAGE,
            LIMIT,
            SORT_BY,
            SORT_ORDER,
        ],
    ),
    get(
        "/saved_datasets/all",
        "list_saved_datasets_all_saved_datasets_all_get",
        "Lists the saved datasets of all projects.",
        &[
            CACHE,
            PAGE_OF_ALL,
            LIMIT_OF_ALL,
            SORT_BY,
            ORDER_OF_ALL,
            argument("namespace", Takes::TextOrNull, "Only datasets of this group."),
            argument("collection", Takes::TextOrNull, "Only datasets of this part of a group."),
            RELATIONS,
        ],
    ),
    get(
        "/saved_datasets/data/{name}",
        "get_dataset_data_saved_datasets_data__name__get",
        "Shows the first rows of a saved dataset.",
        &[NAME, PROJECT, argument("limit", Takes::CountOr(10), "How many are answered.")],
    ),
    get(
        "/saved_datasets/jobs/{job_id}",
        "get_dataset_job_status_saved_datasets_jobs__job_id__get",
        "Says how far the making of a saved dataset is.",
        &[argument("job_id", Takes::Text, "The id of the job.")],
    ),
    get(
        "/saved_datasets/jobs",
        "list_dataset_jobs_saved_datasets_jobs_get",
        "Lists the saved datasets that have been made on request, the latest first.",
        &[
            argument("project", Takes::TextOrNull, "The project; all without it."),
            argument("status", Takes::TextOrNull, "Only what is in this state."),
        ],
    ),
    get(
        "/saved_datasets/{name}",
        "get_saved_dataset_saved_datasets__name__get",
        "Describes a saved dataset, with its definition in Python.",
        ONE,
    ),
    delete(
        "/saved_datasets/{name}",
        "delete_saved_dataset_saved_datasets__name__delete",
        "Removes a saved dataset from the registry; its file stays.",
        &[NAME, PROJECT],
    ),
    get(
        "/saved_datasets",
        "list_saved_datasets_saved_datasets_get",
        "Lists the saved datasets of a project.",
        &[
            PROJECT,
            CACHE,
            argument("namespace", Takes::TextOrNull, "Only datasets of this group."),
            argument("collection", Takes::TextOrNull, "Only datasets of this part of a group."),
            RELATIONS,
            TAGS,
            PAGE,
            LIMIT,
            SORT_BY,
            SORT_ORDER,
        ],
    ),
    post(
        "/saved_datasets",
        "register_saved_dataset_saved_datasets_post",
        "Registers rows that are there already as a saved dataset.",
        &[
            OWN_NAME,
            PROJECT,
            argument("features", Takes::Texts, "What it holds."),
            argument("join_keys", Takes::Texts, "The columns of keys."),
            argument("storage_path", Takes::TextOrNull, "The file, or the table."),
            argument("storage_type", Takes::TextOr("file"), "The kind of its storage, such as `file`."),
            argument("storage_file_format", Takes::TextOrNull, "The format of its file."),
            LABELS,
            argument(
                "full_feature_names",
                Takes::Switch(false),
                "Whether features are called `view__feature`.",
            ),
            argument(
                "feature_service_name",
                Takes::TextOrNull,
                "The feature service whose features it holds.",
            ),
            argument("allow_override", Takes::Switch(false), "Whether one of its name may be replaced."),
            argument("namespace", Takes::TextOr(""), "Its group."),
            argument("collection", Takes::TextOr(""), "The part of the group."),
            argument("description", Takes::TextOr(""), "What it is, for people."),
        ],
    ),
    post(
        "/saved_datasets/create",
        "create_dataset_saved_datasets_create_post",
        "Has a training set made and kept as a saved dataset; answers the id of the job that makes it.",
        &[
            OWN_NAME,
            PROJECT,
            argument(
                "feature_service_name",
                Takes::TextOrNull,
                "The feature service whose features it holds.",
            ),
            argument("features", Takes::TextsOrNull, "What it holds."),
            argument(
                "entity_source_type",
                Takes::TextOr("inline"),
                "`inline` for entity rows in words, `reference` for those of a file.",
            ),
            argument("entity_source_path", Takes::TextOrNull, "The file of entity rows."),
            argument("entity_keys", Takes::TextsOrNull, "The columns of keys."),
            argument(
                "entity_values",
                Takes::TextOrNull,
                "Values of one key, between commas or on lines; of several, a line a row.",
            ),
            argument(
                "start_date",
                Takes::TextOrNull,
                "The time of the first row; those between are spread evenly.",
            ),
            argument("end_date", Takes::TextOrNull, "The time of the last row, or of all; now without it."),
            argument("extra_columns", Takes::TextOrNull, "Columns of one value, a line `name=value` each."),
            argument("storage_type", Takes::TextOr("file"), "The kind of its storage, such as `file`."),
            argument("storage_path", Takes::TextOr(""), "The file, or the table."),
            argument("storage_file_format", Takes::TextOrNull, "The format of its file."),
            LABELS,
            argument(
                "allow_overwrite",
                Takes::Switch(false),
                "Whether a file and a dataset that are there may be replaced.",
            ),
        ],
    ),
    post(
        "/monitoring/compute",
        "compute_metrics_monitoring_compute_post",
        "Computes what the values of features look like on some days, and keeps it.",
        &[PROJECT, OF_VIEW, FEATURES, FROM_DAY, TO_DAY, KEPT_UNDER, AS_BASELINE],
    ),
    post(
        "/monitoring/auto_compute",
        "auto_compute_monitoring_auto_compute_post",
        "Computes what the values of features look like in spans of all lengths up to the newest row, and keeps it.",
        &[PROJECT, OF_VIEW],
    ),
    post(
        "/monitoring/compute/log",
        "compute_log_metrics_monitoring_compute_log_post",
        "Computes what the values look like that were served of a feature service on some days, and keeps it.",
        &[
            PROJECT,
            argument("feature_service_name", Takes::Text, "The feature service."),
            FROM_DAY,
            TO_DAY,
            KEPT_UNDER,
            AS_BASELINE,
        ],
    ),
    post(
        "/monitoring/auto_compute/log",
        "auto_compute_log_monitoring_auto_compute_log_post",
        "Computes what the values look like that were served, in spans of all lengths up to the newest answer, and keeps it.",
        &[PROJECT, OF_SERVICE],
    ),
    get(
        "/monitoring/jobs/{job_id}",
        "get_job_status_monitoring_jobs__job_id__get",
        "Tells how far a computation is.",
        &[argument("job_id", Takes::Text, "The name of the computation."), PROJECT],
    ),
    post(
        "/monitoring/compute/transient",
        "compute_transient_monitoring_compute_transient_post",
        "Computes what the values of a view's features look like on some days, and keeps nothing.",
        &[PROJECT, argument("feature_view_name", Takes::Text, "The view."), FEATURES, FROM_DAY, TO_DAY],
    ),
    get(
        "/monitoring/metrics/features",
        "get_feature_metrics_monitoring_metrics_features_get",
        "Tells what the values of features look like.",
        METRICS,
    ),
    get(
        "/monitoring/metrics/feature_views",
        "get_feature_view_metrics_monitoring_metrics_feature_views_get",
        "Tells how many rows and nulls views have.",
        &[PROJECT, OF_VIEW, OF_SERVICE, OF_GRANULARITY, OF_SOURCE, FROM_DAY, TO_DAY],
    ),
    get(
        "/monitoring/metrics/feature_services",
        "get_feature_service_metrics_monitoring_metrics_feature_services_get",
        "Tells how many nulls feature services have.",
        &[PROJECT, OF_SERVICE, OF_GRANULARITY, OF_SOURCE, FROM_DAY, TO_DAY],
    ),
    get(
        "/monitoring/metrics/baseline",
        "get_baseline_monitoring_metrics_baseline_get",
        "Tells what the values of features looked like when they were new.",
        &[PROJECT, OF_VIEW, OF_FEATURE, OF_SOURCE],
    ),
    get(
        "/monitoring/metrics/timeseries",
        "get_timeseries_monitoring_metrics_timeseries_get",
        "Tells what the values of features look like, by day.",
        METRICS,
    ),
    get(
        "/compute_engines",
        "get_compute_engine_compute_engines_get",
        "Says what materializes the views of a project, and up to when it has.",
        &[PROJECT, CACHE],
    ),
    get(
        "/compute_engines/all",
        "list_all_compute_engines_compute_engines_all_get",
        "Says what materializes the views of each project.",
        &[CACHE, PAGE_OF_ALL, LIMIT_OF_ALL],
    ),
    get(
        "/materialization_jobs",
        "list_materialization_jobs_materialization_jobs_get",
        "Lists what has been materialized, the latest first.",
        &[
            PROJECT,
            CACHE,
            argument("status", Takes::TextOrNull, "Only what is in this state."),
            argument("feature_view", Takes::TextOrNull, "Only what is of this view."),
            PAGE,
            LIMIT,
            SORT_BY,
            SORT_ORDER,
        ],
    ),
    post(
        "/registry/refresh",
        "refresh_registry_registry_refresh_post",
        "Looks at the registry anew, which every request does.",
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
