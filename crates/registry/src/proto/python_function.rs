//! Python functions, which larder carries and never runs.

use larder_core::PythonFunction;

use super::{FeatureTransformationV2, UserDefinedFunctionV2};

/// The function of a definition. Where the registry holds the same text already, with a pickle of it that
/// old clients need, that one stays.
pub(super) fn function_to_proto(
    function: &PythonFunction,
    mode: &str,
    before: Option<&UserDefinedFunctionV2>,
) -> UserDefinedFunctionV2 {
    match before {
        Some(before) if before.name == function.name && before.body_text == function.text => before.clone(),
        _ => UserDefinedFunctionV2 {
            name: function.name.clone(),
            body: Vec::new(),
            body_text: function.text.clone(),
            mode: mode.to_owned(),
        },
    }
}

pub(super) fn function_from_proto(function: &UserDefinedFunctionV2) -> PythonFunction {
    PythonFunction { name: function.name.clone(), text: function.body_text.clone() }
}

/// The function of a transformation, also where only the field of older versions of Feast holds it.
pub(super) fn function_of<'a>(
    transformation: Option<&'a FeatureTransformationV2>,
    old: Option<&'a UserDefinedFunctionV2>,
) -> Option<&'a UserDefinedFunctionV2> {
    transformation.and_then(|transformation| transformation.user_defined_function.as_ref()).or(old)
}
