//! Sessions put away, and removed for good.

use ace_cli::{Complaint, Exit, SessionAddress};
use ace_front::{Opening, random, sessions, words};
use ace_schema::{Drafter, ty};
use ace_storage::Runner;
use ace_worktree as git;
use std::path::{Path, PathBuf};

use crate::PROGRAM;
use crate::say::record;

/// `ls` leaves it out from now on; its log stays where it is.
pub fn archive(opening: &Opening, session: &SessionAddress) -> Result<Exit, Complaint> {
    let found = opening.find(session)?;
    let mut drafter = Drafter::new(PROGRAM, random());
    drafter.set_session(&found.id);
    let (_, line) = drafter.draft(0, "", ty::SESSION_ARCHIVED, &serde_json::json!({}));
    record(opening, session, &line)
}

/// Removes log, worktree and temporary files. Work that is nowhere else is refused, a session that runs too.
pub fn remove(opening: &Opening, session: &SessionAddress, force: bool) -> Result<Exit, Complaint> {
    let found = opening.find(session)?;
    let home = opening.home();
    if found.id.is_empty() || found.path != home.session(&found.id) {
        return Err(Complaint::new(PROGRAM, Exit::Usage, format!("'{session}' is no session of this home")));
    }
    if Runner::holder(&found.path).is_some() {
        return Err(
            Complaint::new(PROGRAM, Exit::Busy, format!("'{session}' runs")).hint(format!("ace cancel {session}"))
        );
    }
    let cannot = |e| Complaint::io(PROGRAM, &format!("cannot remove '{session}'"), &e);
    let children = home.children(&found.id).map_err(cannot)?;
    if let Some(child) = children.first() {
        let name = |one: &ace_storage::SessionRef| one.name().unwrap_or_else(|| one.id.clone());
        let more = if children.len() > 1 { format!(" and {} more go", children.len() - 1) } else { " goes".to_owned() };
        let what = format!("'{}'{more} on from '{session}': its log is their past", name(child));
        return Err(Complaint::new(PROGRAM, Exit::No, what).hint(format!("ace archive {session} puts it out of sight")));
    }
    // Of one that came from elsewhere no folder is believed.
    if !ace_storage::is_foreign(&found.path) {
        remove_worktree(opening, session, force)?;
    }
    // Out of sight as a whole first: a removal cut short leaves nothing that looks like a session.
    let aside = found.path.with_file_name(format!(".rm-{}", found.id));
    std::fs::rename(&found.path, &aside).map_err(cannot)?;
    let tmp = home.path().join("tmp");
    for folder in [aside, home.worktree(&found.id), tmp.join(&found.id), tmp.join(format!("{}.guest", found.id))] {
        match std::fs::remove_dir_all(&folder) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(cannot(e)),
            _ => {}
        }
    }
    Ok(Exit::Done)
}

fn remove_worktree(opening: &Opening, session: &SessionAddress, force: bool) -> Result<(), Complaint> {
    // A log that says nothing any more has no worktree that could be asked.
    let Ok(created) = sessions::created(opening, session) else { return Ok(()) };
    let (Some(tree), Some(repository)) = (&created.worktree, &created.repository) else { return Ok(()) };
    if !PathBuf::from(&tree.path).exists() {
        return Ok(());
    }
    let Ok(Some(repository)) = git::discover(Path::new(&repository.root)) else { return Ok(()) };
    let how = if force { git::Force::Yes } else { git::Force::No };
    match git::remove(&repository, Path::new(&tree.path), how) {
        Ok(_) | Err(git::Error::NoWorktree { .. }) => Ok(()),
        Err(e) => {
            let complaint = words::worktree(PROGRAM, &e);
            Err(complaint.hint(format!("ace land {session} keeps the work, --force loses what is uncommitted")))
        }
    }
}
