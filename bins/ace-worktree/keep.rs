//! Making, landing, removing. Work is never lost: whatever is in the way is named, and everything stays as it was.

use ace_cli::{Complaint, Exit, SessionAddress};
use ace_front::{Opening, clock, random, sessions};
use ace_schema::data::{SessionCreated, WorktreeLanded};
use ace_schema::{Drafter, Kind, id, ty};
use ace_worktree as git;
use std::io::IsTerminal;
use std::io::Write;
use std::path::Path;

use crate::{PROGRAM, failed, here, place};

/// A worktree without a session, on a branch of its own.
pub fn create(opening: &Opening, name: &str, base: Option<&str>, carry: bool) -> Result<Exit, Complaint> {
    let repository = here(opening)?;
    let id = id::session(u64::try_from(clock().now()).unwrap_or(0), random());
    let root = repository.facts().root.clone().unwrap_or_default();
    let folder = root.file_name().map_or_else(|| "work".into(), std::ffi::OsStr::to_owned);
    let path = opening.home().worktree(&id).join(folder);
    let carry = if carry { git::Carry::Bring } else { git::Carry::Leave };
    let made = git::create(&repository, name, &path, base, carry).map_err(failed)?;
    // Whoever reads it may be gone, or its disk full: then the words say so, and where the worktree is.
    let path = made.place.path.display();
    let printed = writeln!(std::io::stdout(), "{path}");
    printed.map(|()| Exit::Done).map_err(|e| Complaint::io(PROGRAM, &format!("made '{path}', but cannot print"), &e))
}

fn person() -> git::Identity {
    git::user_identity().unwrap_or_else(|| git::Identity {
        name: ace_front::person(),
        email: format!("{}@{}", ace_front::person(), ace_front::machine()),
    })
}

/// What was done, in one line, where a person looks; a script reads the exit.
fn say(what: String) {
    if std::io::stderr().is_terminal() {
        eprintln!("{what}");
    }
}

fn in_place(session: &SessionAddress) -> Complaint {
    Complaint::new(PROGRAM, Exit::No, format!("'{session}' works in place: there is nothing to land or remove"))
}

/// The user's own repository behind a session.
fn home_of(created: &SessionCreated) -> Result<git::Repository, Complaint> {
    let root = created.repository.as_ref().map(|r| r.root.clone()).unwrap_or_default();
    git::discover(Path::new(&root))
        .map_err(failed)?
        .ok_or_else(|| Complaint::new(PROGRAM, Exit::No, format!("the repository at '{root}' is gone")))
}

/// Brings a session's work to the branch that is checked out in the user's own work tree.
pub fn land(opening: &Opening, session: &SessionAddress, onto: Option<&str>) -> Result<Exit, Complaint> {
    let created = sessions::created(opening, session)?;
    let place = place(session, &created)?.ok_or_else(|| in_place(session))?;
    let repository = home_of(&created)?;
    let branch = repository.facts().branch.clone().unwrap_or_default();
    if let Some(onto) = onto
        && onto != branch
    {
        let what = format!(
            "'{branch}' is checked out in {}, not '{onto}'",
            created.repository.map(|r| r.root).unwrap_or_default()
        );
        return Err(Complaint::new(PROGRAM, Exit::No, what).hint(format!("git switch {onto} there, then land again")));
    }
    let found = opening.find(session)?;
    let message = format!("{}\n\nAce-Session: {}", sessions::first_message(opening, session)?, found.id);
    let landed = git::land(&repository, &place, git::How::Merge, &message, &person()).map_err(failed)?;
    if repository.facts().head.as_ref() == Some(&landed.commit) {
        let what = format!("nothing to land: all of {} is on {}", landed.branch, landed.onto.unwrap_or_default());
        return Err(Complaint::new(PROGRAM, Exit::No, what));
    }
    let data = WorktreeLanded {
        branch: landed.branch.clone(),
        into: landed.onto.clone().unwrap_or_default(),
        commit: landed.commit.clone(),
        how: if landed.fast_forward { "forward" } else { "merge" }.to_owned(),
    };
    record(opening, session, &data)?;
    let files = if landed.files == 1 { "1 file".to_owned() } else { format!("{} files", landed.files) };
    say(format!(
        "landed {} on {}: {files} changed, {}",
        landed.branch,
        data.into,
        &landed.commit[..landed.commit.len().min(7)]
    ));
    Ok(Exit::Done)
}

fn record(opening: &Opening, session: &SessionAddress, data: &WorktreeLanded) -> Result<(), Complaint> {
    let name = session.to_string();
    let refused = |e| ace_front::words::append(PROGRAM, &name, &e);
    let found = opening.find(session)?;
    let mut drafter = Drafter::new(PROGRAM, random());
    drafter.set_session(&found.id);
    let (_, line) = drafter.draft(0, "", ty::WORKTREE_LANDED, data);
    let mut log = opening.log(&found).append(clock()).map_err(refused)?;
    let pen = log.open_pen(Kind::Person).map_err(refused)?;
    log.append(pen.nib(), &line).map(|_| ()).map_err(refused)
}

/// Removes one worktree; a branch with commits of its own stays.
pub fn remove(opening: &Opening, session: &SessionAddress, force: bool) -> Result<Exit, Complaint> {
    let created = sessions::created(opening, session)?;
    let place = place(session, &created)?.ok_or_else(|| in_place(session))?;
    if ace_storage::Runner::holder(&opening.find(session)?.path).is_some() {
        return Err(
            Complaint::new(PROGRAM, Exit::Busy, format!("'{session}' runs")).hint(format!("ace cancel {session}"))
        );
    }
    let force = if force { git::Force::Yes } else { git::Force::No };
    let removed = git::remove(&home_of(&created)?, &place.path, force).map_err(failed)?;
    let branch = if removed.branch_deleted { "and its branch" } else { "its branch stays:" };
    say(format!("removed the worktree, {branch} {}", removed.branch));
    Ok(Exit::Done)
}

/// Removes what is merged, or belongs to no session; never what would be lost.
pub fn prune(opening: &Opening, dry_run: bool) -> Result<Exit, Complaint> {
    let repository = here(opening)?;
    let home = opening.home().clone();
    // The folder above a worktree bears its session's id.
    let folder = |listed: &git::Listed| {
        let id = listed.place.path.parent()?.file_name()?.to_str()?.to_owned();
        listed.place.path.starts_with(home.path()).then(|| home.session(&id))
    };
    let settled = |l: &git::Listed| folder(l).is_some_and(|f| ace_storage::Runner::holder(&f).is_none());
    let orphan = |l: &git::Listed| folder(l).is_some_and(|f| !f.exists());
    let pruned = git::prune(&repository, settled, orphan, dry_run).map_err(failed)?;
    let goes = pruned.iter().filter(|p| p.verdict.goes()).count();
    for one in &pruned {
        let verb = match (one.verdict.goes(), dry_run) {
            (true, true) => "would remove",
            (true, false) => "removed",
            (false, _) => "kept",
        };
        eprintln!("{verb} {}: {}", one.listed.branch, why(one.verdict));
    }
    let trees = if goes == 1 { "1 worktree".to_owned() } else { format!("{goes} worktrees") };
    eprintln!("{} {trees}", if dry_run { "would remove" } else { "removed" });
    Ok(Exit::Done)
}

fn why(verdict: git::Verdict) -> &'static str {
    use git::Verdict as V;
    match verdict {
        V::Merged => "its commits are elsewhere",
        V::Orphan => "it belongs to no session",
        V::Gone => "its folder was gone",
        V::Dirty => "something is uncommitted",
        V::Unmerged => "its commits are nowhere else",
        V::Locked => "it is locked",
        V::PointerChanged => "its links were changed",
        V::Failed => "it could not be looked at",
    }
}
