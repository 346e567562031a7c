//! What there is and what was changed.

use ace_cli::{Complaint, Exit, SessionAddress, When};
use ace_front::{Opening, listing, sessions};
use ace_view::list::{Tree, worktrees};
use ace_view::{Mark, render};
use ace_worktree as git;
use std::io::{IsTerminal, Write};

use crate::{PROGRAM, failed, here, place};

fn print(bytes: &[u8]) -> Result<Exit, Complaint> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map(|()| Exit::Done).map_err(|e| Complaint::io(PROGRAM, "cannot print", &e))
}

/// The worktrees of this repository.
pub fn list(opening: &Opening, json: bool, color: When) -> Result<Exit, Complaint> {
    let repository = here(opening)?;
    let all = git::list(&repository).map_err(failed)?;
    if json {
        let line = |l: &git::Listed| {
            let changed = l.changed.map(|c| c.tracked + c.untracked);
            serde_json::json!({
                "path": l.place.path.display().to_string(), "branch": l.branch, "base": l.base, "tip": l.tip,
                "ahead": l.ahead, "uncommitted": changed, "merged": l.merged, "disk_bytes": l.disk, "age_s": l.age,
                "locked": l.locked, "gone": l.gone,
            })
            .to_string()
                + "\n"
        };
        return print(all.iter().map(line).collect::<String>().as_bytes());
    }
    let style = listing(color);
    let trees: Vec<Tree> = all.iter().map(tree).collect();
    let lines: String = worktrees(&trees, &style).iter().map(|t| render(t, &style) + "\n").collect();
    print(lines.as_bytes())
}

fn tree(listed: &git::Listed) -> Tree {
    let dirty = listed.changed.is_some_and(|c| !c.is_clean());
    let mark = if listed.gone || listed.pointer_changed { Mark::Warns } else { Mark::Done };
    Tree {
        mark,
        name: listed.branch.strip_prefix("ace/").unwrap_or(&listed.branch).to_owned(),
        branch: listed.branch.clone(),
        commits: listed.ahead as u64,
        dirty,
        merged: listed.merged,
        disk: listed.disk,
        age: listed.age.saturating_mul(1000),
        can_go: listed.merged && !dirty && listed.locked.is_none(),
    }
}

/// All that a session changed since its base, as a patch; or paths and counts.
pub fn diff(opening: &Opening, session: &SessionAddress, stat: bool, color: When) -> Result<Exit, Complaint> {
    let created = sessions::created(opening, session)?;
    let (Some(place), Some(tree)) = (place(session, &created)?, &created.worktree) else {
        return Err(Complaint::new(
            PROGRAM,
            Exit::No,
            format!("'{session}' works in place: it has no worktree of its own"),
        )
        .hint("git diff shows what is changed there"));
    };
    let diff = git::diff(&place, &tree.base).map_err(failed)?;
    if stat {
        let mut out = String::new();
        for file in &diff.files {
            let path = ace_view::clean(&file.path.display().to_string()).replace('\n', " ");
            out.push_str(&format!("{path}  +{} -{}\n", file.added, file.removed));
        }
        return print(out.as_bytes());
    }
    if !color.colours(std::io::stdout().is_terminal()) {
        return print(&diff.patch);
    }
    print(painted(&String::from_utf8_lossy(&diff.patch)).as_bytes())
}

/// The patch for a terminal: cleaned, added lines green, removed ones red, heads dim.
fn painted(patch: &str) -> String {
    use ace_view::{Role, Text};
    let style = listing(When::Always);
    let mut out = String::new();
    for line in patch.lines() {
        let role = match line.as_bytes().first() {
            Some(b'+') if !line.starts_with("+++") => Role::Good,
            Some(b'-') if !line.starts_with("---") => Role::Bad,
            Some(b'@') => Role::Typed,
            Some(b' ' | b'\\') | None => Role::Plain,
            Some(_) => Role::Dim,
        };
        out.push_str(&render(&Text::of(role, ace_view::clean(line)), &style));
        out.push('\n');
    }
    out
}
