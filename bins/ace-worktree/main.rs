//! `ace-worktree`: a worktree and a branch for each session; what was changed there; and the way home.

mod bisect;
mod keep;
mod land;
mod look;
mod rebase;
mod recover;
mod request;
mod states;

use ace_cli::worktree::Command;
use ace_cli::{Complaint, Exit, SessionAddress};
use ace_front::{Opening, ended, open, words};
use ace_schema::data::SessionCreated;
use ace_worktree as git;
use std::path::PathBuf;
use std::process::ExitCode;

const PROGRAM: &str = "ace-worktree";

fn main() -> ExitCode {
    match ace_cli::parse::<ace_cli::worktree::Worktree>() {
        Ok(args) => ended(run(&args), args.color),
        Err(code) => code,
    }
}

fn run(args: &ace_cli::worktree::Worktree) -> Result<Exit, Complaint> {
    let opening = open(PROGRAM, Vec::new())?;
    match &args.command {
        Command::Create { name, base, from, carry } => {
            keep::create(&opening, name, (base.as_deref(), from.as_ref()), *carry)
        }
        Command::List { json } => look::list(&opening, *json, args.color),
        Command::Diff { session, stat } => look::diff(&opening, session, *stat, args.color),
        Command::At { session, folder } => recover::at(&opening, session, folder.as_deref()),
        Command::Bisect(args) => bisect::bisect(&opening, args),
        Command::Rebase(args) => rebase::rebase(&opening, args),
        Command::Land(args) => land::land(&opening, args),
        Command::Remove { session, force } => keep::remove(&opening, session, *force),
        Command::Recover { session } => recover::recover(&opening, session),
        Command::Lock { session, reason } => keep::lock(&opening, session, Some(reason)),
        Command::Unlock { session } => keep::lock(&opening, session, None),
        Command::Mirror { session } => states::mirror(&opening, session),
        Command::Prune { dry_run, states: true, .. } => states::clean(&opening, *dry_run),
        Command::Prune { dry_run, anchored, .. } => keep::prune(&opening, *dry_run, *anchored),
    }
}

/// What git says no to, in words.
fn failed(e: git::Error) -> Complaint {
    words::worktree(PROGRAM, &e)
}

/// The worktree of a session as its record has it; nothing for one that works in place.
///
/// # Errors
/// The worktree was removed.
fn place(session: &SessionAddress, created: &SessionCreated) -> Result<Option<git::Place>, Complaint> {
    let Some(tree) = &created.worktree else { return Ok(None) };
    let place = git::Place { git_dir: PathBuf::from(&tree.git_dir), path: PathBuf::from(&tree.path) };
    if place.path.exists() {
        return Ok(Some(place));
    }
    let what = format!("the worktree of '{session}' was removed");
    Err(Complaint::new(PROGRAM, Exit::No, what).hint(format!("ace-worktree recover {session} brings it back")))
}

/// The repository around the person.
fn here(opening: &Opening) -> Result<git::Repository, Complaint> {
    git::discover(&opening.cwd)
        .map_err(failed)?
        .ok_or_else(|| Complaint::new(PROGRAM, Exit::Usage, format!("not a git repository: {}", opening.cwd.display())))
}
