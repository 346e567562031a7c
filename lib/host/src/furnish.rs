//! A fresh worktree made ready to work in: ignored files that come along, ports and caches of its own, and the commands that set it
//! up, which run in the sandbox as a tool would. Nothing of it costs anything where nothing is configured.

use ace_config::Worktree as Wishes;
use ace_schema::data::{SessionCreated, Variable};
use ace_schema::limits::worktree as limits;
use ace_worktree as git;
use serde_json::json;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::stage::Programs;

/// Why a worktree was not made ready.
#[derive(Debug, thiserror::Error)]
pub enum FurnishError {
    /// Git, or the files.
    #[error(transparent)]
    Git(#[from] git::Error),
    /// A command that sets it up failed; it has said why.
    #[error("the setup of the worktree failed")]
    Setup,
    /// It could not be run at all.
    #[error("cannot run the setup of the worktree: {0}")]
    Start(std::io::Error),
}

/// Makes the worktree of `making` ready as wished. `created` says what its tools are told, and learns their variables; `root` is the
/// user's own tree.
///
/// # Errors
/// See [`FurnishError`]; the worktree is to be given up then.
pub fn furnish(
    making: &git::Making,
    root: &Path,
    (session, created): (&str, &mut SessionCreated),
    wishes: &Wishes,
) -> Result<(), FurnishError> {
    let place = &making.created().place;
    let items: Vec<git::Item> = wishes.bring.iter().filter_map(|text| git::Item::parse(text)).collect();
    if !items.is_empty() {
        git::bring(root, place, &items)?;
    }
    let Some(tree) = &mut created.worktree else { return Ok(()) };
    let wanted: Vec<&String> = wishes.ports.iter().take(limits::VARIABLES).collect();
    if let Some(count) = u16::try_from(wanted.len()).ok().filter(|count| *count > 0) {
        let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        let ports = making.reserve_ports(count, is_free)?;
        let named = wanted.into_iter().zip(&ports);
        tree.variables.extend(named.map(|(name, port)| Variable { name: name.clone(), value: port.to_string() }));
    }
    for name in wishes.caches.iter().take(limits::VARIABLES) {
        let folder = git::cache_of(&place.path, name);
        std::fs::create_dir_all(&folder).map_err(|source| git::Error::Io { path: folder.clone(), source })?;
        tree.variables.push(Variable { name: name.clone(), value: folder.display().to_string() });
    }
    if wishes.setup.is_empty() { Ok(()) } else { set_up(session, created, &wishes.setup) }
}

/// Runs the commands, one after the other, in the sandbox of the session's tools. What they say goes to stderr.
fn set_up(session: &str, created: &SessionCreated, commands: &[Vec<String>]) -> Result<(), FurnishError> {
    let mut command = Command::new(Programs::beside_this().find("ace-tool"));
    command.arg("setup").stdin(Stdio::piped()).stdout(Stdio::null());
    if created.unsandboxed {
        command.arg("--unsandboxed");
    }
    let mut child = command.spawn().map_err(FurnishError::Start)?;
    let order = json!({"session": session, "created": created, "commands": commands}).to_string();
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read it to the end fails, and is told so.
        let _ = stdin.write_all(order.as_bytes());
    }
    let status = child.wait().map_err(FurnishError::Start)?;
    if status.success() { Ok(()) } else { Err(FurnishError::Setup) }
}
