//! Node.js with the DOM that the page is drawn in, from npm.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = include_str!("package.json");
const LOCK: &str = include_str!("package-lock.json");
const SCRIPT: &str = include_str!("page.mjs");

/// A command that runs the script `page.mjs`, whose packages are installed once per target folder.
pub(crate) fn page_script() -> Command {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
    install(&folder);
    let script = folder.join("page.mjs");
    fs::write(&script, SCRIPT).unwrap();
    let mut node = Command::new("node");
    node.arg(script).arg(scripts(&folder));
    node
}

/// A copy of the page's scripts, where Node takes them for modules.
fn scripts(folder: &Path) -> PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../serving/src/registry_http/page");
    let copies = folder.join("scripts");
    fs::create_dir_all(&copies).unwrap();
    for entry in fs::read_dir(sources).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "js") {
            fs::copy(&path, copies.join(path.file_name().unwrap())).unwrap();
        }
    }
    copies
}

fn install(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let lock = File::create(folder.join("install.lock")).unwrap();
    lock.lock().unwrap();
    let made = folder.join("made-from.txt");
    if fs::read_to_string(&made).is_ok_and(|from| from == LOCK) {
        return;
    }
    fs::write(folder.join("package.json"), PACKAGE).unwrap();
    fs::write(folder.join("package-lock.json"), LOCK).unwrap();
    let output = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund"])
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("npm cannot be run ({error}); install Node.js 20 or later"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "installing from npm what draws the page failed:\n{stderr}");
    fs::write(&made, LOCK).unwrap();
}
