//! What Python's `json` reads beside JSON, and where and why it refuses a text, which is what `FastAPI` tells its
//! client.
//!
//! Only texts that were refused come here, so no values are built; positions count characters.

/// Nesting deeper than this is refused, here and by the parser of good texts.
const MAX_DEPTH: usize = 128;

/// The first mistake in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JsonMistake {
    /// What Python says.
    pub(crate) message: &'static str,
    /// Where, in characters.
    pub(crate) position: usize,
}

type Scan = Result<(), JsonMistake>;

/// The text as JSON, with the words that only Python writes and reads in it: `NaN` becomes null, as it is in
/// columns, and `Infinity` and `-Infinity` become texts.
///
/// # Errors
///
/// The first thing in `text` that Python would not read.
pub(crate) fn as_json(text: &str) -> Result<String, JsonMistake> {
    let characters: Vec<char> = text.chars().collect();
    let mut scanner = Scanner { characters: &characters, at: 0, depth: 0, words: Vec::new() };
    scanner.document()?;
    let mut json = String::with_capacity(text.len());
    let mut copied = 0;
    for (start, word) in scanner.words {
        json.extend(characters.get(copied..start).unwrap_or_default());
        match word {
            NAN => json.push_str("null"),
            infinity => {
                json.push('"');
                json.push_str(infinity);
                json.push('"');
            }
        }
        copied = start + word.len();
    }
    json.extend(characters.get(copied..).unwrap_or_default());
    Ok(json)
}

const NAN: &str = "NaN";
const INFINITY: &str = "Infinity";
const MINUS_INFINITY: &str = "-Infinity";

struct Scanner<'a> {
    characters: &'a [char],
    at: usize,
    depth: usize,
    /// Words of Python's, and where they start.
    words: Vec<(usize, &'static str)>,
}

impl Scanner<'_> {
    fn document(&mut self) -> Scan {
        self.skip_space();
        self.value()?;
        self.skip_space();
        if self.at == self.characters.len() { Ok(()) } else { self.mistake("Extra data") }
    }

    fn value(&mut self) -> Scan {
        match self.peek() {
            Some('{') => self.nested(Self::object),
            Some('[') => self.nested(Self::array),
            Some('"') => self.string(),
            Some('-' | '0'..='9') => self.number(),
            _ => {
                let start = self.at;
                if let Some(word) = [NAN, INFINITY].into_iter().find(|word| self.skip_word(word)) {
                    self.words.push((start, word));
                    return Ok(());
                }
                let known = ["null", "true", "false"].into_iter().any(|word| self.skip_word(word));
                if known { Ok(()) } else { self.mistake("Expecting value") }
            }
        }
    }

    fn nested(&mut self, scan: impl FnOnce(&mut Self) -> Scan) -> Scan {
        if self.depth == MAX_DEPTH {
            return self.mistake("Nesting deeper than 128");
        }
        self.depth += 1;
        self.at += 1;
        self.skip_space();
        scan(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn object(&mut self) -> Scan {
        if self.skip('}') {
            return Ok(());
        }
        loop {
            if self.peek() != Some('"') {
                return self.mistake("Expecting property name enclosed in double quotes");
            }
            self.string()?;
            self.skip_space();
            if !self.skip(':') {
                return self.mistake("Expecting ':' delimiter");
            }
            self.skip_space();
            self.value()?;
            self.skip_space();
            if self.skip('}') {
                return Ok(());
            }
            if !self.skip(',') {
                return self.mistake("Expecting ',' delimiter");
            }
            self.skip_space();
        }
    }

    fn array(&mut self) -> Scan {
        if self.skip(']') {
            return Ok(());
        }
        loop {
            self.value()?;
            self.skip_space();
            if self.skip(']') {
                return Ok(());
            }
            if !self.skip(',') {
                return self.mistake("Expecting ',' delimiter");
            }
            self.skip_space();
        }
    }

    fn string(&mut self) -> Scan {
        let start = self.at;
        let unterminated = JsonMistake { message: "Unterminated string starting at", position: start };
        self.at += 1;
        loop {
            match self.peek().ok_or(unterminated)? {
                '"' => {
                    self.at += 1;
                    return Ok(());
                }
                '\\' => {
                    let escape = self.characters.get(self.at + 1).ok_or(unterminated)?;
                    match escape {
                        'u' => self.unicode_escape()?,
                        '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' => self.at += 2,
                        _ => return self.mistake("Invalid \\escape"),
                    }
                }
                '\0'..='\u{1f}' => return self.mistake("Invalid control character at"),
                _ => self.at += 1,
            }
        }
    }

    fn unicode_escape(&mut self) -> Scan {
        let digits = self.characters.get(self.at + 2..self.at + 6).unwrap_or_default();
        // Python also wants something after the digits: the string must end somewhere.
        let complete = digits.len() == 4 && self.at + 6 < self.characters.len();
        if !complete || !digits.iter().all(char::is_ascii_hexdigit) {
            return Err(JsonMistake { message: "Invalid \\uXXXX escape", position: self.at + 1 });
        }
        self.at += 6;
        Ok(())
    }

    /// As much as is a number; what follows is the caller's matter.
    fn number(&mut self) -> Scan {
        let start = self.at;
        if self.skip_word(MINUS_INFINITY) {
            self.words.push((start, MINUS_INFINITY));
            return Ok(());
        }
        self.skip('-');
        if !self.skip('0') && self.skip_digits() == 0 {
            self.at = start;
            return self.mistake("Expecting value");
        }
        let before_fraction = self.at;
        if self.skip('.') && self.skip_digits() == 0 {
            self.at = before_fraction;
            return Ok(());
        }
        let before_exponent = self.at;
        if self.skip('e') || self.skip('E') {
            let _sign = self.skip('+') || self.skip('-');
            if self.skip_digits() == 0 {
                self.at = before_exponent;
            }
        }
        Ok(())
    }

    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn skip(&mut self, character: char) -> bool {
        let found = self.peek() == Some(character);
        self.at += usize::from(found);
        found
    }

    fn skip_word(&mut self, word: &str) -> bool {
        let rest = self.characters.get(self.at..).unwrap_or_default();
        let length = word.chars().count();
        let found = rest.len() >= length && rest.iter().zip(word.chars()).all(|(a, b)| *a == b);
        if found {
            self.at += length;
        }
        found
    }

    fn skip_digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|character| character.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }

    fn mistake(&self, message: &'static str) -> Scan {
        Err(JsonMistake { message, position: self.at })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn mistakes_are_where_and_what_python_says() {
        // Each was printed by Python 3.11: `json.loads(text)`, then `error.msg`, `error.pos`.
        for (text, message, position) in PYTHON {
            let mistake = JsonMistake { message, position: *position };
            assert_eq!(as_json(text), Err(mistake), "{text}");
        }
    }

    const PYTHON: &[(&str, &str, usize)] = &[
        ("", "Expecting value", 0),
        ("{\"features\":", "Expecting value", 12),
        ("{\"a\": 1", "Expecting ',' delimiter", 7),
        ("{\"a\" 1}", "Expecting ':' delimiter", 5),
        ("{\"a\": }", "Expecting value", 6),
        ("{a: 1}", "Expecting property name enclosed in double quotes", 1),
        ("{'a': 1}", "Expecting property name enclosed in double quotes", 1),
        ("{\"a\": 1,}", "Expecting property name enclosed in double quotes", 8),
        ("[1,]", "Expecting value", 3),
        ("[1 2]", "Expecting ',' delimiter", 3),
        ("[", "Expecting value", 1),
        ("[1", "Expecting ',' delimiter", 2),
        ("{", "Expecting property name enclosed in double quotes", 1),
        ("{\"a", "Unterminated string starting at", 1),
        ("\"\\x\"", "Invalid \\escape", 1),
        ("\"a\\", "Unterminated string starting at", 0),
        ("\"\\u12\"", "Invalid \\uXXXX escape", 2),
        ("\"\\u12G4\"", "Invalid \\uXXXX escape", 2),
        ("\"\\u1234", "Invalid \\uXXXX escape", 2),
        ("\"a\nb\"", "Invalid control character at", 2),
        ("1 2", "Extra data", 2),
        ("01", "Extra data", 1),
        ("-", "Expecting value", 0),
        ("1.", "Extra data", 1),
        ("1e", "Extra data", 1),
        ("-x", "Expecting value", 0),
        ("nul", "Expecting value", 0),
        ("tru", "Expecting value", 0),
        ("{\"a\": 1}}", "Extra data", 8),
        ("  ", "Expecting value", 2),
        ("日本 ", "Expecting value", 0),
        ("{\"日\": x}", "Expecting value", 6),
        ("{\"a\": [1, 2, {\"b\": \"c\\q\"}]}", "Invalid \\escape", 21),
        ("\"\\", "Unterminated string starting at", 0),
        ("{\"a\":1 \"b\":2}", "Expecting ',' delimiter", 7),
        ("[1,,2]", "Expecting value", 3),
        ("\u{1}", "Expecting value", 0),
        ("1.5.5", "Extra data", 3),
        ("{\"a\":\"\t\"}", "Invalid control character at", 6),
        (".5", "Expecting value", 0),
        ("+1", "Expecting value", 0),
        ("\"abc", "Unterminated string starting at", 0),
    ];

    #[test]
    fn deep_nesting_is_refused_without_a_deep_stack() {
        let text = "[".repeat(1_000_000);
        assert_eq!(as_json(&text).unwrap_err().message, "Nesting deeper than 128");
    }

    #[test]
    fn words_of_python_become_json_where_they_are_values() {
        let text = "{\"NaN\": [NaN, -Infinity,1.5 ,Infinity], \"日\": \"NaN, \\\"-Infinity\"}";
        let json = "{\"NaN\": [null, \"-Infinity\",1.5 ,\"Infinity\"], \"日\": \"NaN, \\\"-Infinity\"}";
        assert_eq!(as_json(text).unwrap(), json);
        assert_eq!(
            as_json("[NaNs]").unwrap_err(),
            JsonMistake { message: "Expecting ',' delimiter", position: 4 }
        );
    }

    proptest! {
        #[test]
        fn what_serde_reads_has_no_mistake(text in "[\\[\\]{}\",:0-9a-z.eE+\\- \\\\]{0,24}") {
            if serde_json::from_str::<Value>(&text).is_ok() {
                prop_assert_eq!(as_json(&text), Ok(text.clone()));
            } else if let Err(mistake) = as_json(&text) {
                prop_assert!(mistake.position <= text.chars().count());
            }
        }
    }
}
