//! A review as a verdict and its findings: the schema a model is held to, and what people and machines read.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Write;

/// The schema of a review.
pub const SCHEMA: &str = r#"{"type":"object","properties":{"verdict":{"enum":["pass","fail"]},"summary":{"type":"string"},"findings":{"type":"array","maxItems":200,"items":{"type":"object","properties":{"severity":{"enum":["error","warning","note"]},"file":{"type":"string"},"line":{"type":"integer","minimum":0},"title":{"type":"string"},"message":{"type":"string"}},"required":["severity","file","line","title","message"],"additionalProperties":false}}},"required":["verdict","summary","findings"],"additionalProperties":false}"#;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It must not go in.
    Error,
    /// It should be looked at.
    Warning,
    /// It is worth knowing.
    Note,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One thing that a review found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Path in the repository; empty if it is about no file.
    pub file: String,
    /// Line in it, from 1; 0 if it is about the whole file.
    pub line: u64,
    /// A few words, the same for findings of one kind.
    pub title: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// A verdict and what stands behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// `pass` or `fail`.
    pub verdict: String,
    /// One or two sentences.
    pub summary: String,
    /// What was found, worst first as the model has it.
    pub findings: Vec<Finding>,
}

/// What is asked for a verdict, around what a person asks.
#[must_use]
pub fn request(question: &str) -> String {
    format!(
        "{question}\n\n[Give a verdict. 'fail' only if something has to change before this goes in, and then with at least one finding \
         of severity error; else 'pass'. A finding names file and line as they are after the change; file \"\" and line 0 if it is \
         about none.]"
    )
}

impl Review {
    /// From an answer that fits [`SCHEMA`]; `None` if it does not.
    #[must_use]
    pub fn of(answer: Value) -> Option<Self> {
        serde_json::from_value(answer).ok()
    }

    /// Whether the gate stays shut: by the verdict, or by an error among the findings whatever the verdict says.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.verdict != "pass" || self.findings.iter().any(|f| f.severity == Severity::Error)
    }

    /// For people: a line a finding, as compilers write them, then the verdict.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        for finding in &self.findings {
            let place = match (finding.file.is_empty(), finding.line) {
                (true, _) => String::new(),
                (false, 0) => format!("{}: ", finding.file),
                (false, line) => format!("{}:{line}: ", finding.file),
            };
            let message = finding.message.split_whitespace().collect::<Vec<_>>().join(" ");
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{place}{}: {}: {message}", finding.severity.name(), finding.title.trim());
        }
        let word = if self.fails() { "fail" } else { "pass" };
        let _ = writeln!(out, "{word}: {}", self.summary.split_whitespace().collect::<Vec<_>>().join(" "));
        out
    }

    /// Annotations as workflow commands of GitHub Actions.
    #[must_use]
    pub fn github(&self) -> String {
        let mut out = String::new();
        for finding in &self.findings {
            let level = match finding.severity {
                Severity::Note => "notice",
                other => other.name(),
            };
            let mut fields = Vec::new();
            if !finding.file.is_empty() {
                fields.push(format!("file={}", property(&finding.file)));
                if finding.line > 0 {
                    fields.push(format!("line={}", finding.line));
                }
            }
            fields.push(format!("title={}", property(&finding.title)));
            let _ = writeln!(out, "::{level} {}::{}", fields.join(","), data(&finding.message));
        }
        let (level, word) = if self.fails() { ("error", "fail") } else { ("notice", "pass") };
        let _ = writeln!(out, "::{level} title={word}::{}", data(&self.summary));
        out
    }

    /// SARIF 2.1.0, as code scanning of the forges reads it. `version` is ours.
    #[must_use]
    pub fn sarif(&self, version: &str) -> String {
        let mut rules: Vec<String> = Vec::new();
        let results: Vec<Value> = self
            .findings
            .iter()
            .map(|finding| {
                let rule = slug(&finding.title);
                let index = rules.iter().position(|r| *r == rule).unwrap_or_else(|| {
                    rules.push(rule.clone());
                    rules.len() - 1
                });
                let mut result = json!({
                    "ruleId": rule, "ruleIndex": index, "level": finding.severity.name(),
                    "message": {"text": format!("{}: {}", finding.title, finding.message)},
                });
                if !finding.file.is_empty() {
                    let mut place = json!({"artifactLocation": {"uri": uri(&finding.file), "uriBaseId": "%SRCROOT%"}});
                    if finding.line > 0 {
                        place["region"] = json!({"startLine": finding.line});
                    }
                    result["locations"] = json!([{"physicalLocation": place}]);
                }
                result
            })
            .collect();
        let rules: Vec<Value> =
            rules.iter().map(|id| json!({"id": id, "shortDescription": {"text": id.replace('-', " ")}})).collect();
        let report = json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": {"driver": {"name": "ace", "semanticVersion": version, "rules": rules}},
                "invocations": [{
                    "executionSuccessful": true,
                    "exitCode": i32::from(self.fails()),
                    "toolExecutionNotifications": [{
                        "level": if self.fails() { "error" } else { "note" },
                        "message": {"text": self.summary},
                    }],
                }],
                "results": results,
            }],
        });
        format!("{report}\n")
    }
}

/// An id of small letters, digits and dashes.
fn slug(title: &str) -> String {
    let words: Vec<String> =
        title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect();
    let id = words.into_iter().take(6).collect::<Vec<_>>().join("-");
    if id.is_empty() { "finding".to_owned() } else { id }
}

/// A path as a relative reference.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.trim_start_matches("./").bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The message of a workflow command: a model must not be able to begin one of its own.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The same for a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shape;

    fn review() -> Review {
        let finding = |severity, file: &str, line, title: &str, message: &str| Finding {
            severity,
            file: file.to_owned(),
            line,
            title: title.to_owned(),
            message: message.to_owned(),
        };
        Review {
            verdict: "fail".to_owned(),
            summary: "One bug.".to_owned(),
            findings: vec![
                finding(Severity::Error, "src/a b.rs", 7, "off by one", "the last\nis lost"),
                finding(Severity::Note, "", 0, "Nice!", "::error::not a command"),
            ],
        }
    }

    #[test]
    fn our_own_schema_is_one_and_a_review_fits_it() {
        let shape = Shape::read(SCHEMA).unwrap();
        let text = serde_json::to_string(&review()).unwrap();
        assert_eq!(Review::of(shape.fits(&text).unwrap()), Some(review()));
        assert!(shape.fits(r#"{"verdict":"maybe","summary":"","findings":[]}"#).is_err());
    }

    #[test]
    fn an_error_shuts_the_gate_whatever_the_verdict_says() {
        let mut review = review();
        review.verdict = "pass".to_owned();
        assert!(review.fails());
        review.findings.remove(0);
        assert!(!review.fails());
        review.verdict = "fail".to_owned();
        assert!(review.fails());
    }

    #[test]
    fn people_read_lines() {
        let text =
            "src/a b.rs:7: error: off by one: the last is lost\nnote: Nice!: ::error::not a command\nfail: One bug.\n";
        assert_eq!(review().text(), text);
    }

    #[test]
    fn annotations_cannot_be_forged() {
        let text = review().github();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "::error file=src/a b.rs,line=7,title=off by one::the last%0Ais lost");
        assert_eq!(lines[1], "::notice title=Nice!::::error::not a command");
        assert_eq!(lines[2], "::error title=fail::One bug.");
        let forged = Finding { title: "a::b,c\n::error::x".to_owned(), ..review().findings[0].clone() };
        let text = Review { findings: vec![forged], ..review() }.github();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.starts_with("::error file=src/a b.rs,line=7,title=a%3A%3Ab%2Cc%0A%3A%3Aerror%3A%3Ax::"), "{text}");
    }

    #[test]
    fn sarif_names_rules_places_and_levels() {
        let report: Value = serde_json::from_str(&review().sarif("1.0.0")).unwrap();
        assert_eq!(report["version"], "2.1.0");
        let run = &report["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "off-by-one");
        let first = &run["results"][0];
        assert_eq!((&first["level"], &first["ruleId"]), (&json!("error"), &json!("off-by-one")));
        let place = &first["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "src/a%20b.rs");
        assert_eq!(place["region"]["startLine"], 7);
        assert!(run["results"][1].get("locations").is_none());
    }
}
