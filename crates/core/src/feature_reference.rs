//! References to features: `view:feature`.

use std::fmt;

use crate::RequestError;

/// Names one feature of one view: `view:feature`, or `view@v2:feature`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FeatureReference {
    /// The view's name or alias.
    pub view: String,
    /// The pinned version, without `@`; `@latest` counts as none.
    pub version: Option<String>,
    /// The feature's name.
    pub feature: String,
}

impl FeatureReference {
    /// Splits at the first `:`; the view part may hold one `@`.
    ///
    /// # Errors
    ///
    /// [`RequestError::InvalidFeatureReference`] with Feast's text.
    pub fn parse(reference: &str) -> Result<Self, RequestError> {
        let invalid = || RequestError::InvalidFeatureReference { reference: reference.to_owned() };
        let (view, feature) = reference.split_once(':').ok_or_else(invalid)?;
        let (view, version) = match view.split_once('@') {
            Some((_, version)) if version.is_empty() || version.contains('@') => return Err(invalid()),
            Some((view, "latest")) => (view, None),
            Some((view, version)) => (view, Some(version.to_owned())),
            None => (view, None),
        };
        if view.is_empty() || feature.is_empty() {
            return Err(invalid());
        }
        Ok(Self { view: view.to_owned(), version, feature: feature.to_owned() })
    }
}

impl fmt::Display for FeatureReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}@{version}:{}", self.view, self.feature),
            None => write!(f, "{}:{}", self.view, self.feature),
        }
    }
}
