//! What is gone brought back, and what was once there shown: from the record of a session alone.

use ace_cli::{Complaint, Exit, SessionAddress};
use ace_front::Opening;
use ace_schema::data::Worktree;
use ace_schema::ty;
use ace_worktree as git;
use std::path::{Path, PathBuf};

use crate::keep::{home_of, in_place, say};
use crate::{PROGRAM, failed};

/// Brings back a session's worktree that was deleted or whose links are broken.
pub fn recover(opening: &Opening, session: &SessionAddress) -> Result<Exit, Complaint> {
    let found = opening.find(session)?;
    let log = opening.log(&found);
    let cannot = |e| Complaint::io(PROGRAM, &format!("cannot read '{session}'"), &e);
    if ace_storage::Runner::holder(&found.path).is_some() {
        return Err(
            Complaint::new(PROGRAM, Exit::Busy, format!("'{session}' runs")).hint(format!("ace cancel {session}"))
        );
    }
    let now = ace_host::point(&log, None).map_err(cannot)?;
    let now = now.map_err(|_| Complaint::new(PROGRAM, Exit::No, format!("nothing is recorded of '{session}'")))?;
    let created = &now.state.created;
    let Some(tree) = &created.worktree else { return Err(in_place(session)) };
    let repository = home_of(created)?;
    let none = || Complaint::new(PROGRAM, Exit::No, format!("nothing is recorded of the files of '{session}'"));
    let pool = ace_host::pool(created, &ace_host::pools(opening.home())).map_err(failed)?.ok_or_else(none)?;
    let place = git::Place { git_dir: PathBuf::from(&tree.git_dir), path: PathBuf::from(&tree.path) };
    let lost = git::Lost {
        place: &place,
        branch: &tree.branch,
        base: &tree.base,
        from: &tree.from,
        tree: Some(now.state.tree.as_str()).filter(|tree| !tree.is_empty()),
        commit: Some(now.state.commit.as_str()).filter(|commit| !commit.is_empty()),
    };
    let back = match git::recover(&repository, &pool, lost) {
        Err(git::Error::BadRevision { .. }) => {
            return Err(Complaint::new(PROGRAM, Exit::No, "the files as they were are not kept")
                .hint("the private git folder under the home of ace was removed, or git gc took its base"));
        }
        back => back.map_err(failed)?,
    };
    let Some(back) = back else {
        let what = format!("nothing to recover: the worktree of '{session}' is whole");
        return Err(Complaint::new(PROGRAM, Exit::No, what));
    };
    if back.place != place {
        let git_dir = back.place.git_dir.display().to_string();
        crate::land::draft(opening, session, ty::WORKTREE_CREATED, &Worktree { git_dir, ..tree.clone() })?;
    }
    let files = match back.files {
        0 => "its links are set right, no file was touched".to_owned(),
        1 => "1 file".to_owned(),
        n => format!("{n} files"),
    };
    let state = if back.files > 0 && lost.tree.is_some() { ", as recorded last" } else { "" };
    say(format!("{} is back in {}: {files}{state}", tree.branch, back.place.path.display()));
    Ok(Exit::Done)
}

/// Writes the files of a moment into a folder of their own and prints it.
pub fn at(opening: &Opening, session: &SessionAddress, folder: Option<&Path>) -> Result<Exit, Complaint> {
    let name = session.place_text();
    let log = opening.log(&opening.find(session)?);
    let cannot = |e| Complaint::io(PROGRAM, &format!("cannot read '{name}'"), &e);
    let no = |what: String| Complaint::new(PROGRAM, Exit::No, what);
    let point = ace_host::point(&log, session.seq).map_err(cannot)?;
    let point =
        point.map_err(|last| no(format!("'{name}' has no line {}, the last is @{last}", session.seq.unwrap_or(0))))?;
    let nothing = || no(format!("nothing is recorded of the files of '{name}'"));
    let pools = ace_host::pools(opening.home());
    let pool = ace_host::pool(&point.state.created, &pools).map_err(failed)?.ok_or_else(nothing)?;
    let tree = point.tree().ok_or_else(nothing)?;
    let default = || opening.cwd.join(format!("{}@{}", point.state.name, point.at.seq));
    let folder = folder.map_or_else(default, |folder| opening.cwd.join(folder));
    pool.materialise(tree, &folder).map_err(failed)?;
    crate::look::print(format!("{}\n", folder.display()).as_bytes())
}
