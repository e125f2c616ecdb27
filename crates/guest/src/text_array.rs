//! Arrays of text.

use std::fmt;
use std::marker::PhantomData;

use crate::Array;
use crate::array::{collect, sealed};
use crate::bindings::larder::udf::arrow::{Column, TypeNode, Values, VarLen};
use crate::bitmap::Validity;
use crate::columns::{ColumnError, Columns, check_offsets};
use crate::offsets::Offsets;

/// A type whose values are text.
pub trait TextType: sealed::Sealed + 'static {
    #[doc(hidden)]
    const NODE: TypeNode;
}

/// Values that are text, some of them of a certain form: larder checks the form of what comes out.
///
/// ```
/// use larder_guest::{Array, StringArray};
///
/// let cities = StringArray::from(vec![Some("Łódź"), None]);
/// let upper: StringArray = cities.iter().map(|city| city.map(str::to_uppercase)).collect();
/// assert_eq!(upper.get(0), Some("ŁÓDŹ"));
/// ```
pub struct TextArray<T> {
    offsets: Offsets,
    text: String,
    validity: Validity,
    form: PhantomData<T>,
}

impl<T: TextType> sealed::Sealed for TextArray<T> {}

impl<T: TextType> Array for TextArray<T> {
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
        nodes.push(T::NODE);
    }

    fn take(columns: &mut Columns, len: usize) -> Result<Self, ColumnError> {
        let (values, validity) = columns.next(len)?;
        let Values::Utf8(VarLen { offsets, data }) = values else { return Err(ColumnError::Type) };
        if check_offsets(&offsets, len)? != data.len() {
            return Err(ColumnError::Length);
        }
        let text = String::from_utf8(data).map_err(|_| ColumnError::Utf8)?;
        Ok(Self { offsets: Offsets::from_checked(offsets), text, validity, form: PhantomData })
    }

    fn put(self, columns: &mut Vec<Column>) {
        let text = VarLen { offsets: self.offsets.into_vec(), data: self.text.into_bytes() };
        columns.push(Column { validity: self.validity.into_bytes(), values: Values::Utf8(text) });
    }

    fn push_null(&mut self) {
        self.extend([None::<&str>]);
    }
}

impl<T> Clone for TextArray<T> {
    fn clone(&self) -> Self {
        let (offsets, text, validity) = (self.offsets.clone(), self.text.clone(), self.validity.clone());
        Self { offsets, text, validity, form: PhantomData }
    }
}

impl<T> Default for TextArray<T> {
    fn default() -> Self {
        let (offsets, text, validity) = Default::default();
        Self { offsets, text, validity, form: PhantomData }
    }
}

impl<T: TextType> PartialEq for TextArray<T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: TextType> fmt::Debug for TextArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: TextType, S: AsRef<str>> Extend<Option<S>> for TextArray<T> {
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

impl<'a, T: TextType> Extend<&'a str> for TextArray<T> {
    fn extend<I: IntoIterator<Item = &'a str>>(&mut self, items: I) {
        self.extend(items.into_iter().map(Some));
    }
}

impl<T: TextType> Extend<String> for TextArray<T> {
    fn extend<I: IntoIterator<Item = String>>(&mut self, items: I) {
        self.extend(items.into_iter().map(Some));
    }
}

collect!(TextArray<T>, Option<S>, T: TextType, S: AsRef<str>);
collect!(TextArray<T>, String, T: TextType);

impl<'a, T: TextType> FromIterator<&'a str> for TextArray<T> {
    fn from_iter<I: IntoIterator<Item = &'a str>>(items: I) -> Self {
        items.into_iter().map(Some).collect()
    }
}

impl<'a, T: TextType> From<Vec<&'a str>> for TextArray<T> {
    fn from(items: Vec<&'a str>) -> Self {
        items.into_iter().collect()
    }
}

macro_rules! text {
    ($(#[$doc:meta])* $type:ident, $array:ident, $node:ident) => {
        #[doc = concat!("The type of the values of [`", stringify!($array), "`].")]
        #[derive(Clone, Copy, Debug)]
        pub enum $type {}

        impl sealed::Sealed for $type {}

        impl TextType for $type {
            const NODE: TypeNode = TypeNode::$node;
        }

        $(#[$doc])*
        pub type $array = TextArray<$type>;
    };
}

text! {
    /// Feast's `String`.
    Text, StringArray, Utf8
}
text! {
    /// Feast's `Json`: the text of any JSON value.
    Json, JsonArray, Json
}
text! {
    /// Feast's `Map`: the text of a JSON object.
    JsonMap, MapArray, JsonMap
}
text! {
    /// Feast's `ScalarMap`: the text of a JSON list of pairs of key and value, `[[1,"a"],[2,"b"]]`.
    JsonPairs, ScalarMapArray, JsonPairs
}
text! {
    /// Feast's `Uuid`: 32 hexadecimal digits, with or without hyphens.
    Uuid, UuidArray, Uuid
}
text! {
    /// Feast's `TimeUuid`: a UUID that begins with a time.
    TimeUuid, TimeUuidArray, TimeUuid
}
text! {
    /// Feast's `Decimal`: the text of a decimal number of any size.
    Decimal, DecimalArray, Decimal
}
