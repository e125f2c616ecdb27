//! The worlds whose components this host runs, and the words for what does not fit them.

use crate::frozen_wasi;

/// A world of `wit/`.
#[derive(Debug)]
pub(crate) struct World {
    /// What a component of it is called.
    pub(crate) noun: &'static str,
    /// Its full name.
    pub(crate) name: &'static str,
    /// The interface that a component must export.
    pub(crate) export: &'static str,
    /// The interfaces that a component may import; of them a core module may import the functions.
    pub(crate) imports: &'static [&'static str],
    /// Whether the imports are types alone, so that a core module imports nothing.
    pub(crate) imports_types_only: bool,
    /// Whether a component may import WASI, of which it gets one that stands still.
    pub(crate) has_frozen_wasi: bool,
    /// Why it has no other imports: goes on after the name of one.
    pub(crate) rule: &'static str,
    /// The line with which the SDK exports a component.
    pub(crate) sdk: &'static str,
}

/// The interface of types.
const ARROW: &str = "larder:udf/arrow@0.2.0";

/// On-demand transformations, `wit/larder-udf.wit`.
pub(crate) static ON_DEMAND_FEATURE_VIEW: World = World {
    noun: "transformation",
    name: "larder:udf/on-demand-feature-view@0.2.0",
    export: "larder:udf/transformation@0.2.0",
    imports: &[ARROW],
    imports_types_only: true,
    has_frozen_wasi: true,
    rule: "which transformations do not have: they are pure functions, without clock, randomness or i/o",
    sdk: "larder_guest::export!",
};

/// Jobs, `wit/job/larder-job.wit`.
pub(crate) static FEATURE_JOB: World = World {
    noun: "job",
    name: "larder:job/feature-job@0.1.0",
    export: "larder:job/job@0.1.0",
    imports: &[
        ARROW,
        "larder:job/tables@0.1.0",
        "larder:job/offline-store@0.1.0",
        "larder:job/online-store@0.1.0",
        "larder:job/materializer@0.1.0",
        "larder:job/transformer@0.1.0",
        "larder:job/log@0.1.0",
    ],
    imports_types_only: false,
    has_frozen_wasi: false,
    rule: "which jobs do not have: they have larder's functions alone, without clock, randomness, files or network",
    sdk: "larder_guest_job::export!",
};

impl World {
    /// The name without its version.
    pub(crate) fn plain_name(&self) -> &'static str {
        self.name.split_once('@').map_or(self.name, |(name, _)| name)
    }

    /// Whether a component may import `interface`.
    pub(crate) fn has(&self, interface: &str) -> bool {
        self.imports.contains(&interface) || self.has_frozen_wasi && frozen_wasi::provides(interface)
    }

    /// Whether a core module may import functions of `interface`.
    pub(crate) fn has_functions_of(&self, interface: &str) -> bool {
        !self.imports_types_only && self.has(interface)
    }
}
