//! What holds for a pure function, checked over one table.
//!
//! A check makes all its choices (orders, cuts) from the table alone, so that it can be made again over
//! fewer rows.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, RecordBatch, UInt64Array, make_array};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{concat_batches, is_null, take};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use larder_core::column::json_value;
use larder_core::{FlatType, TransformationSignature};
use larder_registry::Property;
use larder_udf::MeteredFunction;
use serde_json::Value;

use crate::chain;
use crate::generate::{Flavour, holds, value};
use crate::random::Random;
use crate::rows::{Rows, shown};

/// Outputs, by place, with the inputs from which something spreads to them.
pub(crate) type Links = Vec<(usize, Vec<usize>)>;

/// A function with what its tests declare.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) function: MeteredFunction,
    pub(crate) null_spread: Option<Links>,
    pub(crate) nan_spread: Option<Links>,
}

/// How a property does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation(pub(crate) String);

impl Subject {
    /// Whether a property says anything about the function.
    pub(crate) fn is_concerned(&self, property: Property) -> bool {
        let signature = self.function.signature();
        let takes = |wanted| signature.inputs.iter().any(|input| holds(&input.value_type, wanted));
        let floats = |flat| matches!(flat, FlatType::Float32 | FlatType::Float64);
        match property {
            Property::NullSpread => self.null_spread.is_some(),
            Property::NanSpread => self.nan_spread.is_some() && takes(floats),
            Property::Floats => takes(floats),
            Property::Unicode => takes(|flat| flat == FlatType::Utf8),
            _ => true,
        }
    }

    /// Checks a property over a table of the function's inputs.
    pub(crate) fn check(&self, property: Property, input: &RecordBatch) -> Result<(), Violation> {
        match property {
            Property::Repeat => self.repeat(input),
            Property::Permute => self.permute(input),
            Property::Split => self.split(input),
            Property::Concat => self.concat(input),
            Property::Masked => self.masked(input),
            Property::Empty => self.answer(&input.slice(0, 0)).map(drop),
            Property::Ordinary | Property::Floats | Property::Extremes | Property::Unicode => {
                self.answer(input).map(drop)
            }
            Property::NullSpread => {
                self.spread(input, self.null_spread.as_ref(), "null", is_null_at, is_null_at)
            }
            Property::NanSpread => {
                self.spread(input, self.nan_spread.as_ref(), "NaN", is_nan_at, |array, row| {
                    is_nan_at(array, row) || is_null_at(array, row)
                })
            }
        }
    }

    /// The output, where no error is allowed.
    fn answer(&self, input: &RecordBatch) -> Result<RecordBatch, Violation> {
        self.outcome(input).map_err(|error| Violation(format!("the call {error}")))
    }

    /// The output or the error, which is as good where both sides have one.
    fn outcome(&self, input: &RecordBatch) -> Result<RecordBatch, String> {
        self.function.call(input).output.map_err(|error| failed(&error))
    }

    fn repeat(&self, input: &RecordBatch) -> Result<(), Violation> {
        let first = self.outcome(input);
        compare(&first, &self.outcome(input), "called again")?;
        // An instance that has run before may remember; larder does not reuse one, but whoever does must
        // not be able to tell.
        let (_, again) = self.function.call_again(input);
        let Some(again) = again else { return Ok(()) };
        compare(&first, &again.output.map_err(|error| failed(&error)), "called again in the same instance")
    }

    fn permute(&self, input: &RecordBatch) -> Result<(), Violation> {
        let rows = u64::try_from(input.num_rows()).unwrap_or(u64::MAX);
        if rows < 2 {
            return Ok(());
        }
        let whole = self.outcome(input);
        let mut shuffled: Vec<u64> = (0..rows).collect();
        let mut random = Random::new(rows);
        for at in (1..shuffled.len()).rev() {
            shuffled.swap(at, random.below(at + 1));
        }
        for (how, order) in [
            ("with its rows reversed", (0..rows).rev().collect()),
            ("with its first row last", (1..rows).chain([0]).collect()),
            ("with its rows in another order", shuffled),
        ] {
            let order = UInt64Array::from(order);
            let permuted = self.outcome(&taken(input, &order));
            // Back in the first order, so that the message names rows as they are shown.
            let mut back = vec![0_u64; input.num_rows()];
            for (now, before) in order.values().iter().enumerate() {
                if let Some(place) = usize::try_from(*before).ok().and_then(|before| back.get_mut(before)) {
                    *place = u64::try_from(now).unwrap_or(u64::MAX);
                }
            }
            let restored = permuted.map(|output| taken(&output, &UInt64Array::from(back)));
            compare(&whole, &restored, how)?;
        }
        Ok(())
    }

    fn split(&self, input: &RecordBatch) -> Result<(), Violation> {
        let rows = input.num_rows();
        if rows < 2 {
            return Ok(());
        }
        let whole = self.outcome(input);
        let cuts = if rows <= 8 { (1..rows).collect() } else { vec![1, rows / 3, rows / 2, rows - 1] };
        for cut in cuts {
            let parts = [input.slice(0, cut), input.slice(cut, rows - cut)];
            let how = format!("cut before row {cut}");
            compare(&whole, &self.together(&parts), &how)?;
        }
        Ok(())
    }

    fn concat(&self, input: &RecordBatch) -> Result<(), Violation> {
        let rows = input.num_rows();
        if rows == 0 {
            return Ok(());
        }
        let twice = concat_batches(input.schema_ref(), [input, input]);
        let twice = twice.map_err(|error| Violation(error.to_string()))?;
        let once = self.outcome(input);
        let both = self.outcome(&twice);
        for (start, how) in [(0, "with the same rows after it"), (rows, "with the same rows before it")] {
            let half = both.as_ref().map(|output| output.slice(start, rows)).map_err(Clone::clone);
            compare(&once, &half, how)?;
        }
        Ok(())
    }

    /// The outputs of parts as one.
    fn together(&self, parts: &[RecordBatch]) -> Result<RecordBatch, String> {
        let outputs = parts.iter().map(|part| self.outcome(part)).collect::<Result<Vec<_>, _>>()?;
        crate::cost::joined(&outputs).map_err(|error| error.to_string())
    }

    fn masked(&self, input: &RecordBatch) -> Result<(), Violation> {
        let nulls = input.columns().iter().any(|column| column.null_count() > 0);
        if !nulls {
            return Ok(());
        }
        let fields = &self.function.signature().inputs;
        let mut random = Random::new(7);
        let filler = |random: &mut Random| Rows {
            fields: fields.clone(),
            cells: (0..input.num_rows())
                .map(|_| {
                    fields.iter().map(|field| value(&field.value_type, Flavour::Ordinary, random)).collect()
                })
                .collect(),
        };
        let filler = filler(&mut random).to_table().map_err(|error| Violation(error.to_string()))?;
        let columns = input.columns().iter().zip(filler.columns());
        let columns =
            columns.map(|(column, filler)| under_nulls(column, filler).unwrap_or_else(|| Arc::clone(column)));
        let masked = RecordBatch::try_new(input.schema(), columns.collect());
        let masked = masked.map_err(|error| Violation(error.to_string()))?;
        compare(&self.outcome(input), &self.outcome(&masked), "with other values under the nulls")
    }

    fn spread(
        &self,
        input: &RecordBatch,
        links: Option<&Links>,
        what: &str,
        given: fn(&ArrayRef, usize) -> bool,
        wanted: fn(&ArrayRef, usize) -> bool,
    ) -> Result<(), Violation> {
        let Some(links) = links else { return Ok(()) };
        let output = self.answer(input)?;
        let TransformationSignature { inputs, outputs, .. } = self.function.signature();
        for row in 0..input.num_rows() {
            for (to, from) in links {
                let column = output.column(*to);
                let Some(from) = from.iter().find(|from| given(input.column(**from), row)) else { continue };
                if !wanted(column, row) {
                    let name = |fields: &[larder_core::Field], at: usize| {
                        fields.get(at).map(|field| field.name.clone()).unwrap_or_default()
                    };
                    return Err(Violation(format!(
                        "row {row}: `{}` is {what}, but `{}` is {}",
                        name(inputs, *from),
                        name(outputs, *to),
                        shown(&json_value(column, row))
                    )));
                }
            }
        }
        Ok(())
    }
}

/// How an error is told after "the call".
fn failed(error: &larder_udf::CallError) -> String {
    match error {
        larder_udf::CallError::Guest { message } => format!("failed: {message}"),
        other => chain(other),
    }
}

/// Both outputs alike, or both errors.
fn compare(
    expected: &Result<RecordBatch, String>,
    actual: &Result<RecordBatch, String>,
    how: &str,
) -> Result<(), Violation> {
    match (expected, actual) {
        (Ok(expected), Ok(actual)) => match first_difference(expected, actual) {
            None => Ok(()),
            Some(Difference { row, column, expected, actual }) => Err(Violation(format!(
                "{how}, row {row} has `{column}` = {} instead of {}",
                shown(&actual),
                shown(&expected)
            ))),
        },
        (Err(_), Err(_)) => Ok(()),
        (Ok(_), Err(error)) => Err(Violation(format!("{how}, the call {error}"))),
        (Err(error), Ok(_)) => Err(Violation(format!("{how}, the call succeeds; before, it {error}"))),
    }
}

/// A value that is not the expected one.
#[derive(Clone, Debug)]
struct Difference {
    row: usize,
    column: String,
    expected: Value,
    actual: Value,
}

/// The first row and column in which two tables of one schema differ, by the bits of their values.
fn first_difference(expected: &RecordBatch, actual: &RecordBatch) -> Option<Difference> {
    let unlike = |(one, other): (&ArrayRef, &ArrayRef)| one != other;
    if !expected.columns().iter().zip(actual.columns()).any(unlike) {
        return None;
    }
    for row in 0..expected.num_rows().max(actual.num_rows()) {
        for (at, (one, other)) in expected.columns().iter().zip(actual.columns()).enumerate() {
            if row >= one.len() || row >= other.len() || one.slice(row, 1) != other.slice(row, 1) {
                let value =
                    |array: &ArrayRef| if row < array.len() { json_value(array, row) } else { Value::Null };
                let column = expected.schema_ref().field(at).name().clone();
                return Some(Difference { row, column, expected: value(one), actual: value(other) });
            }
        }
    }
    None
}

fn taken(table: &RecordBatch, order: &UInt64Array) -> RecordBatch {
    let columns = table
        .columns()
        .iter()
        .map(|column| take(column, order, None).expect("an order holds every row of its table once"));
    RecordBatch::try_new(table.schema(), columns.collect()).unwrap_or_else(|_| table.clone())
}

/// The column with the values of `filler` under its nulls. `None` for a layout that keeps none there.
fn under_nulls(column: &ArrayRef, filler: &ArrayRef) -> Option<ArrayRef> {
    let nulls = column.nulls()?.clone();
    let mask: BooleanArray = is_null(column).ok()?;
    let mixed = zip(&mask, filler, column).ok()?;
    let data = mixed.to_data().into_builder().nulls(Some(nulls)).build().ok()?;
    Some(make_array(data))
}

fn is_null_at(array: &ArrayRef, row: usize) -> bool {
    array.is_null(row)
}

fn is_nan_at(array: &ArrayRef, row: usize) -> bool {
    !array.is_null(row)
        && match array.data_type() {
            DataType::Float32 => array.as_primitive::<Float32Type>().value(row).is_nan(),
            DataType::Float64 => array.as_primitive::<Float64Type>().value(row).is_nan(),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray};

    use super::*;

    #[test]
    fn what_lies_under_nulls_changes_and_the_column_does_not() {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
        let filler: ArrayRef = Arc::new(Int64Array::from(vec![7, 8, 9]));
        let masked = under_nulls(&column, &filler).unwrap();
        assert_eq!(&masked, &column);
        assert_eq!(masked.as_primitive::<arrow::datatypes::Int64Type>().values().to_vec(), [1, 8, 3]);
        let text: ArrayRef = Arc::new(StringArray::from(vec![None, Some("b")]));
        let filler: ArrayRef = Arc::new(StringArray::from(vec!["x", "y"]));
        let masked = under_nulls(&text, &filler).unwrap();
        assert_eq!(&masked, &text);
        assert_eq!(masked.as_string::<i32>().value_data(), b"xb");
    }
}
