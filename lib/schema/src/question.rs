//! What the model asks a person by the tool `ask_user`, and what a typed answer means. It must never know how it is shown.

use serde::{Deserialize, Serialize};

use crate::limits;

/// The tool by which a person is asked. Its output is their answer.
pub const TOOL: &str = "ask_user";

/// A question: the arguments of such a call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// What is asked.
    pub question: String,
    /// What may be chosen by its number; an answer may say something else all the same.
    #[serde(default)]
    pub choices: Vec<Choice>,
}

/// One answer on offer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The answer.
    pub label: String,
    /// What it means.
    #[serde(default)]
    pub detail: String,
}

impl Question {
    /// The question in the arguments of a call (JSON); `None` if there is none that could be shown whole.
    #[must_use]
    pub fn parse(args: &str) -> Option<Self> {
        let asked: Self = serde_json::from_str(args).ok()?;
        let fits = args.len() <= limits::QUESTION_BYTES && asked.choices.len() <= limits::CHOICES;
        let says = !asked.question.trim().is_empty() && asked.choices.iter().all(|c| !c.label.trim().is_empty());
        (fits && says).then_some(asked)
    }

    /// What was meant by `typed`: the choice of that number, or the words themselves.
    #[must_use]
    pub fn answer(&self, typed: &str) -> String {
        let typed = typed.trim();
        let number = typed.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
        number.and_then(|n| self.choices.get(n)).map_or(typed, |choice| choice.label.trim()).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_chooses_and_words_are_words() {
        let asked = Question::parse(r#"{"question":"which?","choices":[{"label":"a"},{"label":"b","detail":"d"}]}"#);
        let asked = asked.unwrap();
        let answers = ["1", " 2\n", "3", "0", "both of them "].map(|typed| asked.answer(typed));
        assert_eq!(answers, ["a", "b", "3", "0", "both of them"]);
    }

    #[test]
    fn what_cannot_be_shown_whole_is_no_question() {
        let many = format!(r#"{{"question":"q","choices":[{}]}}"#, [r#"{"label":"a"}"#; 10].join(","));
        let long = format!(r#"{{"question":"{}"}}"#, "q".repeat(limits::QUESTION_BYTES));
        for args in
            [r#"{"question":" "}"#, r#"{"question":3}"#, r#"{"question":"q","choices":[{}]}"#, "[]", &many, &long]
        {
            assert_eq!(Question::parse(args), None, "{args}");
        }
    }
}
