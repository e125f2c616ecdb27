//! The mistakes a request can make, with the names Feast gives them.

use crate::{Error, ErrorKind};

/// A mistake in a request: an unknown name, a missing column, a value that does not fit.
///
/// Where Feast has an exception for the same mistake the text is Feast's, word for word, and
/// [`feast_class`](Self::feast_class) names the exception, so that Feast's own client raises it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// No view of any kind has this name.
    #[error("Feature view {view} does not exist in project {project}")]
    FeatureViewNotFound {
        /// The name asked for.
        view: String,
        /// The project it was looked for in.
        project: String,
    },
    /// No on-demand feature view has this name.
    #[error("On demand feature view {view} does not exist in project {project}")]
    OnDemandFeatureViewNotFound {
        /// The name asked for.
        view: String,
        /// The project it was looked for in.
        project: String,
    },
    /// No feature service has this name.
    #[error("Feature service {service} does not exist in project {project}")]
    FeatureServiceNotFound {
        /// The name asked for.
        service: String,
        /// The project it was looked for in.
        project: String,
    },
    /// No entity has this name.
    #[error("Entity {entity} does not exist in project {project}")]
    EntityNotFound {
        /// The name asked for.
        entity: String,
        /// The project it was looked for in.
        project: String,
    },
    /// No data source has this name.
    #[error("Data source {data_source} does not exist in project {project}")]
    DataSourceNotFound {
        /// The name asked for.
        data_source: String,
        /// The project it was looked for in.
        project: String,
    },
    /// No saved dataset has this name.
    #[error("Saved dataset {dataset} does not exist in project {project}")]
    SavedDatasetNotFound {
        /// The name asked for.
        dataset: String,
        /// The project it was looked for in.
        project: String,
    },
    /// A saved dataset would replace what is there.
    #[error("Saved dataset location {location} already exists.")]
    SavedDatasetLocationAlreadyExists {
        /// The file it was to go to.
        location: String,
    },
    /// No validation reference has this name.
    #[error("Validation reference {reference} does not exist in project {project}")]
    ValidationReferenceNotFound {
        /// The name asked for.
        reference: String,
        /// The project it was looked for in.
        project: String,
    },
    /// No permission has this name.
    #[error("Permission {permission} does not exist in project {project}")]
    PermissionNotFound {
        /// The name asked for.
        permission: String,
        /// The project it was looked for in.
        project: String,
    },
    /// No project has this name.
    #[error("Project {project} does not exist")]
    ProjectNotFound {
        /// The name asked for.
        project: String,
    },
    /// A view would have the name of another one, but for upper and lower case.
    #[error("{}", conflict_text(view, existing, new))]
    ConflictingFeatureViewNames {
        /// The name of the new view.
        view: String,
        /// Feast's class of the view that is there.
        existing: &'static str,
        /// Feast's class of the new view.
        new: &'static str,
    },
    /// A view has no such version.
    #[error("Version v{version} of feature view {view} does not exist in project {project}")]
    FeatureViewVersionNotFound {
        /// The view.
        view: String,
        /// The version asked for.
        version: u32,
        /// The project it was looked for in.
        project: String,
    },
    /// A definition pins a version and changes the view as well.
    #[error(
        "Cannot pin feature view '{view}' to v{version} because the definition has also been modified. \
         To pin to an older version, only change the 'version' parameter — do not modify other fields. \
         To apply a new definition, use version='latest' or omit the version parameter."
    )]
    FeatureViewPinConflict {
        /// The view.
        view: String,
        /// The version it is pinned to.
        version: u32,
    },
    /// No object that takes writes has this name.
    #[error("Can't recognize feast object with a name {name}")]
    ObjectNotFound {
        /// The name asked for.
        name: String,
    },
    /// The view exists, but has no such feature.
    #[error("'Feature {feature} not found in projection {view}'")]
    FeatureNotFound {
        /// The feature asked for.
        feature: String,
        /// The view it was looked for in.
        view: String,
    },
    /// No saved dataset is being made under this id, nor was.
    #[error("Dataset job '{id}' not found")]
    DatasetJobNotFound {
        /// The id asked for.
        id: String,
    },
    /// A registry has no such feature.
    #[error("Feature {feature} not found in feature view {view} in project {project}")]
    RegisteredFeatureNotFound {
        /// The feature asked for.
        feature: String,
        /// The view it was looked for in, which need not be there either.
        view: String,
        /// The project of the view.
        project: String,
    },
    /// A feature reference is not `view:feature`.
    #[error(
        "Invalid feature reference '{reference}'. Expected format: '<feature_view>:<feature>' or '<feature_view>@<version>:<feature>'"
    )]
    InvalidFeatureReference {
        /// The reference as given.
        reference: String,
    },
    /// A reference names a version, which needs a registry switch that is off.
    #[error(
        "Version-qualified ref '{view}@v{version}' not supported: online versioning is disabled. \
         Set 'enable_online_feature_view_versioning: true' under 'registry' in feature_store.yaml."
    )]
    VersionedReference {
        /// The view.
        view: String,
        /// The version it names.
        version: u32,
    },
    /// Neither features nor a feature service were given.
    #[error("No features specified for retrieval")]
    NoFeatures,
    /// Two requested features would get the same output name.
    #[error("{}", collision_text(names, *full_feature_names))]
    FeatureNameCollision {
        /// The output names that occur twice, sorted.
        names: Vec<String>,
        /// Whether full names were in use, which changes the advice.
        full_feature_names: bool,
    },
    /// Request data that an on-demand view needs is not among the entity rows of an online request.
    #[error(
        "Required request data source features {missing} not found in the entity rows, but required by feature views",
        missing = python_list(missing)
    )]
    RequestDataMissingOnline {
        /// The missing request fields.
        missing: Vec<String>,
    },
    /// Request data that an on-demand view needs is not a column of the entity table.
    #[error("Feature {feature} not found in the entity dataframe, but required by feature view {view}")]
    RequestDataMissingHistorical {
        /// The missing request field.
        feature: String,
        /// The on-demand view that needs it.
        view: String,
    },
    /// The entity table lacks join key columns.
    #[error("The entity dataframe you have provided must contain columns {expected}, but {missing} were missing.",
        expected = python_list(expected), missing = python_list(missing))]
    EntityDfMissingColumns {
        /// All join key columns needed.
        expected: Vec<String>,
        /// Those that are not there.
        missing: Vec<String>,
    },
    /// No view is fed by a push source of this name.
    #[error("Unable to find push source '{push_source}'.")]
    PushSourceNotFound {
        /// The name asked for.
        push_source: String,
    },
    /// Join keys that the requested views need are absent.
    #[error("Missing join key values for keys: {needed}. No values provided for keys: {missing}. Provided join_key_values: {provided}",
        needed = python_list(needed), missing = python_list(missing), provided = python_list(provided))]
    MissingJoinKeys {
        /// The keys the request needs.
        needed: Vec<String>,
        /// Those without values.
        missing: Vec<String>,
        /// The keys that did come with values.
        provided: Vec<String>,
    },
    /// The columns of a request have different lengths.
    #[error("All entity rows must have the same columns.")]
    UnevenEntityRows,
    /// The columns of a pushed table have different lengths.
    #[error("All arrays must be of the same length")]
    UnevenColumns,
    /// A value cannot become the declared type.
    #[error(
        "column `{column}`, row {row}: {value} is not a valid {expected}; send a value of that type or null"
    )]
    InvalidValue {
        /// The column.
        column: String,
        /// The zero-based row.
        row: usize,
        /// The value, as JSON, cut when long.
        value: String,
        /// The declared type, in Feast's words.
        expected: String,
    },
    /// A whole column has a type that cannot become the declared one.
    #[error("column `{column}` holds {found}, which cannot become {expected}")]
    InvalidColumn {
        /// The column.
        column: String,
        /// The Arrow type found.
        found: String,
        /// The declared type, in Feast's words.
        expected: String,
    },
    /// A table lacks a column that it must have.
    #[error("column `{column}` is missing: {table} needs it; it has {found}", found = python_list(found))]
    MissingColumn {
        /// The missing column.
        column: String,
        /// What needs the column.
        table: String,
        /// The columns that are there.
        found: Vec<String>,
    },
    /// The feature view exists but is switched off.
    #[error(
        "Feature view '{view}' is disabled and cannot serve features. \
         Enable it with `larder feature-views enable {view}` or set `enabled: true`."
    )]
    FeatureViewDisabled {
        /// The view.
        view: String,
    },
    /// The feature view is not kept online.
    #[error("FeatureView {view} is not configured to be served online.")]
    NotServedOnline {
        /// The view.
        view: String,
    },
    /// The permissions of the project do not let the caller do this.
    #[error("Permission error:\n{details}")]
    PermissionDenied {
        /// Which permission said no, and why; or that none says yes.
        details: String,
    },
    /// Anything else that is wrong with a request. Feast answers these with a bare message.
    #[error("{message}")]
    Other {
        /// What is wrong and what to do, in one sentence.
        message: String,
    },
}

impl RequestError {
    /// A mistake without a variant of its own.
    pub fn other(message: impl Into<String>) -> Self {
        Self::Other { message: message.into() }
    }

    /// The class in Feast's module `feast.errors` that stands for the same mistake; `None` where
    /// Feast raises a plain `ValueError`, `KeyError` or `TypeError`.
    pub fn feast_class(&self) -> Option<&'static str> {
        Some(match self {
            Self::FeatureViewNotFound { .. } => "FeatureViewNotFoundException",
            Self::OnDemandFeatureViewNotFound { .. } => "OnDemandFeatureViewNotFoundException",
            Self::FeatureServiceNotFound { .. } => "FeatureServiceNotFoundException",
            Self::EntityNotFound { .. } => "EntityNotFoundException",
            Self::DataSourceNotFound { .. } => "DataSourceObjectNotFoundException",
            Self::SavedDatasetNotFound { .. } => "SavedDatasetNotFound",
            Self::SavedDatasetLocationAlreadyExists { .. } => "SavedDatasetLocationAlreadyExists",
            Self::ValidationReferenceNotFound { .. } => "ValidationReferenceNotFound",
            Self::PermissionNotFound { .. } => "PermissionObjectNotFoundException",
            Self::ProjectNotFound { .. } => "ProjectObjectNotFoundException",
            Self::ConflictingFeatureViewNames { .. } => "ConflictingFeatureViewNames",
            Self::FeatureViewVersionNotFound { .. } => "FeatureViewVersionNotFound",
            Self::FeatureViewPinConflict { .. } => "FeatureViewPinConflict",
            Self::ObjectNotFound { .. }
            | Self::RegisteredFeatureNotFound { .. }
            | Self::DatasetJobNotFound { .. } => "FeastObjectNotFoundException",
            Self::FeatureNameCollision { .. } => "FeatureNameCollisionError",
            Self::RequestDataMissingOnline { .. } => "RequestDataNotFoundInEntityRowsException",
            Self::RequestDataMissingHistorical { .. } => "RequestDataNotFoundInEntityDfException",
            Self::EntityDfMissingColumns { .. } => "FeastEntityDFMissingColumnsError",
            Self::PushSourceNotFound { .. } => "PushSourceNotFoundException",
            Self::PermissionDenied { .. } => "FeastPermissionError",
            _ => return None,
        })
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        let kind = match error {
            RequestError::FeatureViewNotFound { .. }
            | RequestError::OnDemandFeatureViewNotFound { .. }
            | RequestError::FeatureServiceNotFound { .. }
            | RequestError::EntityNotFound { .. }
            | RequestError::DataSourceNotFound { .. }
            | RequestError::SavedDatasetNotFound { .. }
            | RequestError::ValidationReferenceNotFound { .. }
            | RequestError::PermissionNotFound { .. }
            | RequestError::ProjectNotFound { .. }
            | RequestError::FeatureViewVersionNotFound { .. }
            | RequestError::ObjectNotFound { .. }
            | RequestError::FeatureNotFound { .. }
            | RequestError::RegisteredFeatureNotFound { .. }
            | RequestError::DatasetJobNotFound { .. }
            | RequestError::RequestDataMissingOnline { .. }
            | RequestError::RequestDataMissingHistorical { .. }
            | RequestError::PushSourceNotFound { .. } => ErrorKind::NotFound,
            RequestError::PermissionDenied { .. } => ErrorKind::Forbidden,
            _ => ErrorKind::Invalid,
        };
        Self::new(kind, error)
    }
}

fn collision_text(names: &[String], full_feature_names: bool) -> String {
    let advice = if full_feature_names {
        "To resolve this collision, please ensure that the feature views or their own features have different names. \
         If you're intentionally joining the same feature view twice on different sets of entities, \
         please rename one of the feature views with '.with_name'."
    } else {
        "To resolve this collision, either use the full feature name by setting 'full_feature_names=True', \
         or ensure that the features in question have different names."
    };
    format!("Duplicate features named {} found.\n{advice}", names.join(", "))
}

fn conflict_text(view: &str, existing: &str, new: &str) -> String {
    if existing == new {
        return format!(
            "Multiple {new}s with name '{view}' found. Feature view names must be case-insensitively unique. It may be \
             necessary to ignore certain files in your feature repository by using a .feastignore file."
        );
    }
    format!(
        "Feature view name '{view}' is already used by a {existing}. Cannot register a {new} with the same name. \
         Feature view names must be unique across FeatureView, StreamFeatureView, and OnDemandFeatureView."
    )
}

/// Renders names as Python prints a list of strings, which is how Feast's messages show them.
fn python_list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_feasts_word_for_word() {
        let error =
            RequestError::FeatureNameCollision { names: vec!["conv_rate".into()], full_feature_names: false };
        assert_eq!(
            error.to_string(),
            "Duplicate features named conv_rate found.\nTo resolve this collision, either use the full feature \
             name by setting 'full_feature_names=True', or ensure that the features in question have different names."
        );
        let error = RequestError::MissingJoinKeys {
            needed: vec!["a".into(), "b".into()],
            missing: vec!["b".into()],
            provided: vec!["a".into()],
        };
        assert_eq!(
            error.to_string(),
            "Missing join key values for keys: ['a', 'b']. No values provided for keys: ['b']. \
             Provided join_key_values: ['a']"
        );
    }
}
