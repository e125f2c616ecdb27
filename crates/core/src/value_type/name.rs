//! The names of types, written and read.

use std::fmt;
use std::str::FromStr;

use super::{UnsupportedValueType, ValueType};
use crate::ScalarType;

/// Types nested deeper than this are refused, so that no text can exhaust the stack.
const MAX_DEPTH: usize = 32;

/// A type name that larder does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnknownValueType {
    /// There is no such name, or it is not written as a type is.
    #[error("unknown type `{name}`; known are {known}", known = known_names())]
    Name {
        /// The name as given.
        name: String,
    },
    /// The parts are known and cannot be put together so.
    #[error(transparent)]
    Unsupported(#[from] UnsupportedValueType),
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(scalar) => f.write_str(scalar.name()),
            Self::Array(item) => write!(f, "Array({item})"),
            Self::Set(item) => write!(f, "Set({item})"),
            Self::Struct(fields) => {
                f.write_str("Struct({")?;
                for (at, field) in fields.iter().enumerate() {
                    let separator = if at == 0 { "" } else { ", " };
                    if is_plain(&field.name) {
                        write!(f, "{separator}{}: {}", field.name, field.value_type)?;
                    } else {
                        write!(f, "{separator}{:?}: {}", field.name, field.value_type)?;
                    }
                }
                f.write_str("})")
            }
        }
    }
}

impl FromStr for ValueType {
    type Err = UnknownValueType;

    /// Reads a type as [`Display`](fmt::Display) writes it, and as Python writes it, with the names of
    /// struct fields in quotes.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut reader = Reader { rest: name.trim(), whole: name };
        let value_type = reader.value_type(0)?;
        if reader.rest.is_empty() { Ok(value_type) } else { Err(reader.unknown()) }
    }
}

fn known_names() -> String {
    let names: Vec<&str> = ScalarType::ALL.iter().map(|scalar| scalar.name()).collect();
    format!("{}, Array(…), Set(…) and Struct({{name: …}})", names.join(", "))
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|character| character.is_alphanumeric() || character == '_')
}

struct Reader<'a> {
    rest: &'a str,
    whole: &'a str,
}

impl<'a> Reader<'a> {
    fn unknown(&self) -> UnknownValueType {
        UnknownValueType::Name { name: self.whole.to_owned() }
    }

    fn value_type(&mut self, depth: usize) -> Result<ValueType, UnknownValueType> {
        if depth > MAX_DEPTH {
            return Err(self.unknown());
        }
        let name = self.word();
        match name {
            "Array" | "Set" => {
                self.expect('(')?;
                let item = self.value_type(depth + 1)?;
                self.expect(')')?;
                Ok(if name == "Array" { ValueType::array(item)? } else { ValueType::set(item)? })
            }
            "Struct" => {
                self.expect('(')?;
                self.expect('{')?;
                let mut fields = Vec::new();
                while !self.skip('}') {
                    if !fields.is_empty() {
                        self.expect(',')?;
                        if self.skip('}') {
                            break;
                        }
                    }
                    let field = self.field_name()?;
                    self.expect(':')?;
                    fields.push((field, self.value_type(depth + 1)?));
                }
                self.expect(')')?;
                Ok(ValueType::structure(fields)?)
            }
            name => {
                let scalar = ScalarType::ALL.into_iter().find(|scalar| scalar.name() == name);
                Ok(ValueType::Scalar(scalar.ok_or_else(|| self.unknown())?))
            }
        }
    }

    fn field_name(&mut self) -> Result<String, UnknownValueType> {
        self.rest = self.rest.trim_start();
        let Some(quote) = self.rest.chars().next().filter(|first| matches!(first, '"' | '\'')) else {
            let name = self.word().to_owned();
            return if name.is_empty() { Err(self.unknown()) } else { Ok(name) };
        };
        let mut name = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            if character == quote {
                self.rest = self.rest.get(at + 1..).unwrap_or_default();
                return Ok(name);
            }
            if character != '\\' {
                name.push(character);
                continue;
            }
            let (_, escaped) = characters.next().ok_or_else(|| self.unknown())?;
            match escaped {
                'n' => name.push('\n'),
                'r' => name.push('\r'),
                't' => name.push('\t'),
                '0' => name.push('\0'),
                'u' => {
                    // As Rust writes it: `\u{1f}`.
                    let digits: String = characters
                        .by_ref()
                        .map(|(_, digit)| digit)
                        .skip(1)
                        .take_while(|digit| *digit != '}')
                        .collect();
                    let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                    name.push(code.ok_or_else(|| self.unknown())?);
                }
                other => name.push(other),
            }
        }
        Err(self.unknown())
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest.trim_start();
        let end = rest
            .find(|character: char| !character.is_alphanumeric() && character != '_')
            .unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.rest = rest.trim_start();
        word
    }

    fn skip(&mut self, character: char) -> bool {
        match self.rest.trim_start().strip_prefix(character) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, character: char) -> Result<(), UnknownValueType> {
        if self.skip(character) { Ok(()) } else { Err(self.unknown()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_type() -> impl Strategy<Value = ValueType> {
        let scalar = proptest::sample::select(ScalarType::ALL.to_vec()).prop_map(ValueType::Scalar);
        scalar.prop_recursive(4, 24, 4, |inner| {
            let wrapped = (any::<bool>(), inner.clone()).prop_filter_map("no such type", |(array, item)| {
                if array { ValueType::array(item).ok() } else { ValueType::set(item).ok() }
            });
            let fields = proptest::collection::btree_map(any::<String>(), inner, 1..4);
            prop_oneof![wrapped, fields.prop_map(|fields| ValueType::structure(fields).unwrap())]
        })
    }

    proptest! {
        #[test]
        fn every_type_reads_back_from_its_name(value_type in any_type()) {
            prop_assert_eq!(value_type.to_string().parse(), Ok(value_type));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[A-Za-z(){}:,'\"\\\\ ]{0,40}") {
            let _ = text.parse::<ValueType>();
        }
    }

    #[test]
    fn pythons_way_of_writing_a_struct_is_read() {
        let python: ValueType = "Struct({'lat': Float64, \"lon\": Array(Int32),})".parse().unwrap();
        assert_eq!(python.to_string(), "Struct({lat: Float64, lon: Array(Int32)})");
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = "Int46".parse::<ValueType>().unwrap_err();
        assert!(error.to_string().starts_with("unknown type `Int46`; known are Bytes, String"));
        let deep = format!("{}Int64{}", "Array(".repeat(10_000), ")".repeat(10_000));
        assert!(deep.parse::<ValueType>().is_err());
    }
}
