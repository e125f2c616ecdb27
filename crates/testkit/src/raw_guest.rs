//! Guests written in WebAssembly text, for what no compiler would produce.

use wit_component::{StringEncoding, embed_component_metadata};

const WIT: &str = include_str!("../../../wit/larder-udf.wit");
/// Where the signatures lie in the guest's memory.
const IMAGE: u32 = 1 << 10;
/// Where the guest's heap begins.
const HEAP: u32 = 4 << 20;

/// A guest in parts. By default it declares `f(value: Int64) -> out: Int64` and returns what it was given.
#[derive(Clone, Debug)]
pub struct RawGuest {
    /// Further items of the module: globals, tables, functions, a start function.
    pub items: String,
    /// The body of `cabi_realloc`, with the parameters `$old $old_size $align $size`.
    pub realloc: String,
    /// The body of `signatures`, which returns the address of its result.
    pub signatures: String,
    /// The body of `transform`, with the parameters `$index $rows $columns $count`, which returns the
    /// address of its result.
    pub transform: String,
    /// Pages of 64 KiB that its memory has from the start.
    pub pages: u32,
    encoding: StringEncoding,
    memory: Memory,
}

/// A column as it is to lie in the guest's memory. Nothing of it need be right.
#[derive(Clone, Debug)]
pub struct RawColumn {
    /// Address and length of the validity.
    pub validity: Option<[u32; 2]>,
    /// Which case of `values` it is.
    pub tag: u8,
    /// Address and length of its buffers, one or two.
    pub buffers: [u32; 4],
}

/// The type nodes that tests use, by their place in the contract.
pub mod node {
    /// `boolean`.
    pub const BOOLEAN: u8 = 0;
    /// `int64`.
    pub const INT64: u8 = 2;
    /// `timestamp-micros`.
    pub const TIMESTAMP_MICROS: u8 = 5;
    /// `utf8`.
    pub const UTF8: u8 = 6;
    /// `json`.
    pub const JSON: u8 = 10;
    /// `decimal`.
    pub const DECIMAL: u8 = 15;
    /// `zoned-timestamp`.
    pub const ZONED_TIMESTAMP: u8 = 16;
    /// `%list`.
    pub const LIST: u8 = 17;
    /// `set`.
    pub const SET: u8 = 18;
    /// `%struct`, whose fields are called as [`RawGuest::declaring_structs`](super::RawGuest::declaring_structs) says.
    pub const STRUCT: u8 = 19;
    /// None at all.
    pub const NO_SUCH: u8 = 77;
}

/// The cases of `values`, by their place in the contract.
pub mod values {
    /// `boolean`.
    pub const BOOLEAN: u8 = 0;
    /// `int64`.
    pub const INT64: u8 = 2;
    /// `timestamp-micros`.
    pub const TIMESTAMP_MICROS: u8 = 5;
    /// `utf8`.
    pub const UTF8: u8 = 6;
    /// `offsets`.
    pub const OFFSETS: u8 = 8;
    /// `parent`.
    pub const PARENT: u8 = 9;
}

/// A result of `transform` at 512: the columns that came in.
pub const ECHO: &str = "
    (i32.store (i32.const 512) (i32.const 0))
    (i32.store (i32.const 516) (local.get $rows))
    (i32.store (i32.const 520) (local.get $columns))
    (i32.store (i32.const 524) (local.get $count))
    (i32.const 512)";

/// The same, with a number in the place of the first value.
pub fn echo_with(number: &str) -> String {
    // The pointer to the values lies behind the validity and the tag.
    format!("(i64.store (i32.load offset=16 (local.get $columns)) {number}) {ECHO}")
}

impl Default for RawGuest {
    fn default() -> Self {
        Self::declaring(&[(b"value", &[node::INT64])], &[(b"out", &[node::INT64])])
    }
}

impl RawGuest {
    /// A guest whose function `f` has these inputs and outputs.
    pub fn declaring(inputs: &[(&[u8], &[u8])], outputs: &[(&[u8], &[u8])]) -> Self {
        Self::declaring_structs(b"f", inputs, outputs, &[])
    }

    /// The same with another name, and with structs, whose fields are all called so.
    pub fn declaring_structs(
        name: &[u8],
        inputs: &[(&[u8], &[u8])],
        outputs: &[(&[u8], &[u8])],
        fields: &[&[u8]],
    ) -> Self {
        let mut memory = Memory(Vec::new());
        let name = memory.bytes(name);
        let fields: Vec<u32> = fields.iter().flat_map(|field| memory.bytes(field)).collect();
        let fields = [memory.words(&fields), small(fields.len() / 2)];
        let inputs = memory.fields(inputs, fields);
        let outputs = memory.fields(outputs, fields);
        let signature = memory.words(&[name, inputs, outputs].concat());
        let result = memory.words(&[0, signature, 1]);
        Self {
            items: String::new(),
            realloc: "
                (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
                (global.set $next (i32.add (local.get $at) (local.get $size)))
                (local.get $at)"
                .to_owned(),
            signatures: format!("(i32.const {result})"),
            transform: ECHO.to_owned(),
            pages: 80,
            encoding: StringEncoding::UTF8,
            memory,
        }
    }

    /// With further items.
    pub fn items(self, items: &str) -> Self {
        Self { items: items.to_owned(), ..self }
    }

    /// With another allocator.
    pub fn realloc(self, body: &str) -> Self {
        Self { realloc: body.to_owned(), ..self }
    }

    /// With another body of `signatures`.
    pub fn signatures(self, body: &str) -> Self {
        Self { signatures: body.to_owned(), ..self }
    }

    /// With another body of `transform`.
    pub fn transform(self, body: &str) -> Self {
        Self { transform: body.to_owned(), ..self }
    }

    /// With so many pages of memory from the start.
    pub fn pages(self, pages: u32) -> Self {
        Self { pages, ..self }
    }

    /// Whose strings are UTF-16. Their lengths are then taken for numbers of code units, though they are those of bytes.
    pub fn utf16(self) -> Self {
        Self { encoding: StringEncoding::UTF16, ..self }
    }

    /// Puts bytes into the guest's memory; their address, a multiple of 8.
    pub fn put(&mut self, bytes: &[u8]) -> u32 {
        self.memory.put(bytes)
    }

    /// With an answer that does not depend on the input: these columns, and so many rows.
    pub fn returning(mut self, rows: u32, columns: &[RawColumn]) -> Self {
        let words = columns.iter().flat_map(|column| {
            let [pointer, length] = column.validity.unwrap_or_default();
            let validity = [u32::from(column.validity.is_some()), pointer, length];
            validity.into_iter().chain([u32::from(column.tag)]).chain(column.buffers)
        });
        let address = self.memory.words(&words.collect::<Vec<_>>());
        let result = self.memory.words(&[0, rows, address, small(columns.len())]);
        Self { transform: format!("(i32.const {result})"), ..self }
    }

    /// The core module, which carries its world.
    pub fn module(&self) -> Vec<u8> {
        let Self { items, realloc, signatures, transform, pages, encoding, memory } = self;
        let data: String = memory.0.iter().map(|byte| format!("\\{byte:02x}")).collect();
        let text = format!(
            "(module
                (memory (export \"memory\") {pages})
                (global $next (mut i32) (i32.const {HEAP}))
                (data (i32.const {IMAGE}) \"{data}\")
                {items}
                (func (export \"cabi_realloc\")
                    (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
                    {realloc})
                (func (export \"larder:udf/transformation@0.2.0#signatures\") (result i32) {signatures})
                (func (export \"larder:udf/transformation@0.2.0#transform\")
                    (param $index i32) (param $rows i32) (param $columns i32) (param $count i32) (result i32)
                    {transform}))"
        );
        let mut module = wat::parse_str(&text).expect("the parts are WebAssembly text");
        let mut resolve = wit_parser::Resolve::default();
        let package = resolve.push_source("larder-udf.wit", WIT).expect("the contract is WIT");
        let world = resolve.select_world(&[package], None).expect("it has one world");
        let embedded = embed_component_metadata(&mut module, &resolve, world, *encoding);
        embedded.expect("a module takes a custom section");
        module
    }
}

/// What lies in the guest's memory from the start.
#[derive(Clone, Debug)]
struct Memory(Vec<u8>);

impl Memory {
    /// Puts bytes at an address that is a multiple of 8, and returns it.
    fn put(&mut self, bytes: &[u8]) -> u32 {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        let address = IMAGE + small(self.0.len());
        self.0.extend_from_slice(bytes);
        assert!(small(self.0.len()) < HEAP - IMAGE, "the heap begins later");
        address
    }

    fn words(&mut self, words: &[u32]) -> u32 {
        self.put(&words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>())
    }

    /// A list of bytes, or a string: address and length.
    fn bytes(&mut self, bytes: &[u8]) -> Vec<u32> {
        vec![self.put(bytes), small(bytes.len())]
    }

    /// A list of fields: address and length.
    /// `struct_fields` are the address and the length of the list that each struct names its fields by.
    fn fields(&mut self, fields: &[(&[u8], &[u8])], struct_fields: [u32; 2]) -> Vec<u32> {
        let mut words = Vec::new();
        for (name, nodes) in fields {
            words.extend(self.bytes(name));
            let variant = |node: &u8| {
                let [pointer, length] = if *node == node::STRUCT { struct_fields } else { [0, 0] };
                [u32::from(*node), pointer, length]
            };
            let variants: Vec<u32> = nodes.iter().flat_map(variant).collect();
            words.extend([self.words(&variants), small(nodes.len())]);
        }
        vec![self.words(&words), small(fields.len())]
    }
}

fn small(size: usize) -> u32 {
    u32::try_from(size).expect("a guest of a test is small")
}
