//! What is typed as the tasks of a batch.

use ace_cli::Complaint;
use ace_cli::many::Options;
use ace_front::many::{Task, tasks};
use ace_host::name_of;
use ace_schema::permission::Mode;
use std::path::Path;

use crate::PROGRAM;

/// In a prompt: the line of the task.
const HOLE: &str = "{}";

/// A task for each line: the line itself, or the prompt with the line in it.
pub fn map(prompt: Option<&str>, from: Option<&Path>, options: &Options) -> Result<Vec<Task>, Complaint> {
    let model = options.model.first().map(String::as_str);
    let task = |line: String| {
        let said = match prompt {
            None => line.clone(),
            Some(prompt) if prompt.contains(HOLE) => prompt.replace(HOLE, &line),
            Some(prompt) => format!("{prompt}\n\n{line}"),
        };
        Task { label: line, prompt: said, options: options.session(model) }
    };
    Ok(tasks(PROGRAM, from)?.into_iter().map(task).collect())
}

/// Each model with each wording, so many times.
pub fn side_by_side(prompts: &[String], n: u32, options: &Options) -> Vec<Task> {
    let models: Vec<Option<&str>> = match options.model.as_slice() {
        [] => vec![None],
        all => all.iter().map(|m| Some(m.as_str())).collect(),
    };
    let mut all = Vec::new();
    for model in models {
        for (at, prompt) in prompts.iter().enumerate() {
            for again in 1..=n {
                let mut label =
                    model.map_or_else(|| "default".to_owned(), |m| m.rsplit('/').next().unwrap_or(m).to_owned());
                if prompts.len() > 1 {
                    label += &format!(" prompt {}", at + 1);
                }
                if n > 1 {
                    label += &format!(" {again}");
                }
                let mut session = options.session(model);
                session.name = Some(named(prompt, &label));
                all.push(Task { label, prompt: prompt.clone(), options: session });
            }
        }
    }
    all
}

/// The work of a relay.
pub fn work(prompt: &str, options: &Options) -> Task {
    stage("work", options.model.get(1).or(options.model.first()), (prompt, options), options.mode)
}

/// Who plans before it and who reviews it: both only read.
pub fn readers(prompt: &str, options: &Options) -> [Task; 2] {
    [("plan", options.model.first()), ("review", options.model.last())]
        .map(|(label, model)| stage(label, model, (prompt, options), Some(Mode::Plan)))
}

fn stage(label: &str, model: Option<&String>, (prompt, options): (&str, &Options), mode: Option<Mode>) -> Task {
    let mut session = options.session(model.map(String::as_str));
    session.mode = mode;
    session.name = Some(named(prompt, label));
    Task { label: label.to_owned(), prompt: prompt.to_owned(), options: session }
}

/// The name of such a session: the prompt's, and what is different here.
fn named(prompt: &str, label: &str) -> String {
    let short = name_of(label);
    format!("{}-{short}", name_of(prompt))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(models: &[&str]) -> Options {
        Options { model: models.iter().map(|&m| m.to_owned()).collect(), ..Options::default() }
    }

    #[test]
    fn models_prompts_and_repeats_are_multiplied() {
        let all = side_by_side(&["fix it".into(), "mend it".into()], 2, &options(&["a/x", "b/y"]));
        let labels: Vec<&str> = all.iter().map(|t| t.label.as_str()).collect();
        assert_eq!(labels.len(), 8);
        assert_eq!(labels[..3], ["x prompt 1 1", "x prompt 1 2", "x prompt 2 1"]);
        assert_eq!(all[0].options.name.as_deref(), Some("fix-it-x-prompt-1-1"));
        assert_eq!(side_by_side(&["fix it".into()], 1, &options(&[]))[0].label, "default");
    }
}
