//! `ace-model list` and `check`: which providers and models there are, and whether one of them answers.

use ace_cli::{Complaint, Exit, When};
use ace_config::{Choice, Config, Wire, choose_model, models};
use ace_front::{Opening, listing, words};
use ace_model_gateway::{Ask, Client, Event, Provider, Settings, Transcript};
use ace_schema::message::{Message, Piece, Usage};
use ace_view::table::{Column, Table};
use ace_view::{Mark, Role, Text, render, units, visible};
use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use crate::{PROGRAM, asking};

/// What the model of a check is asked: little, and something that needs a tool.
const QUESTION: &str =
    "Call the tool 'ping' once, with no arguments. If you cannot call tools, answer with the word pong.";
const TOOLS: &str = r#"[{"name":"ping","description":"Answers pong.","parameters":{"type":"object","properties":{}}}]"#;

fn has(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|v| !v.is_empty())
}

fn print(text: &str) -> Result<Exit, Complaint> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map(|()| Exit::Done).map_err(|e| Complaint::io(PROGRAM, "cannot print", &e))
}

/// The model that is taken when nobody names one.
fn chosen(config: &Config) -> Option<String> {
    match choose_model(config, has) {
        Choice::Configured(model) | Choice::Found { model, .. } => Some(model),
        Choice::None => None,
    }
}

/// Providers in the order of their names, with their keys and the models that are known by name.
pub fn list(opening: &Opening, json: bool, color: When) -> Result<Exit, Complaint> {
    let config = &opening.settings.config;
    let chosen = chosen(config);
    let mut out = String::new();
    let style = listing(color);
    let mut table = Table::new(vec![
        Column::text("PROVIDER"),
        Column::text("MODEL"),
        Column::text("SHORT"),
        Column::text("KEY"),
        Column::text("ADDRESS").grows(),
    ]);
    for provider in config.providers.values() {
        let address = provider.address(|name| std::env::var(name).ok());
        // Of several variables the one that is set counts.
        let key = provider.key_envs().find(|name| has(name)).or(provider.key_envs().next());
        let key = key.map(|name| (name, has(name)));
        let own = |model: &&String| model.split_once('/').is_some_and(|(name, _)| name == provider.name);
        let is_chosen = chosen.as_ref().filter(own);
        let default = provider.default_model.as_ref().map(|model| format!("{}/{model}", provider.name));
        let model = is_chosen.cloned().or(default);
        let short: BTreeMap<&str, &str> = models()
            .alias
            .iter()
            .filter(|(_, model)| own(model))
            .map(|(short, model)| (short.as_str(), model.as_str()))
            .collect();
        if json {
            let row = serde_json::json!({
                "provider": provider.name, "wire": provider.wire.name(), "base_url": address, "model": model,
                "short": short, "api_key_env": key.map(|(name, _)| name), "ready": key.is_none_or(|(_, set)| set),
                "chosen": is_chosen.is_some(),
            });
            out += &format!("{row}\n");
            continue;
        }
        let mark = match (is_chosen, key) {
            (Some(_), _) => Text::marked(Mark::Done, &style),
            (None, _) => Text::new(),
        };
        let key = match key {
            Some((name, true)) => Text::of(Role::Good, format!("{name} is set")),
            Some((name, false)) => Text::of(Role::Dim, format!("{name} is not set")),
            None => Text::of(Role::Dim, "needs none"),
        };
        let name = visible(&provider.name, Role::Bold);
        let model = visible(model.as_deref().unwrap_or("-"), Role::Plain);
        let address = if address.is_empty() { "-".to_owned() } else { address };
        let names: Vec<&str> = short.into_keys().collect();
        let short = Text::of(Role::Typed, names.join(" "));
        table.row(mark, vec![name, model, short, key, visible(&address, Role::Dim)]);
    }
    if !json {
        out = table.draw(&style).iter().map(|line| render(line, &style) + "\n").collect();
        if chosen.is_none() {
            out += "no model is chosen: export a key, or: ace config set model NAME/MODEL\n";
        }
    }
    print(&out)
}

/// What a check found.
struct Found {
    first: Option<Duration>,
    whole: Duration,
    tools: bool,
    usage: Usage,
}

/// One tiny call: whether it answers, how soon, and whether it calls tools.
pub fn check(opening: &Opening, name: Option<&str>, json: bool, color: When) -> Result<Exit, Complaint> {
    let config = &opening.settings.config;
    let wrong = |what: String| Complaint::new(PROGRAM, Exit::Config, what).hint("ace-model list shows what there is");
    let typed = name.map(str::to_owned).or_else(|| chosen(config));
    let typed = typed.ok_or_else(|| wrong("no model: none is named and none is configured".to_owned()))?;
    let full = models().full(&typed);
    let (provider, model) = full.split_once('/').unwrap_or((full, ""));
    let configured =
        config.providers.get(provider).ok_or_else(|| wrong(format!("no provider '{provider}' is configured")))?;
    let model = match (model, &configured.default_model) {
        ("", Some(model)) => model.as_str(),
        ("", None) => return Err(wrong(format!("'{provider}' has no model of its own: name one, {provider}/MODEL"))),
        (model, _) => model,
    };
    let provider = asking::provider(configured, model);
    let found = ask(&provider, model).map_err(|failure| {
        let exit = match (&failure.code, words::exit_of(&failure.code)) {
            (ace_schema::data::Code::NotFound, _) => Exit::Config,
            (_, exit) => exit,
        };
        let complaint = Complaint::new(PROGRAM, exit, failure.message);
        if failure.hint.is_empty() { complaint } else { complaint.hint(failure.hint) }
    })?;
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    // A recording costs nothing; what a provider takes is not known here.
    let cost = (configured.wire == Wire::Recorded).then_some(0);
    let input = found.usage.input + found.usage.cache_read + found.usage.cache_write;
    if json {
        let row = serde_json::json!({
            "model": format!("{}/{model}", provider.name), "first_ms": found.first.map(ms), "ms": ms(found.whole),
            "tools": found.tools, "usage": found.usage, "cost": cost,
        });
        return print(&format!("{row}\n"));
    }
    let style = listing(color);
    let first = found.first.map(|time| format!(", first token in {}", units::duration(ms(time)))).unwrap_or_default();
    let rest = format!(
        "  answers in {}{first}, tools {}, {} in, {} out, {}",
        units::duration(ms(found.whole)),
        if found.tools { "yes" } else { "no" },
        units::tokens(input),
        units::tokens(found.usage.output),
        units::cost(cost),
    );
    let name = format!("{}/{model}", provider.name);
    let mark = if found.tools { Mark::Done } else { Mark::Warns };
    let line = Text::marked(mark, &style).and(visible(&name, Role::Bold)).plain(rest);
    print(&(render(&line, &style) + "\n"))
}

fn ask(provider: &Provider, model: &str) -> Result<Found, ace_model_gateway::Failure> {
    // One try is enough to tell: whoever checks wants to know of the first failure.
    let client = Client::new(Settings { attempts: 1, ..Settings::default() });
    let mut transcript = Transcript::new(provider, model);
    transcript.push(&Message::User(QUESTION.into()));
    let ask = Ask { model, system: "", tools: TOOLS, schema: "", session: "", output: None };
    let start = Instant::now();
    let mut found = Found { first: None, whole: Duration::ZERO, tools: false, usage: Usage::default() };
    let mut on = |event| {
        let Event::Piece(piece) = event else { return };
        match piece {
            Piece::Usage(usage) => found.usage = usage,
            Piece::Stop(_) => {}
            Piece::Call { .. } | Piece::CallBegins(_) => {
                found.first.get_or_insert_with(|| start.elapsed());
                found.tools = true;
            }
            _ => {
                found.first.get_or_insert_with(|| start.elapsed());
            }
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| ace_model_gateway::Failure {
        code: ace_schema::data::Code::Io,
        message: format!("cannot begin: {e}"),
        hint: String::new(),
        retried: 0,
    })?;
    runtime.block_on(client.answer(provider, &ask, &transcript, &mut on))?;
    found.whole = start.elapsed();
    Ok(found)
}
