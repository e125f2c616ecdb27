//! Compiles the guests of `udfs/` for wasm32-unknown-unknown, and the one that asks WASI for wasm32-wasip2, so that
//! tests need no manual step.
//!
//! Runs only where the test kit is built, which is for tests: larder itself needs no Wasm target.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

const TARGET: &str = "wasm32-unknown-unknown";
/// The target of the guests in `WITH_WASI`.
const WASI_TARGET: &str = "wasm32-wasip2";
const WITH_WASI: [&str; 1] = ["asks_the_system"];
/// Everything that the guests are made of, from the root of the repository. The root's manifest is
/// among it because `larder-guest` inherits versions from there. Not `udfs` as a whole, where the
/// `target` of a build by hand may lie.
const SOURCES: [&str; 10] = [
    "Cargo.toml",
    "crates/guest",
    "crates/guest-job",
    "crates/guest-macros",
    "udfs/Cargo.lock",
    "udfs/Cargo.toml",
    "udfs/hostile",
    "udfs/jobs",
    "udfs/rust",
    "udfs/testing",
];

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            println!("cargo::error={problem}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    println!("cargo::rerun-if-changed=build.rs");
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../..");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    let target_dir = PathBuf::from(variable("OUT_DIR")?).join("guests");
    compile(&root, &target_dir, TARGET, &[])?;
    compile(&root, &target_dir, WASI_TARGET, &WITH_WASI)?;
    for (name, target) in [("LARDER_GUESTS", TARGET), ("LARDER_GUESTS_WITH_WASI", WASI_TARGET)] {
        println!("cargo::rustc-env={name}={}", target_dir.join(target).join("release").display());
    }
    Ok(())
}

/// Compiles some guests, or all.
fn compile(root: &Path, target_dir: &Path, target: &str, guests: &[&str]) -> Result<(), String> {
    ensure_target(target)?;
    // Messages of panics name source files: the same bytes come out wherever the repository lies.
    let here = root.canonicalize().map_err(|error| format!("{} cannot be found: {error}", root.display()))?;
    let output = clean(Command::new(variable("CARGO")?))
        .args(["build", "--release", "--locked", "--quiet", "--target", target, "--manifest-path"])
        .arg(root.join("udfs/Cargo.toml"))
        .arg("--target-dir")
        .arg(target_dir)
        .args(guests.iter().flat_map(|guest| ["--package", guest]))
        .env("CARGO_ENCODED_RUSTFLAGS", format!("--remap-path-prefix={}=larder", here.display()))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cargo cannot be started to compile the guests in `udfs/`: {error}"))?;
    if !output.status.success() {
        // The compiler's own words, for whoever works on a guest.
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        return Err(format!(
            "the guests in `udfs/` do not compile; see above, or run `cargo build --release --locked --target {target} --manifest-path udfs/Cargo.toml`"
        ));
    }
    Ok(())
}

/// Installs the target through rustup where it is missing.
fn ensure_target(target: &str) -> Result<(), String> {
    if has_target(target)? {
        return Ok(());
    }
    let remedy = format!("run `rustup target add {target}`, or install the target with your Rust toolchain");
    let installed = clean(Command::new("rustup"))
        .args(["target", "add", target])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if installed && has_target(target)? {
        Ok(())
    } else {
        Err(format!("the tests need the Rust target {target}, which could not be installed; {remedy}"))
    }
}

fn has_target(target: &str) -> Result<bool, String> {
    let output = clean(Command::new(variable("RUSTC")?))
        .args(["--print", "target-libdir", "--target", target])
        .output()
        .map_err(|error| format!("rustc cannot be started: {error}"))?;
    Ok(Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}

/// Removes what cargo, clippy, coverage tools and users say about the *outer* build, which does not hold
/// for guests. What says where cargo and rustup find things stays.
fn clean(mut command: Command) -> Command {
    const KEPT: [&str; 7] = [
        "CARGO_HOME",
        "CARGO_HTTP_",
        "CARGO_MAKEFLAGS",
        "CARGO_NET_",
        "CARGO_REGISTRIES_",
        "CARGO_REGISTRY_",
        "RUSTUP_",
    ];
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let ours = ["CARGO", "RUST", "CLIPPY_", "LLVM_PROFILE", "__CARGO", "TARGET", "PROFILE"]
            .iter()
            .any(|prefix| text.starts_with(prefix));
        if ours && !KEPT.iter().any(|kept| text.starts_with(kept)) {
            command.env_remove(&name);
        }
    }
    if let Some(rustc) = env::var_os("RUSTC") {
        command.env("RUSTC", rustc);
    }
    command
}

fn variable(name: &str) -> Result<OsString, String> {
    env::var_os(name).ok_or_else(|| format!("cargo did not set {name}"))
}
