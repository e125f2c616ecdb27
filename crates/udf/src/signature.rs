//! Agreeing on signatures: what a component declares, checked once and turned into Arrow schemas.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use larder_core::{Field, TransformationSignature};

use crate::bindings::exports::larder::udf::transformation as wit;
use crate::bindings::larder::udf::arrow::Field as WitField;
use crate::type_nodes::{self, LONGEST_NAME, is_name, node_count, value_type};
use crate::{SandboxLimits, SignatureError};

/// A function's signature and what every call needs of it.
#[derive(Debug)]
pub(crate) struct AgreedSignature {
    /// The function's place in the component's declarations.
    pub(crate) index: u32,
    pub(crate) signature: TransformationSignature,
    pub(crate) output_schema: SchemaRef,
    /// The columns of the output with all levels of nested ones.
    pub(crate) output_nodes: usize,
}

/// Checks the signatures of a component.
pub(crate) fn agree(
    declared: Vec<wit::Signature>,
    limits: &SandboxLimits,
) -> Result<Vec<Arc<AgreedSignature>>, SignatureError> {
    if declared.is_empty() {
        return Err(SignatureError::Empty);
    }
    if declared.len() > limits.functions {
        return Err(SignatureError::TooManyFunctions { actual: declared.len(), limit: limits.functions });
    }
    let mut names = HashSet::new();
    let mut agreed = Vec::with_capacity(declared.len());
    for (index, function) in (0_u32..).zip(declared) {
        let name = function.name;
        check_length(&name, "function", index as usize)?;
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        if name.is_empty() || !name.chars().all(allowed) {
            return Err(SignatureError::FunctionName { index, name });
        }
        if !names.insert(name.clone()) {
            return Err(SignatureError::DuplicateFunction { name });
        }
        let inputs = fields(&name, "input", function.inputs, limits)?;
        let outputs = fields(&name, "output", function.outputs, limits)?;
        if outputs.is_empty() {
            return Err(SignatureError::NoOutputs { function: name });
        }
        let output_schema = Schema::new(outputs.iter().map(Field::to_arrow).collect::<Vec<_>>());
        let output_nodes = outputs.iter().map(|field| node_count(&field.value_type)).sum();
        agreed.push(Arc::new(AgreedSignature {
            index,
            signature: TransformationSignature { name, inputs, outputs },
            output_schema: Arc::new(output_schema),
            output_nodes,
        }));
    }
    Ok(agreed)
}

fn fields(
    function: &str,
    direction: &'static str,
    declared: Vec<WitField>,
    limits: &SandboxLimits,
) -> Result<Vec<Field>, SignatureError> {
    let function = || function.to_owned();
    let (actual, limit) = (declared.iter().map(|field| field.nodes.len()).sum(), limits.columns);
    if actual > limit {
        return Err(SignatureError::TooManyColumns { function: function(), direction, actual, limit });
    }
    let mut names = HashSet::new();
    let mut fields = Vec::with_capacity(declared.len());
    let what = if direction == "input" { "input column" } else { "output column" };
    for (index, WitField { name, nodes }) in declared.into_iter().enumerate() {
        check_length(&name, what, index)?;
        if !is_name(&name) {
            return Err(SignatureError::ColumnName { function: function(), direction, index, name });
        }
        let value_type = value_type(&nodes).map_err(|reason| SignatureError::UnknownType {
            function: function(),
            direction,
            column: name.clone(),
            nodes: type_nodes::names(&nodes),
            reason,
        })?;
        if !names.insert(name.clone()) {
            return Err(SignatureError::DuplicateColumn { function: function(), direction, name });
        }
        fields.push(Field::new(name, value_type));
    }
    Ok(fields)
}

fn check_length(name: &str, what: &'static str, index: usize) -> Result<(), SignatureError> {
    let (actual_bytes, limit_bytes) = (name.len(), LONGEST_NAME);
    if actual_bytes > limit_bytes {
        return Err(SignatureError::LongName { what, index, actual_bytes, limit_bytes });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use larder_core::ValueType;

    use super::*;
    use crate::bindings::larder::udf::arrow::TypeNode;

    fn field(name: &str, nodes: &[TypeNode]) -> WitField {
        WitField { name: name.to_owned(), nodes: nodes.to_vec() }
    }

    fn function(name: &str, inputs: Vec<WitField>, outputs: Vec<WitField>) -> wit::Signature {
        wit::Signature { name: name.to_owned(), inputs, outputs }
    }

    fn refused(declared: Vec<wit::Signature>) -> SignatureError {
        agree(declared, &SandboxLimits::default()).expect_err("a rule is broken")
    }

    #[test]
    fn the_agreed_signature_keeps_names_types_and_order() {
        let inputs = vec![field("b", &[TypeNode::Utf8]), field("a", &[TypeNode::List, TypeNode::Float32])];
        let declared = vec![
            function("first", vec![], vec![field("x", &[TypeNode::Int64])]),
            function("second", inputs, vec![field("y", &[TypeNode::List, TypeNode::Boolean])]),
        ];
        let agreed = agree(declared, &SandboxLimits::default()).unwrap();
        assert_eq!(agreed[1].index, 1);
        assert_eq!(agreed[1].signature.name, "second");
        let array = ValueType::array(ValueType::FLOAT32).unwrap();
        assert_eq!(agreed[1].signature.inputs, [Field::new("b", ValueType::STRING), Field::new("a", array)]);
        assert_eq!(agreed[1].output_nodes, 2);
        assert_eq!(agreed[1].output_schema.field(0).name(), "y");
    }

    #[test]
    fn names_must_be_there_and_be_different() {
        let output = || vec![field("x", &[TypeNode::Int64])];
        let duplicate = |name: &str| field(name, &[TypeNode::Int64]);
        assert_eq!(refused(vec![]), SignatureError::Empty);
        assert_eq!(
            refused(vec![function("", vec![], output())]),
            SignatureError::FunctionName { index: 0, name: String::new() }
        );
        assert_eq!(
            refused(vec![function("f", vec![], output()), function("f", vec![], output())]),
            SignatureError::DuplicateFunction { name: "f".to_owned() }
        );
        assert!(matches!(
            refused(vec![function("f", vec![duplicate("a"), duplicate("a")], output())]),
            SignatureError::DuplicateColumn { direction: "input", .. }
        ));
        assert!(matches!(
            refused(vec![function("f", vec![duplicate("")], output())]),
            SignatureError::ColumnName { direction: "input", index: 0, .. }
        ));
        assert!(matches!(
            refused(vec![function("f", vec![], vec![])]),
            SignatureError::NoOutputs { function } if function == "f"
        ));
    }

    #[test]
    fn nodes_that_form_no_type_are_shown() {
        let error = refused(vec![function("f", vec![], vec![field("x", &[TypeNode::Set, TypeNode::Json])])]);
        let expected = "output column `x` of function `f` has a type [set, json] that larder does not know: \
                        there is no type `Set(Json)`: Feast has no sets of it; use Array(…)";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn counts_are_limited() {
        let limits = SandboxLimits { functions: 1, columns: 1, ..SandboxLimits::default() };
        let x = || field("x", &[TypeNode::Int64]);
        let two_functions = vec![function("f", vec![], vec![x()]), function("g", vec![], vec![x()])];
        assert!(matches!(
            agree(two_functions, &limits),
            Err(SignatureError::TooManyFunctions { actual: 2, limit: 1 })
        ));
        let two_columns = vec![function("f", vec![], vec![x(), field("y", &[TypeNode::Int64])])];
        assert!(matches!(agree(two_columns, &limits), Err(SignatureError::TooManyColumns { actual: 2, .. })));
    }
}
