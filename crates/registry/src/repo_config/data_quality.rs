//! The section `data_quality_monitoring`.

use super::read::Reader;

/// How the quality of data is monitored. Where the section is there, a registry server answers for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataQualityConfig {
    /// Whether `apply` measures what new features look like, to compare with later.
    pub auto_baseline: bool,
}

impl Reader<'_> {
    pub(super) fn data_quality_monitoring(&mut self) -> Option<DataQualityConfig> {
        let section = "data_quality_monitoring";
        let node = self.node(section)?;
        let block = self.block(section, node, &["auto_baseline"], &[]);
        Some(DataQualityConfig { auto_baseline: self.switch(&block, "auto_baseline", true) })
    }
}
