//! Guests that no compiler would produce: written in WebAssembly text, against the canonical ABI itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper may stop its test")]

mod support;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use larder_core::{Error, ErrorKind, Transformation, TransformationLimits, UdfRuntime};
use larder_testkit::raw_guest::{ECHO, RawGuest, echo_with, node};
use larder_udf::{CallError, SandboxLimits, UdfError, WasmRuntime};
use support::{RUNTIME, TOKIO, call, runtime_with};

/// A runtime that soon loses patience with a component that does not tell its signatures.
static IMPATIENT: LazyLock<WasmRuntime> = LazyLock::new(|| {
    runtime_with(SandboxLimits {
        signature_time: Duration::from_millis(100),
        concurrent_calls: 2,
        ..SandboxLimits::default()
    })
});

fn two_rows() -> RecordBatch {
    let value: ArrayRef = Arc::new(Int64Array::from(vec![7, 8]));
    RecordBatch::try_from_iter([("value", value)]).unwrap()
}

fn loaded(guest: &RawGuest, limits: TransformationLimits) -> Result<Arc<dyn Transformation>, Error> {
    TOKIO.block_on(IMPATIENT.load("v", guest.module().into(), "f", limits))
}

/// How a call of the guest fails, after the names of view and function.
fn failure(guest: &RawGuest, limits: TransformationLimits) -> (String, Error) {
    let function = loaded(guest, limits).unwrap();
    let error = call(&function, &two_rows()).expect_err("the guest misbehaves");
    assert_eq!(error.kind(), ErrorKind::Transformation);
    let chain = error.chain();
    let named = "on-demand feature view `v`: function `f` failed";
    let cause = chain.strip_prefix(named).unwrap_or_else(|| panic!("names are missing in {chain:?}"));
    (cause.to_owned(), error)
}

/// The cause of a failure within generous limits.
fn cause(guest: &RawGuest) -> String {
    let patient =
        TransformationLimits { wall_time: Duration::from_secs(60), ..TransformationLimits::default() };
    failure(guest, patient).0
}

/// Why a component is not taken at all.
fn refusal(bytes: &[u8]) -> (String, Error) {
    let error = TOKIO.block_on(IMPATIENT.inspect(bytes.into())).expect_err("a rule is broken");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    (error.chain(), error)
}

#[test]
fn a_guest_in_text_is_a_guest_like_any_other() {
    let function = loaded(&RawGuest::default(), TransformationLimits::default()).unwrap();
    let output = call(&function, &two_rows()).unwrap();
    assert_eq!(output.column(0).as_primitive::<Int64Type>().values(), &[7, 8]);
}

#[test]
fn what_lies_outside_of_the_guests_memory_is_never_read() {
    let far = |offset: u32, value: u32| {
        RawGuest::default().transform(&format!(
            "(drop (block (result i32) {ECHO})) (i32.store (i32.const {offset}) (i32.const {value})) (i32.const 512)"
        ))
    };
    for (guest, what) in [
        (RawGuest::default().transform("(i32.const -4)"), "a result outside"),
        (RawGuest::default().transform("(i32.const 513)"), "a result at an odd address"),
        (far(520, 0xffff_fff0), "columns outside"),
        (far(520, 514), "columns at an odd address"),
        (far(524, 0x0fff_ffff), "more columns than memory"),
        (far(512, 9), "neither good nor bad"),
    ] {
        let (cause, error) = failure(&guest, TransformationLimits::default());
        let Some(UdfError::Call { source, .. }) = error.downcast_ref() else { panic!("{error:?}") };
        let is_typed =
            matches!(source, CallError::Malformed { .. } | CallError::Output { .. } | CallError::Trap { .. });
        assert!(is_typed, "{what}: {cause}");
    }
}

#[test]
fn values_outside_of_their_types_are_told_so() {
    // The tag of the first column's values, and that of its validity.
    for (offset, tag) in [(12, 99), (0, 7)] {
        let guest = RawGuest::default().transform(&format!(
            "(i32.store8 offset={offset} (local.get $columns) (i32.const {tag})) {ECHO}"
        ));
        let cause = cause(&guest);
        assert!(
            cause.starts_with(": returned something that is no value of the contract's types: "),
            "{cause}"
        );
    }
    let not_utf8 = "
        (i32.store (i32.const 512) (i32.const 1))
        (i32.store (i32.const 516) (i32.const 600))
        (i32.store (i32.const 520) (i32.const 2))
        (i32.store16 (i32.const 600) (i32.const 0xfffe))
        (i32.const 512)";
    let cause = cause(&RawGuest::default().transform(not_utf8));
    assert!(cause.contains("no value of the contract's types") && cause.contains("utf-8"), "{cause}");
}

#[test]
fn an_allocator_that_lies_is_found_out() {
    for (realloc, what) in [
        ("(i32.const -8)", "outside"),
        ("(i32.const 513)", "at an odd address"),
        ("(unreachable)", "nowhere"),
    ] {
        let (cause, error) = failure(&RawGuest::default().realloc(realloc), TransformationLimits::default());
        let Some(UdfError::Call { source, .. }) = error.downcast_ref() else { panic!("{error:?}") };
        assert!(matches!(source, CallError::Malformed { .. } | CallError::Trap { .. }), "{what}: {cause}");
    }
    let limits = TransformationLimits { wall_time: Duration::from_millis(50), ..Default::default() };
    let (cause, _) = failure(&RawGuest::default().realloc("(loop (br 0)) (unreachable)"), limits);
    assert!(cause.ends_with(": ran out of time (limit 50ms)"), "{cause}");
}

#[test]
fn what_runs_after_the_answer_is_limited_too() {
    let after = |body: &str| {
        RawGuest::default().items(&format!(
            "(func (export \"cabi_post_larder:udf/transformation@0.2.0#transform\") (param i32) {body})"
        ))
    };
    assert_eq!(cause(&after("(unreachable)")), ": panicked, or reached `unreachable`");
    let limits = TransformationLimits { wall_time: Duration::from_millis(50), ..Default::default() };
    let (cause, _) = failure(&after("(loop (br 0))"), limits);
    assert!(cause.ends_with(": ran out of time (limit 50ms)"), "{cause}");
}

#[test]
fn a_stub_of_a_system_function_says_what_was_asked_for() {
    let calling = |name: &str| {
        let stub = format!("(func $\"{name}\" (unreachable))");
        RawGuest::default().items(&stub).transform(&format!("(call $\"{name}\") {ECHO}"))
    };
    for (name, asked) in [
        ("clock_time_get", "clock (`clock_time_get` of wasi_snapshot_preview1)"),
        ("get-random-bytes", "randomness (`get-random-bytes` of wasi:random)"),
        ("[method]descriptor.open-at", "files (`[method]descriptor.open-at` of wasi:filesystem)"),
        ("create-tcp-socket", "network (`create-tcp-socket` of wasi:sockets)"),
    ] {
        let told = format!(
            ": asked for a system's {asked}, which transformations do not have; take what is needed as inputs"
        );
        assert_eq!(cause(&calling(name)), told);
    }
    for other in ["f", "clock_time_get_2", "get-random-\\1b[2J", &format!("path_{}", "x".repeat(10_000))] {
        assert_eq!(cause(&calling(other)), ": panicked, or reached `unreachable`");
    }
    let traps_otherwise = RawGuest::default()
        .items("(func $now (drop (i32.div_u (i32.const 1) (i32.const 0))))")
        .transform(&format!("(call $now) {ECHO}"));
    assert_eq!(cause(&traps_otherwise), ": divided a whole number by zero");
}

#[test]
fn endless_recursion_of_wasm_frames_meets_the_stack() {
    let guest = RawGuest::default()
        .items("(func $deeper (param i64) (result i64) (i64.add (call $deeper (local.get 0)) (i64.const 1)))")
        .transform(&echo_with("(call $deeper (i64.const 0))"));
    assert_eq!(cause(&guest), ": overflowed its stack of 512 KiB (endless recursion?)");
}

#[test]
fn a_view_has_the_stack_that_it_asks_for() {
    let deep = "(func $deep (param i64) (result i64) (if (result i64) (i64.eqz (local.get 0)) (then (i64.const 0)) \
                (else (i64.add (call $deep (i64.sub (local.get 0) (i64.const 1))) (i64.const 1)))))";
    // A frame takes at least a return address and a kept value.
    let guest = RawGuest::default().items(deep).transform(&echo_with("(call $deep (i64.const 20_000))"));
    let stack = |stack_bytes| TransformationLimits {
        wall_time: Duration::from_secs(60),
        stack_bytes,
        ..TransformationLimits::default()
    };
    let (cause, _) = failure(&guest, stack(100_000));
    assert_eq!(cause, ": overflowed its stack of 128 KiB (endless recursion?)");
    let function = loaded(&guest, stack(1 << 20)).unwrap();
    assert_eq!(call(&function, &two_rows()).unwrap().num_rows(), 2);
    // Also where its instructions are counted.
    let counted = TransformationLimits { fuel: Some(u64::MAX), ..stack(100_000) };
    assert_eq!(failure(&guest, counted).0, cause);
}

#[test]
fn a_table_bomb_runs_out_of_table_entries() {
    let grow = |by: u32| format!("(drop (table.grow $bomb (ref.null func) (i32.const {by})))");
    let table = "(table $bomb 1 funcref)";
    let small = TransformationLimits {
        wall_time: Duration::from_secs(60),
        table_elements: 1_000,
        ..TransformationLimits::default()
    };
    let step_by_step = format!("(loop {} (br 0)) (unreachable)", grow(1));
    for body in [step_by_step, format!("{} {ECHO}", grow(0x7fff_ffff))] {
        let (cause, _) = failure(&RawGuest::default().items(table).transform(&body), small);
        assert_eq!(
            cause,
            " (`limits: {table_elements: …}` of its `transformation` gives more): ran out of table entries (limit 1000)"
        );
    }
    let (cause, _) = failure(&RawGuest::default().items("(table 1001 funcref)"), small);
    assert!(cause.ends_with("ran out of table entries (limit 1000)"), "at the start: {cause}");
    let within = RawGuest::default().items(table).transform(&format!("{} {ECHO}", grow(999)));
    assert!(call(&loaded(&within, small).unwrap(), &two_rows()).is_ok());
}

#[test]
fn fuel_runs_out_at_the_same_step_every_time() {
    let guest = RawGuest::default().transform(&format!(
        "(local $left i32) (local.set $left (i32.const 1000))
         (loop (br_if 0 (local.tee $left (i32.sub (local.get $left) (i32.const 1))))) {ECHO}"
    ));
    let limits = |fuel| TransformationLimits {
        wall_time: Duration::from_secs(60),
        fuel: Some(fuel),
        ..TransformationLimits::default()
    };
    let suffices = |fuel| match call(&loaded(&guest, limits(fuel)).unwrap(), &two_rows()) {
        Ok(_) => true,
        Err(error) => {
            let expected = format!(
                "on-demand feature view `v`: function `f` failed (`limits: {{fuel: …}}` of its \
                 `transformation` gives more): ran out of fuel (limit {fuel})"
            );
            assert_eq!(error.chain(), expected);
            false
        }
    };
    let (mut too_little, mut enough) = (1_u64, 100_000);
    assert!(suffices(enough) && !suffices(too_little));
    while enough - too_little > 1 {
        let middle = too_little.midpoint(enough);
        if suffices(middle) { enough = middle } else { too_little = middle }
    }
    assert!(enough > 1_000, "a step of the loop counts: {enough}");
    for _ in 0..3 {
        assert!(suffices(enough) && !suffices(too_little));
    }
    let huge = TransformationLimits { fuel: None, ..limits(0) };
    assert!(call(&loaded(&guest, huge).unwrap(), &two_rows()).is_ok(), "nobody else is counted");
}

#[test]
fn nothing_outlives_a_call() {
    let bump = "(global.set $calls (i64.add (global.get $calls) (i64.const 1)))";
    for (items, body, expected) in [
        (
            "(global $calls (mut i64) (i64.const 0))",
            format!("{bump} {}", echo_with("(global.get $calls)")),
            1,
        ),
        (
            "",
            format!(
                "(i64.store (i32.const 600) (i64.add (i64.load (i32.const 600)) (i64.const 1))) {}",
                echo_with("(i64.load (i32.const 600))")
            ),
            1,
        ),
        (
            "",
            format!("(drop (memory.grow (i32.const 1))) {}", echo_with("(i64.extend_i32_u (memory.size))")),
            81,
        ),
        (
            "(table $t 1 funcref)",
            format!(
                "(drop (table.grow $t (ref.null func) (i32.const 1))) {}",
                echo_with("(i64.extend_i32_u (table.size $t))")
            ),
            2,
        ),
        (
            "(table $t 1 funcref) (func $mark) (elem declare func $mark)",
            format!(
                "(local $was i32) (local.set $was (ref.is_null (table.get $t (i32.const 0))))
                 (table.set $t (i32.const 0) (ref.func $mark)) {}",
                echo_with("(i64.extend_i32_u (local.get $was))")
            ),
            1,
        ),
        (
            "(data $once \"\\07\\00\\00\\00\\00\\00\\00\\00\")",
            format!(
                "(memory.init $once (i32.const 600) (i32.const 0) (i32.const 8)) (data.drop $once) {}",
                echo_with("(i64.load (i32.const 600))")
            ),
            7,
        ),
    ] {
        let guest = RawGuest::default().items(items).transform(&body);
        let function = loaded(&guest, TransformationLimits::default()).unwrap();
        for _ in 0..20 {
            let output = call(&function, &two_rows()).unwrap();
            assert_eq!(output.column(0).as_primitive::<Int64Type>().value(0), expected, "{body}");
        }
    }
}

#[test]
fn a_start_function_is_limited_like_a_call() {
    let start = |body: &str| RawGuest::default().items(&format!("(func $start {body}) (start $start)"));
    let (chain, error) = refusal(&start("(loop (br 0))").module());
    assert_eq!(chain, "the component cannot be asked for its signatures: ran out of time (limit 100ms)");
    assert!(matches!(error.downcast_ref(), Some(UdfError::NoSignatures { source: CallError::Time { .. } })));
    assert_eq!(
        refusal(&start("(unreachable)").module()).0,
        "the component cannot be asked for its signatures: panicked, or reached `unreachable`"
    );
    let grown = start("(drop (memory.grow (i32.const 60000)))");
    let (chain, _) = refusal(&grown.module());
    assert_eq!(chain, "the component cannot be asked for its signatures: ran out of memory (limit 1 GiB)");
}

#[test]
fn signatures_are_limited_like_a_call() {
    let bad = |body: &str| refusal(&RawGuest::default().signatures(body).module()).0;
    let asked = "the component cannot be asked for its signatures: ";
    assert_eq!(bad("(loop (br 0)) (unreachable)"), format!("{asked}ran out of time (limit 100ms)"));
    assert_eq!(bad("(unreachable)"), format!("{asked}panicked, or reached `unreachable`"));
    let grow = "(loop (drop (memory.grow (i32.const 100))) (br 0)) (unreachable)";
    assert_eq!(bad(grow), format!("{asked}ran out of memory (limit 1 GiB)"));
    for body in [
        "(i32.const -4)",
        "(i32.const 2)",
        // A list of nearly all memory, and one of more.
        "(i32.store (i32.const 516) (i32.const 0)) (i32.store (i32.const 520) (i32.const 200000)) (i32.const 512)",
        "(i32.store (i32.const 516) (i32.const 0)) (i32.store (i32.const 520) (i32.const -1)) (i32.const 512)",
    ] {
        let chain = bad(body);
        assert!(chain.starts_with(asked), "{body}: {chain}");
    }
    let refuses = "
        (i32.store (i32.const 512) (i32.const 1)) (i32.store (i32.const 516) (i32.const 600))
        (i32.store (i32.const 520) (i32.const 2)) (i32.store16 (i32.const 600) (i32.const 0x6f6e)) (i32.const 512)";
    assert_eq!(bad(refuses), format!("{asked}no"));
}

/// Lists of lists of lists.
static DEEP: [u8; 41] = {
    let mut nodes = [node::LIST; 41];
    nodes[40] = node::UTF8;
    nodes
};

#[test]
fn names_and_types_of_signatures_are_checked() {
    let declared = |name: &'static [u8], nodes: &'static [u8]| {
        refusal(&RawGuest::declaring(&[], &[(name, nodes)]).module()).0
    };
    let chain = declared(b"\xff\xfe", &[node::INT64]);
    assert!(chain.contains("no value of the contract's types") && chain.contains("utf-8"), "{chain}");
    let chain = declared(b"out", &[node::NO_SUCH]);
    assert!(chain.contains("no value of the contract's types"), "{chain}");
    assert!(declared(b"out", &DEEP).ends_with("it is nested more than 32 levels deep"));
    assert!(declared(b"", &[node::INT64]).contains("is empty or has control characters"));
}

#[test]
fn thousands_of_columns_are_counted_and_refused() {
    let names: Vec<String> = (0..5_000).map(|at| format!("c{at}")).collect();
    let fields = |count: usize| -> Vec<(&[u8], &[u8])> {
        names.iter().take(count).map(|name| (name.as_bytes(), &[node::INT64][..])).collect()
    };
    let (chain, _) = refusal(&RawGuest::declaring(&fields(5_000), &fields(1)).module());
    assert!(chain.contains("`f` has 5000 input columns") && chain.contains("more than the 4096"), "{chain}");
    let (chain, _) = refusal(&RawGuest::declaring(&fields(1), &fields(5_000)).module());
    assert!(chain.contains("`f` has 5000 output columns"), "{chain}");
    let wide = RawGuest::declaring(&fields(4_000), &fields(4_000));
    let function = loaded(&wide, TransformationLimits::default()).unwrap();
    let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let input = names.iter().take(4_000).map(|name| (name.as_str(), Arc::clone(&column)));
    let output = call(&function, &RecordBatch::try_from_iter(input).unwrap()).unwrap();
    assert_eq!(output.num_columns(), 4_000, "many columns are no crime");
}

#[test]
fn signatures_that_change_from_call_to_call_are_always_the_first() {
    let honest = RawGuest::default();
    let fickle = honest.clone().items("(global $asked (mut i32) (i32.const 0))").signatures(&format!(
        "(global.set $asked (i32.add (global.get $asked) (i32.const 1)))
         (if (i32.gt_u (global.get $asked) (i32.const 1)) (then (unreachable)))
         {}",
        honest.signatures
    ));
    let seen = |runtime: &WasmRuntime, guest: &RawGuest| {
        TOKIO.block_on(runtime.inspect(guest.module().into())).unwrap().signatures
    };
    assert_eq!(seen(&IMPATIENT, &fickle), seen(&RUNTIME, &honest));
    assert_eq!(seen(&RUNTIME, &fickle), seen(&RUNTIME, &honest));
}

/// A component in text, with an export of the right name.
fn component(text: &str) -> Vec<u8> {
    let text = format!(
        "(component {text} (instance $none) (export \"larder:udf/transformation@0.2.0\" (instance $none)))"
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn an_import_is_found_wherever_it_hides() {
    let http = "\"wasi:http/types@0.2.0\"";
    let types = "(instance $http (export \"version\" (func (result u64))))";
    let nested = format!("(component $inner (import {http} {types}))");
    let passed_on = format!(
        "(import {http} {types}) {nested} (instance (instantiate $inner (with {http} (instance $http))))"
    );
    let (chain, _) = refusal(&component(&passed_on));
    assert!(chain.starts_with("imports `wasi:http/types@0.2.0`, which"), "{chain}");
    // Given to nobody, it is an invalid component.
    let (chain, error) = refusal(&component(&format!("{nested} (instance (instantiate $inner))")));
    assert!(matches!(error.downcast_ref(), Some(UdfError::InvalidWasm { .. })), "{chain}");
    assert!(chain.contains("wasi:http/types@0.2.0"), "{chain}");
    // Under the name of the interface of types.
    let disguised = format!("(import \"larder:udf/arrow@0.2.0\" {types})");
    let (chain, error) = refusal(&component(&disguised));
    assert!(matches!(error.downcast_ref(), Some(UdfError::WrongWorld { .. })), "{chain}");
    assert!(chain.contains("larder:udf/arrow@0.2.0") && chain.contains("version"), "{chain}");
}

#[test]
fn a_component_of_the_right_names_and_wrong_types_is_refused() {
    let (chain, error) = refusal(&component(""));
    assert!(matches!(error.downcast_ref(), Some(UdfError::WrongWorld { .. })), "{chain}");
}

#[test]
fn types_and_components_in_each_other_without_end_are_refused() {
    let mut types = "(type $t0 (list u8))".to_owned();
    for level in 1..2_000 {
        types.push_str(&format!(" (type $t{level} (list $t{}))", level - 1));
    }
    let (chain, error) = refusal(&component(&types));
    assert!(matches!(error.downcast_ref(), Some(UdfError::InvalidWasm { .. })), "{chain}");
    let mut nested = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 0..2_000 {
        let mut outer = b"\0asm\x0d\0\x01\0\x04".to_vec();
        let mut left = nested.len();
        loop {
            let low = u8::try_from(left & 0x7f).unwrap();
            left >>= 7;
            outer.push(if left == 0 { low } else { low | 0x80 });
            if left == 0 {
                break;
            }
        }
        outer.extend_from_slice(&nested);
        nested = outer;
    }
    refusal(&nested);
}

#[test]
fn what_the_engine_does_not_offer_is_refused() {
    for items in ["(memory $wide i64 1)", "(import \"env\" \"memory\" (memory 1 1 shared))"] {
        let text = format!("(module {items})");
        let Ok(module) = wat::parse_str(&text) else { panic!("{text}") };
        refusal(&module);
    }
    let guest = RawGuest::default().items("(memory $wide i64 1)");
    let (chain, error) = refusal(&guest.module());
    assert!(
        matches!(
            error.downcast_ref(),
            Some(UdfError::InvalidWasm { .. } | UdfError::Encode { .. } | UdfError::WrongWorld { .. })
        ),
        "{chain}"
    );
}

#[test]
fn a_component_beyond_the_limit_of_size_is_refused_before_it_is_read() {
    let mut module = RawGuest::default().module();
    module.resize((64 << 20) + 1, 0);
    let (chain, error) = refusal(&module);
    assert!(matches!(error.downcast_ref(), Some(UdfError::ComponentTooLarge { .. })), "{chain}");
}

#[test]
fn an_allocator_that_is_never_done_or_gives_the_same_every_time_harms_nobody_else() {
    let limits = TransformationLimits { wall_time: Duration::from_millis(100), ..Default::default() };
    // What came in then lies in itself, so that anything may come of it but the end of the host.
    for same in ["0", "512", "5242872"] {
        let guest = RawGuest::default().realloc(&format!("(i32.const {same})"));
        if let Err(error) = call(&loaded(&guest, limits).unwrap(), &two_rows()) {
            let Some(UdfError::Call { source, .. }) = error.downcast_ref() else { panic!("{error:?}") };
            assert!(!matches!(source, CallError::Engine { .. }), "{same}: {}", error.chain());
        }
    }
    let cause =
        |realloc: &str, items: &str| failure(&RawGuest::default().items(items).realloc(realloc), limits).0;
    let from_the_end = |past: u32| {
        let size = "(i32.and (i32.add (local.get $size) (i32.const 7)) (i32.const -8))";
        format!("(i32.add (i32.sub (i32.const {}) {size}) (i32.const {past}))", 80 << 16)
    };
    for past in [8, 0x7fff_0000] {
        let cause = cause(&from_the_end(past), "");
        assert!(cause.ends_with("realloc return: beyond end of memory"), "{cause}");
    }
    // It calls itself, or the function that is being called, or takes all memory.
    let all = "(local.get 0) (local.get 1) (local.get 2) (local.get 3)";
    let itself = format!("(func $again (param i32 i32 i32 i32) (result i32) (call $again {all}))");
    let overflowed = ": overflowed its stack of 512 KiB (endless recursion?)";
    assert_eq!(cause(&format!("(call $again {all})"), &itself), overflowed);
    let bomb = "(loop (drop (memory.grow (i32.const 64))) (br 0)) (unreachable)";
    assert!(cause(bomb, "").ends_with(": ran out of memory (limit 64 MiB)"));
    // One that takes a page for each request is wasteful, and right.
    let wasteful =
        "(drop (memory.grow (i32.const 1))) (i32.shl (i32.sub (memory.size) (i32.const 1)) (i32.const 16))";
    let output = call(&loaded(&RawGuest::default().realloc(wasteful), limits).unwrap(), &two_rows()).unwrap();
    assert_eq!(output.column(0).as_primitive::<Int64Type>().values(), &[7, 8]);
}

#[test]
fn a_guest_that_begins_with_too_much_memory_is_refused_or_fails_by_its_limit() {
    for pages in [65_536, 20_000] {
        let (chain, error) = refusal(&RawGuest::default().pages(pages).module());
        assert!(matches!(error.downcast_ref(), Some(UdfError::BeyondSandbox { .. })), "{chain}");
        assert!(
            chain.starts_with(
                "the component begins with more memory, tables or parts than larder's sandbox has: "
            ),
            "{chain}"
        );
        assert!(chain.contains("minimum byte size"), "{chain}");
    }
    let (cause, _) = failure(&RawGuest::default().pages(2_000), TransformationLimits::default());
    assert!(cause.ends_with(": ran out of memory (limit 64 MiB)"), "{cause}");
    for (items, what) in [
        ("(table 1 funcref)".repeat(17), "defined tables count of 17"),
        ("(memory 1)".repeat(5), "defined memories count of 6"),
    ] {
        let (chain, error) = refusal(&RawGuest::default().items(&items).module());
        assert!(matches!(error.downcast_ref(), Some(UdfError::BeyondSandbox { .. })), "{chain}");
        assert!(chain.contains(what), "{chain}");
    }
}

#[test]
fn thousands_of_everything_that_a_module_has_are_taken_or_refused() {
    let many =
        |count: usize, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<Vec<_>>().join("\n");
    for items in [
        many(20_000, &|at| format!("(func $f{at} (result i32) (i32.const {at}))")),
        many(50_000, &|at| format!("(type (func (param {}) (result i64)))", "i32 ".repeat(at % 50))),
        many(20_000, &|at| format!("(global i64 (i64.const {at}))")),
        many(20_000, &|at| format!("(data (i32.const {}) \"x\")", 1_000_000 + at)),
        many(5_000, &|at| format!("(func (export \"e{at}\"))")),
        format!("(func (local {}))", "i64 ".repeat(49_000)),
        format!("(func {} {})", "(block ".repeat(5_000), ")".repeat(5_000)),
    ] {
        let guest = RawGuest::default().items(&items);
        let inspected = TOKIO.block_on(RUNTIME.inspect(guest.module().into()));
        let inspected = inspected.unwrap_or_else(|error| panic!("{}", error.chain()));
        assert_eq!(inspected.signatures.len(), 1);
    }
    let (chain, _) =
        refusal(&RawGuest::default().items(&format!("(func (local {}))", "i64 ".repeat(60_000))).module());
    assert!(chain.contains("too many locals"), "{chain}");
    let (chain, _) =
        refusal(&RawGuest::default().items("(@custom \"name\" \"\\ff\\ff\\ff\\ff\\ff\")").module());
    assert!(chain.starts_with("the core module cannot be made into a component: "), "{chain}");
}

#[test]
fn names_that_nobody_would_write_are_refused_in_few_words() {
    const OUT: (&[u8], &[u8]) = (b"out", &[node::INT64]);
    const STRUCTS: (&[u8], &[u8]) = (b"out", &[node::STRUCT, node::INT64, node::INT64]);
    let long = [b"\x1b[2J".as_slice(), &vec![b'a'; 1 << 20]].concat();
    let refused = |name: &[u8], inputs: &[(&[u8], &[u8])], outputs: &[(&[u8], &[u8])], fields: &[&[u8]]| {
        let (chain, error) = refusal(&RawGuest::declaring_structs(name, inputs, outputs, fields).module());
        assert!(matches!(error.downcast_ref(), Some(UdfError::InvalidSignature { .. })), "{chain}");
        assert!(chain.len() < 1_000 && !chain.contains('\x1b'), "{chain}");
        chain.strip_prefix("the component's signatures are not valid: ").unwrap().to_owned()
    };
    let length = "has 1048580 bytes, more than";
    assert_eq!(
        refused(&long, &[], &[OUT], &[]),
        format!("the name of function 0 {length} the 1024 that are allowed")
    );
    assert_eq!(
        refused(b"f", &[OUT, (&long, OUT.1)], &[OUT], &[]),
        format!("the name of input column 1 {length} the 1024 that are allowed")
    );
    assert_eq!(
        refused(b"f", &[], &[(&long, OUT.1)], &[]),
        format!("the name of output column 0 {length} the 1024 that are allowed")
    );
    let structs =
        "output column `out` of function `f` has a type [struct, int64, int64] that larder does not know: ";
    for (fields, why) in [
        (&[b"a", long.as_slice()][..], format!("the name of field 1 {length} 1024")),
        (&[b"", b"b"], "field 0 has the name \"\", which is none".to_owned()),
        (&[b"a", b"\x1b[2J"], "field 1 has the name \"\\u{1b}[2J\", which is none".to_owned()),
    ] {
        assert_eq!(refused(b"f", &[], &[STRUCTS], fields), format!("{structs}{why}"));
    }
    for (fields, why) in [
        (&[b"a", b"a".as_slice()][..], "the names of a struct's fields are different"),
        (&[], "a struct has at least one field"),
    ] {
        assert!(refused(b"f", &[], &[STRUCTS], fields).ends_with(why));
    }
    assert_eq!(refused(b"f", &[], &[OUT, OUT], &[]), "function `f` has two output columns `out`");
    assert_eq!(
        refused("\u{202e}f".as_bytes(), &[], &[OUT], &[]),
        "the name \"\\u{202e}f\" of function 0 is not one or more letters, digits, `_`, `-` or `.`"
    );
}

#[test]
fn a_component_that_would_be_compiled_for_hours_is_refused_at_once() {
    let repeated = |count: usize, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<String>();
    let add = |locals: usize, at: usize| {
        format!("(local.set {} (i64.add (local.get {}) (i64.const 1)))", 1 + at % locals, 1 + at * 7 % locals)
    };
    let function = |locals: usize, body: &str| {
        format!("(func (export \"bomb\") (param i32) (local {}) {body})", "i64 ".repeat(locals))
    };
    // Each of them a few hundred kilobytes.
    for (what, items) in [
        (
            "locals carried around loops in loops",
            function(
                20_000,
                &format!(
                    "{}{}(br_if 0 (local.get 0)){}",
                    "(loop ".repeat(2_000),
                    repeated(20_000, &|at| add(20_000, at)),
                    ")".repeat(2_000)
                ),
            ),
        ),
        (
            "locals where branches come together",
            function(
                10_000,
                &repeated(20_000, &|at| format!("(if (local.get 0) (then {}))", add(10_000, at))),
            ),
        ),
        (
            "branches to one place",
            function(
                0,
                &format!(
                    "(drop (block (result i64) {} (i64.const 0)))",
                    "(drop (br_if 0 (i64.const 1) (local.get 0)))".repeat(100_000)
                ),
            ),
        ),
    ] {
        let (chain, error) = refusal(&RawGuest::default().items(&items).module());
        assert!(matches!(error.downcast_ref(), Some(UdfError::TooCostly { .. })), "{what}: {chain}");
        assert!(chain.starts_with("the component would take some "), "{chain}");
        assert!(chain.contains(" to compile, more than the 30s that are allowed"), "{chain}");
    }
}

#[test]
fn strings_of_another_encoding_are_read_as_such_and_checked() {
    let named = |name: &[u8]| {
        let out: (&[u8], &[u8]) = (b"out", &[node::INT64]);
        refusal(&RawGuest::declaring_structs(name, &[], &[out], &[]).utf16().module()).0
    };
    // What follows a name in memory is read with it: zeros.
    assert!(named(b"f\0").contains("the name \"f\\0\" of function 0"), "{}", named(b"f\0"));
    let surrogate = named(b"\x00\xd8");
    assert!(
        surrogate.ends_with("no value of the contract's types: unpaired surrogate found: d800"),
        "{surrogate}"
    );
    // An error's text of four billion code units, and one at an odd address.
    for (address, units) in [(600, u32::MAX), (600, 0x7fff_ffff), (601, 1), ((80 << 16) - 2, 2)] {
        let fails = format!(
            "(i32.store (i32.const 512) (i32.const 1)) (i32.store (i32.const 516) (i32.const {address}))
             (i32.store (i32.const 520) (i32.const {units})) (i32.const 512)"
        );
        let (chain, _) = refusal(&RawGuest::default().utf16().signatures(&fails).module());
        assert!(
            chain.starts_with("the component cannot be asked for its signatures: returned "),
            "{address} {units}: {chain}"
        );
    }
}
