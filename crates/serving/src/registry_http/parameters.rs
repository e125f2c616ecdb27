//! The parameters of a request, read and refused as `FastAPI` does.

use std::collections::BTreeMap;

use larder_registry::{ObjectQuery, SortOrder};

use serde_json::{Value, json};

use super::refusal::Refusal;
use crate::http::python_repr;

/// The parameters of a query string, and the mistakes found so far. Of several of one name the last counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters {
    pairs: Vec<(String, String)>,
    mistakes: Vec<Mistake>,
}

/// Something wrong with a parameter.
#[derive(Clone, Debug)]
struct Mistake {
    kind: &'static str,
    name: String,
    message: String,
    /// What was sent; `None` if nothing was.
    input: Option<String>,
    /// What it should have kept to.
    context: Option<(&'static str, Value)>,
}

impl Parameters {
    pub(super) fn new(pairs: Vec<(String, String)>) -> Self {
        Self { pairs, mistakes: Vec::new() }
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// All mistakes at once, as Python prints a list of them.
    pub(super) fn finish(&self) -> Result<(), Refusal> {
        if self.mistakes.is_empty() {
            return Ok(());
        }
        let told: Vec<String> = self.mistakes.iter().map(Mistake::to_python).collect();
        let plain = self.mistakes.iter().map(Mistake::to_json).collect();
        Err(Refusal::malformed(format!("[{}]", told.join(", "))).with_plain_detail(plain))
    }

    /// A text that need not be there.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.pairs.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    /// A text that counts as missing where it is empty.
    pub(super) fn full_text(&self, name: &str) -> Option<String> {
        self.text(name).filter(|text| !text.is_empty())
    }

    /// All texts of a name, in order.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        self.pairs.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone()).collect()
    }

    /// A text that must be there.
    pub(super) fn required(&mut self, name: &str) -> String {
        if let Some(text) = self.text(name) {
            return text;
        }
        self.mistakes.push(Mistake {
            kind: "missing",
            name: name.to_owned(),
            message: "Field required".to_owned(),
            input: None,
            context: None,
        });
        String::new()
    }

    /// A truth value, in one of the words that pydantic takes for one.
    pub(super) fn flag(&mut self, name: &str, default: bool) -> bool {
        let Some(text) = self.text(name) else { return default };
        match text.to_ascii_lowercase().as_str() {
            "1" | "t" | "true" | "y" | "yes" | "on" => true,
            "0" | "f" | "false" | "n" | "no" | "off" => false,
            _ => {
                let message = "Input should be a valid boolean, unable to interpret input";
                self.refuse("bool_parsing", name, message, &text, None);
                default
            }
        }
    }

    /// A whole number.
    pub(super) fn number(&mut self, name: &str) -> Option<i64> {
        let text = self.text(name)?;
        let digits = text.trim();
        // Pydantic takes `1.0` for a whole number too.
        let whole = digits.split_once('.').filter(|(_, zeros)| zeros.bytes().all(|digit| digit == b'0'));
        let read = whole.map_or(digits, |(whole, _)| whole).parse().ok();
        if read.is_none() {
            let message = "Input should be a valid integer, unable to parse string as an integer";
            self.refuse("int_parsing", name, message, &text, None);
        }
        read
    }

    /// A whole number of at least 1, and of at most `most`.
    pub(super) fn positive(&mut self, name: &str, most: Option<u32>) -> Option<u32> {
        let number = self.within(name, 1, most.map(i64::from))?;
        Some(u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// A whole number of at least `least`, and of at most `most`.
    pub(super) fn within(&mut self, name: &str, least: i64, most: Option<i64>) -> Option<i64> {
        let number = self.number(name)?;
        let text = self.text(name).unwrap_or_default();
        if number < least {
            let message = format!("Input should be greater than or equal to {least}");
            self.refuse("greater_than_equal", name, &message, &text, Some(("ge", least.into())));
            return None;
        }
        if let Some(most) = most.filter(|most| number > *most) {
            let message = format!("Input should be less than or equal to {most}");
            self.refuse("less_than_equal", name, &message, &text, Some(("le", most.into())));
            return None;
        }
        Some(number)
    }

    /// One of some words, of which the first stands for none.
    pub(super) fn one_of(&mut self, name: &str, words: &[&str]) -> String {
        let default = words.first().copied().unwrap_or_default();
        let word = self.text(name).unwrap_or_else(|| default.to_owned());
        if !words.contains(&word.as_str()) {
            let pattern = format!("^({})$", words.join("|"));
            let message = format!("String should match pattern '{pattern}'");
            self.refuse("string_pattern_mismatch", name, &message, &word, Some(("pattern", pattern.into())));
        }
        word
    }

    /// `page`, `limit`, `sort_by` and `sort_order` of a list of one project.
    pub(super) fn query(&mut self) -> ObjectQuery {
        let page = self.positive("page", None).unwrap_or_default();
        let limit = self.positive("limit", Some(ObjectQuery::MAX_LIMIT)).unwrap_or_default();
        let order = self.one_of("sort_order", &["asc", "desc"]);
        ObjectQuery {
            tags: BTreeMap::new(),
            sort_by: self.text("sort_by").unwrap_or_default(),
            order: SortOrder::of_word(&order),
            page,
            limit,
        }
    }

    /// The same of a list across projects, which has pages of 50 unless asked otherwise.
    pub(super) fn query_of_all(&mut self) -> ObjectQuery {
        let page = self.positive("page", None).unwrap_or(1);
        let limit = self.positive("limit", Some(ObjectQuery::MAX_LIMIT)).unwrap_or(50);
        let descends = self.text("sort_order").as_deref() == Some("desc");
        ObjectQuery {
            tags: BTreeMap::new(),
            sort_by: self.text("sort_by").unwrap_or_default(),
            order: if descends { SortOrder::Descending } else { SortOrder::Ascending },
            page,
            limit,
        }
    }

    /// The pairs of `tags=key:value`; one without a colon is passed over.
    pub(super) fn tags(&self) -> BTreeMap<String, String> {
        let pairs = self.pairs.iter().filter(|(name, _)| name == "tags");
        pairs
            .filter_map(|(_, tag)| tag.split_once(':'))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    fn refuse(
        &mut self,
        kind: &'static str,
        name: &str,
        message: &str,
        input: &str,
        context: Option<(&'static str, Value)>,
    ) {
        self.mistakes.push(Mistake {
            kind,
            name: name.to_owned(),
            message: message.to_owned(),
            input: Some(input.to_owned()),
            context,
        });
    }
}

impl Mistake {
    /// As Python prints it.
    fn to_python(&self) -> String {
        let input = self.input.as_deref().map_or_else(|| "None".to_owned(), python_repr);
        let context = self.context.as_ref().map(|(key, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), python_repr);
            format!(", 'ctx': {{'{key}': {value}}}")
        });
        format!(
            "{{'type': '{}', 'loc': ('query', {}), 'msg': {}, 'input': {input}{}}}",
            self.kind,
            python_repr(&self.name),
            python_repr(&self.message),
            context.unwrap_or_default(),
        )
    }

    /// As `FastAPI` answers it.
    fn to_json(&self) -> Value {
        let mut mistake = json!({ "type": self.kind, "loc": ["query", self.name], "msg": self.message, "input": self.input });
        if let (Some(fields), Some((key, value))) = (mistake.as_object_mut(), &self.context) {
            fields.insert("ctx".to_owned(), json!({ *key: value }));
        }
        mistake
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        Parameters::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn numbers_and_flags_are_what_pydantic_takes_for_them() {
        for (text, number) in
            [("7", Some(7)), (" 7 ", Some(7)), ("-1", Some(-1)), ("1.0", Some(1)), ("", None)]
        {
            assert_eq!(parameters(&[("n", text)]).number("n"), number, "{text}");
        }
        for (text, good) in [("TRUE", true), ("on", true), ("2", false), ("", false)] {
            let mut parameters = parameters(&[("flag", text)]);
            parameters.flag("flag", false);
            assert_eq!(parameters.finish().is_ok(), good, "{text}");
        }
    }

    #[test]
    fn the_last_of_a_name_counts_and_tags_are_split_at_their_first_colon() {
        let parameters =
            parameters(&[("a", "1"), ("a", "2"), ("tags", "k:v:w"), ("tags", "none"), ("tags", ":")]);
        assert_eq!(parameters.text("a").as_deref(), Some("2"));
        let tags = [("k", "v:w"), ("", "")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(parameters.tags(), BTreeMap::from(tags));
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let mut parameters = parameters(&[("page", "0"), ("limit", "101")]);
        parameters.query();
        parameters.required("project");
        let refusal = parameters.finish().unwrap_err();
        let told = format!("{refusal:?}");
        assert!(told.contains("greater_than_equal") && told.contains("less_than_equal"), "{told}");
        assert!(told.contains("('query', 'project')"), "{told}");
    }
}
