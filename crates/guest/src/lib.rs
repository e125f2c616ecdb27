//! Write on-demand transformations for larder in Rust.
//!
//! A transformation is one function over columns with the attribute [`macro@on_demand_feature_view`], and one
//! line that exports it. This is a complete one, `src/lib.rs` of a library with
//! `crate-type = ["cdylib"]`:
//!
//! ```
//! use larder_guest::{Float32Array, Float64Array, Int64Array, map_rows, on_demand_feature_view};
//!
//! /// The conversion rate, raised by what the request brings along.
//! #[on_demand_feature_view(outputs(conv_rate_plus_val1, conv_rate_plus_val2))]
//! fn transformed_conv_rate(
//!     conv_rate: Float32Array,
//!     val_to_add: Int64Array,
//!     val_to_add_2: Int64Array,
//! ) -> (Float64Array, Float64Array) {
//!     let plus = |values: &Int64Array| {
//!         map_rows((&conv_rate, values), |(rate, value)| f64::from(rate) + value as f64)
//!     };
//!     (plus(&val_to_add), plus(&val_to_add_2))
//! }
//!
//! larder_guest::export!(transformed_conv_rate);
//!
//! // It stays a function like any other, so its tests need no Wasm.
//! # fn main() {
//! let (plus_1, _) = transformed_conv_rate(
//!     Float32Array::from(vec![Some(0.5), None]),
//!     Int64Array::from(vec![1, 1]),
//!     Int64Array::from(vec![2, 2]),
//! );
//! assert_eq!(plus_1, Float64Array::from(vec![Some(1.5), None]));
//! # }
//! ```
//!
//! `cargo build --release --target wasm32-unknown-unknown` makes the `.wasm` file that a feature
//! repository names.
//!
//! # The rules
//!
//! The arguments' names and types are the input columns: features of the view's sources and fields of
//! the request. Where two sources have a feature of the same name, the argument is called
//! `<view>__<feature>`. The names in `outputs(…)` are the features that come out.
//!
//! The output has as many rows as the input, in the same order, and each row depends on its input row
//! alone: larder splits and merges batches. There is no clock, no randomness and no I/O, and nothing is
//! remembered: every call starts from the same memory. "Now" is an input like any other. Maps and sets are
//! [`SortedMap`] and [`SortedSet`]: a `HashMap` is walked in an order that depends on the rows before.
//!
//! A function that can fail returns a `Result` whose error can be displayed. The message reaches
//! whoever asked for the features, with the names of the view and of the function.
//!
//! # Memory
//!
//! A component starts with a mebibyte of memory for its data, in which allocating costs next to nothing, and grows when
//! it needs more. One that brings an allocator of its own turns the default feature `arena` off.
//!
//! # The types
//!
//! | array | Feast | one value |
//! |---|---|---|
//! | [`Int32Array`], [`Int64Array`] | `Int32`, `Int64` | `i32`, `i64` |
//! | [`Float32Array`], [`Float64Array`] | `Float32`, `Float64` | `f32`, `f64` |
//! | [`BooleanArray`] | `Bool` | `bool` |
//! | [`StringArray`] | `String` | `&str` |
//! | [`BinaryArray`], [`PdfBytesArray`], [`ImageBytesArray`] | `Bytes`, `PdfBytes`, `ImageBytes` | `&[u8]` |
//! | [`TimestampArray`] | `UnixTimestamp` | [`Timestamp`] |
//! | [`ZonedTimestampArray`] | `ZonedTimestamp` | [`ZonedTimestamp`] |
//! | [`JsonArray`], [`MapArray`], [`ScalarMapArray`] | `Json`, `Map`, `ScalarMap` | `&str`, JSON |
//! | [`UuidArray`], [`TimeUuidArray`], [`DecimalArray`] | `Uuid`, `TimeUuid`, `Decimal` | `&str` |
//! | [`ListArray<A>`](ListArray), [`SetArray<A>`](SetArray) | `Array(T)`, `Set(T)` | [`List`] |
//! | [`StructArray<S>`](StructArray) | `Struct({…})` | a tuple of the fields, [`structure!`] |
//!
//! Lists, sets and structs hold arrays of any of these, themselves included.
//!
//! [`Array`] has what they share; [`map_rows`] and [`rows()`] go through several at once.

#[cfg(any(test, all(target_arch = "wasm32", not(target_feature = "atomics"), feature = "arena")))]
#[expect(unsafe_code, reason = "an allocator hands out raw memory")]
mod arena;
mod array;
#[allow(
    missing_docs,
    missing_debug_implementations,
    rust_2018_idioms,
    unreachable_pub,
    unsafe_code,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated, see `wit/README.md`"
)]
#[doc(hidden)]
pub mod bindings;
mod bitmap;
mod boolean_array;
mod bytes_array;
mod columns;
mod function;
mod list_array;
mod offsets;
mod primitive_array;
mod rows;
mod set_array;
mod struct_array;
mod text_array;
mod timestamp;
mod zoned_timestamp_array;

#[cfg(all(target_arch = "wasm32", not(target_feature = "atomics"), feature = "arena"))]
#[global_allocator]
static ARENA: arena::Arena<{ 1 << 20 }> = arena::Arena::new(); // what is not used of it costs nothing

/// A map that is walked in the order of its keys, and so in the same order whatever was computed before.
///
/// ```
/// use larder_guest::SortedMap;
///
/// /// Each tag with how often it is there.
/// fn counted(tags: &[&str]) -> Vec<String> {
///     let mut counts = SortedMap::new();
///     for tag in tags {
///         *counts.entry(*tag).or_insert(0) += 1;
///     }
///     counts.iter().map(|(tag, count)| format!("{tag}: {count}")).collect()
/// }
/// assert_eq!(counted(&["new", "big", "new"]), ["big: 1", "new: 2"]);
/// ```
pub use std::collections::BTreeMap as SortedMap;
/// A set that is walked in the order of its items.
pub use std::collections::BTreeSet as SortedSet;

pub use array::{Array, Values};
pub use boolean_array::BooleanArray;
pub use bytes_array::{
    Binary, BinaryArray, BytesArray, BytesType, ImageBytes, ImageBytesArray, PdfBytes, PdfBytesArray,
};
pub use function::{OnDemandFunction, Outputs};
/// Makes a function over arrays a transformation.
///
/// `outputs(a, b)` names the columns of the returned arrays, in order. It may be left out where
/// there is one: the column is then called like the function. A name that is no identifier is given
/// as text: `outputs("rate-7d")`.
///
/// ```
/// use larder_guest::{Array, Int64Array, on_demand_feature_view};
///
/// #[on_demand_feature_view]
/// fn doubled_trips(trips: Int64Array) -> Result<Int64Array, String> {
///     trips
///         .iter()
///         .map(|trips| match trips {
///             Some(trips) => trips.checked_mul(2).map(Some).ok_or(format!("{trips} trips are too many")),
///             None => Ok(None),
///         })
///         .collect()
/// }
/// # assert_eq!(doubled_trips(Int64Array::from(vec![2])), Ok(Int64Array::from(vec![4])));
/// ```
///
/// The number of names must be that of the arrays:
///
/// ```compile_fail
/// use larder_guest::{Int64Array, on_demand_feature_view};
///
/// #[on_demand_feature_view(outputs(a, b))]
/// fn one(trips: Int64Array) -> Int64Array {
///     trips
/// }
/// ```
pub use larder_guest_macros::on_demand_feature_view;
pub use list_array::{List, ListArray};
pub use primitive_array::{
    Float32, Float32Array, Float64, Float64Array, Int32, Int32Array, Int64, Int64Array, PrimitiveArray,
    PrimitiveType, TimestampArray, UnixTimestamp,
};
pub use rows::{RowColumns, map_rows, rows};
pub use set_array::SetArray;
pub use struct_array::{StructArray, StructColumns, Structure};
pub use text_array::{
    Decimal, DecimalArray, Json, JsonArray, JsonMap, JsonPairs, MapArray, ScalarMapArray, StringArray, Text,
    TextArray, TextType, TimeUuid, TimeUuidArray, Uuid, UuidArray,
};
pub use timestamp::Timestamp;
pub use zoned_timestamp_array::{ZonedTimestamp, ZonedTimestampArray};

/// Exports functions as the component's transformations. Once in a library.
///
/// On other targets than Wasm it only checks that the functions can be exported.
#[macro_export]
macro_rules! export {
    ($($function:ty),+ $(,)?) => {
        const _: () = {
            struct Component;

            impl $crate::__private::Guest for Component {
                fn signatures() -> Result<Vec<$crate::__private::Signature>, $crate::__private::Error> {
                    Ok(vec![$(<$function as $crate::OnDemandFunction>::signature()),+])
                }

                fn transform(
                    index: u32,
                    input: $crate::__private::Batch,
                ) -> Result<$crate::__private::Batch, $crate::__private::Error> {
                    const FUNCTIONS: &[$crate::__private::Call] =
                        &[$(<$function as $crate::OnDemandFunction>::call),+];
                    $crate::__private::call(FUNCTIONS, index, input)
                }
            }

            #[cfg(target_arch = "wasm32")]
            $crate::bindings::export!(Component with_types_in $crate::bindings);
            #[cfg(not(target_arch = "wasm32"))]
            $crate::__private::exported::<Component>();
        };
    };
}

/// For the macros only.
#[doc(hidden)]
pub mod __private {
    pub use crate::columns::Columns;
    pub use crate::function::{Batch, Error, Field, Guest, Signature, batch, error, input, outputs};

    /// A function as `export!` calls it.
    pub type Call = fn(Batch) -> Result<Batch, Error>;

    /// Counts as a use of the functions where nothing is exported.
    pub const fn exported<G: Guest>() {}

    /// Calls the function at `index`.
    ///
    /// # Errors
    ///
    /// The function's own error, or that there is no such function.
    pub fn call(functions: &[Call], index: u32, input: Batch) -> Result<Batch, Error> {
        match usize::try_from(index).ok().and_then(|index| functions.get(index)) {
            Some(function) => function(input),
            None => Err(error(format!("there is no function {index}"))),
        }
    }
}
