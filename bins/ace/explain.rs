//! `ace -x`: the pipeline that does the same when it is pasted into sh. It has no side effects.

use ace_cli::ace::Command;
use ace_cli::{Complaint, Exit};
use ace_front::open;
use ace_host::REDACT;
use std::io::Write;
use std::path::Path;

use crate::PROGRAM;
use crate::ask::{model_arguments, once_arguments};

/// Prints the pipeline.
pub fn explain(command: &Command) -> Result<Exit, Complaint> {
    let text = match command {
        Command::Run(run) => {
            let opening = open(PROGRAM, run.options.layers())?;
            let config = &opening.settings.config;
            if !run.inputs.is_empty() {
                let what = "whether inputs have changed is more than a pipeline";
                return Err(Complaint::new(PROGRAM, Exit::Usage, what).hint("leave --inputs out"));
            }
            let mut words = vec!["ace-session".to_owned(), "new".to_owned()];
            words.extend(run.options.arguments());
            if let Some(prompt) = &run.prompt {
                // Only where it would be taken for a flag.
                words.extend(prompt.starts_with('-').then(|| "--".to_owned()));
                words.push(prompt.clone());
            }
            if let Some(until) = &run.goal.until {
                let rounds = run.goal.rounds.map(|n| format!(" --rounds={n}")).unwrap_or_default();
                let line =
                    format!("S=$({}) && ace-session run \"$S\" --until {}{rounds}\n", quoted(&words), quote(until));
                return print(&line);
            }
            let own = |lists: &[Vec<String>]| -> String {
                lists.iter().filter(|l| !l.is_empty()).map(|l| format!("{} | ", quoted(l))).collect()
            };
            let (filters, mut gates) = (own(&config.filters), own(&config.gates));
            // The last one, as in the star, unless it is configured to stand there.
            let last = config.gates.last().and_then(|gate| gate.first());
            if !config.redact.off && last.is_none_or(|program| program != REDACT) {
                gates += &format!("{REDACT} | ");
            }
            let limits = ace_front::begin::limits_of(&opening, &run.options.limits)?;
            let quota = if limits.is_reserved() { "ace-quota | " } else { "" };
            format!(
                "S=$({}) && ace-log follow \"$S\" --until idle |\n  ace-session step | {quota}{} | ace-permit | ace-tool | ace-fetch |\n  {filters}{gates}ace-log append \"$S\" && ace-log text \"$S\"\n",
                quoted(&words),
                model(run.record.as_deref(), run.options.model.as_deref()),
            )
        }
        Command::Ask(ask) if ask.gate => {
            return Err(Complaint::new(PROGRAM, Exit::Usage, "a verdict is more than a pipeline"));
        }
        Command::Ask(ask) => {
            let mut words = vec!["ace-session".to_owned()];
            words.extend(once_arguments(ask));
            let quota = if crate::ask::is_limited(ask)? { ["ace-quota | ", " | ace-quota"] } else { ["", ""] };
            let model = model(ask.record.as_deref(), ask.model.as_deref());
            format!("{} | {}{model}{} | ace-log text\n", quoted(&words), quota[0], quota[1])
        }
        Command::Resume { session, limits } => {
            let mut words = vec!["ace-session".to_owned(), "run".to_owned()];
            words.extend(limits.arguments());
            words.push(session.to_string());
            quoted(&words) + "\n"
        }
        Command::Ls { .. } => "ace-session list\n".to_owned(),
        Command::Show { session, .. } => format!("ace-log show {}\n", quote(&session.to_string())),
        Command::Other(words) => {
            let typed: Vec<String> = words.iter().map(|w| w.to_string_lossy().into_owned()).collect();
            let (program, args) = ace_cli::suite::resolve(typed.first().map_or("", String::as_str));
            let mut line = vec![program];
            line.extend(args.iter().map(|&a| a.to_owned()));
            line.extend(typed.into_iter().skip(1));
            quoted(&line) + "\n"
        }
        Command::Demo
        | Command::Help { .. }
        | Command::Doctor { .. }
        | Command::Config { .. }
        | Command::Trust { .. } => {
            return Err(Complaint::new(PROGRAM, Exit::Usage, "there is no pipeline behind this command"));
        }
    };
    print(&text)
}

fn print(text: &str) -> Result<Exit, Complaint> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map(|()| Exit::Done).map_err(|e| Complaint::io(PROGRAM, "cannot print", &e))
}

/// `ace-model` with the recording that it writes or plays.
fn model(record: Option<&Path>, model: Option<&str>) -> String {
    let mut words = vec!["ace-model".to_owned()];
    words.extend(model_arguments(record, model));
    quoted(&words)
}

fn quoted(words: &[String]) -> String {
    words.iter().map(|w| quote(w)).collect::<Vec<_>>().join(" ")
}

/// A word as sh takes it.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn words_come_back_from_sh_as_they_were() {
        for word in ["plain", "", "two words", "it's", "$(id)", "a\nb", "--x=y", "*", "é\\"] {
            let out =
                std::process::Command::new("sh").args(["-c", &format!("printf %s {}", quote(word))]).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&out.stdout), word);
        }
    }
}
