//! What a component is, and whether larder takes it.

use std::fmt;
use std::sync::Arc;

use larder_core::{Field, TransformationSignature};
use larder_udf::{Anatomy, MemorySize, Meter, MeteredComponent, UdfError, WasmKind};
use serde_json::{Value, json};

/// The version of the contract that this larder speaks.
pub const CONTRACT: &str = "0.2.0";

/// Everything that can be told of a file that may be a component.
#[derive(Debug)]
pub struct Inspection {
    /// Bytes of the file.
    pub size_bytes: usize,
    /// The SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// The SHA-256 of the component that is run, where the file is a module of which one is made.
    pub component_sha256: Option<String>,
    /// Its parts; `None` if it is no Wasm.
    pub anatomy: Option<Anatomy>,
    /// Its functions, or why it is refused.
    pub functions: Result<Vec<TransformationSignature>, String>,
}

impl Inspection {
    /// Looks at bytes. What is refused is inspected like what is not. Also the component, if it is one.
    pub fn of(bytes: Arc<[u8]>, meter: &Meter) -> (Self, Result<MeteredComponent, UdfError>) {
        let anatomy = Anatomy::of(&bytes).ok();
        let sha256 = larder_udf::digest_of(&bytes).to_string();
        let size_bytes = bytes.len();
        let loaded = meter.load(bytes);
        let (functions, component_sha256) = match &loaded {
            Ok(component) => {
                let inspected = component.inspected();
                let digest = inspected.digest.to_string();
                (Ok(inspected.signatures), (digest != sha256).then_some(digest))
            }
            Err(error) => (Err(chain(error)), None),
        };
        (Self { size_bytes, sha256, component_sha256, anatomy, functions }, loaded)
    }

    /// The same for machines.
    pub fn to_json(&self) -> Value {
        let fields = |fields: &[Field]| -> Vec<Value> {
            let field = |field: &Field| json!({"name": field.name, "type": field.value_type.to_string()});
            fields.iter().map(field).collect()
        };
        let function = |signature: &TransformationSignature| {
            json!({
                "name": signature.name,
                "inputs": fields(&signature.inputs),
                "outputs": fields(&signature.outputs),
            })
        };
        let memory = |memory: &MemorySize| json!({"initial_bytes": memory.initial_bytes, "maximum_bytes": memory.maximum_bytes});
        let anatomy = self.anatomy.as_ref();
        json!({
            "accepted": self.functions.is_ok(),
            "refusal": self.functions.as_ref().err(),
            "kind": anatomy.map(|anatomy| kind(anatomy.kind)),
            "contract": anatomy.and_then(|anatomy| anatomy.contract.as_deref()),
            "size_bytes": self.size_bytes,
            "sha256": self.sha256,
            "component_sha256": self.component_sha256,
            "imports": anatomy.map(|anatomy| &anatomy.imports),
            "exports": anatomy.map(|anatomy| &anatomy.exports),
            "memories": anatomy.map(|anatomy| anatomy.memories.iter().map(memory).collect::<Vec<_>>()),
            "functions": self.functions.as_ref().ok().map(|all| all.iter().map(function).collect::<Vec<_>>()),
        })
    }
}

fn kind(kind: WasmKind) -> &'static str {
    match kind {
        WasmKind::Module => "module",
        WasmKind::Component => "component",
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.functions {
            Ok(_) => writeln!(f, "accepted   yes")?,
            Err(refusal) => writeln!(f, "accepted   no: {refusal}")?,
        }
        if let Some(anatomy) = &self.anatomy {
            let made = if self.functions.is_ok() && anatomy.kind == WasmKind::Module {
                ", of which larder makes a component"
            } else {
                ""
            };
            writeln!(f, "kind       {}{made}", kind(anatomy.kind))?;
            match anatomy.contract.as_deref() {
                Some(CONTRACT) => writeln!(f, "contract   larder:udf@{CONTRACT}")?,
                Some(other) => writeln!(f, "contract   larder:udf@{other}; this larder speaks {CONTRACT}")?,
                None => writeln!(f, "contract   none of larder's")?,
            }
        }
        writeln!(f, "size       {}", shown_bytes(u64::try_from(self.size_bytes).unwrap_or(u64::MAX)))?;
        writeln!(f, "sha256     {}", self.sha256)?;
        if let Some(digest) = &self.component_sha256 {
            writeln!(f, "component  {digest}")?;
        }
        if let Some(anatomy) = &self.anatomy {
            for memory in &anatomy.memories {
                let most = match memory.maximum_bytes {
                    Some(bytes) => format!("at most {}", shown_bytes(bytes)),
                    None => "at most what the view's limits allow".to_owned(),
                };
                writeln!(f, "memory     {} at first, {most}", shown_bytes(memory.initial_bytes))?;
            }
            list(f, "imports", &anatomy.imports)?;
            list(f, "exports", &anatomy.exports)?;
        }
        for function in self.functions.iter().flatten() {
            writeln!(f, "\n{}", signature_text(function))?;
        }
        Ok(())
    }
}

fn list(f: &mut fmt::Formatter<'_>, title: &str, names: &[String]) -> fmt::Result {
    match names {
        [] => writeln!(f, "{title:<10} nothing"),
        [first, rest @ ..] => {
            writeln!(f, "{title:<10} {first}")?;
            rest.iter().try_for_each(|name| writeln!(f, "{:<10} {name}", ""))
        }
    }
}

/// A signature as people read it: `name(input: Type, …) -> (output: Type, …)`, a line a column where
/// they are many.
fn signature_text(signature: &TransformationSignature) -> String {
    const LONGEST_LINE: usize = 100;
    let columns = |fields: &[Field]| -> Vec<String> {
        fields.iter().map(|field| format!("{}: {}", field.name, field.value_type)).collect()
    };
    let (inputs, outputs) = (columns(&signature.inputs), columns(&signature.outputs));
    let line = format!("{}({}) -> ({})", signature.name, inputs.join(", "), outputs.join(", "));
    if line.chars().count() <= LONGEST_LINE {
        return line;
    }
    let lines =
        |columns: Vec<String>| columns.iter().map(|column| format!("    {column},\n")).collect::<String>();
    format!("{}(\n{}) -> (\n{})", signature.name, lines(inputs), lines(outputs))
}

/// Bytes for people: with one decimal in the largest unit that is not larger.
pub fn shown_bytes(bytes: u64) -> String {
    let unit = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        .into_iter()
        .find(|(_, size)| bytes >= *size);
    match unit {
        Some((name, size)) if bytes.is_multiple_of(size) => format!("{} {name}", bytes / size),
        Some((name, size)) => {
            let tenths = u128::from(bytes) * 10 / u128::from(size);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} B"),
    }
}

/// The messages of an error and its sources, each once.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let message = cause.to_string();
        if !text.ends_with(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_in_their_largest_unit() {
        let shown = [0, 1_023, 1_024, 1_536, 1 << 20, (5 << 20) + (1 << 19), u64::MAX].map(shown_bytes);
        assert_eq!(shown, ["0 B", "1023 B", "1 KiB", "1.5 KiB", "1 MiB", "5.5 MiB", "17179869183.9 GiB"]);
    }
}
