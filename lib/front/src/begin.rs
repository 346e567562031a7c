//! How a session begins for a person: which model, which mode, what they should know; and the pipeline it runs in.

use ace_cli::{Complaint, Exit, SessionOptions, When};
use ace_config::{Choice, choose_model, split_model};
use ace_core::{State, Until, digest};
use ace_host::{Begins, Made, NewSession, Plan, Programs, REDACT, Stage, create, suite};
use ace_schema::data::{Batch, Limits, Purse, SessionConfigured};
use ace_schema::permission::Confinement;
use ace_schema::{Kind, limits};
use ace_storage::Log;
use std::io::{IsTerminal, Read};

use crate::opening::{Opening, clock, machine, random};
use crate::{image, redaction, words};

/// Which model: as configured, that of a key, or that of an Ollama which runs here.
fn choice(opening: &Opening) -> Choice {
    let config = &opening.settings.config;
    let variable = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let choice = choose_model(config, |name| variable(name).is_some());
    let Some(ollama) = config.providers.get("ollama").filter(|_| matches!(choice, Choice::None)) else { return choice };
    match crate::ollama::model(&ollama.address(variable)) {
        Some(model) => Choice::Found { model: format!("ollama/{model}"), because: "ollama is running".to_owned() },
        None => Choice::None,
    }
}

/// The model to use: as configured, or the one whose key is there, which is said aloud.
///
/// # Errors
/// There is no way to any model: three ways in.
pub fn model(opening: &Opening, color: When) -> Result<String, Complaint> {
    chosen(opening, Some(color))
}

fn chosen(opening: &Opening, color: Option<When>) -> Result<String, Complaint> {
    let program = opening.program;
    match choice(opening) {
        Choice::Configured(model) => Ok(model),
        Choice::Found { model, because } => {
            let Some(color) = color else { return Ok(model) };
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
    if !matches!(choice(opening), Choice::None) {
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

/// In place of a file: the schema of a review's findings, which is part of the program.
pub const FINDINGS: &str = ":findings";

/// The JSON Schema in a file, on one line; empty without a file.
///
/// # Errors
/// It cannot be read, or is no schema that answers could be held to.
pub fn schema(program: &str, file: Option<&std::path::Path>) -> Result<String, Complaint> {
    let Some(file) = file else { return Ok(String::new()) };
    let name = file.display();
    if file.as_os_str() == FINDINGS {
        return Ok(ace_answers::FINDINGS.to_owned());
    }
    let mut text = String::new();
    let opened =
        std::fs::File::open(file).and_then(|f| f.take(limits::SCHEMA_BYTES as u64 + 1).read_to_string(&mut text));
    opened.map_err(|e| {
        let mut complaint = Complaint::io(program, &format!("cannot read the schema '{name}'"), &e);
        complaint.exit = Exit::Usage;
        complaint
    })?;
    let shape = ace_answers::Shape::read(&text);
    shape
        .map(|shape| shape.text().to_owned())
        .map_err(|why| Complaint::new(program, Exit::Usage, format!("cannot use the schema '{name}': {why}")))
}

/// Makes a session and says what should be known.
///
/// # Errors
/// In words.
pub fn make(opening: &Opening, prompt: String, options: &SessionOptions, color: When) -> Result<Made, Complaint> {
    make_as(opening, prompt, options, Origin::default(), color)
}

/// Why a session is begun, where it is more than a person's wish of the moment.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// Digest of what the run depends on.
    pub inputs: String,
    /// The batch that it is one of.
    pub batch: Option<Batch>,
    /// Money that it shares with others.
    pub purse: Option<Purse>,
}

/// The same, with a reason that is recorded.
///
/// # Errors
/// In words.
pub fn make_as(
    opening: &Opening,
    prompt: String,
    options: &SessionOptions,
    origin: Origin,
    color: When,
) -> Result<Made, Complaint> {
    let made = made(opening, prompt, options, origin, Some(color))?;
    for ignored in &opening.settings.config.ignored {
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

/// The same in silence, for who makes many; with a colour, only the choice of a model is told.
///
/// # Errors
/// In words.
pub fn made(
    opening: &Opening,
    prompt: String,
    options: &SessionOptions,
    origin: Origin,
    color: Option<When>,
) -> Result<Made, Complaint> {
    let config = &opening.settings.config;
    let limits = Limits { purse: origin.purse, ..limits_of(opening, &options.limits)? };
    let new = NewSession {
        prompt,
        images: image::load(opening.program, &options.images, &opening.cwd)?,
        model: chosen(opening, color)?,
        mode: config.mode,
        limits,
        schema: schema(opening.program, options.schema.as_deref())?,
        hooks: config.awaited(),
        unsandboxed: options.unsandboxed || config.sandbox.profile == Confinement::Off,
        sandbox: match config.sandbox.profile {
            Confinement::Workspace | Confinement::Off => String::new(),
            profile => profile.name().to_owned(),
        },
        name: options.name.clone().unwrap_or_default(),
        base: options.base.clone().unwrap_or_default(),
        carry: options.carry,
        in_place: options.no_worktree,
        cwd: opening.cwd.clone(),
        owner: opening.person(),
        host: machine(),
        config: digest(config.canonical().as_bytes()),
        client: opening.program.to_owned(),
        redact: redaction::redactor(opening, "")?,
        wishes: config.worktree.clone(),
        inputs: origin.inputs,
        batch: origin.batch,
    };
    create(opening.home(), &new, &clock(), (random(), random())).map_err(|e| words::not_made(opening.program, &e))
}

/// The limits of a new session: what the configuration says, the flags among it, and the groups that were named.
///
/// # Errors
/// A group that nobody has configured.
pub fn limits_of(opening: &Opening, typed: &ace_cli::quota::Limits) -> Result<Limits, Complaint> {
    let config = &opening.settings.config;
    let own = &config.quota.session;
    Ok(Limits {
        answers: if config.answers == limits::ANSWERS_PER_TURN { 0 } else { u64::from(config.answers) },
        context: config.context,
        money: own.money,
        tokens: own.tokens,
        calls: own.calls,
        turns: own.turns,
        seconds: own.seconds,
        groups: groups(opening, &typed.group)?,
        shared: config.quota.is_shared(),
        purse: None,
    })
}

/// What the session's model takes in and gives out at once, tokens, if anybody knows: as configured, or as the table has it.
#[must_use]
pub fn window(opening: &Opening, state: &State) -> Option<u64> {
    let said = [opening.settings.config.context, state.limits.context].into_iter().find(|tokens| *tokens > 0);
    said.or_else(|| {
        let (provider, model) = split_model(&state.model)?;
        ace_prices::limits(provider, model).map(|limits| limits.window).filter(|tokens| *tokens > 0)
    })
}

fn groups(opening: &Opening, typed: &[String]) -> Result<Vec<String>, Complaint> {
    let mut groups: Vec<String> = Vec::new();
    for name in typed {
        if !opening.settings.config.quota.groups.contains_key(name) {
            return Err(words::no_group(opening.program, &opening.settings.config.quota, name));
        }
        if !groups.contains(name) {
            groups.push(name.clone());
        }
    }
    if groups.len() > limits::QUOTA_GROUPS {
        let what = format!("more than {} groups for one session", limits::QUOTA_GROUPS);
        return Err(Complaint::new(opening.program, Exit::Usage, what));
    }
    Ok(groups)
}

/// Records what limits a session from here on, if that is something new: what was typed, and that the day and the month are
/// limited by now. What is not said stays as it was.
///
/// # Errors
/// The log cannot be read or written, or a group that nobody has configured.
pub fn limit(opening: &Opening, log: &Log, typed: &ace_cli::quota::Limits) -> Result<(), Complaint> {
    let shared = opening.settings.config.quota.is_shared();
    if *typed == ace_cli::quota::Limits::default() && !shared {
        return Ok(());
    }
    let (state, _) =
        crate::answer::state_of(log).map_err(|e| Complaint::io(opening.program, "cannot read the log", &e))?;
    let mut limits = state.limits.clone();
    limits.shared |= shared;
    if let Some(money) = typed.budget {
        limits.money = money.0;
    }
    if let Some(span) = typed.max_time {
        limits.seconds = span.0;
    }
    for group in groups(opening, &typed.group)? {
        if !limits.groups.contains(&group) {
            limits.groups.push(group);
        }
    }
    if limits == state.limits {
        return Ok(());
    }
    let change = SessionConfigured { limits: Some(limits), ..SessionConfigured::default() };
    crate::say::configure(log, &state.session, &change).map_err(|e| words::append(opening.program, &state.name, &e))
}

/// The path of the recording that a session was begun with, if it plays one. A person named it, so it may be read.
fn recording(log: &Log) -> Option<String> {
    use std::io::BufRead;
    let mut line = Vec::new();
    let file = std::fs::File::open(log.file()).ok()?.take(limits::LINE_BYTES as u64);
    std::io::BufReader::new(file).read_until(b'\n', &mut line).ok()?;
    let line = ace_schema::Line::parse(line.trim_ascii_end()).ok()?;
    let created: ace_schema::data::SessionCreated = line.data().ok()?;
    played(&created.model).map(str::to_owned)
}

/// The path in `recorded/PATH`; none for a recording that is part of the program.
#[must_use]
pub fn played(model: &str) -> Option<&str> {
    let name = model.strip_prefix("recorded/")?;
    (name.contains('/') || std::path::Path::new(name).extension().is_some() || std::path::Path::new(name).is_dir())
        .then_some(name)
}

/// Gives the program that asks models one more option.
pub fn model_with(stages: &mut [Stage], option: &str, value: &str) {
    for stage in stages.iter_mut().filter(|s| s.kind == Kind::Model) {
        stage.argv.push(format!("{option}={value}"));
    }
}

/// The pipeline of a session, with the user's own filters and gates.
///
/// # Errors
/// The configuration of what is redacted is wrong: nothing may be recorded then.
pub fn plan(opening: &Opening, log: Log, until: Until) -> Result<Plan, Complaint> {
    let config = &opening.settings.config;
    let mut stages = suite(&[]);
    if let Some(path) = recording(&log) {
        model_with(&mut stages, "--play", &path);
    }
    let own = config.filters.iter().filter(|f| !f.is_empty()).take(limits::USER_FILTERS);
    stages.extend(own.map(|argv| Stage { argv: argv.clone(), kind: Kind::Filter, begins: Begins::AtOnce }));
    let mut gates = config.gates.clone();
    let session =
        log.folder().and_then(|f| f.file_name()).map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let redactor = redaction::redactor(opening, &session)?;
    // The last gate of all stands in the star, so that what the user's own put in is looked through too.
    if redactor.is_some() && gates.last().and_then(|argv| argv.first()).is_some_and(|program| program == REDACT) {
        gates.pop();
    }
    Ok(Plan {
        log,
        stages,
        gates,
        redactor,
        programs: Programs::beside_this(),
        until,
        leads: true,
        person: opening.person(),
        rules: opening.settings.user.clone(),
        hooks: config.awaited(),
    })
}
