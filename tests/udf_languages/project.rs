//! Projects of `larder udf new` in the target folder, built by `larder udf build`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use larder_udf::{WasmRuntime, WasmRuntimeOptions};
use serde_json::{Value, json};

/// What each language has beside its samples: a file, the end of the source it is named in, and the end with it.
const MORE: [(&str, &str, &str, &str); 3] = [
    (
        "python",
        "more.py",
        "Transformation = export(transformed_conv_rate, tag_features)",
        "import more\nTransformation = export(transformed_conv_rate, tag_features, *more.FUNCTIONS)",
    ),
    (
        "js",
        "more.js",
        "export const transformation = component(transformedConvRate, tagFeatures);",
        "import { functions } from \"./more.js\";\n\
         export const transformation = component(transformedConvRate, tagFeatures, ...functions);",
    ),
    ("c", "more.h", "LARDER_FUNCTIONS(", "#include \"more.h\"\nLARDER_FUNCTIONS(MORE_FUNCTIONS "),
];

/// What is kept of a project from the last run: tools, and what cargo compiled.
const KEPT: [&str; 3] = [".larder", "node_modules", "target"];

/// A built component, and a runtime that finds it compiled.
pub(crate) struct Component {
    project: PathBuf,
    pub(crate) runtime: WasmRuntime,
    pub(crate) bytes: Arc<[u8]>,
}

impl Component {
    /// Begins a project in the language, adds the functions of this test, and builds it.
    pub(crate) fn build(lang: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("udf_languages");
        fs::create_dir_all(&folder).unwrap();
        // Runs of other test processes wait.
        let lock = File::create(folder.join(format!("{lang}.lock"))).unwrap();
        lock.lock().unwrap();
        let project = folder.join(format!("my_{lang}"));
        let last = folder.join(format!("last_{lang}"));
        if project.exists() {
            drop(fs::remove_dir_all(&last));
            fs::rename(&project, &last).unwrap();
        }
        larder(&["udf", "new", &project.display().to_string(), "--lang", lang]);
        for pinned in ["requirements.txt", "package.json"] {
            // Tools of other versions are no use.
            if fs::read(last.join(pinned)).ok() != fs::read(project.join(pinned)).ok() {
                drop(fs::remove_dir_all(&last));
            }
        }
        for kept in KEPT {
            // Fails where there was none.
            drop(fs::rename(last.join(kept), project.join(kept)));
        }
        // As it is, before the functions of this test import more than an author would.
        larder(&["udf", "build", &project.display().to_string(), "--install"]);
        for (_, more, end, end_with_more) in MORE.iter().filter(|more| more.0 == lang) {
            let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/udf_languages/functions");
            fs::copy(functions.join(more), project.join(more)).unwrap();
            let source = project.join(format!("udf.{}", if lang == "python" { "py" } else { lang }));
            let text = fs::read_to_string(&source).unwrap();
            assert!(text.contains(end), "`{end}` is not in {}", source.display());
            let define = if lang == "c" { "#define LARDER_MAX_COLUMNS 48\n" } else { "" };
            fs::write(&source, format!("{define}{}", text.replace(end, end_with_more))).unwrap();
        }
        let built = larder(&["udf", "build", &project.display().to_string(), "--install", "--json"]);
        let report: Value = serde_json::from_str(&built).unwrap();
        let bytes = fs::read(project.join(format!("my_{lang}.wasm"))).unwrap();
        assert_eq!(report["bytes"], bytes.len());
        let functions = report["functions"].as_array().unwrap();
        let sample = functions.iter().find(|function| function["name"] == "transformed_conv_rate").unwrap();
        assert_eq!(sample["inputs"][1], json!({"name": "val_to_add", "dtype": "Int64"}));
        let options =
            WasmRuntimeOptions { cache_dir: Some(project.join(".larder")), ..WasmRuntimeOptions::default() };
        Self { project, runtime: WasmRuntime::try_new(options).unwrap(), bytes: bytes.into() }
    }

    /// Runs the tests that came with the new project.
    pub(crate) fn test(&self) -> String {
        larder(&["udf", "test", &self.project.display().to_string()])
    }
}

/// Runs the command, which must succeed; what it printed.
fn larder(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    // What cargo says about the build of this test does not hold for others.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_", "RUST", "CLIPPY_"].iter().any(|ours| text.starts_with(ours))
            && !["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "RUSTUP_"]
                .iter()
                .any(|kept| text.starts_with(kept))
        {
            command.env_remove(&name);
        }
    }
    let output = command.args(arguments).output().unwrap();
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "larder {} failed:\n{stdout}\n{stderr}", arguments.join(" "));
    stdout.into_owned()
}
