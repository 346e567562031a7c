//! Making, landing, removing. Work is never lost: whatever is in the way is named, and everything stays as it was.

use ace_cli::{Complaint, Exit, SessionAddress};
use ace_config::Worktree as Wishes;
use ace_front::{Opening, clock, random, sessions};
use ace_schema::data::{SessionCreated, Variable, Worktree};
use ace_schema::{id, ty};
use ace_worktree as git;
use std::io::IsTerminal;
use std::io::Write;
use std::path::Path;

use crate::{PROGRAM, failed, here, place};

/// A worktree without a session, on a branch of its own; from a commit, or with the files of a session.
pub fn create(
    opening: &Opening,
    name: &str,
    (base, from): (Option<&str>, Option<&SessionAddress>),
    carry: bool,
) -> Result<Exit, Complaint> {
    let id = id::session(u64::try_from(clock().now()).unwrap_or(0), random());
    let made = match from {
        Some(session) => with_files(opening, session, (name, &id))?,
        None => {
            let repository = here(opening)?;
            let root = repository.facts().root.clone().unwrap_or_default();
            let folder = root.file_name().map_or_else(|| "work".into(), std::ffi::OsStr::to_owned);
            let path = opening.home().worktree(&id).join(folder);
            let carry = if carry { git::Carry::Bring } else { git::Carry::Leave };
            git::begin(&repository, name, &path, base, carry).map_err(failed)?
        }
    };
    let variables = furnish(opening, &made, &id)?;
    let made = made.finish();
    for own in variables.iter().filter(|_| std::io::stderr().is_terminal()) {
        eprintln!("export {}={}", own.name, own.value);
    }
    // Whoever reads it may be gone, or its disk full: then the words say so, and where the worktree is.
    let path = made.place.path.display();
    let printed = writeln!(std::io::stdout(), "{path}");
    printed.map(|()| Exit::Done).map_err(|e| Complaint::io(PROGRAM, &format!("made '{path}', but cannot print"), &e))
}

/// Makes a worktree ready as configured; the variables that keep it apart.
fn furnish(opening: &Opening, made: &git::Making, id: &str) -> Result<Vec<Variable>, Complaint> {
    let wishes = &opening.settings.config.worktree;
    let repository = here(opening)?;
    let (Some(root), true) = (&repository.facts().root, *wishes != Wishes::default()) else {
        return Ok(Vec::new());
    };
    let place = &made.created().place;
    let tree = Worktree {
        path: place.path.display().to_string(),
        git_dir: place.git_dir.display().to_string(),
        ..Worktree::default()
    };
    let mut created = SessionCreated { cwd: tree.path.clone(), worktree: Some(tree), ..SessionCreated::default() };
    let done = ace_host::furnish(made, root, (id, &mut created), wishes);
    done.map_err(|e| ace_front::words::furnish(PROGRAM, &e))?;
    Ok(created.worktree.unwrap_or_default().variables)
}

/// A worktree with the files of a session, at one of its records.
fn with_files(opening: &Opening, session: &SessionAddress, name: (&str, &str)) -> Result<git::Making, Complaint> {
    let shown = session.place_text();
    let log = opening.log(&opening.find(session)?);
    let cannot = |e| Complaint::io(PROGRAM, &format!("cannot read '{shown}'"), &e);
    let no = |what: String| Complaint::new(PROGRAM, Exit::No, what);
    let past = ace_host::point(&log, session.seq).map_err(cannot)?;
    let past =
        past.map_err(|last| no(format!("'{shown}' has no line {}, the last is @{last}", session.seq.unwrap_or(0))))?;
    let repository = home_of(&past.state.created)?;
    let made = ace_host::at_point(opening.home(), &repository, &past, name);
    let (made, is_known) = made.map_err(|e| ace_front::words::travel(PROGRAM, &shown, &e))?;
    if !is_known {
        return Err(no(format!("nothing is recorded of the files of '{shown}'")));
    }
    Ok(made)
}

pub fn person() -> git::Identity {
    git::user_identity().unwrap_or_else(|| git::Identity {
        name: ace_front::person(),
        email: format!("{}@{}", ace_front::person(), ace_front::machine()),
    })
}

/// What was done, in one line, where a person looks; a script reads the exit.
pub fn say(what: String) {
    if std::io::stderr().is_terminal() {
        eprintln!("{what}");
    }
}

pub fn in_place(session: &SessionAddress) -> Complaint {
    Complaint::new(PROGRAM, Exit::No, format!("'{session}' works in place: there is nothing to land or remove"))
}

/// The user's own repository behind a session.
pub fn home_of(created: &SessionCreated) -> Result<git::Repository, Complaint> {
    let root = created.repository.as_ref().map(|r| r.root.clone()).unwrap_or_default();
    git::discover(Path::new(&root))
        .map_err(failed)?
        .ok_or_else(|| Complaint::new(PROGRAM, Exit::No, format!("the repository at '{root}' is gone")))
}

/// Locks a session's worktree with a reason, or unlocks it.
pub fn lock(opening: &Opening, session: &SessionAddress, reason: Option<&str>) -> Result<Exit, Complaint> {
    let created = sessions::created(opening, session)?;
    let place = place(session, &created)?.ok_or_else(|| in_place(session))?;
    match reason {
        Some(reason) => git::lock(&place, reason).map_err(failed)?,
        None if !git::unlock(&place).map_err(failed)? => {
            return Err(Complaint::new(PROGRAM, Exit::No, format!("the worktree of '{session}' is not locked")));
        }
        None => {}
    }
    Ok(Exit::Done)
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
    if let Some(tree) = &created.worktree {
        crate::land::draft(opening, session, ty::WORKTREE_REMOVED, tree)?;
    }
    if let Some(folder) = place.path.parent() {
        let _ = git::sweep(folder);
    }
    let branch = if removed.branch_deleted { "and its branch" } else { "its branch stays:" };
    say(format!("removed the worktree, {branch} {}", removed.branch));
    Ok(Exit::Done)
}

/// Removes what is merged, belongs to no session, or was never finished; never what would be lost. With `anchored` also what a
/// session's record holds as it is: that can be had back.
pub fn prune(opening: &Opening, dry_run: bool, anchored: bool) -> Result<Exit, Complaint> {
    let repository = here(opening)?;
    let home = opening.home();
    // The folder above a worktree bears its session's id.
    let id = |listed: &git::Listed| {
        let id = listed.place.path.parent()?.file_name()?.to_str()?.to_owned();
        listed.place.path.starts_with(home.path()).then_some(id)
    };
    let folder = |listed: &git::Listed| id(listed).map(|id| home.session(&id));
    let settled = |l: &git::Listed| folder(l).is_some_and(|f| ace_storage::Runner::holder(&f).is_none());
    let orphan = |l: &git::Listed| folder(l).is_some_and(|f| !f.exists());
    let kept = |l: &git::Listed| anchored && id(l).is_some_and(|id| is_anchored(opening, &id, l).unwrap_or(false));
    let rules = git::Rules { settled: &settled, orphan: &orphan, anchored: &kept };
    let pruned = git::prune(&repository, &rules, dry_run).map_err(failed)?;
    let goes = pruned.iter().filter(|p| p.verdict.goes()).count();
    let verbs = |goes| match (goes, dry_run) {
        (true, true) => "would remove",
        (true, false) => "removed",
        (false, _) => "kept",
    };
    for one in &pruned {
        eprintln!("{} {}: {}", verbs(one.verdict.goes()), one.listed.branch, why(one.verdict));
    }
    for branch in git::stray_branches(&repository, dry_run).map_err(failed)? {
        eprintln!("{} {branch}: it never had a worktree", verbs(true));
    }
    if !dry_run {
        let folders = std::fs::read_dir(home.path().join("worktrees")).into_iter().flatten().flatten();
        for folder in folders {
            let _ = git::sweep(&folder.path());
        }
    }
    let trees = if goes == 1 { "1 worktree".to_owned() } else { format!("{goes} worktrees") };
    eprintln!("{} {trees}", verbs(true));
    Ok(Exit::Done)
}

/// Whether the session's record holds the files of its worktree as they are now.
fn is_anchored(opening: &Opening, id: &str, listed: &git::Listed) -> Option<bool> {
    let log = opening.home().log(id);
    let state = ace_host::point(&log, None).ok()?.ok()?.state;
    let tree = state.created.worktree.as_ref()?;
    if state.tree.is_empty() || !state.is_settled() || tree.path != listed.place.path.display().to_string() {
        return None;
    }
    let site = ace_host::Site::of(&state.created, &ace_host::pools(opening.home())).ok()??;
    let look = git::Lens::open(&site.pool, &site.ground, Some(&state.tree)).ok()?.look().ok()?;
    // What is too large for a state would be lost.
    Some(!look.is_new() && look.left_out.is_empty())
}

fn why(verdict: git::Verdict) -> &'static str {
    use git::Verdict as V;
    match verdict {
        V::Merged => "its commits are elsewhere",
        V::Orphan => "it belongs to no session",
        V::Torn => "its making was never finished",
        V::Anchored => "the record of its session holds it",
        V::Gone => "its folder was gone",
        V::Dirty => "something is uncommitted",
        V::Unmerged => "its commits are nowhere else",
        V::Locked => "it is locked",
        V::PointerChanged => "its links were changed",
        V::Failed => "it could not be looked at",
    }
}
