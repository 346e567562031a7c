//! How a session begins for a person: which model, which mode, what they should know; and the pipeline it runs in.

use ace_cli::{Complaint, Exit, SessionOptions, When};
use ace_config::{Choice, choose_model, split_model};
use ace_core::{Until, digest};
use ace_host::{Made, NewSession, Plan, Programs, REDACT, Stage, create, suite};
use ace_redact::Redactor;
use ace_schema::{Kind, limits};
use ace_storage::Log;
use std::io::{IsTerminal, Read};

use crate::opening::{Opening, clock, machine, random};
use crate::{redaction, words};

/// The model to use: as configured, or the one whose key is there, which is said aloud.
///
/// # Errors
/// There is no way to any model: three ways in.
pub fn model(opening: &Opening, color: When) -> Result<String, Complaint> {
    let program = opening.program;
    let has = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    match choose_model(&opening.settings.config, has) {
        Choice::Configured(model) => Ok(model),
        Choice::Found { model, because } => {
            let what = format!("using {model}, {because}");
            ace_cli::note(
                program,
                &what,
                Some("-m NAME/MODEL, or model = \"NAME/MODEL\" in the configuration, changes that"),
                color,
            );
            Ok(model)
        }
        Choice::None => {
            Err(Complaint::new(program, Exit::Config, "no model: no key variable is set and none is configured")
                .hint("export OPENAI_API_KEY, or -m ollama/MODEL; ace demo plays a recorded session"))
        }
    }
}

/// Whether the key that the configured model needs is there: looked for before anything is made that would wait for it.
///
/// # Errors
/// It is not, in the words of the program that would miss it.
pub fn key(opening: &Opening) -> Result<(), Complaint> {
    let Some(model) = &opening.settings.config.model else { return Ok(()) };
    let name = split_model(model).map_or("", |(name, _)| name);
    let needed = opening.settings.config.providers.get(name).and_then(|p| p.api_key_env.as_deref());
    match needed.filter(|var| std::env::var_os(var).is_none_or(|v| v.is_empty())) {
        Some(var) => {
            let what = format!("no key for '{name}': {var} is not set");
            Err(Complaint::new("ace-model", Exit::Credentials, what).hint(format!("export {var}=...")))
        }
        None => Ok(()),
    }
}

/// What somebody without any model sees first; `None` if there is a way to one.
#[must_use]
pub fn first_screen(opening: &Opening, color: When) -> Option<String> {
    let has = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    if !matches!(choose_model(&opening.settings.config, has), Choice::None) {
        return None;
    }
    let style = crate::screen::on_stderr(color);
    let file = std::env::var_os(ace_cli::variables::CONFIG).map_or_else(
        || "~/.config/ace/config.toml".to_owned(),
        |file| crate::opening::shown(std::path::Path::new(&file)),
    );
    let lines = ace_view::error::no_model(&file, &style);
    Some(lines.iter().map(|line| ace_view::render(line, &style) + "\n").collect())
}

/// What a person says: the argument, what stands on stdin, or both.
///
/// # Errors
/// Stdin cannot be read, is too long, or is not text.
pub fn prompt(program: &str, argument: Option<&str>) -> Result<String, Complaint> {
    let mut bytes = Vec::new();
    if !std::io::stdin().is_terminal() && has_input() {
        let most = limits::PROMPT_BYTES as u64 + 1;
        std::io::stdin()
            .lock()
            .take(most)
            .read_to_end(&mut bytes)
            .map_err(|e| Complaint::io(program, "cannot read stdin", &e))?;
        if bytes.len() > limits::PROMPT_BYTES {
            let what = format!("stdin has more than {} bytes, the limit of a prompt", limits::PROMPT_BYTES);
            return Err(Complaint::new(program, Exit::Usage, what)
                .hint("name the file in the prompt instead: tools read it in parts"));
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(ace_cli::join_prompt(argument, (!text.is_empty()).then_some(&text)).unwrap_or_default())
}

/// Whether stdin is something to read from: a closed one, or a terminal's other end in a job, is not.
fn has_input() -> bool {
    use std::os::fd::AsFd;
    rustix::fs::fstat(std::io::stdin().as_fd()).is_ok()
}

/// Makes a session and says what should be known.
///
/// # Errors
/// In words.
pub fn make(opening: &Opening, prompt: String, options: &SessionOptions, color: When) -> Result<Made, Complaint> {
    let config = &opening.settings.config;
    let new = NewSession {
        prompt,
        model: model(opening, color)?,
        mode: config.mode,
        answers: if config.answers == limits::ANSWERS_PER_TURN { 0 } else { u64::from(config.answers) },
        unsandboxed: options.unsandboxed,
        name: options.name.clone().unwrap_or_default(),
        base: options.base.clone().unwrap_or_default(),
        carry: options.carry,
        in_place: options.no_worktree,
        cwd: opening.cwd.clone(),
        owner: opening.person(),
        host: machine(),
        config: digest(config.canonical().as_bytes()),
        client: opening.program.to_owned(),
        redact: if config.redact.off { None } else { Some(redaction::policy(opening)?) },
    };
    let made = create(opening.home(), &new, &clock(), (random(), random()))
        .map_err(|e| words::not_made(opening.program, &e))?;
    for ignored in &config.ignored {
        let place = ignored.file.as_deref().unwrap_or("the project");
        ace_cli::note(
            opening.program,
            &format!("ignored {} in {place}:{}: {}", ignored.key, ignored.line, ignored.why),
            None,
            color,
        );
    }
    for note in &made.notes {
        let (what, hint) = words::note(note);
        ace_cli::note(opening.program, &what, hint, color);
    }
    Ok(made)
}

/// The pipeline of a session, with the user's own filters and gates.
#[must_use]
pub fn plan(opening: &Opening, log: Log, until: Until) -> Plan {
    let config = &opening.settings.config;
    let mut stages = suite(&[]);
    let own = config.filters.iter().filter(|f| !f.is_empty()).take(limits::USER_FILTERS);
    stages.extend(own.map(|argv| Stage { argv: argv.clone(), kind: Kind::Filter, lazy: false }));
    let mut gates = config.gates.clone();
    let redacts = !config.redact.off;
    // Last of all, so that what the user's own gates put in is looked through too.
    if redacts && gates.last().is_none_or(|argv| argv.first().is_none_or(|program| program != REDACT)) {
        gates.push(vec![REDACT.to_owned()]);
    }
    // What is wrong with the policy the gate says, and ends.
    let policy = if redacts { redaction::policy(opening).ok() } else { None };
    let session =
        log.folder().and_then(|f| f.file_name()).map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    Plan {
        log,
        stages,
        gates,
        redactor: policy.map(|policy| Redactor::new(&policy, &session)),
        programs: Programs::beside_this(),
        until,
        leads: true,
        person: opening.person(),
    }
}
