//! `ace config` and `ace trust`: what is configured and who said so; what a repository may start.

use ace_cli::ace::{Ace, Change};
use ace_cli::{Complaint, Exit};
use ace_front::{listing, open, shown, words};
use ace_host::{Places, Trust, project_file};
use ace_view::{Role, Text, render};
use std::io::Write;
use std::path::PathBuf;

use crate::PROGRAM;

fn print(text: &str) -> Result<Exit, Complaint> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map(|()| Exit::Done).map_err(|e| Complaint::io(PROGRAM, "cannot print", &e))
}

/// The effective configuration as TOML again, with its origins if they are asked for.
pub fn config(args: &Ace, origin: bool, all: bool, change: Option<&Change>) -> Result<Exit, Complaint> {
    if let Some(Change::Set { key, value }) = change {
        return set(key, value);
    }
    let opening = open(PROGRAM, Vec::new())?;
    let config = &opening.settings.config;
    let style = listing(args.color);
    let mut rows: Vec<(String, String)> =
        config.settings().map(|(key, value, at)| (format!("{key} = {value}"), at.to_string())).collect();
    if all {
        let defaults = [
            ("mode", format!("\"{}\"", config.mode.name())),
            ("limits.answers", config.answers.to_string()),
            ("notify.bell", config.bell.to_string()),
            ("notify.desktop", format!("\"{}\"", config.desktop.name())),
        ];
        for (key, value) in defaults {
            if !config.settings().any(|(k, ..)| k == key) {
                rows.push((format!("{key} = {value}"), "default".to_owned()));
            }
        }
        for provider in config.providers.values().filter(|p| !p.base_url.is_empty()) {
            let key = format!("providers.{}.base_url", provider.name);
            if !config.settings().any(|(k, ..)| k == key) {
                rows.push((format!("{key} = \"{}\"", provider.base_url), "default".to_owned()));
            }
        }
    }
    let widest = rows.iter().map(|(row, _)| row.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for (row, at) in rows {
        let mut line = Text::new().plain(&row);
        if origin {
            line = line.gap(widest.saturating_sub(row.chars().count()) + 3).with(Role::Dim, format!("# {at}"));
        }
        out += &(render(&line, &style) + "\n");
    }
    for ignored in &config.ignored {
        let place = ignored.file.as_deref().unwrap_or("the project's file");
        let line =
            Text::of(Role::Edge, format!("# ignored, {}: {}  {place}:{}", ignored.why, ignored.key, ignored.line));
        out += &(render(&line, &style) + "\n");
    }
    print(&out)
}

/// Writes one value into the user's own file.
fn set(key: &str, value: &str) -> Result<Exit, Complaint> {
    let file = Places::from_environment().user_file().ok_or_else(|| {
        Complaint::new(PROGRAM, Exit::Config, "no place for a configuration: neither ACE_CONFIG nor HOME is set")
    })?;
    let name = shown(&file);
    let cannot = |e: &std::io::Error| Complaint::io(PROGRAM, &format!("cannot write '{name}'"), e);
    let old = match std::fs::read_to_string(&file) {
        Ok(old) => old,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(e) => return Err(Complaint::io(PROGRAM, &format!("cannot read '{name}'"), &e)),
    };
    let new = ace_config::set(&name, &old, key, value)
        .map_err(|problems| words::settings(PROGRAM, &ace_host::SettingsError::Problems(problems)))?;
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(|e| cannot(&e))?;
    }
    // Aside and renamed: a configuration half written is worse than an old one.
    let aside = file.with_extension(format!("new-{}", std::process::id()));
    std::fs::write(&aside, new).and_then(|()| std::fs::rename(&aside, &file)).map_err(|e| cannot(&e))?;
    Ok(Exit::Done)
}

/// What this project's own file would start, and whether it may.
pub fn trust(show: bool, revoke: bool) -> Result<Exit, Complaint> {
    let opening = open(PROGRAM, Vec::new())?;
    let file: PathBuf = project_file(&opening.cwd).unwrap_or_default();
    let name = shown(&file);
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(Complaint::new(PROGRAM, Exit::No, format!("nothing to trust: there is no '{name}'")));
        }
        Err(e) => return Err(Complaint::io(PROGRAM, &format!("cannot read '{name}'"), &e)),
    };
    let home = opening.home().path().to_owned();
    let cannot = |e: std::io::Error| Complaint::io(PROGRAM, "cannot keep what is trusted", &e);
    let mut trust = Trust::read(&home).map_err(cannot)?;
    if revoke {
        return match trust.take_back(&file).map_err(cannot)? {
            true => Ok(Exit::Done),
            false => Err(Complaint::new(PROGRAM, Exit::No, format!("'{name}' was not trusted"))),
        };
    }
    let starts = would_start(&name, &text)?;
    let held = trust.holds(&file, &text);
    let mut out = format!("{name}: {}\n", if held { "trusted as it stands" } else { "not trusted as it stands" });
    for (what, argv) in &starts {
        let words: Vec<String> = argv.iter().map(|w| ace_view::visible(w, Role::Plain).words()).collect();
        out += &format!("  {what:<16}  {}\n", words.join(" "));
    }
    if starts.is_empty() {
        out += "  starts nothing\n";
    }
    print(&out)?;
    if show {
        return Ok(Exit::Done);
    }
    trust.give(&file, &text).map_err(cannot)?;
    if !held {
        print("trusted from now on, until the file changes\n")?;
    }
    Ok(Exit::Done)
}

/// The programs a project's file names, as they would start once it is trusted.
fn would_start(name: &str, text: &str) -> Result<Vec<(&'static str, Vec<String>)>, Complaint> {
    let mut layer = ace_config::Layer::file(ace_config::LayerName::Project, name, text);
    layer.trusted = true;
    let config = ace_config::load(&[layer])
        .map_err(|problems| words::settings(PROGRAM, &ace_host::SettingsError::Problems(problems)))?;
    let filters = config.filters.into_iter().map(|argv| ("filter", argv));
    let gates = config.gates.into_iter().map(|argv| ("gate", argv));
    let hooks = config.hooks.into_iter().map(|hooked| {
        let about = if hooked.matcher.is_all() { String::new() } else { format!("({})", hooked.matcher.text()) };
        (hooked.on.name(), hooked.argv.into_iter().chain(Some(about).filter(|about| !about.is_empty())).collect())
    });
    let setup = config.worktree.setup.into_iter().map(|argv| ("setup", argv));
    let brought = Some(config.worktree.bring).filter(|bring| !bring.is_empty()).map(|bring| ("brings along", bring));
    Ok(filters.chain(gates).chain(hooks).chain(setup).chain(brought).collect())
}
