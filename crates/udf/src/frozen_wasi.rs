//! A system that stands still, for guests whose language insists on having one: WASI 0.2 as it would be on a machine
//! without environment, files and network, where it is always 1970 and every draw of chance is known.
//!
//! It is the same at the start of every call, so a transformation stays a pure function. What a runtime asks for when
//! it starts is answered; what cannot be answered without a world outside ends the call, and says what was asked for.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, LinkerInstance, Resource, ResourceType, Val};
use wasmtime::{AsContextMut as _, Result, StoreContextMut};

use crate::sandboxed_call::GuestState;
use crate::stubbed_system::Absent;

/// The packages that are there.
const PACKAGES: [&str; 6] =
    ["wasi:cli", "wasi:clocks", "wasi:filesystem", "wasi:io", "wasi:random", "wasi:sockets"];

/// Streams, clocks to wait for and the like that a guest may have at once: each takes up memory of the host.
const MOST_HANDLES: usize = 1_024;
/// Random bytes of one draw.
const MOST_RANDOM_BYTES: u64 = 64 << 10;

/// What changes in the system during one call.
#[derive(Debug, Default)]
pub(crate) struct FrozenSystem {
    handles: usize,
    drawn: u64,
}

/// Whatever the guest has a handle of: nothing is behind it.
struct Handle;

/// Whether the interface, as `wasi:clocks/wall-clock@0.2.3`, is one of the system.
pub(crate) fn provides(interface: &str) -> bool {
    let Some((package, rest)) = interface.split_once('/') else { return false };
    PACKAGES.contains(&package)
        && rest.split_once('@').is_some_and(|(_, version)| version.starts_with("0.2."))
}

/// Gives a component the parts of the system that it imports.
///
/// # Errors
///
/// If it imports something of a kind that WASI does not have.
pub(crate) fn link(linker: &mut Linker<GuestState>, component: &Component) -> Result<()> {
    let engine = linker.engine().clone();
    for (interface, import) in component.component_type().imports(&engine) {
        let ComponentItem::ComponentInstance(instance) = import.ty else { continue };
        if !provides(interface) {
            continue;
        }
        let mut linked = linker.instance(interface)?;
        for (name, export) in instance.exports(&engine) {
            match export.ty {
                ComponentItem::ComponentFunc(_) => link_function(&mut linked, interface, name)?,
                ComponentItem::Resource(_) => {
                    linked.resource(name, ResourceType::host::<Handle>(), |mut store, _| {
                        let system = &mut store.data_mut().system;
                        system.handles = system.handles.saturating_sub(1);
                        Ok(())
                    })?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn link_function(linked: &mut LinkerInstance<'_, GuestState>, interface: &str, name: &str) -> Result<()> {
    let interface = interface.split('@').next().unwrap_or_default().to_owned();
    let function = name.to_owned();
    linked.func_new(name, move |mut store, _, given, results| {
        let answer = answer(store.as_context_mut(), &interface, &function, given)?;
        give_back(&mut store, given)?;
        match (results, answer) {
            ([], None) => Ok(()),
            ([result], Some(value)) => {
                *result = value;
                Ok(())
            }
            // Not the function of this name that WASI has.
            _ => Err(Absent::of(&interface, &function).into()),
        }
    })
}

/// Gives handles back that were lent for the length of a call.
fn give_back(store: &mut StoreContextMut<'_, GuestState>, given: &[Val]) -> Result<()> {
    for value in given {
        match value {
            Val::Resource(handle) => handle.resource_drop(store.as_context_mut())?,
            Val::List(values) => give_back(store, values)?,
            _ => {}
        }
    }
    Ok(())
}

/// What the system answers; nothing where a function has no result.
fn answer(
    store: StoreContextMut<'_, GuestState>,
    interface: &str,
    function: &str,
    given: &[Val],
) -> Result<Option<Val>> {
    let value = match (interface, function) {
        ("wasi:cli/environment", "get-environment" | "get-arguments")
        | ("wasi:filesystem/preopens", "get-directories") => Val::List(Vec::new()),
        ("wasi:cli/environment", "initial-cwd")
        | ("wasi:cli/terminal-stdin", "get-terminal-stdin")
        | ("wasi:cli/terminal-stdout", "get-terminal-stdout")
        | ("wasi:cli/terminal-stderr", "get-terminal-stderr")
        | ("wasi:filesystem/types", "filesystem-error-code") => Val::Option(None),
        ("wasi:cli/stdin", "get-stdin")
        | ("wasi:cli/stdout", "get-stdout")
        | ("wasi:cli/stderr", "get-stderr")
        | ("wasi:clocks/monotonic-clock", "subscribe-instant" | "subscribe-duration")
        | ("wasi:io/streams", "[method]input-stream.subscribe" | "[method]output-stream.subscribe") => {
            handle(store).and_then(|handle| handle.ok_or_else(|| Absent::of(interface, function).into()))?
        }
        ("wasi:clocks/wall-clock", "now") => datetime(0),
        ("wasi:clocks/wall-clock", "resolution") => datetime(1),
        ("wasi:clocks/monotonic-clock", "now") => Val::U64(0),
        ("wasi:clocks/monotonic-clock", "resolution") => Val::U64(1),
        ("wasi:random/random", "get-random-u64") | ("wasi:random/insecure", "get-insecure-random-u64") => {
            Val::U64(draw(store))
        }
        ("wasi:random/insecure-seed", "insecure-seed") => Val::Tuple(vec![Val::U64(1), Val::U64(2)]),
        ("wasi:random/random", "get-random-bytes")
        | ("wasi:random/insecure", "get-insecure-random-bytes") => match given {
            [Val::U64(length)] if *length <= MOST_RANDOM_BYTES => random_bytes(store, *length),
            _ => return Err(Absent::of(interface, function).into()),
        },
        ("wasi:io/streams", "[method]input-stream.read" | "[method]input-stream.blocking-read") => {
            Val::Result(Err(Some(Box::new(Val::Variant("closed".to_owned(), None)))))
        }
        ("wasi:io/streams", "[method]output-stream.check-write") => {
            Val::Result(Ok(Some(Box::new(Val::U64(4_096)))))
        }
        (
            "wasi:io/streams",
            "[method]output-stream.write"
            | "[method]output-stream.blocking-write-and-flush"
            | "[method]output-stream.flush"
            | "[method]output-stream.blocking-flush",
        ) => Val::Result(Ok(None)),
        ("wasi:io/poll", "[method]pollable.ready") => Val::Bool(true),
        ("wasi:io/poll", "[method]pollable.block") => return Ok(None),
        ("wasi:io/poll", "poll") => match given {
            // All of them are ready.
            [Val::List(pollables)] => {
                Val::List((0_u32..).zip(pollables).map(|(at, _)| Val::U32(at)).collect())
            }
            _ => return Err(Absent::of(interface, function).into()),
        },
        ("wasi:io/error", "[method]error.to-debug-string") => Val::String("closed".to_owned()),
        _ => return Err(Absent::of(interface, function).into()),
    };
    Ok(Some(value))
}

/// A new handle; `None` if there are too many.
fn handle(mut store: StoreContextMut<'_, GuestState>) -> Result<Option<Val>> {
    let system = &mut store.data_mut().system;
    if system.handles == MOST_HANDLES {
        return Ok(None);
    }
    system.handles += 1;
    Ok(Some(Val::Resource(Resource::<Handle>::new_own(0).try_into_resource_any(store)?)))
}

fn datetime(nanoseconds: u32) -> Val {
    let fields = [("seconds", Val::U64(0)), ("nanoseconds", Val::U32(nanoseconds))];
    Val::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The next number of `SplitMix64`, by Steele, Lea and Flood (2014), from the seed 0.
fn draw(mut store: StoreContextMut<'_, GuestState>) -> u64 {
    let system = &mut store.data_mut().system;
    system.drawn = system.drawn.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (system.drawn ^ (system.drawn >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn random_bytes(mut store: StoreContextMut<'_, GuestState>, length: u64) -> Val {
    let mut bytes = Vec::new();
    for _ in 0..length.div_ceil(8) {
        bytes.extend(draw(store.as_context_mut()).to_le_bytes().map(Val::U8));
    }
    bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
    Val::List(bytes)
}

#[cfg(test)]
mod tests {
    use larder_core::TransformationLimits;
    use wasmtime::Store;

    use super::*;
    use crate::SandboxLimits;
    use crate::engine::{self, EngineKind};
    use crate::limits::MemoryLimiter;

    #[test]
    fn the_system_is_wasi_0_2_without_http() {
        for there in ["wasi:clocks/wall-clock@0.2.0", "wasi:io/streams@0.2.6", "wasi:sockets/tcp@0.2.3"] {
            assert!(provides(there), "{there}");
        }
        for other in [
            "wasi:http/outgoing-handler@0.2.0",
            "wasi:clocks/wall-clock@0.3.0",
            "wasi:clocks/wall-clock",
            "wasi:clocks",
            "evil:clocks/wall-clock@0.2.0",
        ] {
            assert!(!provides(other), "{other}");
        }
    }

    /// How a call ends of a component, in text, that is made of `imports` and runs `body`.
    fn ending(imports: &str, body: &str) -> Result<(), String> {
        let text = format!(
            r#"(component
                {imports}
                (core module $space
                    (memory (export "memory") 1)
                    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024))
                (core instance $space (instantiate $space))
                (core func $asked (canon lower (func $asked)
                    (memory $space "memory") (realloc (func $space "realloc"))))
                (core module $code {body})
                (core instance $code (instantiate $code (with "" (instance (export "ask" (func $asked))))))
                (func (export "run") (canon lift (core func $code "run"))))"#
        );
        let sandbox = SandboxLimits { concurrent_calls: 1, ..SandboxLimits::default() };
        let engine = engine::build(EngineKind::of(&TransformationLimits::default()), &sandbox).unwrap();
        let component = Component::from_binary(&engine, &wat::parse_str(text).unwrap()).unwrap();
        let mut linker = Linker::new(&engine);
        link(&mut linker, &component).unwrap();
        let memory = MemoryLimiter::new(1 << 20, 10);
        let mut store = Store::new(&engine, GuestState { memory, system: FrozenSystem::default() });
        store.set_epoch_deadline(1);
        let guest = linker.instantiate(&mut store, &component).unwrap();
        let run = guest.get_typed_func::<(), ()>(&mut store, "run").unwrap();
        run.call(&mut store, ()).map_err(|error| match error.downcast::<Absent>() {
            Ok(absent) => absent.to_string(),
            Err(error) => format!("{error:#}"),
        })
    }

    #[test]
    fn handles_that_are_kept_come_to_an_end_and_others_do_not() {
        let imports = r#"
            (import "wasi:io/poll@0.2.0" (instance $poll (export "pollable" (type (sub resource)))))
            (alias export $poll "pollable" (type $pollable))
            (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
                (alias outer 1 $pollable (type $outer))
                (export "pollable" (type $pollable (eq $outer)))
                (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
            (alias export $clock "subscribe-duration" (func $asked))"#;
        let calls = |times: usize| {
            format!(
                r#"(import "" "ask" (func $ask (param i64) (result i32)))
                (func (export "run") (local i32)
                    (loop
                        (drop (call $ask (i64.const 1)))
                        (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                        (br_if 0 (i32.lt_u (local.get 0) (i32.const {times})))))"#
            )
        };
        assert_eq!(ending(imports, &calls(MOST_HANDLES)), Ok(()));
        let told = "there is no `subscribe-duration` of wasi:clocks";
        assert_eq!(ending(imports, &calls(MOST_HANDLES + 1)), Err(told.to_owned()));
    }

    #[test]
    fn a_draw_is_bounded() {
        let imports = r#"
            (import "wasi:random/random@0.2.0" (instance $random
                (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
            (alias export $random "get-random-bytes" (func $asked))"#;
        let draws = |bytes: u64| {
            format!(
                r#"(import "" "ask" (func $ask (param i64 i32)))
                (func (export "run") (call $ask (i64.const {bytes}) (i32.const 0)))"#
            )
        };
        assert_eq!(ending(imports, &draws(32_768)), Ok(()));
        let told = "there is no `get-random-bytes` of wasi:random";
        assert_eq!(ending(imports, &draws(1 << 40)), Err(told.to_owned()));
    }

    #[test]
    fn a_function_of_another_type_than_wasis_is_an_error() {
        let imports = r#"
            (import "wasi:random/random@0.2.0" (instance $random
                (export "get-random-u64" (func (result string)))))
            (alias export $random "get-random-u64" (func $asked))"#;
        let body =
            r#"(import "" "ask" (func $ask (param i32))) (func (export "run") (call $ask (i32.const 0)))"#;
        assert!(ending(imports, body).is_err());
    }
}
