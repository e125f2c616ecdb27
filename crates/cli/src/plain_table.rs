//! Tables on the terminal, in the plain form that Feast's command prints.

/// Lays out rows under headers: columns as wide as their widest line, and at least two wider than their
/// header, two spaces apart. A cell may have several lines. Ends with a newline.
pub(crate) fn render(headers: &[&str], rows: &[Vec<String>]) -> String {
    let widths = widths(headers, rows);
    let mut text = line(headers.iter().copied(), &widths);
    for row in rows {
        for at in 0..height(row) {
            text.push_str(&line(row.iter().map(|cell| lines(cell).nth(at).unwrap_or_default()), &widths));
        }
    }
    text
}

/// As [`render`], with lines drawn around every cell.
pub(crate) fn render_grid(headers: &[&str], rows: &[Vec<String>]) -> String {
    let widths = widths(headers, rows);
    let rule = |stroke: &str| {
        let parts: Vec<String> = widths.iter().map(|width| stroke.repeat(width + 2)).collect();
        format!("+{}+\n", parts.join("+"))
    };
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("| {} |\n", padded.join(" | "))
    };
    let mut text = rule("-") + &line(&mut headers.iter().copied()) + &rule("=");
    for row in rows {
        for at in 0..height(row) {
            text.push_str(&line(&mut row.iter().map(|cell| lines(cell).nth(at).unwrap_or_default())));
        }
        text.push_str(&rule("-"));
    }
    // Feast closes the table also where it has no rows.
    if rows.is_empty() { text + &rule("-") } else { text }
}

/// The lines of a cell, without the space around it.
fn lines(cell: &str) -> std::str::Lines<'_> {
    cell.trim().lines()
}

fn widths(headers: &[&str], rows: &[Vec<String>]) -> Vec<usize> {
    let columns = headers.iter().enumerate();
    let width = |(column, header): (usize, &&str)| {
        let lines = rows.iter().filter_map(|row| row.get(column)).flat_map(|cell| lines(cell));
        lines.map(|line| line.chars().count()).max().unwrap_or(0).max(header.chars().count() + 2)
    };
    columns.map(width).collect()
}

/// How many lines a row takes.
fn height(row: &[String]) -> usize {
    row.iter().map(|cell| lines(cell).count()).max().unwrap_or(0).max(1)
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

    #[test]
    fn space_around_a_cell_is_cut_and_within_it_stays() {
        let rows = [vec!["  a\n  b  ".to_owned(), "\n".to_owned()]];
        assert_eq!(render(&["N", "M"], &rows), "N    M\na\n  b\n");
    }

    #[test]
    fn a_grid_is_drawn_around_rows_and_around_none() {
        let head = "+-------------+\n| ROLE NAME   |\n+=============+\n";
        assert_eq!(render_grid(&["ROLE NAME"], &[]), format!("{head}+-------------+\n"));
        assert_eq!(
            render_grid(&["ROLE NAME"], &[vec!["admin".to_owned()]]),
            format!("{head}| admin       |\n+-------------+\n")
        );
    }
}
