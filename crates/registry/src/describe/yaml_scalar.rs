//! Scalars as Python's YAML library writes them: its choice of quotes, its escapes, and its folding of lines
//! that are longer than 80 characters.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

/// Where a line may be broken: at the first space after this column.
const WIDTH: usize = 80;

/// What plain text would be taken for, by the library's own patterns.
static OTHER_TYPES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF",
        r"|[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?",
        r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        r"|[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+",
        r"|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+|<<|=|~|null|Null|NULL|",
        r"|[0-9]{4}-[0-9]{2}-[0-9]{2}",
        r"|[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?(?:[Tt]|[ \t]+)[0-9][0-9]?:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?",
        r"(?:[ \t]*(?:Z|[-+][0-9][0-9]?(?::[0-9]{2})?))?)$"
    ))
    .ok()
});

/// What becomes of letters beyond ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Letters {
    /// Escaped, as in what Feast prints.
    Escaped,
    /// As they are, for people who read and edit the text; what cannot be seen is escaped all the same.
    Kept,
}

impl Letters {
    /// Whether a character other than a line break is written as it is.
    fn keep(self, c: char) -> bool {
        // Spaces of other widths, and marks that join, split and turn text.
        let unseen = matches!(c, '\u{a0}' | '\u{ad}' | '\u{61c}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
            | '\u{205f}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}');
        match self {
            Self::Escaped => (' '..='~').contains(&c),
            Self::Kept => !c.is_control() && !unseen,
        }
    }
}

/// Appends a value to the last line of `text`; further lines are indented by `indent`. A key is never folded.
pub(super) fn write_scalar(text: &mut String, value: &str, indent: usize, key: bool, letters: Letters) {
    let line = text.rsplit('\n').next().unwrap_or_default();
    let mut writer = Writer { column: line.chars().count(), text, indent, split: !key, letters };
    match style(value, key, letters) {
        Style::Plain => writer.plain(value),
        Style::SingleQuoted => writer.single_quoted(value),
        Style::DoubleQuoted => writer.double_quoted(value),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
}

fn style(value: &str, key: bool, letters: Letters) -> Style {
    let is_space = |c: Option<char>| c.is_none_or(|c| matches!(c, '\0' | ' ' | '\t' | '\r' | '\n'));
    // Only between double quotes there are escapes.
    if value.chars().any(|c| c != '\n' && !letters.keep(c)) || value.contains(" \n") || value.contains("\n ")
    {
        return Style::DoubleQuoted;
    }
    let multiline = value.contains('\n');
    if multiline && key {
        return Style::DoubleQuoted;
    }
    let other_type = OTHER_TYPES.as_ref().is_none_or(|pattern| pattern.is_match(value));
    let mut indicators = value.starts_with("---") || value.starts_with("...");
    let mut before = None;
    let mut rest = value.chars().peekable();
    while let Some(c) = rest.next() {
        let followed_by_space = is_space(rest.peek().copied());
        indicators |= match (before, c) {
            (
                None,
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
                | '`',
            ) => true,
            (None, '?' | '-') | (_, ':') => followed_by_space,
            (before, '#') => is_space(before),
            _ => false,
        };
        before = Some(c);
    }
    let framed = value.starts_with([' ', '\n']) || value.ends_with([' ', '\n']);
    if multiline || other_type || indicators || framed { Style::SingleQuoted } else { Style::Plain }
}

struct Writer<'a> {
    text: &'a mut String,
    column: usize,
    indent: usize,
    split: bool,
    letters: Letters,
}

impl Writer<'_> {
    fn push(&mut self, part: &str) {
        self.text.push_str(part);
        self.column += part.chars().count();
    }

    fn new_line(&mut self) {
        self.text.push('\n');
        self.text.push_str(&" ".repeat(self.indent));
        self.column = self.indent;
    }

    fn is_full(&self) -> bool {
        self.split && self.column > WIDTH
    }

    fn plain(&mut self, value: &str) {
        for (spaces, word) in words(value) {
            if spaces == " " && self.is_full() {
                self.new_line();
            } else {
                self.push(spaces);
            }
            self.push(word);
        }
    }

    fn single_quoted(&mut self, value: &str) {
        self.push("'");
        let chars: Vec<char> = value.chars().collect();
        let part =
            |from: usize, to: usize| -> String { chars.get(from..to).unwrap_or_default().iter().collect() };
        let (mut start, mut end) = (0, 0);
        let mut before = None;
        while end <= chars.len() {
            let c = chars.get(end).copied();
            match before {
                Some(' ') if c != Some(' ') => {
                    if start + 1 == end && start != 0 && end != chars.len() && self.is_full() {
                        self.new_line();
                    } else {
                        self.push(&part(start, end));
                    }
                    start = end;
                }
                Some('\n') if c != Some('\n') => {
                    // One break more than there are: a single one reads as a space.
                    self.text.push_str(&"\n".repeat(end - start));
                    self.new_line();
                    start = end;
                }
                Some(' ' | '\n') => {}
                _ if c.is_none_or(|c| matches!(c, ' ' | '\n' | '\'')) => {
                    self.push(&part(start, end));
                    start = end;
                }
                _ => {}
            }
            if c == Some('\'') {
                self.push("''");
                start = end + 1;
            }
            before = c;
            end += 1;
        }
        self.push("'");
    }

    fn double_quoted(&mut self, value: &str) {
        self.push("\"");
        let chars: Vec<char> = value.chars().collect();
        let (mut start, mut end) = (0, 0);
        while end <= chars.len() {
            let c = chars.get(end).copied();
            if c.is_none_or(|c| matches!(c, '"' | '\\') || !self.letters.keep(c)) {
                let part: String = chars.get(start..end).unwrap_or_default().iter().collect();
                self.push(&part);
                start = end;
                if let Some(c) = c {
                    self.push(&escape(c));
                    start = end + 1;
                }
            }
            if 0 < end
                && end + 1 < chars.len()
                && (c == Some(' ') || start >= end)
                && self.split
                && self.column + end > WIDTH + start
            {
                let part: String = chars.get(start..end).unwrap_or_default().iter().collect();
                start = start.max(end);
                self.push(&part);
                self.push("\\");
                self.new_line();
                if chars.get(start) == Some(&' ') {
                    self.push("\\");
                }
            }
            end += 1;
        }
        self.push("\"");
    }
}

/// The words of a line, each with the spaces before it; the last word is empty where the line ends in spaces.
fn words(line: &str) -> Vec<(&str, &str)> {
    let mut words = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let word = rest.find(|c| c != ' ').unwrap_or(rest.len());
        let (spaces, after) = rest.split_at(word);
        let (word, after) = after.split_at(after.find(' ').unwrap_or(after.len()));
        words.push((spaces, word));
        rest = after;
    }
    words
}

fn escape(c: char) -> String {
    let short = match c {
        '\0' => "0",
        '\u{7}' => "a",
        '\u{8}' => "b",
        '\t' => "t",
        '\n' => "n",
        '\u{b}' => "v",
        '\u{c}' => "f",
        '\r' => "r",
        '\u{1b}' => "e",
        '"' => "\"",
        '\\' => "\\",
        '\u{85}' => "N",
        '\u{a0}' => "_",
        '\u{2028}' => "L",
        '\u{2029}' => "P",
        _ => {
            let mut text = String::new();
            // Writing to text cannot fail.
            let _ = match u32::from(c) {
                number @ 0..=0xff => write!(text, "\\x{number:02X}"),
                number @ 0..=0xffff => write!(text, "\\u{number:04X}"),
                number => write!(text, "\\U{number:08X}"),
            };
            return text;
        }
    };
    format!("\\{short}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &str) -> String {
        let mut text = "  key: ".to_owned();
        write_scalar(&mut text, value, 4, false, Letters::Escaped);
        text
    }

    #[test]
    fn letters_are_kept_for_people_and_what_cannot_be_seen_is_not() {
        for (value, expected) in [
            ("Zürich: 東京", "'Zürich: 東京'"),
            ("naïve", "naïve"),
            ("a\u{a0}b", "\"a\\_b\""),
            ("tab\tü", "\"tab\\tü\""),
            ("abc\u{202e}def", "\"abc\\u202Edef\""),
        ] {
            let mut text = String::new();
            write_scalar(&mut text, value, 0, false, Letters::Kept);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn text_that_would_read_as_something_else_is_quoted() {
        for (value, expected) in [
            ("no", "'no'"),
            ("12", "'12'"),
            ("1_000", "'1_000'"),
            ("1:30", "'1:30'"),
            ("2024-01-01", "'2024-01-01'"),
            ("", "''"),
            ("it's: x", "'it''s: x'"),
            ("it's", "it's"),
            ("@decorated", "'@decorated'"),
            ("-x", "-x"),
            ("- x", "'- x'"),
            ("a #b", "'a #b'"),
            ("a\nb", "'a\n\n    b'"),
            ("a\n  b", "\"a\\n  b\""),
            ("b\u{e4}r", "\"b\\xE4r\""),
            ("data/stats.parquet", "data/stats.parquet"),
            ("driver@example.org", "driver@example.org"),
        ] {
            assert_eq!(written(value), format!("  key: {expected}"));
        }
    }

    #[test]
    fn recorded_text_is_written_as_the_library_wrote_it() {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/feast_compat/recorded/yaml_scalars.json");
        let recorded = std::fs::read_to_string(path).unwrap();
        let cases: Vec<(String, String)> = serde_json::from_str(&recorded).unwrap();
        assert!(cases.len() > 100);
        for (value, expected) in cases {
            assert_eq!(written(&value), expected, "{value:?}");
        }
    }

    #[test]
    fn long_lines_are_folded_after_the_eightieth_column() {
        let long = "word ".repeat(20);
        let long = long.trim_end();
        let line = |words: usize| vec!["word"; words].join(" ");
        assert_eq!(written(long), format!("  key: {}\n    {}", line(15), line(5)));
        let quoted = format!("{long}: x");
        assert_eq!(written(&quoted), format!("  key: '{}\n    {}: x'", line(15), line(5)));
        assert_eq!(
            written(&format!("\t{long}")),
            format!("  key: \"\\t{}\\\n    \\ {}\"", line(15), line(5))
        );
    }
}
