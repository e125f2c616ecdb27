//! Arrays of text.

use std::fmt;

use crate::Array;
use crate::array::{collect, sealed};
use crate::bindings::larder::udf::arrow::{Column, TypeNode, Values, VarLen};
use crate::bitmap::Validity;
use crate::columns::{ColumnError, Columns, check_offsets};
use crate::offsets::Offsets;

/// Feast's `String`.
///
/// ```
/// use larder_guest::{Array, StringArray};
///
/// let cities = StringArray::from(vec![Some("Łódź"), None]);
/// let upper: StringArray = cities.iter().map(|city| city.map(str::to_uppercase)).collect();
/// assert_eq!(upper.get(0), Some("ŁÓDŹ"));
/// ```
#[derive(Clone, Default)]
pub struct StringArray {
    offsets: Offsets,
    text: String,
    validity: Validity,
}

impl sealed::Sealed for StringArray {}

impl Array for StringArray {
    type Item<'a> = &'a str;

    fn len(&self) -> usize {
        self.offsets.len()
    }

    #[inline]
    fn get(&self, row: usize) -> Option<&str> {
        let span = self.offsets.span(row);
        // Text came in as UTF-8 value by value, so no value begins within a character.
        self.validity.is_valid(row).then(|| self.text.get(span).unwrap_or_default())
    }

    #[inline]
    fn is_null(&self, row: usize) -> bool {
        row < self.len() && !self.validity.is_valid(row)
    }

    fn nodes(nodes: &mut Vec<TypeNode>) {
        nodes.push(TypeNode::Utf8);
    }

    fn take(columns: &mut Columns, len: usize) -> Result<Self, ColumnError> {
        let (values, validity) = columns.next(len)?;
        let Values::Utf8(VarLen { offsets, data }) = values else { return Err(ColumnError::Type) };
        if check_offsets(&offsets, len)? != data.len() {
            return Err(ColumnError::Length);
        }
        let text = String::from_utf8(data).map_err(|_| ColumnError::Utf8)?;
        Ok(Self { offsets: Offsets::from_checked(offsets), text, validity })
    }

    fn put(self, columns: &mut Vec<Column>) {
        let text = VarLen { offsets: self.offsets.into_vec(), data: self.text.into_bytes() };
        columns.push(Column { validity: self.validity.into_bytes(), values: Values::Utf8(text) });
    }
}

impl PartialEq for StringArray {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for StringArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<S: AsRef<str>> Extend<Option<S>> for StringArray {
    fn extend<I: IntoIterator<Item = Option<S>>>(&mut self, items: I) {
        for item in items {
            match item {
                Some(text) => {
                    self.text.push_str(text.as_ref());
                    self.validity.push_valid();
                }
                None => self.validity.push_null(self.offsets.len()),
            }
            self.offsets.push(self.text.len());
        }
    }
}

impl<'a> Extend<&'a str> for StringArray {
    fn extend<I: IntoIterator<Item = &'a str>>(&mut self, items: I) {
        self.extend(items.into_iter().map(Some));
    }
}

impl Extend<String> for StringArray {
    fn extend<I: IntoIterator<Item = String>>(&mut self, items: I) {
        self.extend(items.into_iter().map(Some));
    }
}

collect!(StringArray, Option<S>, S: AsRef<str>);
collect!(StringArray, String);

impl<'a> FromIterator<&'a str> for StringArray {
    fn from_iter<I: IntoIterator<Item = &'a str>>(items: I) -> Self {
        items.into_iter().map(Some).collect()
    }
}

impl<'a> From<Vec<&'a str>> for StringArray {
    fn from(items: Vec<&'a str>) -> Self {
        items.into_iter().collect()
    }
}
