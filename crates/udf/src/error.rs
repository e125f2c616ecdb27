//! Everything that can go wrong between component bytes and a transformed batch.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::time::Duration;

use larder_blocking::Ending;
use larder_core::{Error, ErrorKind};

use crate::{BrokenContract, SignatureError};

/// The cause as another library tells it.
type Source = Box<dyn StdError + Send + Sync>;

/// Why a component was refused or a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UdfError {
    /// The engine could not be set up: address space, memory or processor.
    #[error("the wasm engine cannot start; lower the sandbox limits or raise those of the process")]
    Engine {
        /// The cause.
        source: Source,
    },
    /// The thread that keeps time limits could not be started.
    #[error("the thread that keeps the time limits of transformations cannot start")]
    Ticker {
        /// The cause.
        source: std::io::Error,
    },
    /// The cache of compiled components cannot be used.
    #[error("the folder for compiled components `{}` cannot be used", path.display())]
    Cache {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The bytes are something else than Wasm.
    #[error(
        "not a wasm component but {found}; build the {noun} for wasm32-unknown-unknown and give its .wasm file"
    )]
    NotWasm {
        /// What the bytes look like.
        found: &'static str,
        /// What was to be there: `transformation` or `job`.
        noun: &'static str,
    },
    /// The component is larger than the sandbox allows.
    #[error("the component has {actual_bytes} bytes, more than the {limit_bytes} that are allowed")]
    ComponentTooLarge {
        /// Its size.
        actual_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// A core module from some other world.
    #[error(
        "a core wasm module without larder's world; use `{sdk}`, or any wit-bindgen with the world `{world}`"
    )]
    NoWorld {
        /// The line of the SDK that makes one.
        sdk: &'static str,
        /// The world.
        world: &'static str,
    },
    /// The module or component reads or calls something outside its world.
    #[error("imports `{import}`, {rule}{remedy}")]
    ForeignImport {
        /// The import's name.
        import: String,
        /// Why the world does not have it.
        rule: &'static str,
        /// What to do about it, where that is known.
        remedy: String,
    },
    /// A component of some other world.
    #[error("the component does not export `{wanted}`; it exports {exports}")]
    MissingExport {
        /// The interface of larder's world.
        wanted: &'static str,
        /// What it exports instead.
        exports: String,
    },
    /// The bytes are damaged, or use what the engine does not offer.
    #[error("the wasm is not valid")]
    InvalidWasm {
        /// The cause.
        source: Source,
    },
    /// The component is valid, and made to be compiled for long.
    #[error(
        "the component would take some {estimated:?} to compile, more than the {limit:?} that are allowed: its functions have very many locals, loops and branches"
    )]
    TooCostly {
        /// By an estimate.
        estimated: Duration,
        /// The limit.
        limit: Duration,
    },
    /// The component is valid, and begins with more than the sandbox has for anybody.
    #[error("the component begins with more memory, tables or parts than larder's sandbox has")]
    BeyondSandbox {
        /// The cause.
        source: Source,
    },
    /// The core module does not fit its own description of its world.
    #[error("the core module cannot be made into a component")]
    Encode {
        /// The cause.
        source: Source,
    },
    /// Exports of the right names but other types.
    #[error("the component does not fit the world `{world}`")]
    WrongWorld {
        /// The world.
        world: &'static str,
        /// The cause.
        source: Source,
    },
    /// The component did not tell its signatures.
    #[error("the component cannot be asked for its signatures")]
    NoSignatures {
        /// The cause.
        source: CallError,
    },
    /// The signatures break a rule.
    #[error("the component's signatures are not valid")]
    InvalidSignature {
        /// The cause.
        source: SignatureError,
    },
    /// No such function.
    #[error("on-demand feature view `{view}`: the component has no function `{function}`, only {known}")]
    UnknownFunction {
        /// The view.
        view: String,
        /// The function that was asked for.
        function: String,
        /// Those that exist.
        known: String,
    },
    /// A view asks for more than the sandbox has.
    #[error(
        "on-demand feature view `{view}`: {wanted_bytes} bytes of memory are more than the {limit_bytes} that the runtime sets aside for a call; lower `limits: {{memory: …}}`"
    )]
    MemoryLimitTooHigh {
        /// The view.
        view: String,
        /// The memory limit of the view.
        wanted_bytes: usize,
        /// The most that is possible.
        limit_bytes: usize,
    },
    /// A view asks for larger tables than the sandbox has.
    #[error(
        "on-demand feature view `{view}`: tables of {wanted_elements} entries are more than the {limit_elements} that the runtime sets aside; lower `limits: {{table_elements: …}}`"
    )]
    TableLimitTooHigh {
        /// The view.
        view: String,
        /// The limit of the view.
        wanted_elements: usize,
        /// The most that is possible.
        limit_elements: usize,
    },
    /// A view asks for more stack than the sandbox has.
    #[error(
        "on-demand feature view `{view}`: {wanted_bytes} bytes of stack are more than the {limit_bytes} that the runtime grants to a call; lower `limits: {{stack: …}}`"
    )]
    StackLimitTooHigh {
        /// The view.
        view: String,
        /// The limit of the view.
        wanted_bytes: usize,
        /// The most that is possible.
        limit_bytes: usize,
    },
    /// The caller passed another table than the signature says.
    #[error("on-demand feature view `{view}`: function `{function}` was given {found} instead of {expected}")]
    WrongInput {
        /// The view.
        view: String,
        /// The function.
        function: String,
        /// What came.
        found: String,
        /// What the signature says.
        expected: String,
    },
    /// A call failed.
    #[error("on-demand feature view `{view}`: function `{function}` failed{}", remedy(source))]
    Call {
        /// The view.
        view: String,
        /// The function.
        function: String,
        /// The cause.
        source: CallError,
    },
    /// The outputs of all calls together are too long for one table.
    #[error("on-demand feature view `{view}`: the output of function `{function}` is too long for one table")]
    OutputTooLong {
        /// The view.
        view: String,
        /// The function.
        function: String,
        /// The cause.
        source: Source,
    },
    /// The program is shutting down.
    #[error("the runtime of transformations has closed")]
    Closed,
}

impl From<Ending> for UdfError {
    fn from(_: Ending) -> Self {
        Self::Closed
    }
}

impl From<UdfError> for Error {
    fn from(error: UdfError) -> Self {
        let kind = match &error {
            UdfError::Engine { .. } | UdfError::Ticker { .. } | UdfError::Cache { .. } | UdfError::Closed => {
                ErrorKind::Unavailable
            }
            UdfError::UnknownFunction { .. } => ErrorKind::NotFound,
            UdfError::WrongInput { .. } => ErrorKind::Internal,
            UdfError::Call { .. } | UdfError::OutputTooLong { .. } => ErrorKind::Transformation,
            UdfError::NotWasm { .. }
            | UdfError::ComponentTooLarge { .. }
            | UdfError::NoWorld { .. }
            | UdfError::ForeignImport { .. }
            | UdfError::MissingExport { .. }
            | UdfError::InvalidWasm { .. }
            | UdfError::TooCostly { .. }
            | UdfError::BeyondSandbox { .. }
            | UdfError::Encode { .. }
            | UdfError::WrongWorld { .. }
            | UdfError::NoSignatures { .. }
            | UdfError::InvalidSignature { .. }
            | UdfError::MemoryLimitTooHigh { .. }
            | UdfError::TableLimitTooHigh { .. }
            | UdfError::StackLimitTooHigh { .. } => ErrorKind::Invalid,
        };
        Self::new(kind, error)
    }
}

/// How one call ended badly.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The function itself returned an error.
    #[error("{message}")]
    Guest {
        /// Its message, cut to the limit.
        message: String,
    },
    /// It was interrupted.
    #[error("ran out of time (limit {limit:?})")]
    Time {
        /// The wall time of one call.
        limit: Duration,
    },
    /// It took more steps than it may.
    #[error("ran out of fuel (limit {limit})")]
    Fuel {
        /// The steps of one call.
        limit: u64,
    },
    /// It asked for more memory than it may have.
    #[error("ran out of memory (limit {})", bytes(*limit_bytes))]
    Memory {
        /// The memory of one call.
        limit_bytes: usize,
    },
    /// It asked for a larger table than it may have.
    #[error("ran out of table entries (limit {limit_elements})")]
    Table {
        /// The entries of one table.
        limit_elements: usize,
    },
    /// It returned more bytes than it may.
    #[error("returned too much (limit {})", bytes(*limit_bytes))]
    Output {
        /// The output of one call.
        limit_bytes: usize,
    },
    /// It used up the stack that the view has.
    #[error("overflowed its stack of {} (endless recursion?)", bytes(*limit_bytes))]
    Stack {
        /// The stack of one call.
        limit_bytes: usize,
    },
    /// It was stopped by a trap.
    #[error("{trap}")]
    Trap {
        /// What happened, in plain words.
        trap: &'static str,
    },
    /// It called a function of a system, in place of which its builder has put a stub: the runtimes of Python and
    /// JavaScript are written for systems.
    #[error(
        "asked for a system's {what} (`{function}` of {package}), which transformations do not have; take what is needed as inputs"
    )]
    NoSystem {
        /// What there is none of: `clock`, `randomness`, `files`, `network`, …
        what: &'static str,
        /// The package of the function in WASI.
        package: &'static str,
        /// The function in WASI.
        function: String,
    },
    /// It returned something that breaks the contract.
    #[error("broke the contract of transformations")]
    Contract {
        /// The cause.
        source: Box<BrokenContract>,
    },
    /// What it returned lies outside its memory, or is no value of the contract's types: text that is not
    /// UTF-8, a case that a variant does not have.
    #[error("returned something that is no value of the contract's types")]
    Malformed {
        /// The cause.
        source: Source,
    },
    /// Anything else that the engine refuses.
    #[error("was stopped by the wasm engine")]
    Engine {
        /// The cause.
        source: Source,
    },
    /// The caller passed another table than the signature says.
    #[error("was given {found} instead of {expected}")]
    WrongInput {
        /// What came.
        found: String,
        /// What the signature says.
        expected: String,
    },
    /// The input has more rows or bytes than the contract can say.
    #[error("was given an input column that is too long for one call")]
    InputTooLong,
}

impl CallError {
    /// The key of `limits` in a view's `transformation` that raises the limit which the call met.
    pub fn limit_key(&self) -> Option<&'static str> {
        match self {
            Self::Time { .. } => Some("wall_time"),
            Self::Fuel { .. } => Some("fuel"),
            Self::Memory { .. } => Some("memory"),
            Self::Table { .. } => Some("table_elements"),
            Self::Output { .. } => Some("output"),
            _ => None,
        }
    }

    /// One word for the cause, for metrics.
    pub(crate) fn cause(&self) -> &'static str {
        match self {
            Self::Guest { .. } => "guest",
            Self::Time { .. } => "time",
            Self::Fuel { .. } => "fuel",
            Self::Memory { .. } => "memory",
            Self::Table { .. } => "table",
            Self::Output { .. } => "output",
            Self::Stack { .. } => "stack",
            Self::Trap { .. } => "trap",
            Self::NoSystem { .. } => "system",
            Self::Contract { .. } | Self::Malformed { .. } => "contract",
            Self::Engine { .. } => "engine",
            _ => "input",
        }
    }
}

/// What raises the limit that a call met.
fn remedy(error: &CallError) -> String {
    let key = error.limit_key();
    key.map_or_else(String::new, |key| {
        format!(" (`limits: {{{key}: …}}` of its `transformation` gives more)")
    })
}

/// Bytes for people: the largest binary unit that divides them.
pub(crate) fn bytes(count: usize) -> String {
    const UNITS: [(&str, usize); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.into_iter().find(|(_, size)| count >= *size && count.is_multiple_of(*size)) {
        Some((unit, size)) => format!("{} {unit}", count / size),
        None => format!("{count} bytes"),
    }
}
