//! Which objects people looked at last.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use larder_core::Timestamp;
use serde_json::{Value, json};

use super::door::PREFIX;
use crate::Access;

/// So many visits are remembered of a user in a project.
pub(super) const MAX_VISITS: usize = 100;
/// Of more users and projects than this nothing new is remembered.
const MAX_VISITORS: usize = 1_024;

/// The last visits to single objects, by project and user. They are forgotten with the server: Feast writes them into
/// the registry, which a reading request should leave alone.
#[derive(Debug, Default)]
pub(super) struct Visits(Mutex<HashMap<(String, String), VecDeque<Visit>>>);

/// A good answer about one object.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    pub(super) time: Timestamp,
    /// The word for the kind of object in paths: `entities`.
    pub(super) kind: &'static str,
    pub(super) project: String,
    pub(super) user: String,
    pub(super) name: String,
}

impl Visit {
    /// As Feast tells it.
    pub(super) fn to_json(&self) -> Value {
        let time = self.time.to_string();
        json!({
            "path": format!("{PREFIX}/{}/{}", self.kind, self.name),
            "timestamp": format!("{}+00:00", time.strip_suffix('Z').unwrap_or(&time)),
            "project": self.project,
            "user": self.user,
            "object": self.kind,
            "object_name": self.name,
            "method": "GET",
        })
    }
}

impl Visits {
    pub(super) fn add(&self, visit: Visit) {
        let mut visits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (visit.project.clone(), visit.user.clone());
        if visits.len() >= MAX_VISITORS && !visits.contains_key(&key) {
            return;
        }
        let of_user = visits.entry(key).or_default();
        if of_user.len() == MAX_VISITS {
            of_user.pop_front();
        }
        of_user.push_back(visit);
    }

    /// The visits of a user to a project, the last one at the end.
    pub(super) fn of(&self, project: &str, user: &str) -> Vec<Visit> {
        let visits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_user = visits.get(&(project.to_owned(), user.to_owned()));
        of_user.into_iter().flatten().cloned().collect()
    }
}

/// What a user is called in visits.
pub(super) fn visitor(access: &Access) -> String {
    let name = access.user().map(|user| user.name.clone()).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| "anonymous".to_owned())
}
