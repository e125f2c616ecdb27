//! What stores do with the rows of a write before they look at what is stored.

use larder_core::{EntityKey, OnlineWrite, RowVersion, WritePolicy};

use crate::OnlineError;

/// Refuses a write whose parts have different lengths.
pub(crate) fn check_even(write: &OnlineWrite) -> Result<(), OnlineError> {
    let (keys, versions, rows) = (write.keys.len(), write.versions.len(), write.features.num_rows());
    if keys == versions && keys == rows {
        return Ok(());
    }
    Err(OnlineError::UnevenWrite { view: write.view.name.clone(), keys, versions, rows })
}

/// The position of the row of every key that stays by `policy`, in the order of the keys.
pub(crate) fn surviving_rows(keys: &[EntityKey], versions: &[RowVersion], policy: WritePolicy) -> Vec<usize> {
    let counts = |version| (policy == WritePolicy::NewestWins).then_some(version);
    let mut rows: Vec<(&EntityKey, Option<&RowVersion>, usize)> = keys
        .iter()
        .zip(versions)
        .enumerate()
        .map(|(row, (key, version))| (key, counts(version), row))
        .collect();
    // Rows of one key end with the one that stays.
    if !rows.is_sorted_by(|a, b| a.0 < b.0) {
        rows.sort_unstable();
    }
    let last_of_key = rows.chunk_by(|a, b| a.0 == b.0).filter_map(<[_]>::last);
    last_of_key.map(|(_, _, row)| *row).collect()
}

#[cfg(test)]
mod tests {
    use larder_core::Timestamp;

    use super::*;

    #[test]
    fn of_rows_with_one_key_the_newest_is_written_and_the_last_of_equals_or_the_last_of_all() {
        let key = |name: &str| EntityKey::from_bytes(name.as_bytes());
        let version =
            |micros| RowVersion { event_timestamp: Timestamp::from_micros(micros), created_timestamp: None };
        let keys = [key("b"), key("a"), key("b"), key("a"), key("b"), key("c")];
        let versions = [version(5), version(1), version(9), version(1), version(7), version(0)];
        assert_eq!(surviving_rows(&keys, &versions, WritePolicy::NewestWins), [3, 2, 5]);
        assert_eq!(surviving_rows(&keys, &versions, WritePolicy::LastWriteWins), [3, 4, 5]);
        assert_eq!(surviving_rows(&[], &[], WritePolicy::NewestWins), [0; 0]);
    }
}
