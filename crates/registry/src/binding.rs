//! How the inputs of a transformation find the columns of an on-demand view's sources.
//!
//! A component declares its inputs by name. Each names, in this order of search:
//!
//! | input | means |
//! |---|---|
//! | `view__feature` | that feature of the source view, stored or on demand (its alias, if it has one) |
//! | `feature` | the feature of the one source view that has it |
//! | `field` | the field of the one request source that has it |
//! | `join_key` | the join key column of the source views, also of those that a source view reads |
//!
//! A short name that two sources have is refused: it could mean either. Types must be equal; nothing is
//! cast between a view and its transformation.

use std::sync::Arc;

use larder_core::{
    Error, ErrorKind, FeatureViewProjection, Field, OnDemandFeatureView, OnDemandSource,
    TransformationSignature, ValueType,
};

use crate::RegistrySnapshot;

/// Where one input of a transformation comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoundInput {
    /// A feature of a feature view or of another on-demand view.
    Feature {
        /// The position of the view in the on-demand view's sources.
        source: usize,
        /// The feature's name.
        feature: String,
    },
    /// A field of a request source.
    Request(Field),
    /// A join key of the source views.
    JoinKey(Field),
}

/// A transformation that does not fit the view that names it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BindingError {
    /// No source has a column of the input's name.
    #[error(
        "on-demand feature view `{view}`: its transformation takes `{input}`, which no source has; its sources offer {offered}"
    )]
    UnknownInput {
        /// The view.
        view: String,
        /// The input.
        input: String,
        /// The names that would be found.
        offered: String,
    },
    /// Several sources have a column of the input's name.
    #[error(
        "on-demand feature view `{view}`: its transformation takes `{input}`, which several sources have; take {qualified} instead"
    )]
    AmbiguousInput {
        /// The view.
        view: String,
        /// The input.
        input: String,
        /// The names that say which one is meant.
        qualified: String,
    },
    /// The input and the column found have different types.
    #[error(
        "on-demand feature view `{view}`: its transformation takes `{input}` as {expected}, but the source has it as {found}"
    )]
    InputType {
        /// The view.
        view: String,
        /// The input.
        input: String,
        /// The type the transformation takes.
        expected: ValueType,
        /// The type the source has.
        found: ValueType,
    },
    /// The view declares a feature that the transformation does not give.
    #[error(
        "on-demand feature view `{view}` declares feature `{feature}`, which its transformation does not give; it gives {given}"
    )]
    MissingOutput {
        /// The view.
        view: String,
        /// The feature.
        feature: String,
        /// The outputs there are.
        given: String,
    },
    /// The view declares a feature with another type than the transformation gives.
    #[error(
        "on-demand feature view `{view}` declares `{feature}` as {declared}, but its transformation gives {given}"
    )]
    OutputType {
        /// The view.
        view: String,
        /// The feature.
        feature: String,
        /// The type in the definition.
        declared: ValueType,
        /// The type in the component.
        given: ValueType,
    },
}

impl From<BindingError> for Error {
    fn from(error: BindingError) -> Self {
        Self::new(ErrorKind::Invalid, error)
    }
}

/// A column that some source of an on-demand view has.
struct Offer {
    short: String,
    qualified: Option<String>,
    value_type: ValueType,
    input: BoundInput,
}

/// Finds the column that each input of `signature` means; one per input, in order.
///
/// # Errors
///
/// [`BindingError`] if an input is unknown, ambiguous or of another type;
/// [`RequestError`](larder_core::RequestError) if a source
/// of the view is not in the snapshot; [`OnDemandCycle`](crate::OnDemandCycle) if the view reads itself.
pub fn bind_inputs(
    snapshot: &RegistrySnapshot,
    view: &Arc<OnDemandFeatureView>,
    signature: &TransformationSignature,
) -> larder_core::Result<Vec<BoundInput>> {
    let offers = offers(snapshot, view)?;
    signature.inputs.iter().map(|input| Ok(bind(view, &offers, input)?)).collect()
}

fn bind(view: &OnDemandFeatureView, offers: &[Offer], input: &Field) -> Result<BoundInput, BindingError> {
    let qualified = offers.iter().find(|offer| offer.qualified.as_deref() == Some(&input.name));
    let offer = if let Some(offer) = qualified {
        offer
    } else {
        let mut named = offers.iter().filter(|offer| offer.short == input.name);
        let first = named.next().ok_or_else(|| BindingError::UnknownInput {
            view: view.name.clone(),
            input: input.name.clone(),
            offered: list(offers.iter().map(|offer| offer.short.as_str())),
        })?;
        if named.next().is_some() {
            let named = offers.iter().filter(|offer| offer.short == input.name);
            return Err(BindingError::AmbiguousInput {
                view: view.name.clone(),
                input: input.name.clone(),
                qualified: named
                    .map(|offer| format!("`{}`", offer.qualified.as_deref().unwrap_or(&offer.short)))
                    .collect::<Vec<_>>()
                    .join(" or "),
            });
        }
        first
    };
    if offer.value_type == input.value_type {
        Ok(offer.input.clone())
    } else {
        Err(BindingError::InputType {
            view: view.name.clone(),
            input: input.name.clone(),
            expected: input.value_type.clone(),
            found: offer.value_type.clone(),
        })
    }
}

/// Every column that the sources of a view have; features and request fields before join keys.
fn offers(snapshot: &RegistrySnapshot, view: &Arc<OnDemandFeatureView>) -> larder_core::Result<Vec<Offer>> {
    let mut offers = Vec::new();
    for (source, definition) in view.sources.iter().enumerate() {
        match definition {
            OnDemandSource::FeatureView(projection) => {
                let features = &snapshot.feature_view(&projection.view)?.object.features;
                offers.extend(features_offered(source, projection, features));
            }
            OnDemandSource::OnDemandFeatureView(projection) => {
                let features = &snapshot.projected_on_demand_view(projection)?.features;
                offers.extend(features_offered(source, projection, features));
            }
            OnDemandSource::RequestSource(name) => {
                let source = &snapshot.data_source(name)?.object;
                for field in source.as_request().map(|request| request.schema.as_slice()).unwrap_or_default()
                {
                    offers.push(Offer {
                        short: field.name.clone(),
                        qualified: None,
                        value_type: field.value_type.clone(),
                        input: BoundInput::Request(field.clone()),
                    });
                }
            }
            _ => {}
        }
    }
    for key in join_keys(snapshot, view)? {
        if !offers.iter().any(|offer| offer.short == key.name) {
            offers.push(Offer {
                short: key.name.clone(),
                qualified: None,
                value_type: key.value_type.clone(),
                input: BoundInput::JoinKey(key),
            });
        }
    }
    Ok(offers)
}

/// The chosen features of a source view.
fn features_offered(
    source: usize,
    projection: &FeatureViewProjection,
    features: &[Field],
) -> impl Iterator<Item = Offer> {
    let chosen = features.iter().filter(|feature| projection.features.contains(&feature.name));
    chosen.map(move |feature| Offer {
        short: feature.name.clone(),
        qualified: Some(format!("{}__{}", projection.name_to_use(), feature.name)),
        value_type: feature.value_type.clone(),
        input: BoundInput::Feature { source, feature: feature.name.clone() },
    })
}

/// The join keys of all feature views that a view reads, directly or through other on-demand views, as a
/// request names them; its own sources first.
fn join_keys(
    snapshot: &RegistrySnapshot,
    view: &Arc<OnDemandFeatureView>,
) -> larder_core::Result<Vec<Field>> {
    let mut keys: Vec<Field> = Vec::new();
    for reader in snapshot.on_demand_chain(view, |_| true)?.iter().rev() {
        for source in &reader.sources {
            let OnDemandSource::FeatureView(projection) = source else { continue };
            let stored = &snapshot.feature_view(&projection.view)?.object;
            for key in stored.join_keys.iter().filter(|_| !stored.is_entityless()) {
                let name = projection.join_key_map.get(&key.name).unwrap_or(&key.name);
                if !keys.iter().any(|known| &known.name == name) {
                    keys.push(Field::new(name, key.value_type.clone()));
                }
            }
        }
    }
    Ok(keys)
}

/// Finds the output that each declared feature of `view` means: positions in `signature.outputs`, one
/// per feature, in order. Outputs that no feature declares are left out of every answer.
///
/// # Errors
///
/// [`BindingError`] if an output is missing or of another type.
pub fn check_outputs(
    view: &OnDemandFeatureView,
    signature: &TransformationSignature,
) -> Result<Vec<usize>, BindingError> {
    let position = |feature: &Field| {
        let at =
            signature.outputs.iter().position(|output| output.name == feature.name).ok_or_else(|| {
                BindingError::MissingOutput {
                    view: view.name.clone(),
                    feature: feature.name.clone(),
                    given: list(signature.outputs.iter().map(|output| output.name.as_str())),
                }
            })?;
        match signature.outputs.get(at) {
            Some(output) if output.value_type != feature.value_type => Err(BindingError::OutputType {
                view: view.name.clone(),
                feature: feature.name.clone(),
                declared: feature.value_type.clone(),
                given: output.value_type.clone(),
            }),
            _ => Ok(at),
        }
    };
    view.features.iter().map(position).collect()
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if quoted.is_empty() { "nothing".to_owned() } else { quoted.join(", ") }
}
