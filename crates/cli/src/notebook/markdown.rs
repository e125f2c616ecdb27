//! Text in Markdown that stays text.

use std::fmt::Write as _;

/// A text in which nothing means anything to Markdown, HTML or mathematics, on one line.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.trim().chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            ',' => escaped.push(c),
            // Within a word it stands for itself.
            '_' | '-'
                if before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric()) =>
            {
                escaped.push(c);
            }
            '.' if rest.peek().is_none_or(|next| *next == ' ') => escaped.push(c),
            _ if c.is_ascii_punctuation() => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            _ if c.is_whitespace() || c.is_control() => escaped.push(' '),
            _ if c.is_alphanumeric() => escaped.push(c),
            _ => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
        }
        before = c;
    }
    escaped
}

/// A table with these headers. Cells are escaped.
pub(crate) fn table<const COLUMNS: usize>(
    headers: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) -> String {
    let line = |cells: [String; COLUMNS]| format!("| {} |\n", cells.join(" | "));
    let mut table = line(headers.map(str::to_owned)) + &line([(); COLUMNS].map(|()| "---".to_owned()));
    for row in rows {
        table.push_str(&line(row.map(|cell| escaped(&cell))));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_means_anything() {
        assert_eq!(escaped("driver_hourly_stats"), "driver_hourly_stats");
        assert_eq!(
            escaped("How a driver did, in the hour-long ride. Fine."),
            "How a driver did, in the hour-long ride. Fine."
        );
        assert_eq!(escaped("_a_ *b*"), "&#95;a&#95; &#42;b&#42;");
        assert_eq!(escaped("<img src=x>"), "&#60;img src&#61;x&#62;");
        assert_eq!(escaped("a\n\n# b | c"), "a  &#35; b &#124; c");
        assert_eq!(escaped("$x$ \\(y\\)"), "&#36;x&#36; &#92;&#40;y&#92;&#41;");
        assert_eq!(escaped("www.a.b [c](d:e)"), "www&#46;a&#46;b &#91;c&#93;&#40;d&#58;e&#41;");
        assert_eq!(escaped("&lt; \u{202e}x"), "&#38;lt&#59; &#8238;x");
    }

    #[test]
    fn a_table_has_a_line_for_each_row() {
        let rows = [["a".to_owned(), "b|c".to_owned()]];
        assert_eq!(table(["A", "B"], rows), "| A | B |\n| --- | --- |\n| a | b&#124;c |\n");
    }
}
