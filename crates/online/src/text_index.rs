//! Search by words, by `SQLite`'s FTS5, which Feast's `SQLite` store uses: the same words are found, and ranked alike.
//!
//! The index lies in a private temporary database, which spills to disk where it grows large.

use larder_core::{Error, ErrorKind, RequestError, Result, TextIndex, TextIndexes};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// Indexes of FTS5.
#[derive(Clone, Copy, Debug, Default)]
pub struct SqliteTextIndexes;

impl TextIndexes for SqliteTextIndexes {
    fn begin(&self, names: &[String]) -> Result<Box<dyn TextIndex>> {
        // No path: a database that nobody else sees, and that is gone with the connection.
        let connection = Connection::open("").map_err(failed)?;
        let columns: Vec<String> =
            names.iter().enumerate().map(|(at, name)| column(at, name, names)).collect();
        let create = format!(
            "CREATE VIRTUAL TABLE texts USING fts5({}, content='', tokenize='porter unicode61')",
            columns.join(", ")
        );
        connection.execute_batch(&create).map_err(failed)?;
        connection.execute_batch("BEGIN").map_err(failed)?;
        let places = vec!["?"; names.len() + 1].join(", ");
        let insert = format!("INSERT INTO texts(rowid, {}) VALUES ({places})", columns.join(", "));
        Ok(Box::new(Fts5 { connection, insert }))
    }
}

/// A column by the name of its feature, if the module can have such a column.
fn column(at: usize, name: &str, names: &[String]) -> String {
    let is_taken = ["rank", "rowid", "texts"].iter().any(|taken| name.eq_ignore_ascii_case(taken))
        || names.iter().take(at).any(|other| other.eq_ignore_ascii_case(name));
    if is_taken { format!("\"text {at}\"") } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

#[derive(Debug)]
struct Fts5 {
    connection: Connection,
    insert: String,
}

impl TextIndex for Fts5 {
    fn add(&mut self, row: usize, texts: &[Option<&str>]) -> Result<()> {
        let number = i64::try_from(row).map_err(|source| Error::new(ErrorKind::Internal, source))?;
        let texts = texts.iter().map(|text| text.map_or(Value::Null, |text| Value::Text(text.to_owned())));
        let mut insert = self.connection.prepare_cached(&self.insert).map_err(failed)?;
        insert
            .execute(params_from_iter([Value::Integer(number)].into_iter().chain(texts)))
            .map_err(failed)?;
        Ok(())
    }

    fn search(&self, query: &str) -> Result<Vec<(usize, f64)>> {
        let words = as_words(query);
        if words.is_empty() {
            return Err(RequestError::other("the text to search for has no words").into());
        }
        match self.found(query) {
            Ok(found) => Ok(found),
            // Not a query: an apostrophe, a question mark, the name of a column that is none.
            Err(_) => self.found(&words).map_err(failed),
        }
    }
}

impl Fts5 {
    fn found(&self, query: &str) -> rusqlite::Result<Vec<(usize, f64)>> {
        let sql = "SELECT rowid, bm25(texts) AS place FROM texts WHERE texts MATCH ? ORDER BY place, rowid";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_map([query], |row| {
            let number: i64 = row.get(0)?;
            Ok((usize::try_from(number).unwrap_or_default(), row.get(1)?))
        })?;
        found.collect()
    }
}

/// Every word of a text in quotes, so that it stands for itself.
fn as_words(text: &str) -> String {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" ")
}

fn failed(source: rusqlite::Error) -> Error {
    Error::new(ErrorKind::Internal, source)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [(&str, &str); 5] = [
        ("Running shoes", "light shoes for running on roads"),
        ("Hiking boots", "it's warm, and keeps water out"),
        ("Road map", "all roads of the country"),
        ("Café guide", "where to find coffee"),
        ("", ""),
    ];

    fn index(names: [&str; 2]) -> Box<dyn TextIndex> {
        let mut index = SqliteTextIndexes.begin(&names.map(str::to_owned)).unwrap();
        for (row, (title, text)) in ROWS.iter().enumerate() {
            index.add(row, &[Some(title), (!text.is_empty()).then_some(*text)]).unwrap();
        }
        index
    }

    fn rows(query: &str) -> Vec<usize> {
        index(["title", "body"]).search(query).unwrap().into_iter().map(|(row, _)| row).collect()
    }

    #[test]
    fn words_are_found_by_their_stem_in_any_text_the_best_first() {
        assert_eq!(rows("road"), [2, 0], "twice, and in a shorter row");
        assert_eq!(rows("run"), [0]);
        assert_eq!(rows("cafe"), [3], "without its accent");
        assert_eq!(rows("shoes map"), [0; 0], "all words must be there");
        assert_eq!(rows("shoes OR map").len(), 2);
        assert_eq!(rows("title : road"), [2]);
        assert_eq!(rows("\"water out\""), [1]);
        assert_eq!(rows("cof*"), [3]);
        assert_eq!(rows("road NOT map"), [0]);
        assert_eq!(rows("nothing"), [0; 0]);
    }

    #[test]
    fn what_is_no_query_is_taken_as_words() {
        for query in
            ["it's", "warm, water", "(warm", "warm?", "\"warm", "nowhere : warm OR", "AND", "warm AND"]
        {
            let found = index(["title", "body"]).search(query);
            assert!(found.is_ok(), "{query}: {found:?}");
        }
        assert_eq!(rows("it's warm?"), [1]);
        for query in ["", "  ", "?!", "''"] {
            let error = index(["title", "body"]).search(query).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{query}");
        }
    }

    #[test]
    fn a_feature_may_have_any_name() {
        for names in [["rank", "ROWID"], ["texts", "a b"], ["a\"b", "content"], ["x", "X"], ["", "tokenize"]]
        {
            let found = index(names).search("coffee").unwrap();
            assert_eq!(found.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [3], "{names:?}");
        }
    }

    #[test]
    fn ranks_are_those_of_bm25() {
        let found = index(["title", "body"]).search("road").unwrap();
        let [best, second] = found.as_slice() else { panic!("{found:?}") };
        assert!(best.1 < second.1 && second.1 < 0.0, "{found:?}");
    }
}
