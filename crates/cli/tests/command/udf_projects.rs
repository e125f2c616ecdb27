//! Folders of transformations, as far as no compiler is needed.

use std::path::Path;
use std::process::Command;

/// Runs `larder udf …` in a folder, where no tool can be found; exit code, and what it printed on stderr.
fn udf(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_larder"))
        .arg("udf")
        .args(arguments)
        .current_dir(folder)
        .env("PATH", folder)
        .env_remove("WASI_SDK_PATH")
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_missing_tool_is_named_with_its_remedy_and_exit_code_3() {
    let folder = tempfile::tempdir().unwrap();
    for (lang, told) in [
        ("rust", "Rust is missing; install it with rustup"),
        ("python", "Python is missing; install Python 3.10 or later"),
        ("js", "Node.js is missing; install it with npm"),
        ("c", "clang is missing; install it:\n\n    sudo apt-get install clang"),
    ] {
        let name = format!("my_{lang}");
        assert_eq!(udf(folder.path(), &["new", &name, "--lang", lang]).0, Some(0));
        let (code, stderr) = udf(folder.path(), &["build", &name, "--install"]);
        assert_eq!(code, Some(3), "{stderr}");
        assert!(stderr.contains(told), "{stderr}");
        assert!(!folder.path().join(&name).join(format!("{name}.wasm")).exists());
    }
}

#[test]
fn a_folder_that_is_no_transformation_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (code, stderr) = udf(folder.path(), &["build"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("`Cargo.toml`, `udf.py`, `udf.js`, `udf.c`"), "{stderr}");
    let (code, stderr) = udf(folder.path(), &["build", "nothing"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("there is no folder `nothing`"), "{stderr}");
}

#[test]
fn nothing_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(udf(folder.path(), &["new", "udfs/mine", "--lang", "c"]).0, Some(0));
    let (code, stderr) = udf(folder.path(), &["new", "udfs/mine", "--lang", "js"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("`udfs/mine` is there already"), "{stderr}");
    assert_eq!(udf(folder.path(), &["new", "1st", "--lang", "js"]).0, Some(1));
    assert_eq!(udf(folder.path(), &["new", "mine", "--lang", "cobol"]).0, Some(2));
}
