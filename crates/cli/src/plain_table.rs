//! Tables on the terminal, in the plain form that Feast's command prints.

/// Lays out rows under headers: columns as wide as their widest cell, and at least two wider than
/// their header, two spaces apart. Ends with a newline.
pub(crate) fn render(headers: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = headers
        .iter()
        .enumerate()
        .map(|(column, header)| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
            cells.max().unwrap_or(0).max(header.chars().count() + 2)
        })
        .collect();
    let mut text = line(headers.iter().copied(), &widths);
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str), &widths));
    }
    text
}

fn line<'a>(cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
    let padded: Vec<String> = cells.zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
    format!("{}\n", padded.join("  ").trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_as_feasts_do() {
        let rows = [["eb", "", "ValueType.INT64"], ["driver", "", "ValueType.INT64"]];
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect();
        assert_eq!(
            render(&["NAME", "DESCRIPTION", "TYPE"], &rows),
            "NAME    DESCRIPTION    TYPE\n\
             eb                     ValueType.INT64\n\
             driver                 ValueType.INT64\n"
        );
    }
}
