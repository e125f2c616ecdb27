//! Search by words across objects of every kind.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use larder_registry::{ObjectKind, ObjectQuery, RegisteredFeature, RegisteredObject, SortOrder, SortValue};
use serde_json::{Map, Value, json};

use super::all_page::page_of_all;
use super::door::{Answer, Asked, Door, Json};
use super::features::{Sort, to_json};
use super::json_object::set;
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::sight::{Sight, all_sights};

const NAME_SCORE: u32 = 100;
const DESCRIPTION_SCORE: u32 = 80;
const TAG_SCORE: u32 = 60;
/// Letters in common of all letters, from which on a word resembles another.
const LIKENESS: f64 = 0.75;

const SORT_FIELDS: [&str; 3] = ["match_score", "name", "type"];

pub(super) async fn search(State(door): State<Arc<Door>>, mut asked: Asked) -> Answer {
    let (page, limit) = (asked.parameters.number("page"), asked.parameters.number("limit"));
    let text = asked.parameters.required("query");
    let wanted: Vec<String> = asked.parameters.texts("projects");
    asked.parameters.flag("allow_cache", true);
    let tags = asked.parameters.tags();
    asked.parameters.finish()?;
    let query = ObjectQuery { tags, ..sorting(&asked.parameters)? };
    let query = ObjectQuery {
        page: within("page", page, 1, u32::MAX)?,
        limit: within("limit", limit, 50, ObjectQuery::MAX_LIMIT)?,
        ..query
    };
    let sights = all_sights(door.server.as_ref(), &asked.access).await?;
    let wanted: Vec<&String> = wanted.iter().filter(|project| !project.trim().is_empty()).collect();
    let is_there = |project: &String| sights.iter().any(|(known, _)| known.name == *project);
    let strange: Vec<&str> =
        wanted.iter().filter(|project| !is_there(project)).map(|project| project.as_str()).collect();
    let mut errors = Vec::new();
    if sights.is_empty() {
        errors.push("No projects found".to_owned());
    } else if !strange.is_empty() {
        errors.push(format!("Following projects do not exist: {}", strange.join(", ")));
    }
    let searched: Vec<&Sight> = sights
        .iter()
        .filter(|(project, _)| wanted.is_empty() || wanted.contains(&&project.name))
        .map(|(_, sight)| sight)
        .collect();
    let names: Vec<&str> = searched.iter().map(|sight| sight.project.as_str()).collect();
    if searched.is_empty() {
        return Ok(Json(json!({
            "query": text, "projects_searched": names, "results": [], "pagination": {}, "errors": errors,
        })));
    }
    let mut results = Vec::new();
    for sight in searched.iter().copied() {
        for found in candidates(sight, &query) {
            results.extend(found.matched(&text, &sight.project));
        }
    }
    let (results, pagination) = page_of_all(results, &query);
    Ok(Json(json!({
        "query": text,
        "projects_searched": names,
        "results": results,
        "pagination": pagination,
        "errors": errors,
    })))
}

fn sorting(parameters: &Parameters) -> Result<ObjectQuery, Refusal> {
    let sort_by = parameters.full_text("sort_by").unwrap_or_else(|| "match_score".to_owned());
    if !SORT_FIELDS.contains(&sort_by.as_str()) {
        let options = "['match_score', 'name', 'type']";
        return Err(bad(format!("Invalid sort_by parameter: '{sort_by}'. Valid options are: {options}")));
    }
    let order = parameters.full_text("sort_order").unwrap_or_else(|| "desc".to_owned());
    let order = match order.as_str() {
        "asc" => SortOrder::Ascending,
        "desc" => SortOrder::Descending,
        _ => {
            let options = "['asc', 'desc']";
            return Err(bad(format!(
                "Invalid sort_order parameter: '{order}'. Valid options are: {options}"
            )));
        }
    };
    Ok(ObjectQuery { sort_by, order, ..ObjectQuery::default() })
}

fn within(name: &str, number: Option<i64>, default: u32, most: u32) -> Result<u32, Refusal> {
    let Some(number) = number else { return Ok(default) };
    let refuse = |bound| bad(format!("Invalid {name} parameter: '{number}'. Must be {bound}"));
    if number < 1 {
        return Err(refuse("greater than or equal to 1".to_owned()));
    }
    match u32::try_from(number) {
        Ok(number) if number <= most => Ok(number),
        _ => Err(refuse(format!("less than or equal to {most}"))),
    }
}

fn bad(detail: String) -> Refusal {
    Refusal::http(StatusCode::BAD_REQUEST, detail)
}

/// An object that may be what is searched for.
struct Candidate {
    kind: &'static str,
    name: String,
    description: String,
    tags: Map<String, Value>,
    /// The view of a feature, and how the answer calls it.
    view: Option<(&'static str, String)>,
}

/// Everything in a project that has the tags; features and labels have none to ask for. Within a kind they come in
/// the order that is asked for, as the lists of Feast do from which it searches.
fn candidates(sight: &Sight, query: &ObjectQuery) -> Vec<Candidate> {
    let query = ObjectQuery { page: 0, limit: 0, ..query.clone() };
    let objects = |kind: &'static str, mut objects: Vec<&RegisteredObject>| {
        objects.retain(|object| query.admits(&object.tags));
        let sorted = query.page(objects, |object, attribute| object.sort_value(attribute)).objects;
        sorted.into_iter().map(|object| Candidate::of(kind, object)).collect::<Vec<_>>()
    };
    let features = |sort: Sort, (kind, view): (&'static str, &'static str)| {
        let value = |feature: &RegisteredFeature, name: &str| SortValue::of_json(&to_json(feature), name);
        let sorted = query.page(sort.of(sight), value).objects;
        sorted.into_iter().map(|feature| Candidate::of_feature(kind, view, feature)).collect::<Vec<_>>()
    };
    let views = sight.views().filter(|view| view.kind != ObjectKind::LabelView).collect();
    [
        objects("entity", sight.of_kind(ObjectKind::Entity)),
        objects("dataSource", sight.of_kind(ObjectKind::DataSource)),
        objects("featureView", views),
        objects("labelView", sight.of_kind(ObjectKind::LabelView)),
        // As in Feast, which finds labels twice.
        features(Sort::Both, ("feature", "featureView")),
        features(Sort::Labels, ("label", "labelView")),
        objects("featureService", sight.of_kind(ObjectKind::FeatureService)),
        objects("savedDataset", sight.of_kind(ObjectKind::SavedDataset)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Candidate {
    fn of(kind: &'static str, object: &RegisteredObject) -> Self {
        let text = object.spec("description").and_then(Value::as_str).unwrap_or_default();
        Self {
            kind,
            name: object.name.clone(),
            description: text.to_owned(),
            tags: object.spec("tags").and_then(Value::as_object).cloned().unwrap_or_default(),
            view: None,
        }
    }

    fn of_feature(kind: &'static str, view: &'static str, feature: RegisteredFeature) -> Self {
        let tags = feature.tags.into_iter().map(|(key, value)| (key, value.into())).collect();
        Self {
            kind,
            name: feature.name,
            description: feature.description,
            tags,
            view: Some((view, feature.view)),
        }
    }

    /// How it matches a text, as Feast tells it; `None` if it does not. Everything matches no text at all, without a
    /// score.
    fn matched(self, text: &str, project: &str) -> Option<Value> {
        let mut found = json!({
            "type": self.kind,
            "name": self.name,
            "description": self.description,
            "project": project,
        });
        if let Some((key, view)) = &self.view {
            set(&mut found, key, view.as_str());
        }
        if text.is_empty() {
            set(&mut found, "matched_tags", Value::Object(self.tags));
            return Some(found);
        }
        let text = text.to_lowercase();
        let (tags, tag_score) = self.matched_tags(&text);
        set(&mut found, "matched_tags", Value::Object(tags));
        let name = self.name.to_lowercase();
        let score: Value = if name.contains(&text) {
            NAME_SCORE.into()
        } else if self.description.to_lowercase().contains(&text) {
            DESCRIPTION_SCORE.into()
        } else if let Some(score) = tag_score {
            score
        } else {
            let likeness = likeness(&text, &name);
            if likeness < LIKENESS {
                return None;
            }
            (likeness * 100.0).into()
        };
        set(&mut found, "match_score", score);
        Some(found)
    }

    /// The tags that match, and the score of the best.
    fn matched_tags(&self, text: &str) -> (Map<String, Value>, Option<Value>) {
        let (mut matched, mut is_exact, mut best) = (Map::new(), false, 0.0_f64);
        for (key, value) in &self.tags {
            let tag = format!("{}={}", key.to_lowercase(), value.as_str().unwrap_or_default().to_lowercase());
            if tag.contains(text) {
                is_exact = true;
            } else {
                let likeness = likeness(text, &tag);
                if likeness < LIKENESS {
                    continue;
                }
                best = best.max(likeness);
            }
            matched.insert(key.clone(), value.clone());
        }
        let score =
            if is_exact { Some(TAG_SCORE.into()) } else { (best >= LIKENESS).then(|| (best * 100.0).into()) };
        (matched, score)
    }
}

/// The letters that two texts have in common, of all their letters: 1 for texts of the same letters.
#[expect(clippy::cast_precision_loss, reason = "texts have fewer letters than an `f64` counts exactly")]
fn likeness(one: &str, other: &str) -> f64 {
    let (one, other): (BTreeSet<char>, HashSet<char>) = (one.chars().collect(), other.chars().collect());
    if one.is_empty() || other.is_empty() {
        return 0.0;
    }
    let common = one.iter().filter(|letter| other.contains(letter)).count();
    common as f64 / (one.len() + other.len() - common) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_resemble_each_other_by_their_letters() {
        assert!((likeness("abc", "cab") - 1.0).abs() < f64::EPSILON);
        assert!((likeness("abc", "abd") - 0.5).abs() < f64::EPSILON);
        assert!(likeness("", "a").abs() < f64::EPSILON && likeness("a", "").abs() < f64::EPSILON);
    }
}
