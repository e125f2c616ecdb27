//! The columns of a request: which are request data, which are join keys, and of what type.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef};
use larder_core::{DUMMY_JOIN_KEY, Field, InputColumn, RequestError, ValueType};
use larder_plan::FeaturePlan;
use larder_registry::RegistrySnapshot;

/// The join keys and entity names of a project, which every request may use.
#[derive(Debug, Default)]
pub(crate) struct ProjectColumns {
    join_keys: HashMap<String, ValueType>,
    /// Entity name to join key.
    entity_names: HashMap<String, String>,
}

impl ProjectColumns {
    pub(crate) fn new(snapshot: &RegistrySnapshot) -> Self {
        let mut columns = Self::default();
        for entity in snapshot.entities() {
            let entity = &entity.object;
            let in_views = || {
                let views = snapshot.feature_views().iter();
                let mut keys = views.flat_map(|view| &view.object.join_keys);
                keys.find(|key| key.name == entity.join_key).map(|key| key.value_type.clone())
            };
            let value_type = entity.value_type.clone().or_else(in_views).unwrap_or(ValueType::STRING);
            columns.join_keys.insert(entity.join_key.clone(), value_type);
            columns.entity_names.insert(entity.name.clone(), entity.join_key.clone());
        }
        columns
    }

    /// All join keys, sorted.
    pub(crate) fn join_key_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.join_keys.keys().cloned().collect();
        names.sort();
        names
    }
}

/// The columns that one plan needs of a request.
#[derive(Debug, Default)]
pub(crate) struct PlanColumns {
    request_fields: HashMap<String, usize>,
    /// Positions in `typed` by column name; several where views declare a key with different types.
    key_columns: HashMap<String, Vec<usize>>,
    /// Entity columns with the type in which they are needed, each pair once.
    typed: Vec<Field>,
}

impl PlanColumns {
    pub(crate) fn new(plan: &FeaturePlan) -> Self {
        let request_fields = plan.request_fields.iter().enumerate();
        let request_fields = request_fields.map(|(at, field)| (field.field.name.clone(), at)).collect();
        Self { request_fields, ..Self::default() }
    }

    /// The position of an entity column that is needed as `value_type`.
    pub(crate) fn want(&mut self, column: &str, value_type: ValueType) -> usize {
        let known = |field: &Field| field.name == column && field.value_type == value_type;
        self.typed.iter().position(known).unwrap_or_else(|| {
            self.typed.push(Field::new(column, value_type));
            self.key_columns.entry(column.to_owned()).or_default().push(self.typed.len() - 1);
            self.typed.len() - 1
        })
    }

    /// Whether a request has values for an entity column.
    pub(crate) fn is_given(&self, column: &str, entities: &EntityColumns) -> bool {
        let mut positions = self.key_columns.get(column).into_iter().flatten();
        entities.row_count > 0 && positions.any(|at| entities.typed.get(*at).is_some_and(Option::is_some))
    }
}

/// The columns of one request, in their declared types.
#[derive(Debug)]
pub(crate) struct EntityColumns {
    pub(crate) row_count: usize,
    /// The columns that the answer repeats, under their join keys.
    pub(crate) echoed: Vec<(Arc<str>, ValueType, ArrayRef)>,
    /// By position in the plan's wanted columns; `None` where the request lacks it.
    pub(crate) typed: Vec<Option<ArrayRef>>,
    /// By position in the plan's request fields.
    pub(crate) request_data: Vec<ArrayRef>,
    /// The names of the columns that count as entity columns, in the order of the request.
    pub(crate) recognised: Vec<String>,
}

/// Where a column of a request goes.
enum Role<'a> {
    RequestData(usize),
    /// The join key, and the type in which it is shown.
    JoinKey(&'a str, ValueType),
    /// The key of views without entities, which is never shown.
    Dummy,
    Unknown,
}

impl EntityColumns {
    /// Sorts the columns of a request, in this order: request data of the plan, a join key of the plan
    /// or of any entity, an entity's name (which stands for its join key); the rest is ignored.
    pub(crate) fn classify(
        entities: &[(String, InputColumn)],
        plan: &FeaturePlan,
        wanted: &PlanColumns,
        project: &ProjectColumns,
    ) -> Result<Self, RequestError> {
        let row_count = even_row_count(entities)?;
        let mut columns = Self {
            row_count,
            echoed: Vec::with_capacity(entities.len()),
            typed: vec![None; wanted.typed.len()],
            request_data: Vec::with_capacity(plan.request_fields.len()),
            recognised: Vec::with_capacity(entities.len()),
        };
        let mut request_data: Vec<Option<ArrayRef>> = vec![None; plan.request_fields.len()];
        for (name, values) in entities {
            match role(name, entities, plan, wanted, project) {
                Role::RequestData(at) => {
                    if let (Some(slot), Some(field)) = (request_data.get_mut(at), plan.request_fields.get(at))
                    {
                        *slot = Some(values.to_array(name, &field.field.value_type)?);
                    }
                }
                // Two entities may share a join key; the first of them counts.
                Role::JoinKey(join_key, _)
                    if columns.echoed.iter().any(|(known, ..)| **known == *join_key) => {}
                Role::JoinKey(join_key, value_type) => {
                    columns.take_join_key(name, join_key, value_type, values, wanted)?;
                }
                Role::Dummy => columns.recognised.push(name.clone()),
                Role::Unknown => {}
            }
        }
        let missing: Vec<String> = plan
            .request_fields
            .iter()
            .zip(&request_data)
            .filter(|(_, given)| given.is_none())
            .map(|(field, _)| field.field.name.clone())
            .collect();
        if !missing.is_empty() {
            return Err(RequestError::RequestDataMissingOnline { missing });
        }
        columns.request_data.extend(request_data.into_iter().flatten());
        Ok(columns)
    }

    /// Refuses a null among the entity values.
    pub(crate) fn refuse_nulls(&self) -> Result<(), RequestError> {
        match self.echoed.iter().find(|(.., values)| values.null_count() > 0) {
            None => Ok(()),
            Some((join_key, ..)) => Err(RequestError::other(format!(
                "a value of join key `{join_key}` is null, and `null_entities_are_errors` is set under `compat` in \
                 feature_store.yaml"
            ))),
        }
    }

    fn take_join_key(
        &mut self,
        name: &str,
        join_key: &str,
        shown: ValueType,
        values: &InputColumn,
        wanted: &PlanColumns,
    ) -> Result<(), RequestError> {
        let array = values.to_array(name, &shown)?;
        for at in wanted.key_columns.get(join_key).into_iter().flatten() {
            let (Some(slot), Some(field)) = (self.typed.get_mut(*at), wanted.typed.get(*at)) else {
                continue;
            };
            *slot = Some(if field.value_type == shown {
                Arc::clone(&array)
            } else {
                values.to_array(name, &field.value_type)?
            });
        }
        self.recognised.push(name.to_owned());
        self.echoed.push((Arc::from(join_key), shown, array));
        Ok(())
    }
}

fn role<'a>(
    name: &'a str,
    entities: &[(String, InputColumn)],
    plan: &FeaturePlan,
    wanted: &'a PlanColumns,
    project: &'a ProjectColumns,
) -> Role<'a> {
    debug_assert_eq!(wanted.request_fields.len(), plan.request_fields.len());
    if let Some(at) = wanted.request_fields.get(name) {
        return Role::RequestData(*at);
    }
    if name == DUMMY_JOIN_KEY {
        return Role::Dummy;
    }
    let key_type = |key: &str| {
        let typed = wanted.key_columns.get(key).and_then(|all| wanted.typed.get(*all.first()?));
        typed.map(|field| field.value_type.clone()).or_else(|| project.join_keys.get(key).cloned())
    };
    if let Some(value_type) = key_type(name) {
        return Role::JoinKey(name, value_type);
    }
    match project.entity_names.get(name) {
        // The join key itself, if it is there too, says more than its entity's name.
        Some(join_key) if !entities.iter().any(|(other, _)| other == join_key) => {
            key_type(join_key).map_or(Role::Unknown, |value_type| Role::JoinKey(join_key, value_type))
        }
        _ => Role::Unknown,
    }
}

fn even_row_count(entities: &[(String, InputColumn)]) -> Result<usize, RequestError> {
    let mut lengths = entities.iter().map(|(_, values)| values.len());
    let first = lengths.next().unwrap_or_default();
    if lengths.all(|length| length == first) { Ok(first) } else { Err(RequestError::UnevenEntityRows) }
}
