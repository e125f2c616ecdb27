//! Arrays of bytes.

use std::fmt;
use std::marker::PhantomData;

use crate::Array;
use crate::array::{collect, sealed};
use crate::bindings::larder::udf::arrow::{Column, TypeNode, Values, VarLen};
use crate::bitmap::Validity;
use crate::columns::{ColumnError, Columns, check_offsets};
use crate::offsets::Offsets;

/// A type whose values are bytes.
pub trait BytesType: sealed::Sealed + 'static {
    #[doc(hidden)]
    const NODE: TypeNode;
}

/// Values that are bytes.
pub struct BytesArray<T> {
    offsets: Offsets,
    bytes: Vec<u8>,
    validity: Validity,
    content: PhantomData<T>,
}

impl<T: BytesType> sealed::Sealed for BytesArray<T> {}

impl<T: BytesType> Array for BytesArray<T> {
    type Item<'a> = &'a [u8];

    fn len(&self) -> usize {
        self.offsets.len()
    }

    #[inline]
    fn get(&self, row: usize) -> Option<&[u8]> {
        let span = self.offsets.span(row);
        self.validity.is_valid(row).then(|| self.bytes.get(span).unwrap_or_default())
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
        let Values::Binary(VarLen { offsets, data }) = values else { return Err(ColumnError::Type) };
        if check_offsets(&offsets, len)? != data.len() {
            return Err(ColumnError::Length);
        }
        Ok(Self { offsets: Offsets::from_checked(offsets), bytes: data, validity, content: PhantomData })
    }

    fn put(self, columns: &mut Vec<Column>) {
        let bytes = VarLen { offsets: self.offsets.into_vec(), data: self.bytes };
        columns.push(Column { validity: self.validity.into_bytes(), values: Values::Binary(bytes) });
    }

    fn push_null(&mut self) {
        self.extend([None::<&[u8]>]);
    }
}

impl<T> Clone for BytesArray<T> {
    fn clone(&self) -> Self {
        let (offsets, bytes, validity) = (self.offsets.clone(), self.bytes.clone(), self.validity.clone());
        Self { offsets, bytes, validity, content: PhantomData }
    }
}

impl<T> Default for BytesArray<T> {
    fn default() -> Self {
        let (offsets, bytes, validity) = Default::default();
        Self { offsets, bytes, validity, content: PhantomData }
    }
}

impl<T: BytesType> PartialEq for BytesArray<T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: BytesType> fmt::Debug for BytesArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: BytesType, B: AsRef<[u8]>> Extend<Option<B>> for BytesArray<T> {
    fn extend<I: IntoIterator<Item = Option<B>>>(&mut self, items: I) {
        for item in items {
            match item {
                Some(bytes) => {
                    self.bytes.extend_from_slice(bytes.as_ref());
                    self.validity.push_valid();
                }
                None => self.validity.push_null(self.offsets.len()),
            }
            self.offsets.push(self.bytes.len());
        }
    }
}

impl<T: BytesType> Extend<Vec<u8>> for BytesArray<T> {
    fn extend<I: IntoIterator<Item = Vec<u8>>>(&mut self, items: I) {
        self.extend(items.into_iter().map(Some));
    }
}

collect!(BytesArray<T>, Option<B>, T: BytesType, B: AsRef<[u8]>);
collect!(BytesArray<T>, Vec<u8>, T: BytesType);

macro_rules! bytes {
    ($(#[$doc:meta])* $type:ident, $array:ident, $node:ident) => {
        #[doc = concat!("The type of the values of [`", stringify!($array), "`].")]
        #[derive(Clone, Copy, Debug)]
        pub enum $type {}

        impl sealed::Sealed for $type {}

        impl BytesType for $type {
            const NODE: TypeNode = TypeNode::$node;
        }

        $(#[$doc])*
        pub type $array = BytesArray<$type>;
    };
}

bytes! {
    /// Feast's `Bytes`.
    Binary, BinaryArray, Binary
}
bytes! {
    /// Feast's `PdfBytes`: the bytes of a PDF document.
    PdfBytes, PdfBytesArray, PdfBytes
}
bytes! {
    /// Feast's `ImageBytes`: the bytes of a picture.
    ImageBytes, ImageBytesArray, ImageBytes
}
