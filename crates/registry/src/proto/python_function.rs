//! Python functions, which larder carries and never runs.

use larder_core::PythonFunction;

use super::{FeatureTransformationV2, UserDefinedFunctionV2};

/// The function of a definition. Where the registry holds the same text already, with Feast's pickle of it,
/// that one stays.
///
/// Feast reads the text, and falls back on the pickle where the text alone does not run: lambdas, names that
/// its module imports, all stream views. A registry in which it finds neither it cannot read at all.
pub(super) fn function_to_proto(
    function: &PythonFunction,
    mode: &str,
    before: Option<&UserDefinedFunctionV2>,
) -> UserDefinedFunctionV2 {
    match before {
        Some(before)
            if before.name == function.name
                && before.body_text == function.text
                && !before.body.is_empty() =>
        {
            before.clone()
        }
        _ => UserDefinedFunctionV2 {
            name: function.name.clone(),
            body: stand_in(),
            body_text: function.text.clone(),
            mode: mode.to_owned(),
        },
    }
}

/// A pickle of a function that says why it cannot run: `eval(SOURCE, {})` in protocol 2.
fn stand_in() -> Vec<u8> {
    const SOURCE: &str = "lambda *inputs: (_ for _ in ()).throw(NotImplementedError('larder keeps the text of \
                          this function alone, and that does not run without its module; apply it with \
                          Feast'))";
    let mut pickle = b"\x80\x02cbuiltins\neval\nX".to_vec();
    pickle.extend(u32::try_from(SOURCE.len()).unwrap_or_default().to_le_bytes());
    pickle.extend(SOURCE.as_bytes());
    pickle.extend(b"}\x86R.");
    pickle
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
