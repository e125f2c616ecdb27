//! What the attribute and `export!` make of functions.

use std::fmt::Display;

use crate::Array;
pub use crate::bindings::exports::larder::udf::transformation::{Error, Guest, Signature};
pub use crate::bindings::larder::udf::arrow::{Batch, Field};
use crate::bindings::larder::udf::arrow::{Column, TypeNode};

/// A function with `#[on_demand_feature_view]`. The attribute implements it.
pub trait OnDemandFunction {
    /// Name, inputs and outputs.
    fn signature() -> Signature;

    /// Applies the function.
    ///
    /// # Errors
    ///
    /// The error of the function itself, or that the input is not what the signature says.
    fn call(input: Batch) -> Result<Batch, Error>;
}

/// What a transformation may return: an array, a tuple of arrays, tuples of tuples for more than
/// twelve outputs, or a `Result` of any of them.
pub trait Outputs: Sized {
    /// How many columns there are.
    const COUNT: usize;

    #[doc(hidden)]
    fn types(types: &mut Vec<Vec<TypeNode>>);

    #[doc(hidden)]
    fn put(self, columns: &mut Vec<Column>) -> Result<(), Error>;
}

impl<A: Array> Outputs for A {
    const COUNT: usize = 1;

    fn types(types: &mut Vec<Vec<TypeNode>>) {
        types.push(nodes::<A>());
    }

    fn put(self, columns: &mut Vec<Column>) -> Result<(), Error> {
        Array::put(self, columns);
        Ok(())
    }
}

impl<O: Outputs, E: Display> Outputs for Result<O, E> {
    const COUNT: usize = O::COUNT;

    fn types(types: &mut Vec<Vec<TypeNode>>) {
        O::types(types);
    }

    fn put(self, columns: &mut Vec<Column>) -> Result<(), Error> {
        self.map_err(|error| Error { message: error.to_string() })?.put(columns)
    }
}

macro_rules! outputs {
    ($($output:ident),+) => {
        impl<$($output: Outputs),+> Outputs for ($($output,)+) {
            const COUNT: usize = 0 $(+ $output::COUNT)+;

            fn types(types: &mut Vec<Vec<TypeNode>>) {
                $($output::types(types);)+
            }

            #[expect(non_snake_case, reason = "named after their types")]
            fn put(self, columns: &mut Vec<Column>) -> Result<(), Error> {
                let ($($output,)+) = self;
                $($output.put(columns)?;)+
                Ok(())
            }
        }
    };
}

outputs!(A);
outputs!(A, B);
outputs!(A, B, C);
outputs!(A, B, C, D);
outputs!(A, B, C, D, E);
outputs!(A, B, C, D, E, F);
outputs!(A, B, C, D, E, F, G);
outputs!(A, B, C, D, E, F, G, H);
outputs!(A, B, C, D, E, F, G, H, I);
outputs!(A, B, C, D, E, F, G, H, I, J);
outputs!(A, B, C, D, E, F, G, H, I, J, K);
outputs!(A, B, C, D, E, F, G, H, I, J, K, L);

fn nodes<A: Array>() -> Vec<TypeNode> {
    let mut nodes = Vec::new();
    A::nodes(&mut nodes);
    nodes
}

/// The field of an argument.
pub fn input<A: Array>(name: &str) -> Field {
    Field { name: name.to_owned(), nodes: nodes::<A>() }
}

/// The fields of a return type.
pub fn outputs<O: Outputs>(names: &[&str]) -> Vec<Field> {
    let mut types = Vec::with_capacity(O::COUNT);
    O::types(&mut types);
    names.iter().zip(types).map(|(name, nodes)| Field { name: (*name).to_owned(), nodes }).collect()
}

/// The batch of a function's outputs.
///
/// # Errors
///
/// The function's own error.
pub fn batch<O: Outputs>(outputs: O, rows: usize) -> Result<Batch, Error> {
    let mut columns = Vec::with_capacity(O::COUNT);
    outputs.put(&mut columns)?;
    Ok(Batch { row_count: u32::try_from(rows).unwrap_or(u32::MAX), columns })
}

/// An error that the function did not return itself.
pub fn error(message: String) -> Error {
    Error { message }
}
