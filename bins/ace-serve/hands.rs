//! What the server does by the person's own hands, and knows only through them.

use ace_cli::Complaint;
use ace_front::answer::state_of;
use ace_front::{Opening, redaction, say, words};
use ace_schema::data::SessionConfigured;
use ace_storage::{AppendError, Log};
use ace_web::{Code, Person, Problem};
use serde_json::{Value, json};
use std::path::Path;

use crate::PROGRAM;

/// The person who started the server.
pub struct Hands(pub Opening);

/// A complaint as a problem: the same words, the same code.
fn problem(complaint: &Complaint) -> Problem {
    let problem = Problem::new(Code::of_exit(i32::from(complaint.exit.number())), complaint.what.clone());
    match &complaint.hint {
        Some(hint) => problem.hint(hint.clone()),
        None => problem,
    }
}

impl Hands {
    fn log(&self, session: &str) -> Log {
        self.0.home().log(session)
    }
}

fn refused(session: &str) -> impl Fn(AppendError) -> Problem + '_ {
    move |e| problem(&words::append(PROGRAM, session, &e))
}

impl Person for Hands {
    fn policy(&self) -> Result<ace_redact::Policy, Problem> {
        redaction::policy(&self.0).map_err(|e| problem(&e))
    }

    fn steer(&self, session: &str, message: &str) -> Result<(), Problem> {
        let person = self.0.person();
        say::steer(&self.log(session), session, message, &person).map(drop).map_err(refused(session))
    }

    fn withdraw(&self, session: &str, message: &str) -> Result<bool, Problem> {
        say::withdraw(&self.log(session), message, &self.0.person()).map_err(refused(session))
    }

    fn configure(&self, session: &str, change: &SessionConfigured) -> Result<(), Problem> {
        if let Some(model) = &change.model {
            let providers = &self.0.settings.config.providers;
            let known =
                model.split_once('/').is_some_and(|(name, rest)| providers.contains_key(name) && !rest.is_empty());
            if !known {
                let hint = providers.keys().cloned().collect::<Vec<_>>().join(", ");
                return Err(Problem::usage(format!("'{model}' names no provider that is configured"))
                    .hint(format!("one of {hint}")));
            }
        }
        say::configure(&self.log(session), session, change).map_err(refused(session))
    }

    fn shorten(&self, session: &str, keep: &str) -> Result<(), Problem> {
        let log = self.log(session);
        let (state, _) = state_of(&log).map_err(|e| Problem::io("cannot read the log", &e))?;
        say::shorten(&self.0, &log, &state, keep).map(drop).map_err(|e| problem(&e))
    }

    fn config(&self, place: &Path) -> Result<Value, Problem> {
        let settings = ace_host::settings(Vec::new(), place).map_err(|e| problem(&words::settings(PROGRAM, &e)))?;
        let config = &settings.config;
        let mut values: Vec<Value> = config
            .settings()
            .map(|(key, value, at)| {
                let origin = json!({"layer": at.layer.name(), "where": at.place()});
                json!({"key": key, "value": value.to_string(), "origin": origin})
            })
            .collect();
        for (key, value) in [("mode", config.mode.name().to_owned()), ("limits.answers", config.answers.to_string())] {
            if !config.settings().any(|(known, ..)| known == key) {
                values.push(json!({"key": key, "value": value, "origin": {"layer": "default", "where": ""}}));
            }
        }
        let ignored = config.ignored.iter();
        let problems: Vec<String> = ignored
            .map(|i| format!("{}:{}: '{}' is ignored: {}", i.file.as_deref().unwrap_or_default(), i.line, i.key, i.why))
            .collect();
        let providers: Vec<&String> = config.providers.keys().collect();
        Ok(json!({"values": values, "problems": problems, "providers": providers}))
    }
}
