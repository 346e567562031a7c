//! What there is and what was changed.

use ace_cli::{Complaint, Exit, SessionAddress, SpanAddress, When};
use ace_front::{Opening, listing, sessions};
use ace_host::Step;
use ace_view::list::{Tree, worktrees};
use ace_view::{Mark, render};
use ace_worktree as git;
use std::io::{IsTerminal, Write};

use crate::{PROGRAM, failed, here, place};

pub fn print(bytes: &[u8]) -> Result<Exit, Complaint> {
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

/// Tool and what it was about, in one line.
pub fn subject(step: &Step) -> String {
    let argument = ace_schema::tool::find(&step.tool).map_or("", |tool| tool.subject);
    let args: serde_json::Value = serde_json::from_str(&step.args).unwrap_or_default();
    let about = args.get(argument).and_then(serde_json::Value::as_str).unwrap_or_default();
    ace_view::clean(&format!("{} {about}", step.tool)).replace('\n', " ").trim_end().to_owned()
}

/// All that a session changed since its base, or a part of it, as a patch; or paths and counts.
pub fn diff(opening: &Opening, span: &SpanAddress, stat: bool, color: When) -> Result<Exit, Complaint> {
    let diff = match (span.session.seq, span.span) {
        (None, None) => all(opening, &span.session)?,
        (Some(line), _) => part(opening, &span.session, Part::By(line))?,
        (None, Some((from, to))) => part(opening, &span.session, Part::Between(from, to))?,
    };
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

/// All that a session changed since its base.
fn all(opening: &Opening, session: &SessionAddress) -> Result<git::Diff, Complaint> {
    let created = sessions::created(opening, session)?;
    let (Some(place), Some(tree)) = (place(session, &created)?, &created.worktree) else {
        return Err(Complaint::new(
            PROGRAM,
            Exit::No,
            format!("'{session}' works in place: it has no worktree of its own"),
        )
        .hint("git diff shows what is changed there"));
    };
    git::diff(&place, &tree.base).map_err(failed)
}

/// Which part of a session.
enum Part {
    /// What the call of that record changed, or the turn it belongs to.
    By(u64),
    /// From one record to another; from the beginning, to the end.
    Between(Option<u64>, Option<u64>),
}

/// What a part of a session changed, from the states that were recorded: its worktree may be gone.
fn part(opening: &Opening, session: &SessionAddress, part: Part) -> Result<git::Diff, Complaint> {
    let name = session.place_text();
    let log = opening.log(&opening.find(session)?);
    let cannot = |e| Complaint::io(PROGRAM, &format!("cannot read '{name}'"), &e);
    let no = |what: String| Complaint::new(PROGRAM, Exit::No, what);
    let at = |seq: u64| -> Result<ace_host::Point, Complaint> {
        let found = ace_host::point(&log, Some(seq)).map_err(cannot)?;
        found.map_err(|last| no(format!("'{name}' has no line {seq}, the last is @{last}")))
    };
    let (state, steps) = ace_host::steps(&log).map_err(cannot)?;
    let (from, to) = match part {
        Part::Between(from, to) => (from.unwrap_or(1), to.unwrap_or(state.head)),
        Part::By(line) => match steps.iter().find(|step| step.seq == line) {
            Some(step) => (step.seq - 1, step.seq),
            None => {
                at(line)?;
                let is_in = |mark: &&ace_core::state::TurnMark| {
                    mark.message == line
                        || (mark.began..=mark.ended.as_ref().map_or(state.head, |(seq, _)| *seq)).contains(&line)
                };
                let turn = state.marks.iter().find(is_in).ok_or_else(|| no(format!("@{line} is no part of a turn")))?;
                (turn.began, turn.ended.as_ref().map_or(state.head, |(seq, _)| *seq))
            }
        },
    };
    let nothing = || no(format!("nothing is recorded of the files of '{name}'"));
    let pool = ace_host::pool(&state.created, &ace_host::pools(opening.home())).map_err(failed)?.ok_or_else(nothing)?;
    let (from, to) = (at(from)?, at(to)?);
    pool.diff(from.tree().ok_or_else(nothing)?, to.tree().ok_or_else(nothing)?).map_err(failed)
}
