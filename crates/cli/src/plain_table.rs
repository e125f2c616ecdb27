//! Tables on the terminal, in the plain form that Feast's command prints.

/// Lays out rows under headers: columns as wide as their widest line, and at least two wider than their
/// header, two spaces apart. A cell may have several lines. Ends with a newline.
pub(crate) fn render(headers: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = headers
        .iter()
        .enumerate()
        .map(|(column, header)| {
            let lines = rows.iter().filter_map(|row| row.get(column)).flat_map(|cell| cell.lines());
            lines.map(|line| line.chars().count()).max().unwrap_or(0).max(header.chars().count() + 2)
        })
        .collect();
    let mut text = line(headers.iter().copied(), &widths);
    for row in rows {
        let height = row.iter().map(|cell| cell.lines().count()).max().unwrap_or(0).max(1);
        for at in 0..height {
            text.push_str(&line(row.iter().map(|cell| cell.lines().nth(at).unwrap_or_default()), &widths));
        }
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
