//! How another run of a call differs from the recorded one. It must never know why.

use ace_schema::data::{Output, PermissionResolved, ToolCompleted, ToolFailed};
use ace_schema::permission::Decision;
use serde::Serialize;

use crate::story::{Outcome, code};

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Whether it may run.
    Decision,
    /// Whether it ran.
    Outcome,
    /// Exit status or signal.
    Exit,
    /// What came out.
    Output,
    /// The files after it.
    Tree,
    /// The sandbox it ran in.
    Sandbox,
}

impl What {
    /// As people read it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Outcome => "outcome",
            Self::Exit => "exit",
            Self::Output => "output",
            Self::Tree => "tree",
            Self::Sandbox => "sandbox",
        }
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What differs.
    pub what: What,
    /// As recorded.
    pub was: String,
    /// As it is now.
    pub now: String,
}

/// How texts are made comparable.
#[derive(Debug, Clone, Default)]
pub struct Likeness {
    /// Paths of this run and what stands for them in the recorded one.
    pub paths: Vec<(String, String)>,
    /// Numbers may differ: durations, sizes, process ids.
    pub loose: bool,
}

impl Likeness {
    /// A text of this run as the recorded one would have it.
    #[must_use]
    pub fn of(&self, text: &str) -> String {
        let named = self.paths.iter().fold(text.to_owned(), |text, (now, then)| text.replace(now.as_str(), then));
        if self.loose { without_numbers(&named) } else { named }
    }

    fn then(&self, text: &str) -> String {
        if self.loose { without_numbers(text) } else { text.to_owned() }
    }
}

/// Every run of digits as one `0`; the point in `0.25` and the colons of a time stay.
fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii_digit() && out.ends_with('0') => {}
            c if c.is_ascii_digit() => out.push('0'),
            c => out.push(c),
        }
    }
    out
}

/// The differences between two runs of one call, in the order of [`What`].
#[must_use]
pub fn compare(then: &Outcome, now: &Outcome, likeness: &Likeness) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut differ = |what, was: String, now: String| {
        if was != now {
            found.push(Difference { what, was, now });
        }
    };
    match (then, now) {
        (Outcome::Completed(then), Outcome::Completed(now)) => {
            differ(What::Exit, exit(then), exit(now));
            differ(What::Output, likeness.then(&shown(&then.output)), likeness.of(&shown(&now.output)));
            differ(What::Sandbox, then.sandbox.clone(), now.sandbox.clone());
        }
        (Outcome::Failed(then), Outcome::Failed(now)) => {
            differ(What::Outcome, likeness.then(&failure(then)), likeness.of(&failure(now)));
        }
        (then, now) => differ(What::Outcome, outcome(then), likeness.of(&outcome(now))),
    }
    // A call that only reads names no tree.
    if !then.tree().is_empty() || !now.tree().is_empty() {
        differ(What::Tree, then.tree().to_owned(), now.tree().to_owned());
    }
    found.sort_by_key(|d| d.what);
    found
}

/// The difference of a call that was allowed then and is not now.
#[must_use]
pub fn undecided(then: &PermissionResolved, now: Option<&PermissionResolved>) -> Difference {
    let words = |d: &PermissionResolved| {
        let verb = if d.decision == Decision::Allow { "allowed" } else { "denied" };
        let whose = if d.rule.is_empty() { &d.who } else { &d.rule };
        format!("{verb} by {whose}")
    };
    Difference { what: What::Decision, was: words(then), now: now.map_or_else(|| "asks".to_owned(), words) }
}

fn exit(done: &ToolCompleted) -> String {
    match (done.exit, done.signal) {
        (_, Some(signal)) => format!("signal {signal}"),
        (Some(exit), None) => format!("exit {exit}"),
        (None, None) => String::new(),
    }
}

fn failure(failed: &ToolFailed) -> String {
    format!("failed {}: {}", code(&failed.code), failed.message)
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Completed(done) => format!("ran {}", exit(done)).trim_end().to_owned(),
        Outcome::Failed(failed) => failure(failed),
    }
}

/// What came out, pictures by their hash.
fn shown(output: &Output) -> String {
    let images: String = output.images.iter().map(|image| format!("\n[{} {}]", image.media, image.sha)).collect();
    format!("{}{images}", output.text)
}

/// The lines by which two texts differ: removed and added ones between what they begin and end with alike, at most `most` each.
#[must_use]
pub fn lines<'t>(was: &'t str, now: &'t str, most: usize) -> (Vec<&'t str>, Vec<&'t str>) {
    let (was, now): (Vec<&str>, Vec<&str>) = (was.lines().collect(), now.lines().collect());
    let head = was.iter().zip(&now).take_while(|(a, b)| a == b).count();
    let rest = (was.len() - head).min(now.len() - head);
    let tail = was.iter().rev().zip(now.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let part = |lines: &[&'t str]| lines[head..lines.len() - tail].iter().copied().take(most).collect();
    (part(&was), part(&now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(text: &str, exit: i32, tree: &str) -> Outcome {
        let output = Output { text: text.to_owned(), ..Output::default() };
        let (exit, tree, sandbox) = (Some(exit), tree.to_owned(), "workspace".to_owned());
        Outcome::Completed(Box::new(ToolCompleted { output, exit, tree, sandbox, ms: 7, ..ToolCompleted::default() }))
    }

    fn whats(then: &Outcome, now: &Outcome, likeness: &Likeness) -> Vec<What> {
        compare(then, now, likeness).into_iter().map(|d| d.what).collect()
    }

    #[test]
    fn every_difference_is_told_and_time_is_none() {
        let like = Likeness::default();
        let then = ran("ok\n", 0, "aa");
        assert_eq!(whats(&then, &then, &like), []);
        assert_eq!(whats(&then, &ran("ok\n", 1, "aa"), &like), [What::Exit]);
        assert_eq!(whats(&then, &ran("no\n", 1, "bb"), &like), [What::Exit, What::Output, What::Tree]);
        let failed = Outcome::Failed(Box::new(ToolFailed { message: "gone".into(), ..ToolFailed::default() }));
        assert_eq!(whats(&then, &failed, &like), [What::Outcome, What::Tree]);
        assert_eq!(compare(&then, &failed, &like)[0].was, "ran exit 0");
        let other = ToolFailed { message: "lost".into(), ..ToolFailed::default() };
        assert_eq!(whats(&failed, &Outcome::Failed(Box::new(other)), &like), [What::Outcome]);
    }

    #[test]
    fn paths_of_this_run_stand_for_those_of_the_recorded_one() {
        let like = Likeness { paths: vec![("/w/new".into(), "/w/old".into())], loose: false };
        assert_eq!(whats(&ran("in /w/old/a", 0, ""), &ran("in /w/new/a", 0, ""), &like), []);
        assert_eq!(whats(&ran("in /w/old/a", 0, ""), &ran("in /w/other/a", 0, ""), &like), [What::Output]);
    }

    #[test]
    fn loosely_numbers_are_alike_and_words_are_not() {
        let like = Likeness { loose: true, ..Likeness::default() };
        assert_eq!(whats(&ran("5 passed in 0.03s", 0, ""), &ran("5 passed in 12.1s", 0, ""), &like), []);
        assert_eq!(whats(&ran("5 passed", 0, ""), &ran("5 failed", 0, ""), &like), [What::Output]);
    }

    #[test]
    fn only_the_lines_that_differ_are_shown() {
        assert_eq!(lines("a\nb\nc\n", "a\nx\ny\nc\n", 9), (vec!["b"], vec!["x", "y"]));
        assert_eq!(lines("a\na\n", "a\na\na\n", 9), (vec![], vec!["a"]));
        assert_eq!(lines("", "", 9), (vec![], vec![]));
        assert_eq!(lines("1\n2\n3", "4\n5\n6", 1), (vec!["1"], vec!["4"]));
    }
}
