//! Reports in the XML that build servers read.

use std::collections::BTreeMap;
use std::path::Path;

use larder_registry::Problem;

use crate::report::{TestReport, TestStatus};

/// The reports as one `JUnit` document: a suite for each function, a case for each test. A test file with
/// mistakes is a suite of one case, which ended in an error.
pub fn junit(reports: &[TestReport], problems: &[Problem]) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for report in reports {
        let (_, failed, skipped) = report.counts();
        xml.push_str(&format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"{skipped}\">\n",
            escaped(&format!("{} {}", report.file.display(), report.function)),
            report.tests.len(),
        ));
        for test in &report.tests {
            let seconds = test.cost.map_or(0.0, |cost| cost.time.as_secs_f64());
            let head = format!(
                "    <testcase classname=\"{}\" name=\"{}\" time=\"{seconds:.6}\"",
                escaped(&report.function),
                escaped(&test.name)
            );
            match &test.status {
                TestStatus::Passed => xml.push_str(&format!("{head}/>\n")),
                TestStatus::Skipped(reason) => xml.push_str(&format!(
                    "{head}>\n      <skipped message=\"{}\"/>\n    </testcase>\n",
                    escaped(reason)
                )),
                TestStatus::Failed(failure) => {
                    let rows = failure.rows.as_ref().map(ToString::to_string).unwrap_or_default();
                    xml.push_str(&format!(
                        "{head}>\n      <failure message=\"{}\">{}</failure>\n    </testcase>\n",
                        escaped(&failure.message),
                        escaped(&rows)
                    ));
                }
            }
        }
        xml.push_str("  </testsuite>\n");
    }
    let mut bad_files: BTreeMap<&Path, Vec<&Problem>> = BTreeMap::new();
    for problem in problems {
        bad_files.entry(&problem.file).or_default().push(problem);
    }
    for (file, problems) in bad_files {
        let file = escaped(&file.display().to_string());
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        xml.push_str(&format!(
            "  <testsuite name=\"{file}\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\">\n    \
             <testcase classname=\"{file}\" name=\"test file\" time=\"0.000000\">\n      \
             <error message=\"the test file has mistakes, and was not run\">{}</error>\n    </testcase>\n  \
             </testsuite>\n",
            escaped(&told.join("\n\n"))
        ));
    }
    xml.push_str("</testsuites>\n");
    xml
}

/// Text within XML, which cannot say most control characters at all.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_say_is_replaced() {
        assert_eq!(escaped("a<b & \"c\"\0\u{1f980}\n"), "a&lt;b &amp; &quot;c&quot;\u{fffd}\u{1f980}\n");
    }
}
