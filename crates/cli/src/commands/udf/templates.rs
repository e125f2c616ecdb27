//! What `larder udf new` writes, by language. The folder then builds without larder, too.

use std::borrow::Cow;

use crate::arguments::Language;

/// A file's name in the folder, and its content.
type File = (String, Cow<'static, [u8]>);

const WIT: &str = include_str!("../../../../../wit/larder-udf.wit");
const IGNORED: &str = ".larder/\n*.wasm\n";

macro_rules! template {
    ($file:literal) => {
        include_str!(concat!("../../../udf_templates/", $file))
    };
}

/// Names of files with their texts, of a folder of this repository.
macro_rules! sources {
    ($folder:literal: $($name:literal)+) => {
        &[$(($name, include_str!(concat!("../../../../", $folder, "/", $name)))),+]
    };
}

/// `larder-guest`, which comes along because no registry has it.
const GUEST: &[(&str, &str)] = sources!("guest/src":
    "arena.rs" "array.rs" "bindings.rs" "bitmap.rs" "boolean_array.rs" "bytes_array.rs" "columns.rs" "function.rs" "lib.rs"
    "list_array.rs" "offsets.rs" "primitive_array.rs" "rows.rs" "set_array.rs" "struct_array.rs" "text_array.rs"
    "timestamp.rs" "zoned_timestamp_array.rs"
);
const GUEST_MACROS: &[(&str, &str)] = sources!("guest-macros/src": "function_head.rs" "lib.rs" "template.rs");

/// The files of a new transformation.
pub(super) fn files(language: Language, name: &str) -> Vec<File> {
    let mut files = match language {
        Language::Rust => rust(name),
        Language::Python => vec![
            text("README.md", template!("python/README.md")),
            text("udf.py", template!("python/udf.py")),
            text("larder.py", template!("python/larder.py")),
            text("requirements.txt", template!("python/requirements.txt")),
            text("wit/larder-udf.wit", WIT),
            text(".gitignore", &format!("{IGNORED}__pycache__/\n")),
        ],
        Language::Js => vec![
            text("README.md", template!("js/README.md")),
            text("udf.js", template!("js/udf.js")),
            text("larder.js", template!("js/larder.js")),
            text("package.json", template!("js/package.json")),
            text("wit/larder-udf.wit", WIT),
            text(".gitignore", &format!("{IGNORED}node_modules/\n")),
        ],
        Language::C => vec![
            text("README.md", template!("c/README.md")),
            text("udf.c", template!("c/udf.c")),
            text("larder.h", template!("c/larder.h")),
            text("bindings/on_demand_feature_view.h", template!("c/bindings/on_demand_feature_view.h")),
            text("bindings/on_demand_feature_view.c", template!("c/bindings/on_demand_feature_view.c")),
            (
                "bindings/on_demand_feature_view_component_type.o".to_owned(),
                Cow::Borrowed(include_bytes!(
                    "../../../udf_templates/c/bindings/on_demand_feature_view_component_type.o"
                )),
            ),
            text(".gitignore", IGNORED),
        ],
    };
    let tests = format!("{name}.test.yaml");
    files.push(text(&tests, template!("tests.yaml")));
    for (file, content) in &mut files {
        if file == "README.md" || *file == tests {
            let text = String::from_utf8_lossy(content).replace("NAME", name);
            *content = Cow::Owned(text.into_bytes());
        }
    }
    files
}

fn rust(name: &str) -> Vec<File> {
    let version = env!("CARGO_PKG_VERSION");
    let mut files = vec![
        text("README.md", template!("rust/README.md")),
        text("Cargo.toml", &template!("rust/Cargo.toml").replace("NAME", name)),
        text("src/lib.rs", template!("rust/src/lib.rs")),
        text(".gitignore", &format!("{IGNORED}target/\n")),
        text("vendor/larder-guest/Cargo.toml", &template!("rust/guest.toml").replace("VERSION", version)),
        text(
            "vendor/larder-guest-macros/Cargo.toml",
            &template!("rust/guest_macros.toml").replace("VERSION", version),
        ),
    ];
    for (folder, sources) in [("larder-guest", GUEST), ("larder-guest-macros", GUEST_MACROS)] {
        files.extend(
            sources.iter().map(|(file, content)| text(&format!("vendor/{folder}/src/{file}"), content)),
        );
    }
    files
}

fn text(file: &str, content: &str) -> File {
    (file.to_owned(), Cow::Owned(content.as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_guest_library_comes_along_whole() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for (folder, sources) in [("guest", GUEST), ("guest-macros", GUEST_MACROS)] {
            let there: BTreeSet<_> = fs::read_dir(crates.join(folder).join("src"))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            let brought: BTreeSet<_> = sources.iter().map(|(file, _)| (*file).to_owned()).collect();
            assert_eq!(brought, there, "list the files of `crates/{folder}/src` above");
        }
    }

    #[test]
    fn the_guest_library_is_built_with_the_generator_of_its_bindings() {
        let workspace =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml")).unwrap();
        let line = template!("rust/guest.toml").lines().find(|line| line.starts_with("wit-bindgen")).unwrap();
        assert!(workspace.lines().any(|other| other == line), "{line}");
    }
}
