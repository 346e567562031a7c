//! The way home: merged, squashed, rebased, left as a branch with patches, or asked for in a pull request.

use ace_cli::worktree::Land;
use ace_cli::{Complaint, Exit, SessionAddress, When};
use ace_front::{Opening, clock, random, sessions};
use ace_host::Step;
use ace_schema::data::{SessionCreated, WorktreeLanded};
use ace_schema::{Drafter, Kind, ty};
use ace_worktree as git;
use std::path::Path;

use crate::keep::{home_of, in_place, person, say};
use crate::{PROGRAM, failed, place, request};

/// What a commit says, if nobody says otherwise.
const MESSAGE: &str = "{prompt}";

/// A session on its way home.
pub struct Work {
    pub created: SessionCreated,
    pub place: git::Place,
    pub repository: git::Repository,
    pub steps: Vec<Step>,
    pub message: String,
    pub trailer: String,
    pub author: git::Identity,
}

impl Work {
    fn words(&self) -> git::Words<'_> {
        git::Words { message: &self.message, trailer: &self.trailer, author: &self.author }
    }

    /// The commit it began at.
    pub fn base(&self) -> &str {
        self.created.worktree.as_ref().map_or("", |tree| &tree.base)
    }
}

/// Brings a session's work to the branch that is checked out in the user's own work tree, or gets it ready for that.
pub fn land(opening: &Opening, args: &Land) -> Result<Exit, Complaint> {
    let session = &args.session;
    let config = &opening.settings.config.worktree;
    let configured = Some(config.message.as_str()).filter(|message| !message.is_empty());
    let work = work(opening, session, args.message.as_deref().or(configured))?;
    if git::altered(&work.repository, &work.place).unwrap_or(false) {
        let common = work.repository.facts().common_dir.display().to_string();
        let what = format!("the configuration or the hooks of git are not those of when '{}' began", work.created.name);
        ace_cli::note(PROGRAM, &what, Some(&format!("look at {common}")), When::Auto);
    }
    if args.pr {
        return request::request(opening, session, &work, args.remote.as_deref(), args.onto.as_deref());
    }
    if args.branch {
        return branch(opening, session, &work, args.patch.as_deref());
    }
    let branch = work.repository.facts().branch.clone().unwrap_or_default();
    if let Some(onto) = args.onto.as_ref().filter(|onto| **onto != branch) {
        let root = work.repository.facts().root.clone().unwrap_or_default();
        let what = format!("'{branch}' is checked out in {}, not '{onto}'", root.display());
        return Err(Complaint::new(PROGRAM, Exit::No, what).hint(format!("git switch {onto} there, then land again")));
    }
    let asked = [(args.squash, "squash"), (args.rebase, "rebase"), (args.merge, "merge")];
    let asked = asked.into_iter().find_map(|(is, how)| is.then_some(how)).unwrap_or(&config.land);
    let (how, name) = match asked {
        "squash" => (git::How::Squash, "squash"),
        "rebase" => (git::How::Rebase, "rebase"),
        _ => (git::How::Merge, "merge"),
    };
    let landed = git::land(&work.repository, &work.place, how, work.words()).map_err(failed)?;
    let onto = landed.onto.clone().unwrap_or_default();
    let is_old = work.repository.facts().head.as_ref() == Some(&landed.commit);
    let how = if landed.fast_forward && how == git::How::Merge { "forward" } else { name };
    let data = WorktreeLanded {
        branch: landed.branch.clone(),
        into: onto.clone(),
        commit: landed.commit.clone(),
        how: how.to_owned(),
        ..WorktreeLanded::default()
    };
    if is_old {
        // Whoever landed it may have died before they could say so.
        if landed.tip != work.base() && !is_recorded(opening, session)? {
            record(opening, session, &data)?;
            say(format!("{} was on {onto} already, which is recorded now", landed.branch));
            return Ok(Exit::Done);
        }
        let what = format!("nothing to land: all of {} is on {onto}", landed.branch);
        return Err(Complaint::new(PROGRAM, Exit::No, what));
    }
    record(opening, session, &data)?;
    let files = if landed.files == 1 { "1 file".to_owned() } else { format!("{} files", landed.files) };
    let commit = &landed.commit[..landed.commit.len().min(7)];
    say(format!("landed {} on {onto}: {files} changed, {commit}", landed.branch));
    Ok(Exit::Done)
}

/// All that is known of a session before it lands.
fn work(opening: &Opening, session: &SessionAddress, template: Option<&str>) -> Result<Work, Complaint> {
    let created = sessions::created(opening, session)?;
    let place = place(session, &created)?.ok_or_else(|| in_place(session))?;
    let found = opening.find(session)?;
    let cannot = |e| Complaint::io(PROGRAM, &format!("cannot read '{session}'"), &e);
    let (state, steps) = ace_host::steps(&opening.log(&found)).map_err(cannot)?;
    let prompt = sessions::first_message(opening, session)?;
    let seq = state.head.to_string();
    let branch = created.worktree.as_ref().map_or("", |tree| &tree.branch);
    let fields = [
        ("prompt", prompt.as_str()),
        ("name", &state.name),
        ("branch", branch),
        ("session", &found.id),
        ("seq", &seq),
        ("model", &state.model),
    ];
    Ok(Work {
        message: filled(template.unwrap_or(MESSAGE), &fields)?,
        trailer: format!("Ace-Session: {}@{seq}", found.id),
        repository: home_of(&created)?,
        author: person(),
        created,
        place,
        steps,
    })
}

/// A template with its fields put in; `{{` is a brace.
fn filled(template: &str, fields: &[(&str, &str)]) -> Result<String, Complaint> {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(more) = rest.strip_prefix('{') {
            out.push('{');
            rest = more;
            continue;
        }
        let field = rest.split_once('}').and_then(|(name, more)| {
            let (_, value) = fields.iter().find(|(field, _)| *field == name)?;
            Some((*value, more))
        });
        let Some((value, more)) = field else {
            let names: Vec<String> = fields.iter().map(|(name, _)| format!("{{{name}}}")).collect();
            let what = format!("the message has no such field: {{{}", rest.chars().take(20).collect::<String>());
            return Err(
                Complaint::new(PROGRAM, Exit::Usage, what).hint(format!("{}; {{{{ is a brace", names.join(" ")))
            );
        };
        out.push_str(value);
        rest = more;
    }
    Ok(out + rest)
}

/// Leaves it on its own branch, with its commits as patches if they are wanted.
fn branch(opening: &Opening, session: &SessionAddress, work: &Work, patch: Option<&Path>) -> Result<Exit, Complaint> {
    let landed = commit(work)?;
    if let Some(file) = patch {
        let patches = git::patches(&work.repository, work.base(), &landed.tip).map_err(failed)?;
        if file == Path::new("-") {
            crate::look::print(&patches)?;
        } else {
            let cannot = |e| Complaint::io(PROGRAM, &format!("cannot write '{}'", file.display()), &e);
            std::fs::write(file, patches).map_err(cannot)?;
        }
    }
    let data = WorktreeLanded {
        branch: landed.branch.clone(),
        commit: landed.tip.clone(),
        how: "branch".to_owned(),
        ..WorktreeLanded::default()
    };
    record(opening, session, &data)?;
    say(format!("{} holds all of it, {}", landed.branch, &landed.tip[..landed.tip.len().min(7)]));
    Ok(Exit::Done)
}

/// Commits what is uncommitted; refused when there is nothing since the session began.
pub fn commit(work: &Work) -> Result<git::Landed, Complaint> {
    let landed = git::land(&work.repository, &work.place, git::How::Branch, work.words()).map_err(failed)?;
    if landed.tip == work.base() {
        let what = format!("nothing to land: nothing was changed on {}", landed.branch);
        return Err(Complaint::new(PROGRAM, Exit::No, what));
    }
    Ok(landed)
}

/// Whether the session's log says that it landed somewhere after the last change of its files.
fn is_recorded(opening: &Opening, session: &SessionAddress) -> Result<bool, Complaint> {
    let (_, all) = sessions::load(opening, session)?;
    let types = ace_storage::split(&all).filter_map(|l| ace_schema::Line::parse(l).ok());
    let told =
        types.filter(|l| l.ty == ty::WORKTREE_LANDED && l.data::<WorktreeLanded>().is_ok_and(|d| !d.into.is_empty()));
    Ok(told.count() > 0)
}

/// Records that it landed.
pub fn record(opening: &Opening, session: &SessionAddress, data: &WorktreeLanded) -> Result<(), Complaint> {
    draft(opening, session, ty::WORKTREE_LANDED, data)
}

/// Records something in a session's log, in the person's name.
pub fn draft(
    opening: &Opening,
    session: &SessionAddress,
    ty: &str,
    data: &impl serde::Serialize,
) -> Result<(), Complaint> {
    let name = session.to_string();
    let refused = |e| ace_front::words::append(PROGRAM, &name, &e);
    let found = opening.find(session)?;
    let mut drafter = Drafter::new(PROGRAM, random());
    drafter.set_session(&found.id);
    let (_, line) = drafter.draft(0, "", ty, data);
    let mut log = opening.log(&found).append(clock()).map_err(refused)?;
    let pen = log.open_pen(Kind::Person).map_err(refused)?;
    log.append(pen.nib(), &line).map(|_| ()).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::filled;

    #[test]
    fn a_template_takes_its_fields_and_refuses_others() {
        let fields = [("name", "fix {prompt}"), ("seq", "9")];
        assert_eq!(filled("a {name} @{seq} {{x}", &fields).unwrap(), "a fix {prompt} @9 {x}");
        for bad in ["{nme}", "{", "{name", "x {} y"] {
            assert!(filled(bad, &fields).is_err(), "{bad}");
        }
    }
}
