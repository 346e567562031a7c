//! Results as the XML that build servers read. It writes that and nothing else of it: a suite, its cases, their failures.

/// One case.
#[derive(Debug, Clone, Default)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// How long it took, ms.
    pub ms: u64,
    /// What was wrong, a line each; empty if it passed.
    pub failures: Vec<String>,
    /// It could not be run at all, and why.
    pub error: Option<String>,
}

/// The file.
#[must_use]
pub fn report(suite: &str, cases: &[Case]) -> String {
    let (failed, errors) = (
        cases.iter().filter(|c| c.error.is_none() && !c.failures.is_empty()).count(),
        cases.iter().filter(|c| c.error.is_some()).count(),
    );
    let ms: u64 = cases.iter().map(|c| c.ms).sum();
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    out += &format!(
        "<testsuites>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\" errors=\"{errors}\" time=\"{}\">\n",
        escaped(suite),
        cases.len(),
        seconds(ms)
    );
    for case in cases {
        let (name, time) = (escaped(&case.name), seconds(case.ms));
        out += &format!("<testcase classname=\"{}\" name=\"{name}\" time=\"{time}\"", escaped(suite));
        match (&case.error, case.failures.first()) {
            (Some(why), _) => {
                out += &format!(">\n<error message=\"{0}\">{0}</error>\n</testcase>\n", escaped(why));
            }
            (None, Some(first)) => {
                let all = escaped(&case.failures.join("\n"));
                out += &format!(">\n<failure message=\"{}\">{all}</failure>\n</testcase>\n", escaped(first));
            }
            (None, None) => out += "/>\n",
        }
    }
    out + "</testsuite>\n</testsuites>\n"
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// Text in XML: marks of its own are named, and characters that XML 1.0 cannot hold are replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\n' => out += "&#10;",
            '\t' => out.push('\t'),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_counts_and_escapes() {
        let passed = Case { name: "a".into(), ms: 1234, ..Case::default() };
        let failures = vec!["file x: <it> is \"there\" & not\u{1b}".into(), "two".into()];
        let failed = Case { name: "b".into(), failures, ..Case::default() };
        let broken = Case { name: "c".into(), error: Some("no file".into()), ..Case::default() };
        let text = report("scenarios", &[passed, failed, broken]);
        assert!(text.contains("tests=\"3\" failures=\"1\" errors=\"1\" time=\"1.234\""), "{text}");
        assert!(
            text.contains("<failure message=\"file x: &lt;it&gt; is &quot;there&quot; &amp; not\u{fffd}\">"),
            "{text}"
        );
        assert!(text.contains("&#10;two</failure>") && text.contains("<error message=\"no file\">"), "{text}");
    }
}
