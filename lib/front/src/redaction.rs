//! What is taken out of what a person says, and of what a session records: the configured policy with the values of this machine's
//! secret variables, and the key of the placeholders.
//!
//! Who may know the values: the programs that act for the person who typed them, which have the variables anyway; `ace-model`, which
//! needs the keys; and `ace-redact`, which cannot find what it does not know. No other filter is handed any. Who keeps a session
//! going acts for that person, and looks through what the filters draft itself.

use ace_cli::{Complaint, Exit, When};
use ace_redact::{Key, Personal, Policy, Redactor, rule_names};
use ace_schema::redaction;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::opening::Opening;
use crate::words;

/// The file of the key below the ace home.
const KEY_FILE: &str = "redact.key";

/// What is looked for here.
///
/// # Errors
/// The configuration leaves out a rule that there is not.
pub fn policy(opening: &Opening) -> Result<Policy, Complaint> {
    let configured = &opening.settings.config.redact;
    let rules = rule_names();
    if let Some(unknown) = configured.leave.iter().find(|name| !rules.contains(&name.as_str())) {
        let what = format!("'redact.leave' knows no rule '{unknown}'");
        let complaint = Complaint::new(opening.program, Exit::Config, what);
        return Err(match ace_config::nearest(unknown, rules.iter().copied()) {
            Some(near) => complaint.hint(format!("did you mean '{near}'?")),
            None => complaint.hint(format!("one of {}", rules.join(", "))),
        });
    }
    Ok(Policy {
        personal: configured.personal.iter().filter_map(|name| Personal::parse(name)).collect(),
        prefixes: configured.prefixes.clone(),
        left_out: configured.leave.clone(),
        values: values(opening),
        key: key(opening.home().path()),
    })
}

/// The secret variables of this process by name and value.
fn values(opening: &Opening) -> Vec<(String, String)> {
    let config = &opening.settings.config;
    let keys = config.providers.values().filter_map(|p| p.api_key_env.as_deref());
    let named: Vec<&str> = keys.chain(config.redact.variables.iter().map(String::as_str)).collect();
    let is_named = |name: &OsStr| named.iter().any(|known| OsStr::new(known) == name);
    std::env::vars_os()
        .filter(|(name, _)| ace_sandbox::holds_secret(name) || is_named(name))
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The key of this home, made on first use: from the log alone nobody can try values until an ID fits. Where it cannot be kept it is
/// another each time, and two IDs of one value differ.
fn key(home: &Path) -> Key {
    if let Some(seed) = std::env::var_os("ACE_SEED") {
        return Key::of(seed.as_encoded_bytes());
    }
    let file = home.join(KEY_FILE);
    let read = || std::fs::read(&file).ok().filter(|key| key.len() == 32).map(|key| Key::of(&key));
    read().or_else(|| make(&file).ok().and_then(|()| read())).unwrap_or_else(|| {
        let mut fresh = [0; 32];
        // Without randomness nothing else here works either.
        let _ = getrandom::fill(&mut fresh);
        Key(fresh)
    })
}

/// Writes a fresh key as a whole, unless somebody else did meanwhile.
fn make(file: &Path) -> std::io::Result<()> {
    let mut fresh = [0; 32];
    getrandom::fill(&mut fresh).map_err(std::io::Error::other)?;
    let aside = file.with_extension(format!("key-{}", std::process::id()));
    let mut new = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
    let linked = new.write_all(&fresh).and_then(|()| new.sync_all()).and_then(|()| std::fs::hard_link(&aside, file));
    let _ = std::fs::remove_file(&aside);
    match linked {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// What a person says to a session, as it may be recorded; they are told if something was taken out.
///
/// # Errors
/// See [`policy`].
pub fn said(opening: &Opening, session: &str, text: String, color: When) -> Result<String, Complaint> {
    let Some(clean) = redactor(opening, session)?.and_then(|redactor| redactor.text(&text)) else { return Ok(text) };
    let (what, hint) = words::redacted(redaction::count(&clean).saturating_sub(redaction::count(&text)));
    ace_cli::note(opening.program, &what, hint, color);
    Ok(clean)
}

/// What cleans texts of a session here; `None` if that is switched off.
///
/// # Errors
/// See [`policy`].
pub fn redactor(opening: &Opening, session: &str) -> Result<Option<Redactor>, Complaint> {
    if opening.settings.config.redact.off {
        return Ok(None);
    }
    let base = match opening.redactor.get() {
        Some(base) => base,
        None => {
            let base = Redactor::new(&policy(opening)?, "");
            opening.redactor.get_or_init(|| base)
        }
    };
    Ok(Some(base.of_session(session)))
}

/// A text without its secrets, where nobody needs to be told.
///
/// # Errors
/// See [`policy`].
pub fn cleaned(opening: &Opening, text: &str) -> Result<String, Complaint> {
    let clean = redactor(opening, "")?.and_then(|redactor| redactor.text(text));
    Ok(clean.unwrap_or_else(|| text.to_owned()))
}

/// A name without its secrets: of such a one a name is made of what is left.
///
/// # Errors
/// See [`policy`].
pub fn name(opening: &Opening, name: &str) -> Result<String, Complaint> {
    let clean = redactor(opening, "")?.and_then(|redactor| redactor.text(name));
    Ok(clean.map_or_else(|| name.to_owned(), |clean| ace_host::name_of(&redaction::without(&clean))))
}

/// Reads all of stdin in pieces.
///
/// # Errors
/// Reading failed, or `take` did.
pub fn pieces(mut take: impl FnMut(&[u8]) -> std::io::Result<()>) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut stdin = std::io::stdin().lock();
    let mut rounds = ace_host::Rounds::default();
    loop {
        rounds.count();
        match stdin.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => take(&buffer[..n])?,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}
