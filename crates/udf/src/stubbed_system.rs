//! What a component asked of a system that it was built without. The runtimes of Python and JavaScript call WASI's
//! functions; their builders put stubs in place of them, which only trap.

use wasmtime::{FrameInfo, Trap, WasmBacktrace};

/// What there is none of, by the beginnings of WASI's functions that give it (versions 0.1 and 0.2), with the
/// package that they are in.
const FUNCTIONS: [(&str, &str, &[&str]); 13] = [
    ("clock", "wasi:clocks", &["now", "resolution", "subscribe-instant", "subscribe-duration"]),
    ("randomness", "wasi:random", &["get-random-", "get-insecure-random-", "insecure-seed"]),
    ("files", "wasi:filesystem", &["get-directories", "filesystem-error-code", "[method]descriptor."]),
    ("files", "wasi:filesystem", &["[method]directory-entry-stream."]),
    (
        "network",
        "wasi:sockets",
        &["create-tcp-socket", "create-udp-socket", "instance-network", "resolve-addresses"],
    ),
    (
        "network",
        "wasi:sockets",
        &["[method]tcp-socket.", "[method]udp-socket.", "[method]resolve-address-stream."],
    ),
    ("network", "wasi:http", &["handle", "[constructor]fields", "[constructor]outgoing-", "[static]fields."]),
    ("environment", "wasi:cli", &["get-environment", "get-arguments", "initial-cwd", "exit"]),
    ("terminal", "wasi:cli", &["get-stdin", "get-stdout", "get-stderr", "get-terminal-"]),
    (
        "input and output",
        "wasi:io",
        &["poll", "[method]pollable.", "[method]input-stream.", "[method]output-stream."],
    ),
    ("clock", "wasi_snapshot_preview1", &["clock_time_get", "clock_res_get", "poll_oneoff"]),
    ("randomness", "wasi_snapshot_preview1", &["random_get"]),
    ("files", "wasi_snapshot_preview1", &["fd_", "path_"]),
];

/// No function of WASI has a longer name. A name is a guest's own choice, and goes into messages.
const LONGEST: usize = 80;

/// A function of the system that is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no `{function}` of {package}")]
pub(crate) struct Absent {
    /// What a transformation has none of.
    pub(crate) what: &'static str,
    /// The package of the function.
    pub(crate) package: &'static str,
    /// The function.
    pub(crate) function: String,
}

impl Absent {
    /// A function of an interface of WASI; one that WASI does not have goes by its package.
    pub(crate) fn of(interface: &str, function: &str) -> Self {
        let package = interface.split('/').next().unwrap_or_default();
        if let Some(known) = of_name(function).filter(|known| known.package == package) {
            return known;
        }
        let of_package = FUNCTIONS.iter().find(|(_, known, _)| *known == package);
        let (what, package) = of_package.map_or(("functions", "wasi"), |(what, package, _)| (what, package));
        Self { what, package, function: function.chars().take(LONGEST).collect() }
    }
}

/// The function that was not there or whose stub has trapped, if that is how a call ended.
pub(crate) fn asked_for(error: &wasmtime::Error) -> Option<Absent> {
    if let Some(absent) = error.downcast_ref::<Absent>() {
        return Some(absent.clone());
    }
    if error.downcast_ref::<Trap>() != Some(&Trap::UnreachableCodeReached) {
        return None;
    }
    let frame = error.downcast_ref::<WasmBacktrace>()?.frames().first()?;
    frame.func_name().and_then(of_name).or_else(|| exported(frame).as_deref().and_then(of_name))
}

/// The name of a frame's function in a module of stubs, which has no imports and exports its functions in their
/// order.
fn exported(frame: &FrameInfo) -> Option<String> {
    let module = frame.module();
    if module.imports().next().is_some() || module.exports().any(|export| export.ty().func().is_none()) {
        return None;
    }
    let at = usize::try_from(frame.func_index()).ok()?;
    module.exports().nth(at).map(|export| export.name().to_owned())
}

fn of_name(name: &str) -> Option<Absent> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.[]".contains(c);
    if name.len() > LONGEST || !name.chars().all(is_plain) {
        return None;
    }
    let fits = |start: &str| {
        // A beginning of a name ends with a mark; the others are whole.
        if start.ends_with(['.', '-', '_']) { name.starts_with(start) } else { name == start }
    };
    let (what, package, _) =
        FUNCTIONS.iter().find(|(_, _, starts)| starts.iter().any(|start| fits(start)))?;
    Some(Absent { what, package, function: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_wasi_are_known_by_their_names() {
        let known = |name| of_name(name).map(|absent| (absent.what, absent.package));
        assert_eq!(known("now"), Some(("clock", "wasi:clocks")));
        assert_eq!(known("get-random-bytes"), Some(("randomness", "wasi:random")));
        assert_eq!(known("[method]descriptor.open-at"), Some(("files", "wasi:filesystem")));
        assert_eq!(known("path_filestat_get"), Some(("files", "wasi_snapshot_preview1")));
        assert_eq!(Absent::of("wasi:cli/exit", "exit").what, "environment");
        // What goes by WASI's names and is not WASI's.
        let made_up = Absent::of("wasi:sockets/evil", &"now-".repeat(90));
        assert_eq!(
            (made_up.what, made_up.package, made_up.function.len()),
            ("network", "wasi:sockets", LONGEST)
        );
        assert_eq!(Absent::of("wasi:io/evil", "now").package, "wasi:io");
        for unknown in ["nowhere", "f", "", "get-random-\u{1b}[2J", &"path_x".repeat(20)] {
            assert_eq!(known(unknown), None, "{unknown:?}");
        }
    }
}
