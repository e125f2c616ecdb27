//! What a caller may do: Feast's actions on offline stores, with the objects that a command is about.

use std::sync::Arc;

use larder_core::{DataSource, PermissionType, PermittedAction, RequestError, Result};
use larder_registry::RegistrySnapshot;
use larder_serving::{Access, Protected};

use super::command::WriteCommand;
use super::{OfflineRead, SourceRows};

/// Refuses to write what the caller may not write.
///
/// # Errors
///
/// [`RequestError::PermissionDenied`]; [`RequestError`] for what is not there.
pub(crate) fn check_writes(
    access: &Access,
    command: &WriteCommand,
    snapshot: &Arc<RegistrySnapshot>,
) -> Result<()> {
    if !access.is_limited() {
        return Ok(());
    }
    let object = match command {
        WriteCommand::Persist(_, target) => source_named(snapshot, &target.data_source)?,
        WriteCommand::ToOfflineStore { feature_view } => Protected::named(snapshot, feature_view)?,
        WriteCommand::LoggedFeatures { feature_service } => {
            let service = &snapshot.feature_service(feature_service)?.object;
            Protected { kind: PermissionType::FeatureService, name: &service.name, tags: &service.tags }
        }
        WriteCommand::ValidateDataSource(_) => return Ok(()),
    };
    Ok(access.check(snapshot, &[PermittedAction::WriteOffline], &object)?)
}

/// Refuses a look at a data source that a client describes, unless the caller may read it, and all registered ones
/// that read a file of it.
///
/// # Errors
///
/// As [`check_writes`].
pub(crate) fn check_look(
    access: &Access,
    source: &DataSource,
    readers: &[String],
    snapshot: &Arc<RegistrySnapshot>,
) -> Result<()> {
    if !access.is_limited() {
        return Ok(());
    }
    // What a client says of a registered source does not count.
    let registered = snapshot.data_source(&source.name).map(|known| known.object.as_ref());
    let mut objects = vec![Protected::from(registered.unwrap_or(source))];
    for reader in readers {
        objects.push(snapshot.data_source(reader)?.object.as_ref().into());
    }
    for object in objects {
        access.check(snapshot, &[PermittedAction::ReadOffline], &object)?;
    }
    Ok(())
}

/// Refuses to read what the caller may not read.
///
/// # Errors
///
/// As [`check_writes`].
pub(crate) fn check_reads(
    access: &Access,
    read: &OfflineRead,
    snapshot: &Arc<RegistrySnapshot>,
) -> Result<()> {
    if access.is_limited() {
        for object in read_by(snapshot, read)? {
            access.check(snapshot, &[PermittedAction::ReadOffline], &object)?;
        }
    }
    Ok(())
}

/// What must be readable for a read. Of an on-demand view those that it computes from, to the end of the chain; not
/// itself, as in Feast.
fn read_by<'s>(snapshot: &'s RegistrySnapshot, read: &OfflineRead) -> Result<Vec<Protected<'s>>> {
    match read {
        OfflineRead::TrainingSet(request) => {
            let mut objects = Vec::new();
            for projection in &request.features {
                objects.extend(Protected::stored_behind(snapshot, &projection.view)?);
            }
            Ok(objects)
        }
        OfflineRead::Latest(SourceRows { data_source, .. })
        | OfflineRead::All(SourceRows { data_source, .. }) => Ok(vec![source_named(snapshot, data_source)?]),
    }
}

/// A data source by its name, or a saved dataset by its path, which is what Feast's client calls it.
fn source_named<'s>(snapshot: &'s RegistrySnapshot, name: &str) -> Result<Protected<'s>, RequestError> {
    match (snapshot.data_source(name), snapshot.saved_dataset_at(name)) {
        (Ok(source), _) => Ok(source.object.as_ref().into()),
        (Err(_), Some(dataset)) => Ok(dataset.object.as_ref().into()),
        (Err(unknown), None) => Err(unknown),
    }
}
