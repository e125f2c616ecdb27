//! Entities.

use super::Completion;
use crate::definitions::ParsedDefinitions;

impl Completion {
    pub(super) fn entities(&mut self, parsed: &ParsedDefinitions) {
        for entity in &parsed.entities {
            if self.definitions.entities.iter().all(|known| known.name != entity.value.name) {
                self.definitions.entities.push(entity.value.clone());
            }
        }
    }
}
